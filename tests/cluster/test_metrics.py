"""What a running operator reports: metrics, health, and one log line for each reconcile that changed something."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from tests.support.actions import switch_off
from tests.support.kube import KubeServer
from tests.support.running import ACCOUNT, OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn, free_port
from tests.support.waiting import wait_until


@dataclass
class Watched:
    """An operator of one namespace with metrics, a Jenkins and a policy in force."""

    operator: OperatorProcess
    scene: Scene
    jenkins: StandIn
    address: str

    def get(self, path: str) -> requests.Response:
        return requests.get(f"http://{self.address}{path}", timeout=5)

    def samples(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        return {(one.name, tuple(sorted(one.labels.items()))): one.value for one in self.operator.samples()}

    def value(self, name: str, **labels: str) -> float | None:
        """The only sample of this name that has these labels, among others; None = there is none."""
        found = [number for (sample, has), number in self.samples().items() if sample == name and set(labels.items()) <= set(has)]
        assert len(found) <= 1, found
        return found[0] if found else None

    def lines(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.operator.text().splitlines()]


@pytest.fixture
def watched(kube: KubeServer, namespace: str) -> Iterator[Watched]:
    kube.kubectl("create", "rolebinding", "all", "-n", namespace, "--clusterrole=cluster-admin", f"--serviceaccount={namespace}:{ACCOUNT}")
    address = f"127.0.0.1:{free_port()}"
    arguments = ("--namespace", namespace, "--metrics", address, "--log-format", "json")
    with StandIn() as jenkins, OperatorProcess(kube, *arguments, namespace=namespace) as operator:
        scene = Scene(kube, namespace)
        scene.credentials(jenkins.url, jenkins.tokens["admin"])
        scene.instance("build", jenkins.url)
        scene.policy("baseline")
        scene.wait("ji", "build", Ready="True", Enforced="True/Probed")
        scene.wait("tfp", "baseline", Enforced="True/Probed")
        yield Watched(operator, scene, jenkins, address)


def test_enforcement_drift_and_deletion_are_counted(watched: Watched) -> None:
    named = {"jenkins_namespace": watched.scene.namespace, "jenkins": "build"}
    assert watched.value("jenkins2fa_leader") == 1
    assert watched.value("jenkins2fa_instance_enforced", **named, policy="baseline", policy_namespace=watched.scene.namespace) == 1
    assert watched.value("jenkins2fa_instance_enforcement_desired", **named) == 1
    assert watched.value("jenkins2fa_instance_condition", **named, type="Ready", status="True", reason="InForce") == 1
    assert watched.value("jenkins2fa_trials_total", outcome="confirmed") == 1
    assert watched.value("jenkins2fa_trials_total", outcome="undone") == 0
    assert watched.value("jenkins2fa_instances", jenkins_namespace=watched.scene.namespace, managed="false") == 0
    assert (watched.value("jenkins2fa_jenkins_requests_total", outcome="Answered") or 0) > 5
    verified = watched.value("jenkins2fa_instance_last_verified_timestamp_seconds", **named)
    assert verified is not None
    assert abs(verified - time.time()) < 30
    for step in ("observe", "status", "change-begin", "change-read-back", "change-probe", "change-confirm", "change-verify"):
        assert (watched.value("jenkins2fa_step_duration_seconds_count", step=step) or 0) > 0, step

    assert watched.value("jenkins2fa_instance_drift_found_total", **named) == 0
    switch_off(watched.jenkins)
    wait_until(lambda: watched.value("jenkins2fa_instance_drift_corrected_total", **named) == 1, seconds=20, what="drift is corrected")
    assert watched.value("jenkins2fa_instance_drift_found_total", **named) == 1
    assert watched.value("jenkins2fa_instance_drift_open", **named) == 0

    assert watched.value("jenkins2fa_weakenings_total", path="mode") == 0
    watched.scene.policy("baseline", mode="Disabled")
    wait_until(lambda: watched.value("jenkins2fa_weakenings_total", path="mode") == 1, seconds=20, what="a weakening is counted")
    assert watched.value("jenkins2fa_weakenings_total", path="exemptGroups") == 0

    watched.scene.delete("ji", "build")
    wait_until(lambda: not [one for one in watched.samples() if ("jenkins", "build") in one[1]], what="its series are gone")


def test_an_unreachable_controller_is_counted_and_the_operator_stays_healthy(watched: Watched) -> None:
    watched.jenkins.kill()
    wait_until(lambda: watched.value("jenkins2fa_failures_total", reason="Unreachable"), seconds=20, what="trouble is counted")
    assert (watched.value("jenkins2fa_jenkins_requests_total", outcome="Unreachable") or 0) > 0
    wait_until(lambda: watched.value("jenkins2fa_instance_enforced", jenkins="build") == -1, what="nobody knows")
    assert watched.get("/healthz").status_code == 200
    assert (watched.get("/readyz").status_code, watched.get("/readyz").text) == (200, "leads\n")
    assert watched.get("/anything").status_code == 404


def test_a_policy_has_series_for_its_conditions(watched: Watched) -> None:
    labels = {"policy": "baseline", "policy_namespace": watched.scene.namespace, "type": "Ready", "status": "True", "reason": "InForce"}
    wait_until(lambda: watched.value("jenkins2fa_policy_condition", **labels) == 1.0, what="the policy's condition is a series")


def test_a_change_is_one_log_line_and_idling_none(watched: Watched) -> None:
    time.sleep(1.5)
    said, passes = len(watched.lines()), watched.value("jenkins2fa_reconciles_total", kind="instance", result="done") or 0
    wait_until(lambda: (watched.value("jenkins2fa_reconciles_total", kind="instance", result="done") or 0) >= passes + 2, seconds=20)
    assert watched.lines()[said:] == []

    switch_off(watched.jenkins)
    wait_until(lambda: len(watched.lines()) > said, seconds=20, what="a line about the correction")
    time.sleep(1)
    changed = [line for line in watched.lines()[said:] if line.get("change") == "DriftCorrected"]
    assert len(changed) == 1, watched.lines()[said:]
    line = changed[0]
    assert (line["instance"], line["policy"]) == (f"{watched.scene.namespace}/build", f"{watched.scene.namespace}/baseline")
    assert 0 < float(line["seconds"]) < 20
    assert f"trial {line['trial']}: begun" in watched.jenkins.log()
    assert f"trial {line['trial']}: confirmed" in watched.jenkins.log()

    said = len(watched.lines())
    watched.scene.policy("baseline", deletionPolicy="Disable")
    wait_until(
        lambda: "OwnerRecorded" in [one.get("change") for one in watched.lines()[said:]],
        seconds=20,
        what="a line about that record",
    )
    marked = next(one for one in watched.lines()[said:] if one.get("change") == "OwnerRecorded")
    assert (marked["instance"], marked["policy"]) == (line["instance"], line["policy"])
    assert f"trial {marked['trial']}: confirmed" in watched.jenkins.log()

    everything = watched.operator.text() + watched.get("/metrics").text
    assert watched.jenkins.tokens["admin"] not in everything
    assert "admin" not in watched.get("/metrics").text, "no names of users"
