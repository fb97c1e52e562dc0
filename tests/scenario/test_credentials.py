"""Secrets: invalid ones, and rotated tokens."""

from __future__ import annotations

import pytest

from tests.support.scenario.controller import FakeController
from tests.support.scenario.world import State, World

PLANTED = "t0ken-that-must-not-show"


def visible_text(state: State) -> str:
    """Everything that users can read: statuses and Events."""
    return str([state.objects[key].get("status") for key in state.objects]) + str(state.events)


def test_a_missing_secret_is_named_and_used_once_it_exists(world: World, jenkins: FakeController) -> None:
    world.instance("build", jenkins.url, credentialsRef={"name": "late"})
    state = world.policy("baseline")
    state.expect("ji", "build", Ready="False/SecretMissing", Stalled="True", Enforced="Unknown")
    state.expect("tfp", "baseline", Ready="False/SecretMissing", Stalled="True")
    assert "late" in state.message("ji", "build")
    world.credentials(jenkins, name="late")
    world.pass_time(6.0).expect("ji", "build", Ready="True", Enforced="True/Probed")


@pytest.mark.parametrize("missing", ["host", "username", "token"])
def test_an_incomplete_secret_is_named_and_nothing_is_sent(
    world: World, jenkins: FakeController, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys = {"host": jenkins.host, "username": "admin", "token": PLANTED}
    world.secret("partly", **{name: value for name, value in keys.items() if name != missing})
    state = world.instance("build", jenkins.url, credentialsRef={"name": "partly"})
    state.expect("ji", "build", Ready="False/SecretMissing", Stalled="True")
    assert f"no key {missing}" in state.message("ji", "build")
    assert jenkins.asked == []
    assert PLANTED not in visible_text(state) + caplog.text


def test_a_secret_for_another_host_is_not_sent(world: World, jenkins: FakeController, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody can point an instance at a server of their own with a Secret that they cannot read."""
    world.secret("stolen", host="jenkins.example.com", username="admin", token=PLANTED)
    state = world.instance("build", jenkins.url, credentialsRef={"name": "stolen"})
    state.expect("ji", "build", Ready="False/HostNotAllowed", Stalled="True")
    assert jenkins.asked == []
    assert PLANTED not in visible_text(state) + caplog.text
    assert "jenkins.example.com" not in visible_text(state), "users must not see the Secret's content"


@pytest.mark.parametrize("path", ["/other", "/cid", "/ci/../other", "/ci/%2e%2e/other"])
def test_a_secret_for_another_path_of_the_host_is_not_sent(world: World, jenkins: FakeController, path: str) -> None:
    """On a shared host, another team's controller gets no credentials."""
    world.secret("stolen", host=f"{jenkins.host}/ci", username="admin", token=PLANTED)
    world.instance("build", f"{jenkins.url}{path}", credentialsRef={"name": "stolen"}).expect(
        "ji", "build", Ready="False/HostNotAllowed", Stalled="True"
    )
    assert jenkins.asked == []
    world.instance("meant", f"{jenkins.url}/ci", credentialsRef={"name": "stolen"})
    assert jenkins.asked, "the intended controller is asked"


def test_a_wrong_token_is_unauthorized_until_it_is_corrected(world: World, jenkins: FakeController) -> None:
    world.credentials(jenkins, token="11" + "0" * 32)
    world.instance("build", jenkins.url).expect("ji", "build", Ready="False/Unauthorized", Stalled="True", Enforced="Unknown")
    world.credentials(jenkins)
    world.pass_time(6.0).expect("ji", "build", Ready="True/NoPolicy")


def test_a_rotated_token_is_read_at_once(world: World, jenkins: FakeController) -> None:
    """The old token stops working; the instance never becomes Unauthorized, because the new one is read at once."""
    world.instance("build", jenkins.url)
    world.policy("baseline").expect("ji", "build", Ready="True", Enforced="True/Probed")
    jenkins.jenkins.accept("admin", "renewed")
    world.credentials(jenkins, token="renewed")
    state = world.pass_time(6.0)
    state.expect("ji", "build", Ready="True", Enforced="True/Probed")
    assert "Unauthorized" not in state.reasons("build")


def test_a_revoked_token_is_reported_with_what_to_do(world: World, jenkins: FakeController) -> None:
    """Around a restart, 401 proves nothing, so it is reported only after a while."""
    world.instance("build", jenkins.url)
    world.policy("baseline").expect("ji", "build", Ready="True", Enforced="True/Probed")
    jenkins.jenkins.accept("admin", "renewed")
    state = world.pass_time(40.0)
    state.expect("ji", "build", Ready="False/Unauthorized", Stalled="True", Enforced="Unknown/Unauthorized")
    assert "renew the token" in state.message("ji", "build")
    world.credentials(jenkins, token="renewed")
    world.pass_time(10.0).expect("ji", "build", Ready="True", Enforced="True/Probed")


def test_a_token_revoked_during_a_change_and_replaced_later(world: World, jenkins: FakeController) -> None:
    """Jenkins undoes the unconfirmed change; until the Secret has the new token, the status says what to do."""
    jenkins.begun = lambda: jenkins.jenkins.accept("admin", "renewed")
    world.instance("build", jenkins.url)
    world.policy("baseline")
    assert "trial.json" in jenkins.files
    state = world.pass_time(40.0)
    state.expect("ji", "build", Ready="False/Unauthorized", Stalled="True", Enforced="Unknown/Unauthorized")
    assert "renew the token" in state.message("ji", "build")
    world.pass_time(30.0)
    assert jenkins.is_off, "the trial's minute is over"
    assert "trial.json" not in jenkins.files
    jenkins.begun = lambda: None
    world.credentials(jenkins, token="renewed")
    world.pass_time(10.0).expect("ji", "build", Ready="True", Enforced="True/Probed")
