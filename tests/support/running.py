"""The operator as users run it: a separate process with its service account and exactly the rights of deploy/."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import requests
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.support.kube import CHECKOUT, KubeServer
from tests.support.waiting import wait_until

NAMESPACE = "jenkins-2fa"
ACCOUNT = "jenkins-2fa-operator"


class OperatorProcess:
    """`jenkins2fa run` against an API server; a context manager. Its log is in `log`."""

    def __init__(self, kube: KubeServer, *arguments: str, namespace: str = NAMESPACE, environment: dict[str, str] | None = None) -> None:
        self._arguments: Sequence[str] = ("--lease-namespace", namespace, *arguments)
        self._environment = {"JENKINS2FA_RELEASE_GRACE": "2s", "JENKINS2FA_LEASE_DURATION": "5s", **(environment or {})}
        self.log = kube.folder / f"operator-{time.monotonic_ns()}.log"
        self.kubeconfig: Path = kube.service_account(namespace, ACCOUNT)
        self.metrics = arguments[arguments.index("--metrics") + 1] if "--metrics" in arguments else None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it in order, so that the next one need not wait for the Lease to expire."""
        if self.running():
            self.terminate()
        self.kill()

    def start(self) -> None:
        """Start it and wait until it leads."""
        before = self.text().count("this replica leads now")
        self.launch()
        try:
            wait_until(lambda: self.text().count("this replica leads now") > before, seconds=110, what="the operator leads")
        except AssertionError as error:
            raise AssertionError(f"{error}\nIts log:\n{self.text()}") from None

    def launch(self) -> None:
        """Start it and do not wait."""
        command = [sys.executable, "-m", "jenkins2fa.cli.main", "run", "--kubeconfig", str(self.kubeconfig), *self._arguments]
        environment = {**os.environ, **self._environment, "PYTHONPATH": str(CHECKOUT / "operator")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, preexec_fn=_end_with_parent
            )

    def terminate(self) -> tuple[int, float]:
        """Send SIGTERM; returns the exit code, and how long that took."""
        assert self._process is not None
        begun = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(20)
        self._process = None
        return code, time.monotonic() - begun

    def wait(self, seconds: float) -> int:
        """Wait until it ends; returns the exit code."""
        assert self._process is not None
        code = self._process.wait(seconds)
        self._process = None
        return code

    def kill(self) -> None:
        """Send SIGKILL if it is still running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int:
        """Process id, for signals and measurements."""
        assert self._process is not None
        return self._process.pid

    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def counted(self, metric: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels, among others; 0 = there is none. It needs --metrics."""
        return sum(one.value for one in self.samples() if one.name == metric and labels.items() <= one.labels.items())

    def samples(self) -> list[Sample]:
        """The content of /metrics now."""
        text = requests.get(f"http://{self.metrics}/metrics", timeout=5).text
        return [one for family in text_string_to_metric_families(text) for one in family.samples]

    def text(self) -> str:
        """The whole log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def _end_with_parent() -> None:
    """Have the kernel kill this process when the test run ends, however that ends (Linux only)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1: PR_SET_PDEATHSIG


def grant(kube: KubeServer) -> None:
    """Apply deploy/rbac.yaml, and let the operator read every Secret: tests give theirs many names."""
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for file in ("rbac.yaml", "rbac-every-reference.yaml"):
        kube.kubectl("apply", "--server-side", "-f", str(CHECKOUT / "deploy" / file))
