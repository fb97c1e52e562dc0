"""What a person reads: `kubectl get tfp,ji` and `kubectl describe tfp,ji` for nine named states, kept in `golden/` with what varies
masked.

`GOLDEN=write make cluster` writes them anew; read them before you commit them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.actions import switch_off
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

GOLDEN = Path(__file__).parent / "golden"
USERS = {
    "admin": {"password": "admin-pw-1", "admin": True, "groups": ["admins"]},
    "alice": {"password": "alice-pw-1", "groups": ["release-managers"]},
}
MASKS = (
    (r"127\.0\.0\.1:\d+/ *", "127.0.0.1:PORT/   "),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UID"),
    (r"\b[0-9a-f]{64}\b", "SHA256"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"(Session:\s+)\w+", r"\1SESSION"),
    (r"(Resource Version:\s+)\d+", r"\1NUMBER"),
    (r"((?:True|False) +[A-Z]\w+ +)\d+[sm]\w* *", r"\1AGE   "),  # after READY and REASON
)


@pytest.fixture
def jenkins() -> Iterator[StandIn]:
    with StandIn(users=USERS, realm="groups") as running:
        yield running


def enforced(scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("baseline")
    scene.wait("tfp", "baseline", Enforced="True/Probed", Ready="True")


def challenged_groups_only(scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("baseline", enforcedGroups=["admins", "release-managers"])
    scene.wait("tfp", "baseline", Enforced="True/Probed", Ready="True")


def drifted(scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("baseline", drift={"mode": "Report"})
    scene.wait("tfp", "baseline", Enforced="True/Probed")
    switch_off(jenkins)
    scene.wait("tfp", "baseline", Drifted="True", Enforced="False")


def unsupported_field(scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("baseline", rememberDevice="12h", allowedFactors=["SecurityQuestions", "DuoPush"])
    scene.wait("tfp", "baseline", Ready="False/Unsupported", Enforced="True/Probed")


def unauthorized(scene: Scene, jenkins: StandIn) -> None:
    scene.credentials(jenkins.url, "11" + "0" * 32)
    scene.instance("build", jenkins.url)
    scene.policy("baseline")
    scene.wait("tfp", "baseline", Ready="False/Unauthorized", Stalled="True")


def overridden(scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("strict", priority=10)
    scene.policy("baseline")
    scene.wait("tfp", "strict", Enforced="True/Probed")
    scene.wait("tfp", "baseline", Ready="False/Overridden")


def suspended(scene: Scene, jenkins: StandIn) -> None:
    enforced(scene, jenkins)
    scene.policy("baseline", suspend=True)
    scene.wait("tfp", "baseline", Ready="True/Suspended")


def break_glass(scene: Scene, jenkins: StandIn) -> None:
    enforced(scene, jenkins)
    until = datetime.now(UTC) + timedelta(hours=1)
    scene.break_glass("incident", until.strftime("%Y-%m-%dT%H:%M:%SZ"), "INC-1234")
    scene.wait("tfp", "baseline", Ready="True/BreakGlass", Enforced="False/BreakGlass")


def starting(scene: Scene, jenkins: StandIn) -> None:
    enforced(scene, jenkins)
    jenkins.faults(unavailableSeconds=30)
    scene.annotate("ji", "build", "1")
    scene.wait("tfp", "baseline", Ready="False/Starting", Reconciling="True")


STATES: tuple[Callable[[Scene, StandIn], None], ...] = (
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
def test_what_kubectl_shows(state: Callable[[Scene, StandIn], None], operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    state(scene, jenkins)
    wait_until(lambda: settled(scene), seconds=15, what="statuses that do not change any more")
    shown = show(scene)
    file = GOLDEN / f"{state.__name__}.txt"
    if os.environ.get("GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(shown)
    assert shown == file.read_text()


def settled(scene: Scene) -> bool:
    """Two looks, a little more than the policy's pass needs apart, show the same."""

    def statuses() -> list[object]:
        return [one.get("status") for kind in ("tfp", "ji") for one in scene.kube.get(kind, "-n", scene.namespace)["items"]]

    before = statuses()
    time.sleep(1.2)
    return statuses() == before


def show(scene: Scene) -> str:
    kinds = ("twofactorpolicies,jenkinsinstances", "-n", scene.namespace)
    commands = (("get", *kinds), ("get", *kinds, "-o", "wide"), ("describe", *kinds, "--show-events=false"))
    parts = [
        (f"$ kubectl {' '.join(command[:2])} {' '.join(command[4:])}").rstrip() + f"\n{scene.kube.kubectl(*command)}"
        for command in commands
    ]
    text = "\n".join(parts).replace(scene.namespace, "NAMESPACE")
    session = (scene.get("ji", "build").get("status", {}).get("jenkins") or {}).get("session")
    text = text.replace(session, "SESSION") if session else text
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text, flags=re.MULTILINE)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
