"""A cluster, its Jenkins controllers and the operator: a test changes one thing and reads the resulting state.

    after = world.policy("baseline")
    after.expect("ji", "build", Ready="True/InForce", Enforced="True/Probed")

After each change, the operator does everything that follows within `SETTLE` seconds on the test clock, and the method returns the
resulting state. Time passes only in these methods; nothing waits.
"""

from __future__ import annotations

import base64
import contextlib
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.managed import QUESTIONS
from tests.support.scenario.clock import Clock
from tests.support.scenario.cluster import FakeCluster
from tests.support.scenario.controller import FakeController
from tests.support.scenario.reconciler import Reconciler
from tests.support.specs import spelled_out

API = "jenkins2fa.dev/v1alpha1"
SETTLE = 2.5  # seconds: a policy aggregates its instances at most once a second
STEP = 0.25
PLURALS = {"ji": "jenkinsinstances", "tfp": "twofactorpolicies", "ctfp": "clustertwofactorpolicies", "tfbg": "twofactorbreakglasses"}
KINDS = {"ji": "JenkinsInstance", "tfp": "TwoFactorPolicy", "ctfp": "ClusterTwoFactorPolicy", "tfbg": "TwoFactorBreakGlass"}
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """What users can read in one namespace. ``objects`` by short kind and name; ``events``: name, reason and note, oldest first."""

    objects: Mapping[tuple[str, str], Body]
    events: tuple[tuple[str, str, str], ...]

    def status(self, kind: str, name: str) -> Body:
        found: Body = self.objects[kind, name].get("status") or {}
        return found

    def conditions(self, kind: str, name: str) -> dict[str, str]:
        """Conditions by type, as `status/reason`."""
        return {one["type"]: f"{one['status']}/{one['reason']}" for one in self.status(kind, name).get("conditions") or ()}

    def message(self, kind: str, name: str, condition: str = "Ready") -> str:
        return next(str(one["message"]) for one in self.status(kind, name)["conditions"] if one["type"] == condition)

    def fields(self, name: str) -> dict[str, str]:
        """The state of each policy field at an instance."""
        return {one["path"]: one["state"] for one in self.status("ji", name).get("fields") or ()}

    def reasons(self, name: str) -> list[str]:
        """Of the Events about an object."""
        return [reason for about, reason, _ in self.events if about == name]

    def notes(self, name: str) -> str:
        return "\n".join(note for about, _, note in self.events if about == name)

    def expect(self, kind: str, name: str, **wanted: str) -> Body:
        """The status of an object whose conditions must be as wanted (`Ready="True/InForce"`, or `Ready="False"` for any reason) and about
        its present generation."""
        body, found = self.objects[kind, name], self.conditions(kind, name)
        differs = {one: found.get(one) for one, value in wanted.items() if value not in (found.get(one), found.get(one, "").split("/")[0])}
        assert not differs, f"{kind} {name}: wanted {wanted}, found {found}: {self._messages(kind, name)}"
        status = self.status(kind, name)
        assert status.get("observedGeneration") == body["metadata"]["generation"], "the status is about an older generation"
        return status

    def _messages(self, kind: str, name: str) -> list[str]:
        return [one["message"] for one in self.status(kind, name).get("conditions") or ()]


