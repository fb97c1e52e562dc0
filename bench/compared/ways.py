"""The ways to keep 2FA as somebody wants it. Each has a Jenkins of its own, works by itself, and is asked what it knows."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import requests
from kubernetes import client, config, watch

from bench.changing import FORGET_CORRECTIONS, INSTANCE, POLICY
from bench.cluster import INSTANCES, POLICIES, Cluster, Watcher, condition
from bench.compared.scripts import RUNS, job, script, section
from bench.compared.truth import Alice
from tests.support.gated import groovy
from tests.support.kube import KubeServer
from tests.support.scene import Scene
from tests.support.standin import StandIn

EVERY = 5.0  # seconds between two looks in the run, of every way that looks by the clock
ON, OFF = "on", "off"
LABEL = "jenkins-jenkins-config"
RESTART, RELOAD = "restart", "reload"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that was told, so many seconds after what it may be about."""

    after: float
    word: str


class Way(ABC):
    """``usual``: seconds between two looks outside of the bench, None = it does not look by the clock. ``with_gate``: it has our gate."""

    usual: float | None = None
    with_gate = False
    ends: tuple[tuple[str, ...], ...] = ((RESTART, RESTART),)  # what somebody may do where it does not come right by itself

    def __init__(self, name: str, jenkins: StandIn) -> None:
        self.name, self.jenkins = name, jenkins
        self.alice = Alice(jenkins)

    @abstractmethod
    def ask(self, on: bool) -> None:
        """What a person does who wants 2FA on, or off."""

    @abstractmethod
    def acted(self, since: float) -> bool:
        """Whether it has done all that it does by itself since then (seconds of the performance counter)."""

    @abstractmethod
    def says(self) -> str:
        """What it says of itself now: on, off, or an empty text = nothing."""

    def noticed(self, since: float) -> tuple[Notice, ...]:
        """What it has told since then that somebody could hear; for most ways there is no such thing."""
        return ()

    def told_so(self, on: bool) -> bool:
        """Whether it says that what was asked for is done."""
        return self.says() == (ON if on else OFF)

    def forget(self) -> None:  # noqa: B027 - most have nothing to forget
        """So that one measurement does not tell on the next."""

    def reload(self) -> None:  # noqa: B027 - most have nothing to reload
        """Somebody touches its source without changing what it asks for."""


class Operator(Way):
    """A policy in a real API server, and the operator as a process of its own."""

    usual, with_gate = 30.0, True

    def __init__(self, name: str, jenkins: StandIn, scene: Scene, watcher: Watcher) -> None:
        super().__init__(name, jenkins)
        self._cluster, self._scene, self._watcher = Cluster(scene.kube.kubeconfig, scene.namespace), scene, watcher

    def ask(self, on: bool) -> None:
        self._cluster.patch(POLICIES, POLICY, mode="Enforce" if on else "Disabled")

    def acted(self, since: float) -> bool:
        return False  # it goes on until it is so

    def says(self) -> str:
        body = self._watcher.latest(INSTANCE)
        return {"True": ON, "False": OFF}.get(condition(body, "Enforced").split("/")[0] if body else "", "")

    def noticed(self, since: float) -> tuple[Notice, ...]:
        """Events about the instance; they also tell what its conditions became."""
        answer = json.loads(self._scene.kube.kubectl("get", "events.events.k8s.io", "-n", self._scene.namespace, "-o", "json"))
        offset = time.time() - time.perf_counter()
        ours = [one for one in answer["items"] if one["regarding"]["name"] == INSTANCE]
        told = [(_moment((one.get("series") or {}).get("lastObservedTime") or one["eventTime"]) - offset, one["reason"]) for one in ours]
        return tuple(Notice(at - since, reason) for at, reason in sorted(told) if at > since)

    def forget(self) -> None:
        with contextlib.suppress(RuntimeError, requests.RequestException):
            groovy(self.jenkins, FORGET_CORRECTIONS)  # a third correction of a field within an hour would be Flapping
        self._cluster.annotate(INSTANCES, INSTANCE, str(time.time_ns()))


