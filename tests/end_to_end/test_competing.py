"""Configuration-as-code that sets the same fields: refused, until somebody says that it is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.actions import is_off, is_settled
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

OFF = "unclassified:\n  moGlobalConfig:\n    enableTfa: false\n    enableSecurityQuestionsAuthentication: true\n"


@pytest.fixture
def jenkins(tmp_path: Path) -> Iterator[StandIn]:
    file = tmp_path / "jenkins.yaml"
    file.write_text(OFF)
    with StandIn(casc=file) as running:
        yield running


def test_another_manager_of_the_same_fields(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="False/CompetingManager", Stalled="True/CompetingManager", Enforced="False/NotActive")
    scene.wait("tfp", "baseline", Ready="False/CompetingManager", Stalled="True")
    assert "acknowledgeCompetingManager" in scene.message("ji", "build")
    assert is_off(jenkins)
    assert not (jenkins.home / "jenkins2fa").exists(), "nothing is written"

    scene.instance("build", jenkins.url, acknowledgeCompetingManager=True)
    scene.wait("ji", "build", Ready="True/InForce", Enforced="True/Probed", Stalled="False")
    jenkins.restart()  # its YAML says off, and the settings' file says on: the YAML wins, and we put it back
    wait_until(lambda: "DriftCorrected" in scene.events("build"), seconds=40, what="what the YAML undid is put back")
    scene.wait("ji", "build", Ready="True/InForce", Enforced="True/Probed")
    assert is_settled(jenkins)

    scene.instance("build", jenkins.url, acknowledgeCompetingManager=False)
    scene.wait("ji", "build", Ready="True/InForce", Enforced="True/Probed", Stalled="False")  # nothing to change: nothing to fight about
    jenkins.restart()
    scene.wait("ji", "build", seconds=40, Ready="False/CompetingManager", Drifted="True", Enforced="False")
    assert is_off(jenkins)
