"""What a policy may not do at once, and break-glass in an emergency."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.actions import is_off, is_on
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def in_force(scene: Scene, jenkins: StandIn, **spec: object) -> None:
    scene.instance("build", jenkins.url, **spec)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")


def moment(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_break_glass_opens_at_once_and_ends_by_itself(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    in_force(scene, jenkins, checkInterval="1h")
    weakened = operator.counted("jenkins2fa_weakenings_total", path="breakGlass")
    scene.break_glass("incident", moment(seconds=8), "INC-1")
    scene.wait("ji", "build", seconds=6, Ready="True/BreakGlass", Enforced="False/BreakGlass", Drifted="False")
    assert is_off(jenkins)
    assert "BreakGlassOpened" in scene.events("build")
    scene.wait("tfbg", "incident", Ready="True/Open", Open="True", Stalled="False")
    assert operator.counted("jenkins2fa_weakenings_total", path="breakGlass") == weakened + 1
    wait_until(lambda: is_on(jenkins), seconds=12, what="Jenkins ends it")
    scene.wait("ji", "build", seconds=8, Ready="True", Enforced="True/Probed")
    record = scene.wait("tfbg", "incident", seconds=8, Ready="True/Expired", Open="False")["status"]
    assert record["instances"] == {"selected": 1, "open": 0, "refused": 0, "opened": 1}
    assert record["openedAt"] < record["closedAt"]
    assert "Open" in scene.events("incident")


def test_unchanged_examples_weaken_nothing(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    """Not even for an instance with their label, which no real one has."""
    in_force(scene, jenkins)
    for name in ("everything", "break-glass"):
        scene.kube.kubectl("apply", "-n", scene.namespace, "-f", str(EXAMPLES / f"{name}.yaml"))
        scene.kube.kubectl("label", "--overwrite", "ji", "build", "-n", scene.namespace, f"example={name}")
        column = "everything" if name == "everything" else "baseline"
        wait_until(lambda column=column: scene.get("ji", "build")["status"]["summary"]["policy"] == column, what=f"{column} governs it")
        scene.wait("ji", "build", Ready="True/Reported" if name == "everything" else "True/InForce")
        assert is_on(jenkins)
    assert "BreakGlassOpened" not in scene.events("build")
