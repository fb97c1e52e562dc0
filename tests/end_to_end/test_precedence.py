"""Which policy governs, and what the others say."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.actions import is_off, is_on
from tests.support.kube import KubeServer
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn
from tests.support.waiting import wait_until


@pytest.fixture
def platform(kube: KubeServer) -> Iterator[Scene]:
    """The operator's policy namespace; empty again after the test."""
    if "namespace/platform" not in kube.kubectl("get", "namespaces", "-o", "name").split():
        kube.new_namespace("platform")
    scene = Scene(kube, "platform")
    yield scene
    kube.kubectl("delete", "tfp", "--all", "-n", "platform")


def test_loser_says_who_overrides_it(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("strong", priority=10)
    scene.policy("weak", enforcement="Off")
    scene.wait("tfp", "strong", Ready="True", Enforced="True/Probed")
    loser = scene.wait("tfp", "weak", Ready="False/Overridden", Stalled="True/Overridden")
    assert f"{scene.namespace}/strong" in scene.message("tfp", "weak")
    assert loser["status"]["instances"]["overridden"] == 1
    assert is_on(jenkins)
    scene.policy("strong", priority=-1)
    scene.wait("tfp", "weak", Ready="True", Enforced="False/Off")
    scene.wait("tfp", "strong", Ready="False/Overridden")
    assert is_off(jenkins)


def test_policy_that_matches_nothing_says_so(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url, labels={"tier": "test"})
    scene.policy("baseline", instanceSelector={"matchLabels": {"tier": "production"}})
    scene.wait("tfp", "baseline", Ready="False/NoMatchingInstance", Stalled="True", Enforced="Unknown")
    scene.wait("ji", "build", Ready="True/NoPolicy", Enforced="Unknown/NoPolicy")
    assert scene.get("ji", "build")["status"]["summary"]["policy"] == "<none>"


def test_label_decides_at_once_who_governs(operator: OperatorProcess, scene: Scene, jenkins: StandIn) -> None:
    scene.policy("baseline", instanceSelector={"matchLabels": {"tier": "production"}})
    scene.instance("build", jenkins.url, checkInterval="1h", labels={"tier": "production"})
    scene.wait("tfp", "baseline", Ready="True", Enforced="True/Probed")
    scene.kube.kubectl("label", "ji", "build", "-n", scene.namespace, "--overwrite", "tier=test")
    scene.wait("tfp", "baseline", Ready="False/NoMatchingInstance")
    scene.wait("ji", "build", Ready="True/NoPolicy")
    assert is_on(jenkins), "an instance that is merely no longer selected is left as it is"


def test_platform_outranks_every_team(operator: OperatorProcess, scene: Scene, platform: Scene, jenkins: StandIn) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("own", enforcement="Off", priority=1000)
    scene.wait("tfp", "own", Ready="True", Enforced="False/Off")
    scene.kube.kubectl("label", "namespace", scene.namespace, "guarded=yes")
    platform.policy("floor", namespaceSelector={"matchLabels": {"guarded": "yes"}})
    platform.wait("tfp", "floor", Ready="True", Enforced="True/Probed")
    scene.wait("tfp", "own", Ready="False/Overridden")
    assert scene.get("ji", "build")["status"]["summary"]["policy"] == "platform/floor"
    assert is_on(jenkins)
    scene.kube.kubectl("label", "namespace", scene.namespace, "guarded-")
    scene.wait("tfp", "own", Ready="True", Enforced="False/Off")
    platform.wait("tfp", "floor", Ready="False/NoMatchingInstance")


def test_namespace_selector_of_a_team_reaches_nobody_else(
    operator: OperatorProcess, scene: Scene, kube: KubeServer, jenkins: StandIn
) -> None:
    other = Scene(kube, kube.new_namespace(f"{scene.namespace[:50]}-other"))
    scene.instance("build", jenkins.url)
    scene.wait("ji", "build", Ready="True/NoPolicy")
    other.credentials(jenkins.url, jenkins.tokens["admin"])
    other.instance("own", jenkins.url, access="Observe", gate=None)
    other.policy("grab", enforcement="Off", namespaceSelector={})
    other.wait("tfp", "grab", Ready="False/NamespaceSelectorNotHonoured", Stalled="True/NamespaceSelectorNotHonoured", Reconciling="False")
    assert "take namespaceSelector out" in other.message("tfp", "grab")
    assert other.get("tfp", "grab")["status"]["instances"]["selected"] == 1, "its own namespace, and no other"
    scene.annotate("ji", "build", "now")
    wait_until(lambda: scene.get("ji", "build")["status"].get("lastHandledReconcileAt") == "now", what="it is looked at again")
    assert scene.conditions("ji", "build")["Ready"] == "True/NoPolicy"
    kube.remove_namespace(other.namespace)


def test_a_baseline_counts_and_names_the_instances_that_escape_it(
    operator: OperatorProcess, scene: Scene, platform: Scene, jenkins: StandIn
) -> None:
    scene.kube.kubectl("label", "namespace", scene.namespace, "guarded=yes")
    scene.instance("build", jenkins.url, labels={"tier": "production"})
    selected = {"matchLabels": {"tier": "production"}}
    platform.policy("floor", namespaceSelector={"matchLabels": {"guarded": "yes"}}, instanceSelector=selected)
    platform.wait("tfp", "floor", Ready="True", Enforced="True/Probed")
    assert platform.get("tfp", "floor")["status"]["instances"]["escaped"] == 0

    def escapes(how: str) -> bool:
        found = platform.get("tfp", "floor")["status"]
        told = f"1 instance of its namespaces escapes this policy: {scene.namespace}/build ({how})"
        return found["instances"]["escaped"] == 1 and told in platform.message("tfp", "floor")

    scene.instance("build", jenkins.url, labels={"tier": "production"}, access="Observe", gate=None)
    wait_until(lambda: escapes("access: Observe"), what="it is seen that the instance is only observed")
    scene.kube.kubectl("label", "ji", "build", "-n", scene.namespace, "tier-")
    wait_until(lambda: escapes("not selected by its labels"), what="it is seen that the label is gone")
    scene.instance("build", jenkins.url, labels={"tier": "production"})
    wait_until(lambda: platform.get("tfp", "floor")["status"]["instances"]["escaped"] == 0, what="it is back")


def test_of_two_instances_for_one_jenkins_the_holder_of_the_owner_record_wins(
    operator: OperatorProcess, scene: Scene, jenkins: StandIn
) -> None:
    """Also where the holder is the younger one: the older comes to this Jenkins later."""
    localhost = jenkins.url.replace("127.0.0.1", "localhost")
    scene.credentials(localhost, jenkins.tokens["admin"], name="again")
    with closing(socket.create_server(("127.0.0.1", 0))) as nothing:
        nowhere = f"http://127.0.0.1:{nothing.getsockname()[1]}"
        scene.credentials(nowhere, "some-token", name="elsewhere")
        scene.instance("older", nowhere, labels={"tier": "a"}, credentialsRef={"name": "elsewhere"})
    scene.instance("holder", jenkins.url, labels={"tier": "a"})
    scene.policy("baseline", instanceSelector={"matchLabels": {"tier": "a"}})
    scene.wait("ji", "holder", Ready="True", Enforced="True/Probed")
    scene.instance("older", localhost, labels={"tier": "a"}, credentialsRef={"name": "again"})
    scene.wait("ji", "older", Ready="False/DuplicateInstance", Stalled="True")
    assert f"{scene.namespace}/holder holds the owner record" in scene.message("ji", "older")
    scene.annotate("ji", "holder", "now")
    wait_until(lambda: scene.get("ji", "holder")["status"].get("lastHandledReconcileAt") == "now", what="it is looked at again")
    assert scene.conditions("ji", "holder")["Enforced"] == "True/Probed"
    assert "identity" not in scene.get("ji", "holder")["status"]["jenkins"]
    scene.delete("ji", "holder")
    scene.annotate("ji", "older", "now")
    scene.wait("ji", "older", Ready="True", Enforced="True/Probed")
