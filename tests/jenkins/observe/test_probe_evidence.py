"""Probes against a running controller: what they prove, and the evidence that they leave."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jenkins2fa.api.instance import Canary, Expectation
from jenkins2fa.core.assess import Outcome, Proof
from jenkins2fa.core.conditions import judge
from jenkins2fa.core.evidence import START, Account, canonical_line, document
from jenkins2fa.jenkins.connection import Connection, Credentials
from jenkins2fa.jenkins.errors import Unauthorized, Unreachable
from jenkins2fa.jenkins.probe import observe_with_canaries, probe_canary, probe_self
from jenkins2fa.jenkins.scripts import gate_code
from tests.support.commands import Commands
from tests.support.gated import groovy, switch_on
from tests.support.managed import Managed, policy
from tests.support.proxy import Proxy, Say
from tests.support.standin import StandIn

ALICE, BOB = Credentials("alice", "alice-pw-1"), Credentials("bob", "bob-pw-1")


def canaries(challenged: Credentials, exempt: Credentials | None = None) -> list[tuple[Canary, Credentials]]:
    accounts = ((Expectation.CHALLENGED, challenged), (Expectation.EXEMPT, exempt))
    return [(Canary(expect.value.lower(), expect, "secret"), account) for expect, account in accounts if account]


def at(jenkins: StandIn, read_seconds: float = 10.0) -> Connection:
    return Connection(jenkins.url + "/", None, read_seconds=read_seconds)


def files(jenkins: StandIn) -> set[str]:
    """Everything in Jenkins' home except the stand-in's own log."""
    return {f"{one.relative_to(jenkins.home)} {one.stat().st_mtime_ns}" for one in jenkins.home.rglob("*") if one.suffix != ".log"}


def test_the_operators_own_probe_is_challenged_though_the_gate_lets_it_in(managed: Managed) -> None:
    assert probe_self(managed.connection).settle() is Proof.BYPASSED
    managed.apply(policy())
    probed = probe_self(managed.connection)
    found = probed.evidence
    assert [probed.settle(), found.account, found.failure] == [Proof.CHALLENGED, Account.SELF, ""]
    assert found.reply is not None
    assert [found.reply.status, found.reply.location] == [302, "/user/*/tfaConfiguration/"]
    assert found.request.headers == ("Authorization", "X-Jenkins2fa-Probe")
    assert found.scripts["gate"] == gate_code()


def test_evidence_holds_neither_name_nor_secret(javax_standin: StandIn) -> None:
    switch_on(javax_standin)
    found = probe_canary(at(javax_standin), ALICE, Account.CHALLENGED).evidence
    line = canonical_line(document(found, 1, START, found.time))
    assert "alice" not in line.lower()
    assert json.loads(line)["reply"]["location"] == "/user/*/tfaConfiguration/"


def test_evidence_without_a_configured_url_has_no_name_either(javax_standin: StandIn) -> None:
    with StandIn(root_url=None) as jenkins:
        switch_on(jenkins)
        found = probe_canary(at(jenkins), ALICE, Account.CHALLENGED).evidence
        assert found.proof is Proof.CHALLENGED
        assert found.reply is not None
        assert "alice" not in found.reply.location
        assert found.reply.location.endswith("user/*/tfaConfiguration/")


def test_a_redirect_to_another_host_is_not_recorded(proxy: Proxy, javax_standin: StandIn) -> None:
    proxy.fault(Say(302, headers={"Location": "https://alice@sso.lab.invalid/log/in?state=secret"}))
    probed = probe_canary(Connection(proxy.url + "/", None), ALICE, Account.CHALLENGED)
    assert probed.evidence.reply is not None
    assert [probed.evidence.reply.location, probed.evidence.failure, probed.evidence.proof] == ["elsewhere", "Redirected", Proof.NONE]


def test_a_canary_gets_in_or_is_challenged(standin: StandIn) -> None:
    assert probe_canary(at(standin), ALICE, Account.CHALLENGED).settle() is Proof.BYPASSED
    switch_on(standin)
    assert probe_canary(at(standin), ALICE, Account.CHALLENGED).settle() is Proof.CHALLENGED


def test_a_canary_without_read_permission_was_not_challenged(javax_standin: StandIn, proxy: Proxy) -> None:
    """Permissions are checked after the plugin's filter, so a 403 for a known account means that the request got through."""
    proxy.fault(Say(403, headers={"X-You-Are-Authenticated-As": "alice", "X-Jenkins": "2.541.3"}))
    assert probe_canary(Connection(proxy.url + "/", None), ALICE, Account.CHALLENGED).settle() is Proof.BYPASSED


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_reply_that_is_not_from_jenkins_proves_nothing(javax_standin: StandIn, proxy: Proxy, status: int) -> None:
    proxy.fault(Say(status, "no"))
    probed = probe_canary(Connection(proxy.url + "/", None), ALICE, Account.CHALLENGED)
    assert [probed.evidence.proof, probed.failure is not None] == [Proof.NONE, True]


