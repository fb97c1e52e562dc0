"""A canary gets in with its password and a code of its app, and never sends two codes within 30 seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pyotp
import pytest

from jenkins2fa.jenkins.connection import Attempts, Connection, Credentials
from jenkins2fa.jenkins.errors import SecondFactorRejected, SecretMissing
from jenkins2fa.jenkins.login.one_time_code import step_at
from jenkins2fa.jenkins.login.passage import pass_second_factor
from tests.jenkins.conftest import managed_of
from tests.support.managed import policy
from tests.support.openmfa import enrol, forget_codes, settings
from tests.support.standin import StandIn

GUESSES = """def limits = io.jenkins.plugins.openmfa.base.MFAContext.i().getService(io.jenkins.plugins.openmfa.service.RateLimitService)
print limits.@failedAttempts['carol']?.size() ?: 0"""
MINUTE = 60.0


@pytest.fixture(scope="module", params=[False, True], ids=["the plugin alone", "with the gate"])
def _kept(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with StandIn(context_path="/ci", plugins=("openmfa",), users={"carol": {"password": "carol-pw-1"}}) as jenkins:
        settings(jenkins, required=True, users=[], groups=[])
        if request.param:
            managed_of(jenkins).apply(policy(allowedFactors=["MobileAuthenticator"]))
        yield jenkins


@pytest.fixture
def jenkins(_kept: StandIn) -> StandIn:
    forget_codes(_kept)
    _kept.groovy("jenkins.model.Jenkins.get().getServletContext().getAttribute('jenkins2fa')?.attempts?.values()*.clear(); null")
    return _kept


def canary(jenkins: StandIn, totp: str | None, *, ran_before: bool = True) -> Connection:
    """`ran_before`: this process has sent a code a minute ago."""
    account, attempts = Credentials("carol", "carol-pw-1", totp=totp), Attempts()
    if ran_before:
        attempts.spend(account, step_at(time.time() - MINUTE))
    return Connection(jenkins.url + "/", account, attempts=attempts)


def test_it_gets_in_and_waits_for_the_next_code(jenkins: StandIn) -> None:
    connection = canary(jenkins, enrol(jenkins, "carol"))
    now = time.time()
    assert [pass_second_factor(connection, lambda: now) for _ in range(3)] == [True, False, False]


def test_a_code_of_the_process_before_is_not_sent_again(jenkins: StandIn) -> None:
    connection = canary(jenkins, enrol(jenkins, "carol"), ran_before=False)
    assert not pass_second_factor(connection, time.time)


def test_the_code_is_that_of_jenkins_clock(jenkins: StandIn) -> None:
    connection = canary(jenkins, enrol(jenkins, "carol"))
    assert pass_second_factor(connection, lambda: time.time() - 3600)


def test_a_refused_code_is_reported_and_not_followed_by_guesses(jenkins: StandIn) -> None:
    enrol(jenkins, "carol")
    connection = canary(jenkins, pyotp.random_base32())
    for _ in range(3):
        with pytest.raises(SecondFactorRejected, match="refused the one-time code"):
            pass_second_factor(connection, time.time)
    assert jenkins.groovy(GUESSES) == "1"


def test_an_account_that_is_not_enrolled_is_told_to_enrol(jenkins: StandIn) -> None:
    jenkins.groovy("io.jenkins.plugins.openmfa.MFAUserProperty.forUser(hudson.model.User.getById('carol', true))?.setSecret(null); null")
    with pytest.raises(SecondFactorRejected, match="not enrolled"):
        pass_second_factor(canary(jenkins, pyotp.random_base32()), time.time)


def test_without_a_key_nothing_is_sent(jenkins: StandIn) -> None:
    connection = canary(jenkins, None)
    with pytest.raises(SecretMissing, match="needs the key totp"):
        pass_second_factor(replace(connection, url="http://127.0.0.1:9/"), time.time)
