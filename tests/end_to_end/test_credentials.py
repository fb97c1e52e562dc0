"""Secrets: what is wrong with one, and one that is rotated."""

from __future__ import annotations

import json
import secrets
import socket

import pytest

from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until


class Listener:
    """A port that notes whether anybody connected."""

    def __enter__(self) -> Listener:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(0.05)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def was_called(self) -> bool:
        try:
            self.socket.accept()[0].close()
        except TimeoutError:
            return False
        return True


def test_missing_secret_is_named_and_found_when_it_is_there(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url, credentialsRef={"name": "late"})
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="False/SecretMissing", Stalled="True", Enforced="Unknown")
    scene.wait("tfp", "baseline", Ready="False/SecretMissing", Stalled="True")
    assert "late" in scene.message("ji", "build")
    scene.credentials(jenkins.url, jenkins.tokens["admin"], name="late")
    scene.wait("ji", "build", seconds=10, Ready="True", Enforced="True/Probed")


@pytest.mark.parametrize("missing", ["host", "username", "token"])
def test_secret_without_a_key_is_named_and_nothing_is_sent(operator: OperatorProcess, scene: Scene, missing: str) -> None:
    with Listener() as listener:
        keys = {"host": listener.url.removeprefix("http://"), "username": "admin", "token": "t0ken-that-must-not-show"}
        scene.secret("partly", **{name: value for name, value in keys.items() if name != missing})
        scene.instance("build", listener.url, credentialsRef={"name": "partly"})
        scene.wait("ji", "build", Ready="False/SecretMissing", Stalled="True")
        assert f"no key {missing}" in scene.message("ji", "build")
        assert not listener.was_called()
    assert "t0ken-that-must-not-show" not in operator.text()


def test_secret_for_another_host_is_not_sent(operator: OperatorProcess, scene: Scene) -> None:
    """Nobody can point an instance at a server of his own with a Secret that he cannot read."""
    with Listener() as listener:
        scene.secret("stolen", host="jenkins.example.com", username="admin", token="t0ken-that-must-not-show")
        scene.instance("build", listener.url, credentialsRef={"name": "stolen"})
        scene.wait("ji", "build", Ready="False/HostNotAllowed", Stalled="True")
        assert not listener.was_called()
    assert "t0ken-that-must-not-show" not in operator.text()
    assert "jenkins.example.com" not in scene.message("ji", "build"), "what the Secret holds is not for everyone to read"


def test_secret_for_another_path_of_the_host_is_not_sent(operator: OperatorProcess, scene: Scene) -> None:
    """On a host that many controllers share, the one of somebody else gets nothing."""
    with Listener() as listener:
        host = listener.url.removeprefix("http://")
        scene.secret("stolen", host=f"{host}/ci", username="admin", token="t0ken-that-must-not-show")
        for name, path in (("beside", "/other"), ("longer", "/cid"), ("round", "/ci/../other"), ("encoded", "/ci/%2e%2e/other")):
            scene.instance(name, f"{listener.url}{path}", credentialsRef={"name": "stolen"})
            scene.wait("ji", name, Ready="False/HostNotAllowed", Stalled="True")
        assert not listener.was_called()
        scene.instance("meant", f"{listener.url}/ci", credentialsRef={"name": "stolen"})
        wait_until(listener.was_called, what="the one that is meant is asked")
    assert "t0ken-that-must-not-show" not in operator.text()


def test_wrong_token_is_unauthorized_and_the_right_one_is_taken(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.credentials(jenkins.url, "11" + "0" * 32)
    scene.instance("build", jenkins.url)
    scene.wait("ji", "build", Ready="False/Unauthorized", Stalled="True", Enforced="Unknown")
    scene.credentials(jenkins.url, jenkins.tokens["admin"])
    scene.wait("ji", "build", seconds=10, Ready="True/NoPolicy")


def test_account_without_administer_is_forbidden(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.credentials(jenkins.url, jenkins.tokens["alice"], username="alice")
    scene.instance("build", jenkins.url)
    scene.wait("ji", "build", Ready="False/Forbidden", Stalled="True")
    assert "Administer" in scene.message("ji", "build")


def test_rotated_secret_is_read_again_at_once(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    """The old token stops working in the middle; the instance never gets Unauthorized, because the new one is there."""
    scene.instance("build", jenkins.url)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    said, session = len(operator.text()), scene.get("ji", "build")["status"]["jenkins"]["session"]
    renewed = "11" + secrets.token_hex(16)
    (jenkins.home / "standin-tokens.json").write_text(json.dumps({renewed: "admin"}))
    scene.credentials(jenkins.url, renewed)
    jenkins.restart()  # the stand-in reads its tokens when it starts
    wait_until(lambda: scene.get("ji", "build")["status"]["jenkins"]["session"] != session, what="it is looked at with the new token")
    scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
    assert "Unauthorized" not in operator.text()[said:]
    assert renewed not in operator.text()