class World:
    """``cluster`` and ``clock`` for what a test needs beside the methods; one namespace at a time (`elsewhere` is another)."""

    def __init__(self, cluster: FakeCluster, clock: Clock, folder: Path, namespace: str = "team", **options: Any) -> None:
        self.cluster, self.clock, self.namespace = cluster, clock, namespace
        self.applied: list[Body] = []  # every manifest of ours, in order
        self._folder = folder
        for name in (namespace, "platform"):
            cluster.put("namespaces", {"metadata": {"name": name}})
        self.restart_operator(**options)

    # --- the operator ---

    def restart_operator(self, **options: Any) -> State:
        """Restart the operator with these Options; it remembers nothing."""
        self.operator = Reconciler(self.cluster.url, self._folder, self.clock, **options)
        for plural in ("namespaces", *PLURALS.values()):
            for body in self.cluster.of(plural):
                self.operator.hear(plural, "ADDED", body)
        self.cluster.watcher = lambda plural, event, body: self.operator.hear(plural, event, body)
        self.operator.lead()
        return self.pass_time()

    def stop_operator(self) -> None:
        self.cluster.watcher = lambda plural, event, body: None

    def pass_time(self, seconds: float = SETTLE) -> State:
        """Let time pass while the operator works."""
        end = self.clock.passed + seconds
        self.operator.work()
        while self.clock.passed < end:
            self.clock.passed = min(end, self.clock.passed + STEP)
            self.operator.work()
        return self.state()

    def counted(self, metric: str, **labels: str) -> float:
        """The sum of a metric's samples of this run of the operator that have these labels, among others."""
        samples = [one for family in self.operator.metrics.registry.collect() for one in family.samples]
        return sum(one.value for one in samples if one.name == metric and labels.items() <= one.labels.items())

    def state(self) -> State:
        objects = {
            (kind, body["metadata"]["name"]): body for kind, plural in PLURALS.items() for body in self.cluster.of(plural, self._home(kind))
        }
        told = tuple((one["regarding"]["name"], one["reason"], one["note"]) for one in self.cluster.of("events", self.namespace))
        return State(copy.deepcopy(objects), told)

    # --- things there are ---

    def elsewhere(self, namespace: str, **labels: str) -> World:
        """The same world, seen from another namespace."""
        other = copy.copy(self)
        other.namespace = namespace
        self.label_namespace(namespace, **labels)
        return other

    def label_namespace(self, name: str, **labels: str) -> State:
        self.cluster.put("namespaces", {"metadata": {"name": name, "labels": labels}})
        return self.pass_time()

    def secret(self, name: str, **data: str) -> None:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.cluster.put("secrets", {"metadata": {"namespace": self.namespace, "name": name}, "data": encoded})

    def credentials(self, controller: FakeController, *, name: str = "admin", token: str = "token", **more: str) -> None:
        self.secret(name, host=controller.host, username="admin", token=token, **more)

    # --- one change each ---

    def instance(self, name: str, url: str, *, labels: dict[str, str] | None = None, **spec: Any) -> State:
        """As `tests/support/scene.py` has it; a field that is None is left out."""
        wanted = {"url": url + "/", "credentialsRef": {"name": "admin"}, "gate": {"mode": "Managed"}, "checkInterval": "5s", **spec}
        return self._put("ji", name, {key: value for key, value in wanted.items() if value is not None}, labels)

    def policy(self, name: str, spec: Body | None = None, **changes: Any) -> State:
        wanted = spelled_out({**(spec or QUESTIONS), **changes})
        return self._put("tfp", name, {key: value for key, value in wanted.items() if value is not None}, None)

    def cluster_policy(self, name: str, namespaces: dict[str, str], **changes: Any) -> State:
        """A cluster policy for the namespaces with these labels."""
        return self._put("ctfp", name, {**QUESTIONS, "namespaceSelector": {"matchLabels": namespaces}, **changes}, None)

    def _home(self, kind: str) -> str:
        return "" if kind == "ctfp" else self.namespace

    def break_glass(self, name: str, expires: str, reason: str, **spec: Any) -> State:
        return self._put("tfbg", name, {"instanceSelector": {}, "expiresAt": expires, "reason": reason, **spec}, None)

    def label(self, kind: str, name: str, **labels: str) -> State:
        body = self.cluster.get(PLURALS[kind], self._home(kind), name)
        return self._put(kind, name, body["spec"], labels)

    def annotate(self, kind: str, name: str, value: str, annotation: str = "reconcile-at") -> State:
        body = self.cluster.get(PLURALS[kind], self._home(kind), name)
        annotations = {**(body["metadata"].get("annotations") or {}), f"jenkins2fa.dev/{annotation}": value}
        return self._put(kind, name, body["spec"], body["metadata"].get("labels"), annotations)

    def delete(self, kind: str, name: str) -> State:
        self.cluster.delete(PLURALS[kind], self._home(kind), name)
        return self.pass_time()

    def _put(self, kind: str, name: str, spec: Body, labels: dict[str, str] | None, annotations: dict[str, str] | None = None) -> State:
        metadata: Body = {"namespace": self._home(kind) or None, "name": name, "labels": labels or {}, "annotations": annotations}
        metadata = {key: value for key, value in metadata.items() if value is not None}
        body = {"apiVersion": API, "kind": KINDS[kind], "metadata": metadata, "spec": copy.deepcopy(spec)}
        self.applied.append(body)
        self.cluster.put(PLURALS[kind], copy.deepcopy(body))
        return self.pass_time()


@contextlib.contextmanager
def controllers(clock: Clock, count: int) -> Iterator[list[FakeController]]:
    """Jenkins controllers without two-factor authentication."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(FakeController(clock.epoch)) for _ in range(count)]
