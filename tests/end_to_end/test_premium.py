"""The premium edition: only read without the switch; with it applied field by field and proven by probes alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from tests.support.kube import KubeServer
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

GATED = {"mode": "Managed"}
WITHOUT_GATE = {"mode": "None"}
FACTORS = ["SecurityQuestions", "MobileAuthenticator", "DuoPush"]
CANARY = [{"name": "person", "expect": "Challenged", "secretRef": {"name": "canary"}}]


@pytest.fixture(scope="module")
def daring(granted: KubeServer, shared_operator: OperatorProcess) -> Iterator[OperatorProcess]:
    """An operator with the switch, while the shared one is stopped: there is one Lease."""
    shared_operator.terminate()
    try:
        with OperatorProcess(granted, "--enable-experimental-premium", "-v") as running:
            yield running
    finally:
        shared_operator.start()


def prepared(kube: KubeServer, namespace: str, jenkins: StandIn) -> Scene:
    scene = Scene(kube, namespace)
    scene.credentials(jenkins.url, jenkins.tokens["admin"])
    scene.credentials(jenkins.url, "alice-pw-1", name="canary", username="alice")
    return scene


@pytest.fixture
def edition(request: pytest.FixtureRequest) -> Literal["premium", "premium-half"]:
    found: Literal["premium", "premium-half"] = getattr(request, "param", "premium")
    return found


@pytest.fixture
def jenkins(edition: Literal["premium", "premium-half"]) -> Iterator[StandIn]:
    with StandIn(edition=edition, realm="groups") as running:
        yield running


@pytest.fixture
def scene(kube: KubeServer, namespace: str, jenkins: StandIn) -> Scene:
    return prepared(kube, namespace, jenkins)


def field_states(body: dict[str, Any]) -> dict[str, str]:
    return {one["path"]: one["state"] for one in body["status"]["fields"]}


def test_without_the_switch_the_premium_edition_is_only_read(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url, gate=GATED)
    scene.policy("baseline", allowedFactors=FACTORS)
    body = scene.wait("ji", "build", Ready="False/UnsupportedPluginVersion", Stalled="True", Enforced="False")
    assert body["status"]["jenkins"]["edition"] == "Premium"
    assert "--enable-experimental-premium" in scene.message("ji", "build")
    assert not (jenkins.home / "jenkins2fa").exists()


@pytest.mark.parametrize("edition", ["premium-half"], indirect=True)
def test_each_field_is_reported_as_applied_or_unsupported(daring: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.secret("admin", host=jenkins.url.split("/")[2], username="admin", token=jenkins.tokens["admin"], secondFactorSeed="s" * 40)
    scene.instance("build", jenkins.url, gate=WITHOUT_GATE, canaries=CANARY)
    scene.policy("baseline", allowedFactors=FACTORS, rememberDevice="12h", apiTokens="Challenge", exemptGroups=["robots"])
    body = scene.wait("ji", "build", seconds=30, Ready="False/Unsupported", Stalled="True/Unsupported", Enforced="False/PluginAlone")
    assert field_states(body) == {
        "mode": "Applied",
        "exemptGroups": "Applied",
        "allowedFactors": "Unsupported",
        "rememberDevice": "Unsupported",
        "apiTokens": "Unsupported",
    }
    told = {one["path"]: one["message"] for one in body["status"]["fields"] if one["state"] == "Unsupported"}
    assert told["allowedFactors"].startswith("MobileAuthenticator: the installed plugin (premium edition) does not have it")
    assert "unit" in told["rememberDevice"]
    assert jenkins.browser("alice", "alice-pw-1").status("/") == 302
    assert "experimental" in scene.message("ji", "build", "Enforced")


def test_a_canary_proves_enforcement_if_the_plugin_exempts_the_operator(daring: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    """Without a gate the plugin keeps the groups itself, and the operator's account is in none of them."""
    scene.secret("admin", host=jenkins.url.split("/")[2], username="admin", token=jenkins.tokens["admin"], secondFactorSeed="s" * 40)
    scene.instance("build", jenkins.url, gate=WITHOUT_GATE)
    scene.policy("baseline", allowedFactors=FACTORS, apiTokens="Exempt")
    scene.wait("ji", "build", seconds=30, Ready="True/Unverified", Enforced="Unknown/Unverified")
    assert "expect: Challenged" in scene.message("ji", "build", "Enforced")

    scene.instance("build", jenkins.url, gate=WITHOUT_GATE, canaries=CANARY)
    scene.wait("ji", "build", seconds=30, Ready="True/PluginAlone", Enforced="False/PluginAlone")
    jenkins.groovy(
        "def c = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get(); "
        "io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false"
    )
    scene.annotate("ji", "build", "somebody-was-here")
    wait_until(lambda: "DriftCorrected" in scene.events("build"), seconds=30, what="the Event about the correction")
    scene.wait("ji", "build", seconds=30, Ready="True/PluginAlone", Enforced="False/PluginAlone")
