"""One reconcile observes, assesses and plans once; what a trial needs beyond that is its verification.

The whole reconcile of a first enforcement, over real connections to the fake of a controller and to something that answers as an API
server does. The calls are counted by the interpreter's profiling hook, so nothing of ours is replaced.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.controller.cache import Cache
from jenkins2fa.controller.context import Context, Options
from jenkins2fa.controller.instance.memory import Memories
from jenkins2fa.controller.main import reconcilers
from jenkins2fa.controller.mapping import EventMapping
from jenkins2fa.controller.other_installations import OtherInstallations
from jenkins2fa.controller.queue import Kind, Urgency, Work, WorkKey, WorkQueue
from jenkins2fa.core.assess import assess
from jenkins2fa.core.plan import make_plan
from jenkins2fa.jenkins.connections import Connections
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.kube.client import Kubernetes
from jenkins2fa.kube.connection import Connection
from jenkins2fa.kube.events import Events
from jenkins2fa.kube.secrets import ReferenceCache
from tests.support.fleet.jenkins import FakeJenkins
from tests.support.fleet.serving import served
from tests.support.raw_server import Asked, RawServer

KEY = Key("tests", "build")
GROUP = "/apis/jenkins2fa.dev/v1alpha1/namespaces/tests"
POLICY = {"instanceSelector": {}, "mode": "Enforce", "allowedFactors": [{"type": "SecurityQuestions"}]}


class Api:
    """Objects by path, with the calls that a reconcile makes: GET, PATCH of a status, POST of an Event."""

    def __init__(self, objects: dict[str, dict[str, Any]]) -> None:
        self.objects, self._lock = objects, threading.Lock()

    def answer(self, asked: Asked) -> bytes:
        method, target, _ = asked.head.splitlines()[0].split(" ", 2)
        path = target.partition("?")[0]
        with self._lock:
            if method == "PATCH":
                status = self.objects[path.removesuffix("/status")].setdefault("status", {})
                status.update(json.loads(asked.body)["status"])
            found = self.objects.get(path.removesuffix("/status"), {})
        code, text = ("200 OK" if found or method == "POST" else "404 Not Found"), json.dumps(found).encode()
        return f"HTTP/1.1 {code}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text


def meta(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": KEY.namespace, "uid": f"uid-{name}", "generation": 1, "resourceVersion": "1", **more}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Context, FakeJenkins, Api]]:
    """A controller without 2FA, an instance and a policy that enforces it."""
    with served() as (managed, fake):
        url = managed.connection.url
        data = {"host": url.split("//")[1].rstrip("/"), "username": "admin", "token": "token"}
        api = Api({
            f"{GROUP}/jenkinsinstances/build": {
                "metadata": meta("build"),
                "spec": {"url": url, "credentialsRef": {"name": "account"}, "gate": {"mode": "Managed"}},
            },
            f"{GROUP}/twofactorpolicies/all": {"metadata": meta("all"), "spec": POLICY},
            "/api/v1/namespaces/kube-system": {"metadata": {"name": "kube-system", "uid": "cluster"}},
            "/api/v1/namespaces/tests/secrets/account": {
                "data": {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}
            },
        })  # fmt: skip
        with RawServer(api.answer) as server:
            yield make_context(server.url, tmp_path, api), fake, api


def make_context(url: str, folder: Path, api: Api) -> Context:
    entries = {"clusters": {"cluster": {"server": url.rstrip("/")}}, "users": {"user": {"token": "t"}},
               "contexts": {"context": {"cluster": "c", "user": "c"}}}  # fmt: skip
    named = {kind: [{"name": "c", **entry}] for kind, entry in entries.items()}
    (folder / "config").write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", **named}))
    kubernetes, cache, options = Kubernetes(Connection(str(folder / "config"))), Cache(), Options(lease_namespace="operator")
    queue = WorkQueue(time.monotonic, lambda: 0.5)
    mapping = EventMapping(cache, queue)
    mapping.map_event(Kind.INSTANCE, "ADDED", api.objects[f"{GROUP}/jenkinsinstances/build"])
    mapping.map_event(Kind.POLICY, "ADDED", api.objects[f"{GROUP}/twofactorpolicies/all"])
    return Context(
        options=options,
        kubernetes=kubernetes,
        cache=cache,
        queue=queue,
        mapping=mapping,
        connections=Connections(ReferenceCache(kubernetes, time.monotonic), time.monotonic),
        events=Events(kubernetes, "test", time.monotonic),
        memories=Memories(time.monotonic),
        clock=time.monotonic,
        now=lambda: datetime.now(UTC),
        random=lambda: 0.5,
        leading=lambda: True,
        cluster=lambda: "cluster",
        other_installations=OtherInstallations(kubernetes, "operator", options.lease_duration, time.monotonic, lambda: datetime.now(UTC)),
    )


def reconcile(context: Context, urgency: Urgency = Urgency.CHANGE) -> None:
    reconcilers(context)(Work(WorkKey(Kind.INSTANCE, KEY), urgency))


def calls(work: Callable[[], None]) -> tuple[int, int, int]:
    """How often work observes, assesses and plans, in this thread."""
    counted = (Driver.observe, assess, make_plan)
    names, found = {function.__code__: function.__name__ for function in counted}, Counter[str]()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            found[names[frame.f_code]] += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found["observe"], found["assess"], found["make_plan"]


def enforced(api: Api) -> str:
    conditions = api.objects[f"{GROUP}/jenkinsinstances/build"]["status"]["conditions"]
    return next(f"{one['status']}/{one['reason']}" for one in conditions if one["type"] == "Enforced")


def test_a_first_enforcement_observes_once_and_verifies_twice(world: tuple[Context, FakeJenkins, Api]) -> None:
    """The trial reads back before it is confirmed, and verifies afterwards: two observations and plans beside those of the reconcile."""
    context, fake, api = world
    verification = 2
    assert calls(lambda: reconcile(context)) == (1 + verification, 1, 1 + verification)
    assert [fake.effective, enforced(api)] == [True, "True/Probed"]


def test_a_reconcile_that_finds_nothing_to_do_does_each_once(world: tuple[Context, FakeJenkins, Api]) -> None:
    context, _, api = world
    reconcile(context)
    assert calls(lambda: reconcile(context, Urgency.CLOCK)) == (1, 1, 1)
    assert enforced(api) == "True/Probed"


def test_a_correction_of_drift_observes_once_and_verifies_twice(world: tuple[Context, FakeJenkins, Api]) -> None:
    context, fake, api = world
    reconcile(context)
    fake.save_form(enabled=False, questions=True)
    assert calls(lambda: reconcile(context, Urgency.CLOCK)) == (3, 1, 3)
    assert [fake.effective, enforced(api)] == [True, "True/Probed"]
