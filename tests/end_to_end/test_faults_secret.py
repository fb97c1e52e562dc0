"""The operator's token is rotated during a change: it completes, or is undone and repeated; nobody is locked out."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import pytest

from tests.support.actions import is_settled
from tests.support.planted import leaks, places
from tests.support.proxy import Late, Proxy
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

# When it happens: the step's request is delayed before Jenkins, or its reply after it.
MOMENTS = {
    "before the trial begins": ("begin", Late(3.0, before=True)),
    "after the trial began": ("begin", Late(3.0)),
    "before the confirmation": ("confirm", Late(3.0, before=True)),
    "after the confirmation": ("confirm", Late(3.0)),
}


@pytest.fixture
def door(jenkins: StandIn) -> Iterator[Proxy]:
    with Proxy(jenkins.url) as proxy:
        yield proxy


def rotate(jenkins: StandIn) -> str:
    """Revoke the old token at once; returns the new one."""
    renewed = "11" + secrets.token_hex(16)
    (jenkins.home / "standin-tokens.json").write_text(json.dumps({renewed: "admin"}))
    jenkins.groovy("standin.web.JenkinsRun.reloadTokens()")
    assert jenkins.browser("admin", jenkins.tokens["admin"]).status("/api/json") == 401
    return renewed


@pytest.mark.parametrize("moment", [name if "confirmation" in name else pytest.param(name, marks=pytest.mark.slow) for name in MOMENTS])
def test_a_token_rotated_during_a_change(operator: OperatorProcess, scene: Scene, jenkins: StandIn, door: Proxy, moment: str) -> None:
    script, fault = MOMENTS[moment]
    scene.credentials(door.url, jenkins.tokens["admin"])
    scene.instance("build", door.url)
    scene.wait("ji", "build", Ready="True/NoPolicy")
    door.fault(fault, script=script, times=1)
    door.seen.clear()
    scene.policy("baseline")
    wait_until(lambda: script in door.seen, what="that step is under way")
    renewed = rotate(jenkins)
    scene.credentials(door.url, renewed)
    scene.wait("ji", "build", seconds=50, Ready="True", Enforced="True/Probed")
    scene.wait("tfp", "baseline", Ready="True", Enforced="True/Probed")
    assert is_settled(jenkins)
    assert "Unauthorized" not in scene.events("build"), "the new token was already in the Secret"
    assert leaks(places(scene.kube, operator, jenkins), scene.planted) == []
