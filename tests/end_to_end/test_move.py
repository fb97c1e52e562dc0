"""A controller moves from miniOrange to OpenMFA, as docs/rollout.md describes it, and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.openmfa import answer, code, enrol_by_page
from tests.support.people import gets_in, logged_in
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until


@pytest.fixture
def jenkins() -> Iterator[StandIn]:
    """A Jenkins with both plugins, after its first start."""
    with StandIn(plugins=("miniorange", "openmfa")) as running:
        yield running


def use(scene: Scene, jenkins: StandIn, plugin: str) -> None:
    """One apply of the instance: its label selects the policy, and `provider` names the plugin."""
    provider: dict[str, Any] = {"miniorange": "MiniOrange", "openmfa": "OpenMFA"}
    scene.instance("build", jenkins.url, labels={"second-factor": plugin}, provider=provider[plugin])


def test_a_move_and_the_way_back(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.policy("miniorange", instanceSelector={"matchLabels": {"second-factor": "miniorange"}})
    scene.policy(
        "openmfa",
        instanceSelector={"matchLabels": {"second-factor": "openmfa"}},
        allowedFactors=[{"type": "MobileAuthenticator"}],
        minimumAssurance="AAL2",
        rollout={"minimumEnrolled": 100},
        deletionPolicy="Disable",
    )
    use(scene, jenkins, "miniorange")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed", Drifted="False")

    people = {}
    for name in ("alice", "bob"):
        browser = logged_in(jenkins, name)
        assert browser.status(f"/user/{name}/mfa-setup/") == 302, "a password is not enough to set up the new factor"
        browser.enrol()
        if name == "bob":
            use(scene, jenkins, "openmfa")
            scene.wait("ji", "build", Ready="False/EnrolmentTooLow", Enforced="False/NotActive", seconds=30)
            assert gets_in(jenkins, "alice", "bob") == "", "the old plugin goes on asking"
        people[name], _ = enrol_by_page(browser)
        assert browser.status() == 200
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed", Drifted="False", seconds=60)
    scene.wait("tfp", "openmfa", Enforced="True/Probed")
    wait_until(lambda: "provider.miniorange-two-factor" in scene.notes("build"), what="the Event names the plugin that went off")
    by_name = scene.kube.get("events", "-n", scene.namespace, "--field-selector", "involvedObject.name=build")["items"]
    assert any("provider.miniorange-two-factor" in one["message"] for one in by_name), "as docs/rollout.md looks for it"

    alice = logged_in(jenkins, "alice")
    assert alice.call("/job/x/").headers["Location"].startswith("/mfa-login/")
    answer(alice, code(people["alice"], 1))
    assert alice.status("/job/x/") == 200

    use(scene, jenkins, "miniorange")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed", Drifted="False", seconds=30)
    again = logged_in(jenkins, "alice")
    again.second_factor()
    assert [again.status("/job/x/"), gets_in(jenkins, "alice", "bob")] == [200, ""]
