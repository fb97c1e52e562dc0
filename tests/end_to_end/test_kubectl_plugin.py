"""`kubectl twofactor` with the real kubectl: what it shows of the operator's work, and what it makes the operator do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.actions import is_off, is_on, switch_off
from tests.support.kube import KubeServer
from tests.support.plugin import Plugin
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn


@pytest.fixture
def plugin(kube: KubeServer, tmp_path: Path) -> Plugin:
    return Plugin(kube, tmp_path)


def test_kubectl_finds_the_plugin(plugin: Plugin) -> None:
    assert plugin("--version").out.startswith("kubectl twofactor ")


def test_status_of_the_fleet_and_of_one_instance(operator: OperatorProcess, scene: Scene, jenkins: StandIn, plugin: Plugin) -> None:
    scene.instance("build", jenkins.url, labels={"tier": "production"})
    scene.instance("dead", "http://127.0.0.1:9", labels={"tier": "test"})
    scene.policy("strong", instanceSelector={"matchLabels": {"tier": "production"}})
    scene.wait("tfp", "strong", Ready="True", Enforced="True/Probed")
    scene.wait("ji", "dead", Ready="False")
    namespace = ("-n", scene.namespace)
    table = plugin(*namespace)
    lines = [line.split() for line in table.out.splitlines()]
    assert lines[0][:6] == ["NAME", "POLICY", "ENFORCED", "DRIFTED", "READY", "REASON"]
    assert lines[1][:3] == ["build", "strong", "True"]
    assert lines[2][:2] == ["dead", "<none>"]
    assert [table.code, "1 of 2 enforced, by proof; 1 without a policy" in table.out] == [3, True]
    rows = json.loads(plugin("fleet", *namespace, "-o", "json").out)["instances"]
    assert [rows[0]["name"], rows[0]["enforced"]] == ["build", "True"]

    enforced = plugin("why", "build", *namespace)
    assert [enforced.code, "enforced, by proof (InForce)" in enforced.out] == [0, True]
    without = plugin("why", "dead", *namespace)
    assert without.code == 3
    assert "Its labels: tier=test. Selectors of this namespace: strong: {'matchLabels': {'tier': 'production'}}" in without.out


def test_why_names_the_obstacle_and_what_to_do(operator: OperatorProcess, scene: Scene, jenkins: StandIn, plugin: Plugin) -> None:
    scene.instance("build", jenkins.url, gate={"mode": "None"})
    scene.policy("policy", exemptGroups=["robots"])
    scene.wait("tfp", "policy", Ready="False/OperatorLockedOut")
    for name in ("policy", "instance/build"):
        told = plugin("why", name, "-n", scene.namespace)
        assert told.code == 3
        assert "OperatorLockedOut" in told.out
        assert "gate.mode: Managed" in told.out
        assert "field exemptGroups: Unsupported" in told.out


def test_suspend_and_resume(operator: OperatorProcess, scene: Scene, jenkins: StandIn, plugin: Plugin) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("policy")
    scene.wait("tfp", "policy", Ready="True", Enforced="True/Probed")
    namespace = ("-n", scene.namespace)
    assert plugin("suspend", "policy", *namespace).code == 0
    scene.wait("ji", "build", Ready="True/Suspended")
    switch_off(jenkins)  # nobody observes it, so nothing may report it as enforced
    left_alone = plugin(*namespace)
    assert [left_alone.code, "0 of 1 enforced, by proof; 1 Suspended" in left_alone.out] == [3, True]
    assert plugin("reconcile", "policy", *namespace).code == 3
    assert "kubectl twofactor resume policy" in plugin("why", "policy", *namespace).out
    assert "nothing was changed" in plugin("suspend", "policy", *namespace).out
    assert plugin("resume", "policy", *namespace).code == 0
    assert scene.get("tfp", "policy")["spec"]["suspend"] is False
    scene.wait("ji", "build", Enforced="True/Probed")


def test_reconcile_waits_for_the_next_observation(operator: OperatorProcess, scene: Scene, jenkins: StandIn, plugin: Plugin) -> None:
    scene.instance("build", jenkins.url, checkInterval="1h")
    scene.policy("policy")
    scene.wait("tfp", "policy", Ready="True", Enforced="True/Probed")
    jenkins.groovy("io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false")
    ended = plugin("reconcile", "policy", "-n", scene.namespace)
    assert [ended.code, f"instance {scene.namespace}/build: " in ended.out] == [0, True]
    assert is_on(jenkins)


def test_break_glass_opens_and_closes(operator: OperatorProcess, scene: Scene, jenkins: StandIn, plugin: Plugin) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("policy")
    scene.wait("tfp", "policy", Ready="True", Enforced="True/Probed")
    namespace = ("-n", scene.namespace)
    not_sure = plugin("break-glass", "policy", *namespace, "--for", "10m", "--reason", "INC-1", text="n\n")
    assert [not_sure.code, break_glasses(scene)] == [1, []]
    opened = plugin("break-glass", "policy", *namespace, "--for", "10m", "--reason", "INC-1", "--yes")
    assert [opened.code, "build: BreakGlass" in opened.out] == [0, True], opened
    assert is_off(jenkins)
    (name,) = break_glasses(scene)
    assert scene.get("tfbg", name)["spec"]["instanceSelector"] == {}
    for named in ("policy", "instance/build"):
        assert f"kubectl twofactor end-break-glass {name}" in plugin("why", named, *namespace).out
    closed = plugin("end-break-glass", name, *namespace)
    assert closed.code == 0, closed
    assert is_on(jenkins)
    assert "There is no open break-glass for policy" in plugin("end-break-glass", "policy", *namespace).out
    refused = plugin("break-glass", "policy", *namespace, "--for", "10m", "--reason", "INC-1", "--yes")
    assert [refused.code, "NOT open: BreakGlassRefused" in refused.out] == [3, True], refused
    assert plugin("end-break-glass", "policy", *namespace).code == 0
    assert break_glasses(scene) == []


def break_glasses(scene: Scene) -> list[str]:
    return [body["metadata"]["name"] for body in scene.kube.get("tfbg", "-n", scene.namespace)["items"]]


def test_plan_reads_the_cluster(operator: OperatorProcess, scene: Scene, jenkins: StandIn, plugin: Plugin) -> None:
    scene.instance("build", jenkins.url)
    scene.policy("policy", mode="Audit")
    scene.wait("tfp", "policy", Drifted="True")
    planned = plugin("plan", "policy", "-n", scene.namespace, "-o", "json")
    rows = json.loads(planned.out)["instances"]
    assert [planned.code, [row["verdict"] for row in rows], rows[0]["plan"]["mode"]] == [2, ["Changes"], "AUDIT"]
    scene.policy("policy")
    scene.wait("tfp", "policy", Ready="True", Enforced="True/Probed")
    planned = plugin("plan", "build", "-n", scene.namespace)
    assert planned.code == 0, planned  # its owner record is recognized as this cluster's
