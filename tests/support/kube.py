"""A real Kubernetes API server for tests and the demo: start, stop, pause, and credentials with few rights.

The server is the Go program of tests/kubetest, made by tools/prepare.py. Standard library only.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from tests.support.kube_direct import KubeDirect
from tests.support.prepared import CHECKOUT, prepared

__all__ = ["CHECKOUT", "KubeServer", "KubectlFailed"]

START_SECONDS = 60.0
KUBECTL_SECONDS = 180.0  # the deletion of a kind was seen to take more than a minute on a busy machine


class KubectlFailed(Exception):
    """kubectl or helm ended with another code than 0; the text is what it wrote to standard error, or else to standard output."""


class KubeServer:
    """One API server with etcd and the controllers for namespaces, garbage collection and service accounts.

    As a context manager it is started and stopped. `kubeconfig` (an administrator's) and the port stay the same from a
    stop to the next start, so clients find the server again. It ends with this process, however that ends.
    """

    def __init__(self, binaries: Path | None = None, api_server_flags: Sequence[str] = ()) -> None:
        self.binaries, self._api_server_flags = binaries or prepared("kube"), api_server_flags
        # Not below pytest's tmp_path: etcd's socket is in here, and the path of a socket has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="j2fa-", dir="/tmp"))
        self.kubeconfig = self.folder / "kubeconfig"
        self.log = self.folder / "server.log"
        self._process: subprocess.Popen[str] | None = None
        self._numbers = itertools.count(1)
        self._direct = KubeDirect(self.kubeconfig)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- life ---

    def start(self) -> None:
        """Start the server and wait until it serves (2 to 4 s); objects and tokens from before a stop are still there."""
        if self._process is not None:
            raise RuntimeError("the API server is running already")
        with self.log.open("a") as log:
            command: list[str | Path] = [self.binaries / "kubetest", f"-dir={self.folder}", "-owned", "--", *self._api_server_flags]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        line = self._process.stdout.readline() if readable else ""
        if not line.startswith("READY"):
            self.stop()
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            raise RuntimeError(f"the API server did not start; the end of its log:\n{tail}")

    def stop(self) -> None:
        """Stop the server at once: from here on connections are refused, until `start`."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(signal.SIGCONT)  # a paused process cannot end
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Have no API server for the length of a `with` block: its port refuses connections, watches are cut."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Have an API server that accepts connections and never answers, for the length of a `with` block."""
        if self._process is None:
            raise RuntimeError("the API server is not running")
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop the server and remove its state."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- use ---

    @property
    def url(self) -> str:
        """Address of the API server, https on loopback."""
        server: str = self._admin_config()["clusters"][0]["cluster"]["server"]
        return server

    @property
    def pid(self) -> int:
        """Process id of the server, for measurements."""
        if self._process is None:
            raise RuntimeError("the API server is not running")
        return self._process.pid

    def environment(self, kubeconfig: Path | None = None) -> dict[str, str]:
        """Environment for a child process that shall use this server, with kubectl and helm found first."""
        own = {  # the person's own settings and caches of kubectl and helm stay out of it
            "KUBECONFIG": str(kubeconfig or self.kubeconfig),
            "KUBERC": "off",
            "KUBECACHEDIR": str(self.folder / "kubectl-cache"),
            **{f"HELM_{kind}_HOME": str(self.folder / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")},
        }
        return {**os.environ, **own, "PATH": f"{self.binaries}{os.pathsep}{os.environ.get('PATH', '')}"}

    def kubectl(self, *arguments: str, input: str | None = None, kubeconfig: Path | None = None) -> str:
        """Run kubectl and return its standard output; raises KubectlFailed with what it wrote to standard error, or else there."""
        return self._call("kubectl", arguments, input, kubeconfig)

    def helm(self, *arguments: str, input: str | None = None, kubeconfig: Path | None = None) -> str:
        """Run helm, as `kubectl` does kubectl."""
        return self._call("helm", arguments, input, kubeconfig)

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return `kubectl get ... -o json` as a dictionary: one object, or a List."""
        answer: dict[str, Any] = self._direct.get(*arguments) or json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return answer

    def apply(self, *objects: dict[str, Any], namespace: str | None = None) -> None:
        """Apply objects given as dictionaries, server-side so that no annotation with a copy is left on them."""
        left = [one for one in objects if not self._direct.apply(one, namespace)]
        if not left:
            return
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": left})
        where = ["-n", namespace] if namespace else []
        self.kubectl("apply", "--server-side", *where, "-f", "-", input=text)

    def has(self, *arguments: str) -> bool:
        """Whether there is an object, named as for `kubectl get`."""
        return self._direct.get(*arguments) is not None

    def merge(self, body: dict[str, Any], *arguments: str) -> None:
        """Change fields of one object, named as for `kubectl get`; None removes a field."""
        if not self._direct.merge(body, *arguments):
            self.kubectl("patch", *arguments, "--type=merge", "-p", json.dumps(body))

    def delete(self, *arguments: str) -> None:
        """Delete one object, named as for `kubectl get`, and wait until it is gone."""
        if not self._direct.delete(*arguments):
            self.kubectl("delete", *arguments)
        deadline = time.monotonic() + KUBECTL_SECONDS
        while self._direct.get(*arguments) is not None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{' '.join(arguments)} is still there")
            time.sleep(0.05)

    def apply_crds(self) -> list[str]:
        """Apply crds/*.yaml and wait until the API server serves them; returns the names of the CRDs."""
        files = sorted((CHECKOUT / "crds").glob("*.yaml"))
        if not files:
            return []
        flags = [flag for file in files for flag in ("-f", str(file))]
        names = self.kubectl("apply", "--server-side", "-o", "name", *flags).split()
        self.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
        return names

    def service_account(self, namespace: str, name: str, *, seconds: int = 7200) -> Path:
        """Write a kubeconfig that has the rights of a service account; the account is created where it is missing.

        Its token is a real one (TokenRequest) and holds for `seconds`. Returns the path of the kubeconfig.
        """
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
        self.apply(account)
        token = self.kubectl("create", "token", name, "-n", namespace, f"--duration={seconds}s").strip()
        config = self._admin_config()
        config["users"] = [{"name": "account", "user": {"token": token}}]
        config["contexts"] = [{"name": "test", "context": {"cluster": "test", "user": "account", "namespace": namespace}}]
        path = self.folder / f"{namespace}-{name}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))
        return path

    def new_namespace(self, name: str, **labels: str) -> str:
        """Create a namespace and wait for its `default` service account, which a controller makes."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        deadline = time.monotonic() + 20
        while self._direct.get("serviceaccount", "default", "-n", name) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"namespace {name} got no service account; see {self.log}")
            time.sleep(0.1)
        return name

    def namespace_for(self, test: str) -> str:
        """Create a namespace named after a test. A number makes it unique: the test's former one may still be terminating."""
        words = re.sub(r"[^a-z0-9]+", "-", test.lower().removeprefix("test_"))
        return self.new_namespace(f"{words[:40].strip('-')}-{next(self._numbers)}")

    def remove_namespace(self, name: str) -> None:
        """Ask for the deletion of a namespace and do not wait for it (5 s or more)."""
        if not self._direct.delete_namespace(name):
            self.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")

    def _call(self, program: str, arguments: tuple[str, ...], text: str | None, kubeconfig: Path | None) -> str:
        result = subprocess.run(
            [self.binaries / program, *arguments],
            env=self.environment(kubeconfig),
            input=text or "",  # never the terminal
            capture_output=True,
            text=True,
            timeout=KUBECTL_SECONDS,
        )
        if result.returncode != 0:
            raise KubectlFailed(result.stderr.strip() or result.stdout.strip())
        return result.stdout

    def _admin_config(self) -> dict[str, Any]:
        config: dict[str, Any] = json.loads(self.kubeconfig.read_text())
        return config
