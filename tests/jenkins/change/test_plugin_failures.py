"""Failures of plugin and mail server, competing configuration-as-code, and partly damaged observations."""

from __future__ import annotations

import contextlib
import datetime
from pathlib import Path
from typing import Any

import pytest

from jenkins2fa.api.instance import CompetingManager
from jenkins2fa.core.assess import Failure, Outcome
from jenkins2fa.core.conditions import judge
from jenkins2fa.jenkins.drivers.miniorange.settings import read_plugin_document
from jenkins2fa.jenkins.drivers.observation import read_observation
from jenkins2fa.jenkins.errors import (
    Forbidden,
    ProtocolError,
    Redirected,
    Starting,
    Unauthorized,
    Unreachable,
)
from jenkins2fa.jenkins.scripts import OBSERVE
from tests.jenkins.conftest import managed_of
from tests.support.managed import EMAIL, Managed, policy
from tests.support.standin import StandIn


@pytest.mark.parametrize(
    ("options", "reason", "said"),
    [
        ({"plugin": "missing"}, "PluginMissing", "not installed"),
        ({"plugin": "disabled"}, "PluginMissing", "disabled"),
        ({"plugin_version": "9.9.9"}, "UnsupportedPluginVersion", "9.9.9"),
    ],
)
def test_an_unsupported_plugin_is_refused(options: dict[str, Any], reason: str, said: str) -> None:
    with StandIn(flavour="javax", **options) as jenkins:
        managed = managed_of(jenkins)
        seen = managed.observe(users=True)
        assert seen.damaged == ()
        found = managed.assess(policy(), seen)
        assert found.refused is not None
        assert [found.refused.reason, said in found.refused.message, found.may_write] == [reason, True, False]
        off = managed.assess(policy(mode="Disabled"), seen)
        assert not (off.may_write and off.plan.changes)


def test_email_otp_needs_a_mail_server(standin: StandIn, managed: Managed) -> None:
    standin.groovy("jenkins.model.Jenkins.get().getDescriptor('hudson.tasks.Mailer').setSmtpHost('')")
    alone = policy(allowedFactors=["EmailOTP"], emailOTP=EMAIL)
    beside = policy(allowedFactors=["EmailOTP", "SecurityQuestions"], emailOTP=EMAIL)
    refused, told = managed.assess(alone), managed.assess(beside)
    assert refused.refused is not None
    assert [refused.refused.reason, refused.may_write] == ["NoMailServer", False]
    assert ["NoMailServer" in managed.reasons(beside), told.refused, told.may_write] == [True, None, True]


def test_configuration_as_code_for_the_same_fields_competes(tmp_path: Path) -> None:
    yaml = tmp_path / "jenkins.yaml"
    yaml.write_text("unclassified:\n  moGlobalConfig:\n    enableTfa: false\n    enableSecurityQuestionsAuthentication: true\n")
    with StandIn(flavour="javax", casc=yaml) as jenkins:
        managed = managed_of(jenkins)
        assert managed.observe().managed_by_code is True
        assert managed.reasons(policy())[0] == "CompetingManager"
        acknowledged = managed.with_spec(competing_manager=CompetingManager.OVERRIDE)
        assert "CompetingManager" not in acknowledged.reasons(policy())
        assert not acknowledged.apply(policy()).plan.changes
        jenkins.restart()  # its YAML says off again
        assert acknowledged.differing(policy())["mode"]


def test_configuration_as_code_for_other_fields_does_not_compete(tmp_path: Path) -> None:
    (tmp_path / "jenkins.yaml").write_text("jenkins:\n  systemMessage: 'moGlobalConfig: is not here'\n")
    with StandIn(casc=tmp_path) as jenkins:
        assert [managed_of(jenkins).observe().managed_by_code, managed_of(jenkins).reasons(policy())] == [False, ["ApiTokensExempt"]]


@pytest.fixture
def answer(javax_standin: StandIn) -> dict[str, Any]:
    with managed_of(javax_standin).driver() as driver:
        return driver._console.run(OBSERVE, groups=["a"], users=True)


def test_every_part_of_an_observation_may_fail_alone(answer: dict[str, Any]) -> None:
    parts = [name for name, part in answer.items() if isinstance(part, dict) and name not in ("jenkins", "self")]
    assert len(parts) >= 8
    for part in parts:
        seen = read_observation({**answer, part: {"error": {"type": "Boom", "message": "m"}}}, read_plugin_document)
        assert seen.damaged == (part,)
    failed = read_observation({**answer, "configurationAsCode": {"error": {}}}, read_plugin_document)
    assert failed.managed_by_code is None


@pytest.mark.parametrize("part", ["jenkins", "self"])
def test_an_observation_needs_its_essential_parts(answer: dict[str, Any], part: str) -> None:
    for damaged in ({"error": {}}, None, 5, {}, []):
        with pytest.raises(ProtocolError):
            read_observation({**answer, part: damaged}, read_plugin_document)


def test_malformed_parts_are_a_protocol_error_and_never_a_crash(answer: dict[str, Any]) -> None:
    for part in answer:
        for odd in (5, "x", [1], {"x": 1}, None, True):
            with contextlib.suppress(ProtocolError):
                read_observation({**answer, part: odd}, read_plugin_document)


def test_each_failure_has_its_condition(javax_standin: StandIn) -> None:
    """Transient failures set Reconciling; those that need attention set Stalled. Never both."""
    instance = managed_of(javax_standin).instance
    for kind in (Unreachable, Starting, Unauthorized, Forbidden, Redirected):
        problem = kind("what happened")
        conditions = {
            c.type: c
            for c in judge(
                Outcome(instance, policy(), failure=Failure(problem.reason, str(problem), problem.transient)),
                datetime.datetime.now(datetime.UTC),
            )
        }
        assert [conditions["Ready"].status, conditions["Ready"].reason] == ["False", problem.reason]
        assert [conditions["Reconciling"].status == "True", conditions["Stalled"].status == "True"] == [
            problem.transient,
            not problem.transient,
        ]
        assert conditions["Enforced"].status == "Unknown"