def test_a_failure_leaves_evidence(javax_standin: StandIn) -> None:
    wrong = probe_canary(at(javax_standin), Credentials("alice", "wrong-pw-0"), Account.CHALLENGED)
    dead = probe_canary(Connection("http://127.0.0.1:9/", None), ALICE, Account.CHALLENGED)
    assert [wrong.evidence.failure, dead.evidence.failure, dead.evidence.reply] == ["Unauthorized", "Unreachable", None]
    for probed, kind in ((wrong, Unauthorized), (dead, Unreachable)):
        with pytest.raises(kind):
            probed.settle()


def test_probe_only_with_two_canaries_writes_nothing(standin: StandIn) -> None:
    switch_on(standin)
    noted: list[Account] = []
    before = files(standin)
    look = observe_with_canaries(at(standin), canaries(ALICE), lambda evidence: noted.append(evidence.account))
    assert [look.challenged, look.exempt, look.failure, noted] == [Proof.CHALLENGED, None, None, [Account.CHALLENGED]]
    both = observe_with_canaries(at(standin), canaries(ALICE, BOB))
    assert [both.challenged, both.exempt] == [Proof.CHALLENGED, Proof.CHALLENGED]
    assert files(standin) == before


def test_probe_only_says_when_an_exemption_holds(with_groups: StandIn) -> None:
    """carol has to give a second factor, dave is exempt by his group."""
    managed = Managed(with_groups.url, "admin", with_groups.tokens["admin"])
    managed.apply(policy(exemptGroups=["Ops"]))
    look = observe_with_canaries(at(with_groups), canaries(Credentials("carol", "carol-pw-1"), Credentials("dave", "dave-pw-1")))
    assert [look.challenged, look.exempt, look.failure] == [Proof.CHALLENGED, Proof.BYPASSED, None]
    outcome = Outcome(managed.instance, policy(), proof=look.challenged, canaries=look)
    assert [f"{one.status}/{one.reason}" for one in judge(outcome, datetime.now(UTC)) if one.type in ("Ready", "Enforced")] == [
        "True/InForce",
        "True/Probed",
    ]


def test_probe_only_detects_a_live_flag_that_is_off(managed: Managed, standin: StandIn) -> None:
    managed.apply(policy(driftPolicy="Report"))  # so the gate follows the plugin
    assert observe_with_canaries(at(standin), canaries(ALICE)).challenged is Proof.CHALLENGED
    groovy(standin, "MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false")
    assert observe_with_canaries(at(standin), canaries(ALICE)).challenged is Proof.BYPASSED


def test_probe_only_retries_while_jenkins_starts_and_stalls_on_a_wrong_password(javax_standin: StandIn) -> None:
    javax_standin.faults(unavailableSeconds=30)
    starting = observe_with_canaries(at(javax_standin), canaries(ALICE)).failure
    javax_standin.faults(unavailableSeconds=0)
    wrong = observe_with_canaries(at(javax_standin), canaries(Credentials("alice", "wrong-pw-0"))).failure
    assert starting is not None
    assert wrong is not None
    assert [starting.reason, starting.transient, wrong.reason, wrong.transient] == ["Starting", True, "Unauthorized", False]
    assert "canary challenged" in wrong.message


def test_apply_keeps_evidence_that_verify_accepts(commands: Commands, standin: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "evidence.jsonl"
    options = ("--gate", "Managed", "-y", "--evidence", file)
    assert commands.run("apply", commands.policy(), *options).code == 0
    assert commands.run("apply", commands.policy(), *options).code == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(one["account"], one["proof"], one["sequence"]) for one in lines] == [("self", "Challenged", 1), ("self", "Challenged", 2)]
    assert standin.tokens["admin"] not in file.read_text()
    assert commands.run("verify", file).code == 0


def test_apply_does_not_begin_when_evidence_cannot_be_kept(commands: Commands, standin: StandIn, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("nothing")
    for options, said in (
        (("--evidence", tmp_path / "none" / "file"), "No such file"),
        (("--evidence", tmp_path / "file", "--evidence-key", key), "not a private key"),
        (("--evidence-key", key), "needs --evidence"),
    ):
        ended = commands.run("apply", commands.policy(), "--gate", "Managed", "-y", *options)
        assert [ended.code, said in ended.err, standin.browser("alice").status()] == [1, True, 200]
