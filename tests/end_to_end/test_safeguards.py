"""What a policy may not do at once, and the way out in an emergency."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.actions import is_off, is_on, is_settled, switch_off
from tests.support.proxy import Proxy, Say
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


def test_break_glass_opens_at_once_and_ends_by_itself(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
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


def test_break_glass_ends_when_it_is_deleted(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    in_force(scene, jenkins, checkInterval="1h")
    scene.break_glass("incident", moment(hours=1), "INC-2")
    scene.wait("ji", "build", Enforced="False/BreakGlass")
    scene.wait("tfp", "baseline", Ready="True", Enforced="False/BreakGlass")
    scene.delete("tfbg", "incident")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    assert is_on(jenkins)
    assert "BreakGlassClosed" in scene.events("build")


def test_a_used_reason_opens_nothing_and_is_refused_in_words(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    in_force(scene, jenkins, checkInterval="1h")
    scene.break_glass("first", moment(hours=1), "INC-4")
    scene.wait("ji", "build", Ready="True/BreakGlass", Enforced="False/BreakGlass")
    scene.delete("tfbg", "first")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    scene.break_glass("again", moment(hours=1), "INC-4")
    scene.wait("ji", "build", Ready="False/BreakGlassRefused", Stalled="True", Enforced="True/Probed")
    scene.wait("tfp", "baseline", Ready="False/BreakGlassRefused", Stalled="True")
    scene.wait("tfbg", "again", Ready="False/BreakGlassRefused", Stalled="True")
    assert is_on(jenkins)
    for said in (scene.message("ji", "build"), scene.message("tfp", "baseline"), scene.message("tfbg", "again")):
        assert "again is not opened: its reason INC-4 has been used" in said
        assert "new reason" in said
    wait_until(lambda: "BreakGlassRefused" in scene.events("build"), what="the Event about it")
    scene.break_glass("another", moment(minutes=30), "INC-5")
    scene.wait("ji", "build", Ready="True/BreakGlass", Enforced="False/BreakGlass")
    assert scene.get("ji", "build")["status"]["breakGlass"]["name"] == "another"
    assert is_off(jenkins)


def test_examples_applied_as_they_stand_open_nothing(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    """Not even at an instance that has their label, which no site's has."""
    in_force(scene, jenkins)
    for name in ("everything", "break-glass"):
        scene.kube.kubectl("apply", "-n", scene.namespace, "-f", str(EXAMPLES / f"{name}.yaml"))
        scene.kube.kubectl("label", "--overwrite", "ji", "build", "-n", scene.namespace, f"example={name}")
        column = "everything" if name == "everything" else "baseline"
        wait_until(lambda column=column: scene.get("ji", "build")["status"]["summary"]["policy"] == column, what=f"{column} governs it")
        scene.wait("ji", "build", Ready="True/Reported" if name == "everything" else "True/InForce")
        assert is_on(jenkins)
    assert "BreakGlassOpened" not in scene.events("build")


def test_break_glass_does_not_outlive_its_policy(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    in_force(scene, jenkins, checkInterval="1h")
    scene.break_glass("incident", moment(hours=1), "INC-3")
    scene.wait("ji", "build", Enforced="False/BreakGlass")
    scene.delete("tfp", "baseline")
    wait_until(lambda: is_on(jenkins), what="it is closed with its policy")


def test_drift_that_comes_back_three_times_waits_for_a_person(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    """Who asks while Jenkins does not answer need not ask again."""
    with Proxy(jenkins.url) as proxy:
        scene.credentials(proxy.url, jenkins.tokens["admin"])
        scene.instance("build", proxy.url)
        scene.policy("baseline")
        scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
        stop_at_the_fourth_time(scene, jenkins)
        proxy.fault(Say(503))
        scene.annotate("ji", "build", "found-out-who")
        scene.wait("ji", "build", Ready="False/Starting")
        assert scene.get("ji", "build")["status"]["lastHandledReconcileAt"] == "found-out-who"
        assert is_off(jenkins)
        proxy.heal()
        wait_until(lambda: is_on(jenkins), what="a person may ask for it")


def stop_at_the_fourth_time(scene: Scene, jenkins: StandIn) -> None:
    for _ in range(3):
        switch_off(jenkins)
        wait_until(lambda: is_settled(jenkins), seconds=10, what="it is put back")
    switch_off(jenkins)
    scene.wait("ji", "build", Ready="False/Flapping", Stalled="True", Drifted="True")
    assert is_off(jenkins)
