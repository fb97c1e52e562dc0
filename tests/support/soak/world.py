"""The parts of a soak: API server, Jenkins, the wires to both, the operator, and the requests of people."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import resource
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
import yaml

from jenkins2fa.api import instance, policy
from jenkins2fa.api.meta import Key
from jenkins2fa.jenkins.connection import Connection, Credentials
from jenkins2fa.kube.client import Body, Kubernetes, KubernetesError
from jenkins2fa.kube.client import Connection as ClusterConnection
from tests.support.kube import KubeServer
from tests.support.running import OperatorProcess, grant
from tests.support.scene import Scene
from tests.support.soak.wire import Mode, Wire
from tests.support.standin import StandIn, free_port

NAMESPACE, INSTANCE, POLICY, SECRET = "soak", "build", "baseline", "admin"
CHECK_SECONDS = 5
OPERATOR, ADMINISTRATOR, ORDINARY, EXEMPT = "admin", "carol", "alice", "robot"
USERS: Mapping[str, Mapping[str, Any]] = {
    OPERATOR: {"password": "admin-pw-4Gq81", "admin": True},
    ADMINISTRATOR: {"password": "carol-pw-7Xw20", "admin": True},
    ORDINARY: {"password": "alice-pw-1"},
    EXEMPT: {"password": "robot-pw-1", "groups": ["robots"]},
}
LABELS = {"tier": "production"}
BASELINE: Mapping[str, Any] = {
    "instanceSelector": {"matchLabels": LABELS},
    "mode": "Enforce",
    "allowedFactors": ["SecurityQuestions"],
    "exemptGroups": ["robots"],
    "apiTokens": "Exempt",
}
FOLDERS = ("jenkins2fa", "plugins/moTfaGlobalConfig", "init.groovy.d")
SETTINGS = "plugins/moTfaGlobalConfig/io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.xml"


class World:
    """A context manager that stops everything at the end. ``secrets``: strings that must never appear anywhere."""

    def __init__(self) -> None:
        self.kube = KubeServer()
        self.jenkins = StandIn(users=USERS, realm="groups", smtp_host="mail.lab.invalid", restarting=0.3, starting=0.3)
        self.secrets: set[str] = {str(user["password"]) for name, user in USERS.items() if name in (OPERATOR, ADMINISTRATOR)}
        self.metrics_port = free_port()
        self.second: OperatorProcess | None = None
        self.served = True  # whether the API server runs, as far as this soak is concerned
        self.away = False  # Jenkins was killed or frozen by this soak
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.kube)
            stack.enter_context(self.jenkins)
            self.kube.apply_crds()
            grant(self.kube)
            self.kube.new_namespace(NAMESPACE)
            target = urlsplit(self.jenkins.url)
            self.to_jenkins = stack.enter_context(Wire("127.0.0.1", target.port or 80))
            self.to_kube = stack.enter_context(Wire("127.0.0.1", urlsplit(self.kube.url).port or 443))
            self.url = f"http://127.0.0.1:{self.to_jenkins.port}{target.path}"
            self.scene = Scene(self.kube, NAMESPACE)
            self.client = Kubernetes(ClusterConnection(str(self.kube.kubeconfig)))
            self.token = self.jenkins.tokens[OPERATOR]
            self.secrets.add(self.token)
            self.put_secret()
            self.put_instance()
            self.put_policy()
            self.operator = self._make_operator("--metrics", f"127.0.0.1:{self.metrics_port}")
            stack.callback(lambda: self.operator.kill())
            stack.callback(self.end_second)
            self.operator.launch()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(Exception):
            self.thaw_all()
        self._stack.close()

    # --- processes ---

    def _make_operator(self, *arguments: str) -> OperatorProcess:
        """An operator whose way to the API server is the wire."""
        made = OperatorProcess(self.kube, "-v", *arguments)
        config = yaml.safe_load(made.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.to_kube.port}"
        made.kubeconfig = made.kubeconfig.with_name(f"soak-{secrets.token_hex(4)}.kubeconfig")
        made.kubeconfig.touch(mode=0o600)
        made.kubeconfig.write_text(json.dumps(config))
        return made

    def launch_operator(self) -> None:
        """Start it unless it runs."""
        if not self.operator.running():
            self.operator.kill()  # collects one that ended by itself
            self.operator.launch()

    def launch_second(self) -> None:
        self.second = self._make_operator()
        self.second.launch()

    def end_second(self) -> None:
        if self.second is not None:
            self.second.kill()
        self.second = None

    def operator_pid(self) -> int | None:
        return self.operator.pid if self.operator.running() else None

    def freeze(self, pid: int | None, *, thaw: bool = False) -> None:
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT if thaw else signal.SIGSTOP)

    def thaw_all(self) -> None:
        self.freeze(self.operator_pid(), thaw=True)
        if self.jenkins.running:
            self.freeze(self.jenkins.pid, thaw=True)
        self.folders("-i")

    def start_jenkins(self) -> None:
        if not self.jenkins.running:
            self.jenkins.start()
        self.away = False

    def jenkins_is_up(self) -> bool:
        """Whether Jenkins serves pages now."""
        if self.away or not self.jenkins.running:
            return False
        try:
            return self.jenkins.browser().status("/login") == 200
        except requests.RequestException:
            return False

    def restart_jenkins(self) -> None:
        if self.jenkins_is_up():
            self.jenkins.restart(wait=False)

    def groovy(self, text: str) -> str:
        """As SYSTEM in Jenkins, whatever 2FA says; an empty text while Jenkins is not up."""
        try:
            return self.jenkins.groovy(text)
        except (requests.RequestException, RuntimeError):
            return ""

    def logs(self) -> list[Path]:
        """Of every operator of this soak."""
        return sorted(self.kube.folder.glob("operator-*.log"))

    # --- what people ask for ---

    def put_secret(self, **changes: str | None) -> None:
        data = {"host": urlsplit(self.url).netloc, "username": OPERATOR, "token": self.token, **changes}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items() if value is not None}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "data": encoded}
        self.kube.apply(body, namespace=NAMESPACE)

    def put_instance(self, labels: Mapping[str, str] = LABELS) -> None:
        self.scene.instance(INSTANCE, self.url, labels=dict(labels), checkInterval=f"{CHECK_SECONDS}s")

    def put_policy(self, name: str = POLICY, **changes: Any) -> None:
        self.scene.policy(name, {**BASELINE, **changes})

    def delete(self, kind: str, name: str) -> None:
        self.kube.kubectl("delete", kind, name, "-n", NAMESPACE, "--ignore-not-found")

    def ask(self) -> str:
        """A person requests a new reconcile; returns the value that `handled` has after it."""
        request = str(time.monotonic_ns())
        self.scene.annotate("ji", INSTANCE, request)
        return request

    def handled(self) -> str:
        """The last request that the operator has handled."""
        return str(((self.body("ji") or {}).get("status") or {}).get("lastHandledReconcileAt", ""))

    def mail_server(self, host: str) -> None:
        """The SMTP host in Jenkins; an empty text = none."""
        self.groovy(f"hudson.tasks.Mailer.descriptor().setSmtpHost('{host}')")

    # --- looks ---

    def wait_for_status(self, seconds: float = 5) -> None:
        """Wait until the instance's status is about the present policy, or the time is up."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            wish, status = self.body("tfp"), (self.body("ji") or {}).get("status") or {}
            if wish and (status.get("policy") or {}).get("generation") == wish["metadata"]["generation"]:
                return
            time.sleep(0.1)

    def body(self, kind: str) -> Body | None:
        """The instance ("ji") or the policy ("tfp") as the API server has it; None = it is not there, or the API server is not."""
        plural, name = (instance.PLURAL, INSTANCE) if kind == "ji" else (policy.PLURAL, POLICY)
        try:
            return self.client.get(plural, Key(NAMESPACE, name))
        except KubernetesError:
            return None

    def direct(self) -> Connection:
        """The operator's account, past the wire."""
        return Connection(self.jenkins.url + "/", Credentials(OPERATOR, self.token), connect_seconds=2, read_seconds=5)

    # --- the disk below Jenkins ---

    def folders(self, flag: str) -> None:
        """chattr on what we write: +i = read-only."""
        found = [str(self.jenkins.home / name) for name in FOLDERS if (self.jenkins.home / name).is_dir()]
        if found:
            subprocess.run(["chattr", flag, *found], check=True)

    def restore(self, file: Path, text: str) -> None:
        """A person repairs what was damaged, unless it is repaired already."""
        if file.exists() and len(file.read_text()) <= len(text) // 2:
            file.write_text(text)

    def limit_files(self, most: int) -> None:
        """Most bytes of any file that Jenkins writes; 0 = the disk is full, -1 = no limit."""
        if self.jenkins.running:
            resource.prlimit(self.jenkins.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def calm(self) -> None:
        """Both wires are open."""
        for wire in (self.to_jenkins, self.to_kube):
            wire.turn(Mode.OPEN)
