"""An account without rights, and a Secret that is rotated."""

from __future__ import annotations

import json
import secrets

from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until


def test_account_without_administer_is_forbidden(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.credentials(jenkins.url, jenkins.tokens["alice"], username="alice")
    scene.instance("build", jenkins.url)
    scene.wait("ji", "build", Ready="False/Forbidden", Stalled="True")
    assert "Administer" in scene.message("ji", "build")


def test_a_rotated_secret_is_read_again_at_once(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    """The old token stops working; the instance never gets Unauthorized, because the new one is read at once."""
    scene.instance("build", jenkins.url)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    said, session = len(operator.text()), scene.get("ji", "build")["status"]["jenkins"]["session"]
    renewed = "11" + secrets.token_hex(16)
    (jenkins.home / "standin-tokens.json").write_text(json.dumps({renewed: "admin"}))
    scene.credentials(jenkins.url, renewed)
    jenkins.restart()  # the stand-in reads its tokens at its start
    wait_until(lambda: scene.get("ji", "build")["status"]["jenkins"]["session"] != session, what="it is looked at with the new token")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    assert "Unauthorized" not in scene.events("build")
    assert not [line for line in operator.text()[said:].splitlines() if scene.namespace in line and "Unauthorized" in line]
    assert renewed not in operator.text()
