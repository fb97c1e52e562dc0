"""What a person reads: `kubectl get tfp,ji` and `kubectl describe tfp,ji` for nine named states, kept in `golden/` with what varies
masked. The statuses are those that the operator writes in the scenario ring; the real API server takes them and shows them.

`GOLDEN=write make cluster` writes them anew; read them before you commit them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jenkins2fa.api.meta import Key
from jenkins2fa.kube.client import Connection, Kubernetes
from tests.support.fleet.jenkins import Reply
from tests.support.kube import KubeServer
from tests.support.scenario.clock import Clock
from tests.support.scenario.cluster import FakeCluster
from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import PLURALS, State, World

GOLDEN = Path(__file__).parent / "golden"
MASKS = (
    (r"127\.0\.0\.1:\d+/ *", "127.0.0.1:PORT/   "),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UID"),
    (r"\b[0-9a-f]{64}\b", "SHA256"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"(Session:\s+)\w+", r"\1SESSION"),
    (r"(Resource Version:\s+)\d+", r"\1NUMBER"),
    (r"((?:True|False) +[A-Z]\w+ +)\d+[sm]\w* *", r"\1AGE   "),  # columns after READY and REASON
)


@pytest.fixture
def jenkins() -> Iterator[FakeController]:
    with FakeController(Clock.started().epoch) as running:
        running.jenkins.groups = frozenset({"admins", "release-managers"})
        yield running


@pytest.fixture
def world(namespace: str, tmp_path: Path, jenkins: FakeController) -> Iterator[World]:
    with FakeCluster() as cluster:
        made = World(cluster, Clock.started(), tmp_path, namespace)
        made.credentials(jenkins)
        yield made


def enforced(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    world.policy("baseline").expect("tfp", "baseline", Enforced="True/Probed", Ready="True")


def challenged_groups_only(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    state = world.policy("baseline", enforcedGroups=["admins", "release-managers"])
    state.expect("tfp", "baseline", Enforced="True/Probed", Ready="True")


def drifted(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    world.policy("baseline", driftPolicy="Report")
    jenkins.switch_off()
    world.pass_time(10.0).expect("tfp", "baseline", Drifted="True", Enforced="False")


def unsupported_field(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    state = world.policy("baseline", rememberDevice="12h", allowedFactors=["SecurityQuestions", "DuoPush"])
    state.expect("tfp", "baseline", Ready="False/Unsupported", Enforced="True/Probed")


def unauthorized(world: World, jenkins: FakeController) -> None:
    world.credentials(jenkins, token="11" + "0" * 32)
    world.instance("build", jenkins.url)
    world.policy("baseline").expect("tfp", "baseline", Ready="False/Unauthorized", Stalled="True")


def overridden(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url)
    world.policy("strict", priority=10)
    world.policy("baseline").expect("tfp", "baseline", Ready="False/Overridden")


def suspended(world: World, jenkins: FakeController) -> None:
    enforced(world, jenkins)
    world.policy("baseline", suspend=True).expect("tfp", "baseline", Ready="True/Suspended")


def break_glass(world: World, jenkins: FakeController) -> None:
    enforced(world, jenkins)
    state = world.break_glass("incident", world.clock.moment(hours=1), "INC-1234")
    state.expect("tfp", "baseline", Ready="True/BreakGlass", Enforced="False/BreakGlass")


def starting(world: World, jenkins: FakeController) -> None:
    enforced(world, jenkins)
    jenkins.reply = Reply(503)
    world.annotate("ji", "build", "1").expect("tfp", "baseline", Ready="False/Starting", Reconciling="True")


STATES: tuple[Callable[[World, FakeController], None], ...] = (
    enforced,
    challenged_groups_only,
    drifted,
    unsupported_field,
    unauthorized,
    overridden,
    suspended,
    break_glass,
    starting,
)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_kubectl_output_matches_the_golden_files(
    state: Callable[[World, FakeController], None], kube: KubeServer, world: World, jenkins: FakeController
) -> None:
    state(world, jenkins)
    put(kube, world)
    shown = show(kube, world.namespace, world.state())
    file = GOLDEN / f"{state.__name__}.txt"
    if os.environ.get("GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(shown)
    assert shown == file.read_text()


def put(kube: KubeServer, world: World) -> None:
    """The objects as they were applied one after the other, then their statuses."""
    for body in world.applied:
        kube.apply(body, namespace=world.namespace)
    client, state = Kubernetes(Connection(kubeconfig=str(kube.kubeconfig))), world.state()
    for (kind, name), body in state.objects.items():
        key, plural = Key(world.namespace, name), PLURALS[kind]
        client.patch_status(plural, key, client.get(plural, key)["metadata"]["uid"], body["status"])


def show(kube: KubeServer, namespace: str, state: State) -> str:
    kinds = ("twofactorpolicies,jenkinsinstances", "-n", namespace)
    commands = (("get", *kinds), ("get", *kinds, "-o", "wide"), ("describe", *kinds, "--show-events=false"))
    parts = [
        (f"$ kubectl {' '.join(command[:2])} {' '.join(command[4:])}").rstrip() + f"\n{kube.kubectl(*command)}" for command in commands
    ]
    text = "\n".join(parts).replace(namespace, "NAMESPACE")
    session = (state.status("ji", "build").get("jenkins") or {}).get("session")
    text = text.replace(session, "SESSION") if session else text
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text, flags=re.MULTILINE)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
