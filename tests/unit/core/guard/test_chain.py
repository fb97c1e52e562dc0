"""The guard as a whole: the order of its findings, and that each says what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jenkins2fa.core.guard.chain import CHECKS, check
from jenkins2fa.core.guard.finding import Severity
from jenkins2fa.core.observation import MailServer, Owner, TrialState
from tests.support.guarded import reasons, situation
from tests.support.literals import BARE, FRESH, NOW, PluginSettings
from tests.support.managed import EMAIL

ALONE: dict[str, Any] = {"allowedFactors": ["EmailOTP"], "emailOTP": EMAIL}


NO_MAIL = replace(FRESH, mail_server=MailServer(True, False))


def test_an_ordinary_change_has_no_findings() -> None:
    assert reasons() == []


def test_refusals_come_first_and_every_message_says_what_to_do() -> None:
    worst = replace(NO_MAIL, owner=Owner("other", "x"), managed_by_code=True, trial=TrialState("t", NOW), memory=PluginSettings())
    found = check(situation(worst, BARE, enforcedGroups=["a"], **ALONE))
    assert len(found) >= 6
    severities = [finding.severity for finding in found]
    assert severities == sorted(severities, key=lambda one: one is Severity.HAZARD)
    assert all(len(finding.message) > 40 for finding in found)
    assert len({finding.reason for finding in found}) == len(found)


def test_every_check_has_one_reason() -> None:
    assert len(set(CHECKS)) == len(CHECKS)
    assert {one.__module__ for one in CHECKS} == {"jenkins2fa.core.guard.controller", "jenkins2fa.core.guard.policy"}
