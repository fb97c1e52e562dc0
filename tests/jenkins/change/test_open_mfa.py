"""The driver of OpenMFA: what it reads, what a change writes and undoes, and what it leaves alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jenkins2fa.api.policy import DeletionPolicy, Factor
from jenkins2fa.cli.unlock import COMMANDS
from jenkins2fa.core.assess import Proof
from tests.jenkins.conftest import managed_of
from tests.support.commands import Commands
from tests.support.managed import Managed, layers, policy
from tests.support.openmfa import enrol, settings
from tests.support.people import gets_in
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

APP: dict[str, Any] = {"allowedFactors": ["MobileAuthenticator"]}
CONFIG = "io.jenkins.plugins.openmfa.MFAGlobalConfiguration"
USERS = {"carol": {"password": "carol-pw-1"}}
WAYS_TO_DRIFT = {
    "not required": f"def c = {CONFIG}.get(); c.requireMFA = false; c.save()",
    "everyone exempt": f"def c = {CONFIG}.get(); c.exemptRoles = 'Authenticated'; c.save()",
    "not required in memory": f"{CONFIG}.get().requireMFA = false",
    "no file": f"{CONFIG}.get().configFile.file.delete()",
}


@pytest.fixture(scope="module")
def _kept() -> Iterator[StandIn]:
    with StandIn(users=USERS, plugins=("openmfa",)) as jenkins:
        yield jenkins


@pytest.fixture
def jenkins(_kept: StandIn) -> StandIn:
    """As after the installation of the plugin; alice is enrolled."""
    with managed_of(_kept).driver() as driver:
        driver.release(DeletionPolicy.RETAIN)
    settings(_kept, required=False, users=[], groups=[])
    _kept.groovy(f"{CONFIG}.get().configFile.file.delete()")
    enrol(_kept, "alice")
    return _kept


def held(jenkins: StandIn) -> list[str]:
    """Required, exempt users and exempt roles in memory."""
    return jenkins.groovy(f"def c = {CONFIG}.get(); print([c.requireMFA, c.exemptUsers, c.exemptRoles].join('|'))").split("|")


def test_what_is_observed(jenkins: StandIn) -> None:
    seen = managed_of(jenkins).observe(users=True)
    assert [seen.plugin.version, seen.plugin.missing, seen.is_tested, seen.capabilities.name] == ["111.v347db_32e7f24", (), True, "OpenMFA"]
    assert [layers(seen), seen.effective, seen.protected] == [[None, False, None], False, False]
    assert seen.memory is not None
    assert [seen.memory.enrolled_only, seen.memory.factors] == [True, {Factor.MOBILE_AUTHENTICATOR}]
    assert seen.enrolment is not None
    assert seen.enrolment.by_factor == {Factor.MOBILE_AUTHENTICATOR: 1}


def test_lists_are_read_as_the_plugin_reads_them(jenkins: StandIn) -> None:
    settings(jenkins, required=True, users=["Robot ", "", "a, b"], groups=["AUTHENTICATED", "Ops"])
    seen = managed_of(jenkins).observe()
    assert seen.memory is not None
    assert [seen.memory.enabled, seen.memory.enrolled_only, seen.memory.spared] == [False, False, {"robot", "a, b", "ops"}]
    assert seen.memory == seen.disk


def test_a_change_is_confirmed_and_proven(jenkins: StandIn) -> None:
    managed, wanted = managed_of(jenkins), policy(**APP, minimumAssurance="AAL2")
    assert managed.reasons(wanted) == ["AssuranceConditional", "ApiTokensExempt"]
    result = managed.apply(wanted)
    assert [result.proof, result.plan.changes, layers(result.observation)] == [Proof.CHALLENGED, (), [True, True, None]]
    assert [gets_in(jenkins, "alice", "carol"), held(jenkins)] == ["", ["true", "", ""]]
    jenkins.restart()
    assert [gets_in(jenkins, "alice", "carol"), managed.differing(wanted), managed.probe()] == ["", {}, Proof.CHALLENGED]


def test_a_change_that_nobody_confirms_is_undone(jenkins: StandIn) -> None:
    managed = managed_of(jenkins)
    settings(jenkins, required=False, users=["robot"], groups=["Ops", "authenticated"])
    before = held(jenkins)
    managed.trial_seconds = 1
    managed.begin(policy(**APP))
    assert held(jenkins) == ["true", "robot", "Ops"]
    wait_until(lambda: held(jenkins) == before)
    assert gets_in(jenkins, "alice") == "alice"


@pytest.mark.parametrize("drift", WAYS_TO_DRIFT)
def test_drift_is_found_and_corrected_and_opens_nothing(jenkins: StandIn, drift: str) -> None:
    managed, wanted = managed_of(jenkins), policy(**APP)
    managed.apply(wanted)
    jenkins.groovy(WAYS_TO_DRIFT[drift])
    found = managed.assess(wanted)
    assert [found.drift, found.plan.paths, gets_in(jenkins, "alice", "carol")] == [
        True,
        ("mode",) if drift != "no file" else found.plan.paths,
        "",
    ]
    managed.apply(wanted)
    assert managed.differing(wanted) == {}


def test_disabled_really_is_off_and_other_roles_stay(jenkins: StandIn) -> None:
    managed = managed_of(jenkins)
    settings(jenkins, required=True, users=["robot"], groups=["Ops, Devs", "Builders"])
    off = policy(**APP, mode="Disabled")
    managed.apply(off)
    assert [gets_in(jenkins, "alice", "carol"), held(jenkins)] == ["alice carol", ["false", "robot", "Ops, Devs\nBuilders\nauthenticated"]]
    assert managed.differing(off) == {}
    managed.apply(policy(**APP))
    assert [gets_in(jenkins, "alice", "carol"), held(jenkins)] == ["", ["true", "robot", "Ops, Devs\nBuilders"]]


def test_asking_the_enrolled_only_is_neither_on_nor_off(jenkins: StandIn) -> None:
    managed = managed_of(jenkins)
    shown = {(change.layer.value, change.before, change.after) for change in managed.assess(policy(**APP, mode="Disabled")).plan.changes}
    assert ("memory", "on for enrolled users only", "off") in shown


@pytest.mark.parametrize("deletion", list(DeletionPolicy))
def test_a_release_restores_keeps_or_switches_off(jenkins: StandIn, deletion: DeletionPolicy) -> None:
    managed = managed_of(jenkins)
    settings(jenkins, required=False, users=["robot"], groups=["Ops", "authenticated"])
    before = held(jenkins)
    managed.apply(policy(**APP))
    with managed.driver() as driver:
        driver.release(deletion)
    wanted = {
        DeletionPolicy.RETAIN: ["true", "robot", "Ops"],
        DeletionPolicy.RESTORE: before,
        DeletionPolicy.DISABLE: ["false", "robot", "Ops\nauthenticated"],
    }
    seen = managed.observe()
    assert [held(jenkins), seen.gate.installed, seen.disk == seen.memory] == [wanted[deletion], 0, True]


def test_what_the_plugin_does_not_have_is_said(jenkins: StandIn) -> None:
    email = {"senderAddress": "a@lab.invalid"}
    plan = managed_of(jenkins).assess(policy(allowedFactors=["MobileAuthenticator", "EmailOTP"], emailOTP=email)).plan
    assert [(one.path, "OpenMFA" in one.message) for one in plan.unsupported] == [("allowedFactors", True)]
    assert managed_of(jenkins).reasons(policy())[0] == "NoFactor"


def test_without_a_gate_the_plugin_alone_decides(jenkins: StandIn) -> None:
    managed = Managed(jenkins.url, "admin", jenkins.tokens["admin"], gate="None")
    settings(jenkins, required=False, users=["robot"], groups=[])
    wanted = policy(**APP, apiTokens=None)
    assert managed.reasons(wanted) == ["ApiTokensExempt", "PluginSparesUsers"]
    result = managed.apply(wanted)
    assert [result.proof, result.plan.changes, gets_in(jenkins, "alice", "carol")] == [Proof.NONE, (), ""]
    challenged = managed.assess(policy(**APP, apiTokens="Challenge")).plan
    assert [one.path for one in challenged.unsupported] == ["apiTokens"]


def test_versions_without_exemptions_are_only_read() -> None:
    with StandIn(plugins=("openmfa",), plugin_version="104.v3a_b_a_61fd743e") as jenkins:
        managed = managed_of(jenkins)
        seen = managed.observe()
        assert [seen.damaged, seen.memory is not None, seen.is_tested] == [(), True, False]
        assert managed.reasons(policy(**APP))[0] == "UnsupportedPluginVersion"


def test_configuration_as_code_competes(tmp_path: Path) -> None:
    casc = tmp_path / "jenkins.yaml"
    casc.write_text("security:\n  openMFA:\n    requireMFA: false\n")
    with StandIn(plugins=("openmfa",), casc=casc) as jenkins:
        assert managed_of(jenkins).reasons(policy(**APP))[0] == "CompetingManager"


def test_a_break_glass_lets_everyone_in_and_ends(jenkins: StandIn) -> None:
    managed, wanted = managed_of(jenkins), policy(**APP)
    managed.apply(wanted)
    with managed.driver() as driver:
        now = datetime.now(UTC)
        assert driver.open_break_glass(now + timedelta(minutes=5), "INC-1", timedelta(hours=1), keep=True) is not None
        seen = driver.observe()
        assert [seen.effective, seen.protected, seen.memory == seen.disk, gets_in(jenkins, "alice", "carol")] == [
            False,
            True,
            True,
            "alice carol",
        ]
        jenkins.restart()
        assert gets_in(jenkins, "alice", "carol") == "alice carol", "it goes on after a restart"
        driver.close_break_glass()
    assert [gets_in(jenkins, "alice", "carol"), managed.differing(wanted)] == ["", {}]


def test_unlock_opens_it_for_some_minutes_and_for_good(jenkins: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    managed = managed_of(jenkins)
    commands = Commands(tmp_path, managed, monkeypatch)
    managed.apply(policy(**APP))
    assert [commands.run("unlock", jenkins.url, *how, "--yes").code for how in (("--minutes", "5"), ())] == [0, 0]
    assert [gets_in(jenkins, "alice", "carol"), managed.observe().gate.installed] == ["alice carol", 0]


def test_the_steps_on_the_host_let_people_in(jenkins: StandIn) -> None:
    managed_of(jenkins).apply(policy(**APP))
    jenkins.stop()
    for command in COMMANDS:
        subprocess.run(["sh", "-euc", command], env={**os.environ, "JENKINS_HOME": str(jenkins.home)}, check=True, capture_output=True)
    jenkins.start()
    assert gets_in(jenkins, "alice", "carol") == "alice carol"
