"""`jenkins2fa export` and `report` say what OpenMFA's own settings leave open, in numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.jenkins.conftest import managed_of
from tests.support.commands import Commands
from tests.support.managed import policy
from tests.support.openmfa import settings
from tests.support.standin import StandIn

LIMITS = "io.jenkins.plugins.openmfa.base.MFAContext.i().getService(io.jenkins.plugins.openmfa.service.RateLimitService)"
APP = [{"type": "MobileAuthenticator"}]
NAMES = ("robot-1", "night-shift")


@pytest.fixture
def call(tmp_path: Path, with_openmfa: StandIn, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(tmp_path, managed_of(with_openmfa), monkeypatch)


def lock_out(jenkins: StandIn, user: str) -> None:
    jenkins.groovy(f"5.times {{ {LIMITS}.recordFailedAttempt('{user}') }}")


def risks_of(call: Commands) -> str:
    ended = call.run("report", call.policy(allowedFactors=APP), call.instance(), "-o", "json")
    return "\n".join(ended.document["instances"][0]["residualRisks"])


def test_the_plugins_own_exemptions_are_said_in_numbers(call: Commands, with_openmfa: StandIn) -> None:
    settings(with_openmfa, required=True, users=NAMES[:1], groups=NAMES[1:])
    ended = call.run("export", with_openmfa.url)
    assert [ended.code, "Cannot be expressed: the plugin's own lists exempt 2 users or groups" in ended.out] == [3, True]
    assert [name in ended.out for name in NAMES] == [False, False]
    assert "own lists exempt 2 users or groups: they log in with a password" in risks_of(call)


def test_with_a_gate_they_count_for_nothing(call: Commands, with_openmfa: StandIn) -> None:
    settings(with_openmfa, required=True, users=NAMES[:1], groups=[])
    call.managed.apply(policy(allowedFactors=["MobileAuthenticator"]))
    ended = call.run("export", with_openmfa.url)
    assert [ended.code, "the gate ignores them" in ended.out] == [0, True]
    assert "own lists" not in risks_of(call)


def test_asking_the_enrolled_only_cannot_be_expressed(call: Commands, with_openmfa: StandIn) -> None:
    settings(with_openmfa, required=False, users=[], groups=[])
    ended = call.run("export", with_openmfa.url)
    assert [ended.code, "Cannot be expressed: the plugin challenges enrolled users only" in ended.out, "2FA is off" in ended.out] == [
        3, True, False,
    ]  # fmt: skip
    assert [one["spec"]["mode"] for one in yaml.safe_load_all(ended.out) if one["kind"] == "TwoFactorPolicy"] == ["Disabled"]
    assert "challenges enrolled users only: everyone else logs in with a password" in risks_of(call)
    settings(with_openmfa, required=False, users=[], groups=["authenticated"])
    off = call.run("export", with_openmfa.url)
    assert [off.code, "enrolled users only" in off.out, "2FA is off" in off.out] == [0, False, True]


def test_locked_out_users_are_counted(call: Commands, with_openmfa: StandIn) -> None:
    settings(with_openmfa, required=True, users=[], groups=[])
    for user in ("carol", "dave"):
        lock_out(with_openmfa, user)
    ended = call.run("export", with_openmfa.url)
    assert "after wrong answers: 2" in ended.out
    assert [name in ended.out for name in ("carol", "dave")] == [False, False]
    assert "after wrong answers: 2" in risks_of(call)
    assert call.managed.observe().gate.locked_out == 2
