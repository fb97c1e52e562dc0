"""An authenticator app by OpenMFA, from the first policy to the release."""

from __future__ import annotations

from collections.abc import Iterator

import pyotp
import pytest

from tests.support.openmfa import answer, code, enrol, enrol_by_page, settings
from tests.support.people import gets_in, logged_in
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

APP = [{"type": "MobileAuthenticator"}]


@pytest.fixture
def jenkins() -> Iterator[StandIn]:
    """A Jenkins with OpenMFA, after its first start."""
    with StandIn(plugins=("openmfa",)) as running:
        yield running


def test_a_policy_from_the_first_apply_to_the_release(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("baseline", allowedFactors=APP, minimumAssurance="AAL2", deletionPolicy="Restore")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed", Drifted="False")
    scene.wait("tfp", "baseline", Enforced="True/Probed")
    assert gets_in(jenkins, "alice", "bob") == ""

    secret, _ = enrol_by_page(logged_in(jenkins, "alice"))
    alice = logged_in(jenkins, "alice")
    assert alice.status("/job/x/") == 302, "a password is not enough"
    answer(alice, code(secret, 1))
    assert alice.status("/job/x/") == 200

    settings(jenkins, required=False, users=["bob"], groups=["authenticated"])
    assert gets_in(jenkins, "alice", "bob") == "", "drift opens nothing"
    scene.wait("ji", "build", Enforced="True/Probed", Drifted="False/Corrected", seconds=20)
    wait_until(lambda: "DriftCorrected" in scene.events("build"), what="the Event about the correction")

    session = scene.get("ji", "build")["status"]["jenkins"]["session"]
    jenkins.restart()
    assert gets_in(jenkins, "alice", "bob") == ""
    wait_until(lambda: scene.get("ji", "build")["status"]["jenkins"]["session"] != session, what="the new run is seen")
    scene.wait("ji", "build", Enforced="True/Probed", Drifted="False")

    scene.delete("tfp", "baseline")
    wait_until(lambda: gets_in(jenkins, "bob") == "bob", seconds=100, what="the release")
    wait_until(lambda: not (jenkins.home / "jenkins2fa").exists(), what="nothing of ours is left")


@pytest.mark.timeout(240)  # a code is valid for 30 seconds, and two are needed
def test_a_canary_shows_that_people_get_in(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    secret = enrol(jenkins, "bob")
    account = {"host": jenkins.url.split("/")[2], "username": "bob", "token": "bob-pw-1"}
    scene.secret("canary", **account, totp=pyotp.random_base32())
    scene.instance("build", jenkins.url, canaries=[{"name": "person", "expect": "Passes", "secretRef": {"name": "canary"}}])
    scene.policy("baseline", allowedFactors=APP)
    scene.wait("ji", "build", Ready="False/CanaryLockedOut", Enforced="True/Probed", seconds=90)
    assert "canary person: Jenkins refused the one-time code" in scene.message("ji", "build")
    scene.secret("canary", **account, totp=secret)
    scene.annotate("ji", "build", "with-the-right-key")
    scene.wait("ji", "build", Ready="True/InForce", Enforced="True/Probed", seconds=120)
