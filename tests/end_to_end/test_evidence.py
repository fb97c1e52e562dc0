"""Evidence for an auditor: which controller was probed when and what it answered, verified offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.actions import switch_off
from tests.support.evidence import KeptEvidence
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn


@pytest.mark.own_jenkins  # evidence is distinguished by URL
def test_each_probe_leaves_signed_evidence_in_order(
    operator: OperatorProcess, scene: Scene, jenkins: StandIn, evidence: KeptEvidence, tmp_path: Path
) -> None:
    scene.credentials(jenkins.url, "alice-pw-1", name="canary", username="alice")
    canaries = [{"name": "person", "expect": "Challenged", "secretRef": {"name": "canary"}}]
    scene.instance("build", jenkins.url, access="ProbeOnly", credentialsRef={"name": "canary"}, gate=None, canaries=canaries)
    scene.policy("baseline")
    scene.wait("ji", "build", Ready="False/Bypassed", Enforced="False/Bypassed")
    scene.instance("build", jenkins.url, canaries=canaries)
    scene.wait("ji", "build", Ready="True/InForce", Enforced="True/Probed")
    switch_off(jenkins)
    scene.annotate("ji", "build", "now")
    scene.wait("ji", "build", Ready="True/InForce", Enforced="True/Probed")

    code, told = evidence.verify()
    assert code == 0, told
    assert "every signature is valid" in told
    mine = [line for line in evidence.lines() if line["url"] == jenkins.url + "/"]
    met = [(line["account"], line["proof"], line["reply"]["status"]) for line in mine]
    assert met[0] == ("challenged", "Bypassed", 200), "before the first change"
    assert {("self", "Challenged", 302), ("challenged", "Challenged", 302)} <= set(met[1:])
    assert all(line["expected"] == "Challenged" and line["scripts"]["observe"] for line in mine)
    text = "".join(file.read_text() for file in evidence.files())
    assert not any(word in text for word in ("alice", "pw-1", jenkins.tokens["admin"]))

    forged = tmp_path / "forged.jsonl"
    forged.write_text(evidence.files()[0].read_text().replace('"proof":"Bypassed"', '"proof":"Challenged"'))
    code, told = evidence.verify(forged)
    assert [code, "its signature does not hold" in told] == [2, True]