def _moment(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp()


class CodeAsConfiguration(Way):
    """A ConfigMap in the API server, and what the chart's sidecar does: watch, write the file, have it reloaded.

    The reload by a token of its own is not in the stand-in: the bench calls the very method behind it, past the door.
    """

    ends = ((RESTART, RESTART), (RELOAD, RESTART))

    def __init__(self, name: str, jenkins: StandIn, kube: KubeServer, namespace: str, file: Path) -> None:
        super().__init__(name, jenkins)
        self._api = client.CoreV1Api(config.new_client_from_config(str(kube.kubeconfig)))
        self._watched = client.CoreV1Api(config.new_client_from_config(str(kube.kubeconfig)))
        self._namespace, self._file, self._count = namespace, file, 0
        self.reloads: list[tuple[float, str]] = []
        metadata = client.V1ObjectMeta(name="jenkins-two-factor", labels={LABEL: "true"})
        self._api.create_namespaced_config_map(namespace, client.V1ConfigMap(metadata=metadata, data={"two-factor.yaml": section(False)}))
        self._on = False
        threading.Thread(target=self._sidecar, daemon=True).start()

    def _sidecar(self) -> None:
        """Ends with the API server."""
        with contextlib.suppress(Exception):
            events = watch.Watch().stream(
                self._watched.list_namespaced_config_map, self._namespace, label_selector=LABEL, timeout_seconds=600
            )
            for event in events:
                self._file.write_text(event["object"].data["two-factor.yaml"])
                self.reloads.append((time.perf_counter(), self._reload()))

    def _reload(self) -> str:
        try:
            self.jenkins.groovy("io.jenkins.plugins.casc.ConfigurationAsCode.get().configure()")
        except (RuntimeError, requests.RequestException) as problem:
            return f"failed: {type(problem).__name__}"
        return ""

    def ask(self, on: bool) -> None:
        self._on = on
        self._write()

    def reload(self) -> None:
        since = time.perf_counter()
        self._write()
        while not self.acted(since) and time.perf_counter() < since + 10:
            time.sleep(0.01)

    def _write(self) -> None:
        self._count += 1
        text = section(self._on) + f"# {self._count}\n"
        self._api.patch_namespaced_config_map("jenkins-two-factor", self._namespace, {"data": {"two-factor.yaml": text}})

    def acted(self, since: float) -> bool:
        return any(at > since for at, _ in self.reloads)

    def says(self) -> str:
        """What its export would show: memory."""
        with contextlib.suppress(RuntimeError, requests.RequestException):
            return groovy(self.jenkins, "print(MoGlobalConfig.get().enableTfa ? 'on' : 'off')")
        return ""

    def noticed(self, since: float) -> tuple[Notice, ...]:
        return tuple(Notice(at - since, problem) for at, problem in self.reloads if at > since and problem)


class ScriptInside(Way):
    """A script that Jenkins itself runs by its timer, as a job does. ``live``: it also writes the flag that the filter reads."""

    usual = 300.0

    def __init__(self, name: str, jenkins: StandIn, *, live: bool) -> None:
        super().__init__(name, jenkins)
        self._live = live

    @staticmethod
    def install(jenkins: StandIn, *, live: bool) -> None:
        """Before the start of Jenkins."""
        (jenkins.home / "init.groovy.d").mkdir(parents=True, exist_ok=True)
        (jenkins.home / "init.groovy.d" / "two-factor.groovy").write_text(job(EVERY))
        (jenkins.home / "two-factor.groovy").write_text(script(False, live=live))

    def ask(self, on: bool) -> None:
        (self.jenkins.home / "two-factor.groovy").write_text(script(on, live=self._live))

    def _runs(self) -> list[tuple[float, str]]:
        """When it ran is known from the file only for the last one."""
        file = self.jenkins.home / RUNS
        if not file.exists():
            return []
        at = time.perf_counter() - (time.time() - file.stat().st_mtime)
        return [(at, line) for line in file.read_text().splitlines()]

    def acted(self, since: float) -> bool:
        return any(at > since for at, _ in self._runs()[-1:])

    def says(self) -> str:
        said = [line for _, line in self._runs()[-1:]]
        return said[0] if said and said[0] in (ON, OFF) else ""

    def noticed(self, since: float) -> tuple[Notice, ...]:
        return tuple(Notice(at - since, line) for at, line in self._runs()[-1:] if at > since and line not in (ON, OFF))


class ScriptOutside(Way):
    """The same script, sent from outside with an administrator's API token; each time without a cookie, as a command line does it."""

    usual = 300.0

    def __init__(self, name: str, jenkins: StandIn) -> None:
        super().__init__(name, jenkins)
        self._text, self._over = script(False, live=True), threading.Event()
        self.runs: list[tuple[float, int, str]] = []

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(10)

    def _work(self) -> None:
        while not self._over.wait(EVERY):
            try:
                answer = self.jenkins.browser("admin").script(self._text)
                self.runs.append((time.perf_counter(), answer.status_code, answer.text.strip() if answer.status_code == 200 else ""))
            except requests.RequestException:
                self.runs.append((time.perf_counter(), 0, ""))

    def ask(self, on: bool) -> None:
        self._text = script(on, live=True)

    def acted(self, since: float) -> bool:
        return any(at > since for at, _, _ in self.runs[-1:])

    def says(self) -> str:
        return self.runs[-1][2] if self.runs and self.runs[-1][2] in (ON, OFF) else ""

    def noticed(self, since: float) -> tuple[Notice, ...]:
        """Its own trouble is all that it can tell. 302 is what it gets whenever 2FA is in force, whatever happened."""
        bad = ((at, f"HTTP {status}" if status else "no answer") for at, status, _ in self.runs if at > since and status not in (200, 302))
        return tuple(Notice(at - since, word) for at, word in bad)
