"""The switch for the premium edition on the command line: one controller, many, and the messages about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Commands
from tests.support.managed import Managed
from tests.support.standin import StandIn

SWITCH = "--enable-experimental-premium"
FACTORS = ["SecurityQuestions", "MobileAuthenticator", "YubiKey"]


@pytest.fixture(scope="module")
def premium() -> Iterator[StandIn]:
    with StandIn(edition="premium", smtp_host="mail.lab.invalid") as jenkins:
        yield jenkins


@pytest.fixture
def commands(tmp_path: Path, premium: StandIn, monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.setenv("JENKINS_SECOND_FACTOR_SEED", "the-seed-of-these-tests-only-0123456789")
    return Commands(tmp_path, Managed(premium.url, "admin", premium.tokens["admin"]), monkeypatch)


def test_plan_says_what_the_premium_switch_would_do(commands: Commands) -> None:
    files = (commands.policy(allowedFactors=FACTORS), commands.instance(gate={"mode": "None"}))
    without, beside = commands.run("plan", *files), commands.run("plan", *files, SWITCH)
    assert [without.code, beside.code] == [3, 3]
    assert "Refused: UnsupportedPluginVersion." in without.out
    assert "Refused" not in beside.out
    for ended in (without, beside):
        assert "premium edition" in ended.out
        assert "allowedFactors.MobileAuthenticator" in ended.out
        assert "YubiKey: the installed plugin (premium edition) does not have it" in ended.out
        assert "Strength of the allowed factors: AAL1 (NIST SP 800-63B-4), lowered by SecurityQuestions" in ended.out
    assert "ExperimentalPremium" in beside.out


def test_a_fleet_plan_honours_the_premium_switch(commands: Commands, premium: StandIn) -> None:
    commands.policy(allowedFactors=FACTORS)
    commands.instance(gate={"mode": "None"})
    accounts = commands.secret(premium.url.split("/")[2])
    arguments = ("plan", commands.folder / "policy.yaml", commands.folder / "jenkins.yaml", "--secrets", accounts)
    assert "UnsupportedPluginVersion" in commands.run(*arguments).out
    assert "UnsupportedPluginVersion" not in commands.run(*arguments, SWITCH).out


def test_apply_needs_the_switch_and_reports_a_missing_proof(commands: Commands, premium: StandIn) -> None:
    instance = commands.instance(gate={"mode": "None"})
    file = commands.policy(allowedFactors=FACTORS[:2])
    refused = commands.run("apply", file, instance, "--yes")
    assert [refused.code, "UnsupportedPluginVersion" in refused.err] == [3, True]
    assert not (premium.home / "jenkins2fa").exists()
    for _ in range(2):  # first a change, then only an observation
        unproven = commands.run("apply", file, instance, "--yes", SWITCH)
        assert [unproven.code, "Enforced=Unknown/Unverified" in unproven.out, "Enforced (" in unproven.out] == [3, True, False]
