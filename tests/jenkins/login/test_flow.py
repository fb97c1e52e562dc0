"""The operator gives the second factor by itself (gate.mode None): it enrols, answers, keeps its session, and never hammers."""

from __future__ import annotations

import contextlib
import json
import logging
import pathlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Literal

import pytest

from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.core.assess import Proof
from jenkins2fa.core.desired import Desired
from jenkins2fa.core.settings import PluginSettings
from jenkins2fa.jenkins.change import Order, Result, Step, carry_out
from jenkins2fa.jenkins.connection import PAUSE_SECONDS, Attempts, Connection, Credentials
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import ChallengedBySecondFactor, JenkinsError, SecondFactorRejected, Starting
from jenkins2fa.jenkins.http import Answer, Http
from jenkins2fa.jenkins.login import flow as login
from jenkins2fa.jenkins.scripts import gate_code
from tests.support.literals import QUESTIONS
from tests.support.standin import AS_CALLED, StandIn

SEED = "the-seed-of-these-tests-only-0123456789"
ON = PluginSettings(enabled=True, base_factors=QUESTIONS)
ENFORCE = """
import io.jenkins.plugins.twofactor.jenkins.*
def config = MoGlobalConfig.get()
config.setEnableSecurityQuestionsAuthentication(true); config.setEnableTfa(true); config.save()
MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = true
"""
GUIDE = pathlib.Path(__file__).parents[3] / "docs" / "second-factor-login.md"
RESET = GUIDE.read_text().split("```groovy\n")[1].split("```")[0].replace("'jenkins-2fa'", "'admin'")

ENROL_IN_EMAIL = """
import io.jenkins.plugins.twofactor.jenkins.*
def config = MoGlobalConfig.get()
config.@otpOverEmailDto = new dto.MoOtpOverEmailDto(true, 'jenkins@lab.invalid')
hudson.model.User.getById('admin', false).addProperty(new tfaMethodsConfig.MoOtpOverEmailConfig(true))
"""
LIVE = "println io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION']"
IS_ENROLLED = """
import io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.*
println hudson.model.User.getById('admin', false).getProperty(MoSecurityQuestionConfig)?.configured
"""

Flavour = Literal["javax", "jakarta"]
pytestmark = pytest.mark.both_flavours
FLAVOURS = pytest.mark.parametrize("flavour", ["javax", "jakarta"])


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def connection_to(jenkins: StandIn, seed: str | None = SEED, clock: Clock | None = None) -> Connection:
    return Connection(jenkins.url + "/", Credentials("admin", jenkins.tokens["admin"], seed), attempts=Attempts(clock or Clock()))


@pytest.fixture
def jenkins(standin: StandIn) -> StandIn:
    standin.groovy(ENFORCE)
    return standin


@pytest.fixture
def driver(jenkins: StandIn) -> Iterator[Driver]:
    with contextlib.closing(driver_for(connection_to(jenkins))) as opened:
        yield opened


def test_without_a_seed_the_error_says_what_to_do(jenkins: StandIn) -> None:
    with (
        contextlib.closing(driver_for(connection_to(jenkins, None))) as driver,
        pytest.raises(ChallengedBySecondFactor, match="secondFactorSeed"),
    ):
        driver.observe()
    assert jenkins.groovy(IS_ENROLLED) == "false"


def test_the_operator_enrols_itself_and_keeps_its_session(jenkins: StandIn, driver: Driver) -> None:
    assert driver.observe().enrolled is True
    requests = driver.requests
    for _ in range(5):
        driver.observe()
    assert (driver.logins, driver.requests - requests) == (1, 5)


def test_a_new_process_answers_questions_in_the_order_shown(jenkins: StandIn, driver: Driver) -> None:
    driver.observe()
    for _ in range(12):  # every pair and order of the three questions occurs
        with contextlib.closing(driver_for(connection_to(jenkins))) as later:
            assert later.observe().user == "admin"
            assert later.logins == 1


def test_the_operator_logs_in_again_after_a_restart_of_jenkins(jenkins: StandIn, driver: Driver) -> None:
    before = driver.observe().session
    jenkins.restart()
    assert driver.observe().session != before
    assert driver.logins == 2


def test_the_operator_logs_in_again_after_losing_only_its_session(jenkins: StandIn, driver: Driver) -> None:
    driver.observe()
    driver._console._http.forget_cookies()
    driver.observe()
    assert driver.logins == 2


def test_the_probe_is_still_challenged(driver: Driver) -> None:
    """The proof must not come from the verified session."""
    driver.observe()
    assert driver.probe() is Proof.CHALLENGED


def test_a_wrong_seed_is_refused_once_and_then_pauses(jenkins: StandIn, driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    driver.observe()
    clock = Clock()
    wrong = connection_to(jenkins, "another-seed-that-is-long-enough", clock)
    with answers_sent(caplog) as sent:
        for _ in range(4):  # a new session each, as after an error
            refused(wrong, "reset the security questions")
        assert sent() == 1
        clock.now += PAUSE_SECONDS
        refused(wrong, "reset the security questions")
        assert sent() == 2


def test_a_corrected_seed_is_tried_at_once(jenkins: StandIn, driver: Driver) -> None:
    driver.observe()
    wrong = connection_to(jenkins, "another-seed-that-is-long-enough")
    refused(wrong, "secondFactorSeed")
    right = replace(wrong, credentials=Credentials("admin", jenkins.tokens["admin"], SEED))  # with the same memory of attempts
    with contextlib.closing(driver_for(right)) as later:
        assert later.observe().user == "admin"


def test_a_manual_enrolment_is_reported_without_sending_an_answer(jenkins: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    enrol_by_hand(jenkins, "In what city did you meet your spouse ?", "What is the name of your first pet ?")
    with answers_sent(caplog) as sent:
        for _ in range(6):
            refused(connection_to(jenkins), "enrolled in security questions that the operator cannot answer")
        assert sent() == 0


def test_a_manual_enrolment_in_the_same_questions_costs_at_most_one_answer(jenkins: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody may have chosen the same two questions of the plugin's list as the operator."""
    enrol_by_hand(jenkins, login.FIRST, login.SECOND)
    connection = connection_to(jenkins)
    with answers_sent(caplog) as sent:
        for _ in range(12):
            refused(connection, "reset the security questions")
        assert sent() <= 1


def test_the_operator_enrols_again_at_once_after_a_reset(jenkins: StandIn, driver: Driver) -> None:
    driver.observe()
    wrong = connection_to(jenkins, "another-seed-that-is-long-enough")
    refused(wrong, "reset the security questions")
    jenkins.groovy(RESET)
    with contextlib.closing(driver_for(wrong)) as later:
        assert later.observe().enrolled is True


def test_a_restart_between_questions_and_answers_does_not_count_as_a_refusal(jenkins: StandIn, driver: Driver) -> None:
    """After the restart Jenkins asks other questions than those that were answered."""
    driver.observe()
    told: set[type[JenkinsError]] = set()
    for _ in range(6):
        connection = connection_to(jenkins)
        http = RestartingHttp(connection, jenkins)
        passing = login.SecondFactorLogin(http)
        try:
            passing.answer_challenge(http.get().location)
        except JenkinsError as problem:
            told.add(type(problem))
            passing.answer_challenge(http.get().location)  # at once, without a pause
        assert passing.logins == 1
        http.close()
    assert told == {Starting}


class RestartingHttp(Http):
    """Jenkins restarts just before the first form is sent."""

    def __init__(self, connection: Connection, jenkins: StandIn) -> None:
        super().__init__(connection)
        self._restart: Callable[[], None] | None = jenkins.restart

    def post(self, path: str, data: Mapping[str, str]) -> Answer:
        if self._restart is not None:
            self._restart()
            self._restart = None
        return super().post(path, data)


@pytest.mark.parametrize(
    ("context_path", "root_url"),
    [("/ci", AS_CALLED), ("/ci", None), ("", None), ("/ci", "http://other.invalid/jenkins/"), ("", "http://other.invalid/user/x/")],
)
@pytest.mark.parametrize("flavour", [pytest.param("javax", marks=pytest.mark.slow), "jakarta"])
def test_the_challenge_is_found_below_the_configured_url(flavour: Flavour, context_path: str, root_url: str | None) -> None:
    """Whatever root URL Jenkins has configured, enrolling and answering stay where the Secret consents to."""
    with StandIn(flavour=flavour, context_path=context_path, root_url=root_url) as jenkins:
        jenkins.groovy(ENFORCE)
        for _ in range(2):
            with contextlib.closing(driver_for(connection_to(jenkins))) as driver:
                assert driver.observe().user == "admin"


@FLAVOURS
def test_several_factors_and_one_that_the_operator_cannot_answer(flavour: Flavour) -> None:
    with StandIn(flavour=flavour, smtp_host="mail", users={"admin": {"password": "p", "admin": True, "email": "a@lab.invalid"}}) as jenkins:
        jenkins.groovy(ENFORCE)
        with contextlib.closing(driver_for(connection_to(jenkins))) as driver:
            driver.observe()
        jenkins.groovy(ENROL_IN_EMAIL)
        with contextlib.closing(driver_for(connection_to(jenkins))) as driver:  # a page to choose from
            driver.observe()
        jenkins.groovy(RESET)
        refused(connection_to(jenkins), "a factor that the operator cannot answer")


# --- a change without a gate ---


def test_a_change_without_a_gate_does_not_lock_the_operator_out(standin: StandIn) -> None:
    jenkins = standin
    result = change(jenkins, connection_to(jenkins))
    assert result.proof is Proof.CHALLENGED
    assert not result.plan.changes
    assert result.observation.gate.installed == 0
    jenkins.restart()
    with contextlib.closing(driver_for(connection_to(jenkins))) as driver:
        assert driver.observe().effective
    assert jenkins.browser("admin").status("/") == 302


def test_the_operator_enrols_before_2fa_is_enforced(standin: StandIn) -> None:
    jenkins = standin
    enrolled: dict[Step, str] = {}
    change(jenkins, connection_to(jenkins), lambda step: enrolled.update({step: jenkins.groovy(IS_ENROLLED)}))
    assert (enrolled[Step.BEGIN], enrolled[Step.READ_BACK]) == ("false", "true")


def test_a_wrong_seed_is_detected_before_any_change(standin: StandIn) -> None:
    jenkins = standin
    jenkins.browser("admin").enrol()
    steps: list[Step] = []
    with pytest.raises(SecondFactorRejected):
        change(jenkins, connection_to(jenkins), steps.append)
    assert steps == [Step.BEGIN]
    assert jenkins.groovy(LIVE) == "false"
    assert jenkins.browser("admin").status("/") == 200


def test_a_trial_is_undone_if_the_login_fails(standin: StandIn) -> None:
    """Somebody enrols the account again during the change: the reader cannot log in, and the writer's session undoes the change."""
    jenkins = standin

    def interfere(step: Step) -> None:
        if step is Step.READ_BACK:
            jenkins.browser("admin").enrol()

    with pytest.raises(SecondFactorRejected):
        change(jenkins, connection_to(jenkins), interfere)
    assert jenkins.groovy(LIVE) == "false"
    assert jenkins.browser("admin").status("/") == 200


# --- secrets ---


def test_seed_and_answers_appear_in_no_log_error_or_repr(jenkins: StandIn, driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3")  # other tests may have changed it
    texts = [repr(driver.connection), repr(driver.connection.credentials)]
    driver.observe()
    for connection in (connection_to(jenkins), connection_to(jenkins, "another-seed-that-is-long-enough")):
        with contextlib.closing(driver_for(connection)) as later:
            try:
                later.observe()
            except JenkinsError as problem:
                texts += [repr(problem), str(problem), repr(problem.__cause__), repr(problem.__context__)]
    assert len(texts) == 6
    told = "\n".join([*texts, caplog.text, jenkins.log()])
    assert "securityQuestionAuthenticate" in told  # the log was really captured
    identity = login.identity_of(driver.connection.url, "admin")
    for seed in (SEED, "another-seed-that-is-long-enough"):
        assert seed not in told
        assert not any(login.derive_answer(seed, identity, question) in told for question in login.OWN_QUESTIONS)


def change(jenkins: StandIn, connection: Connection, announce: Callable[[Step], object] = lambda step: None) -> Result:
    order = Order(secrets.token_hex(6), Desired(ON), gate_code(), deletion=DeletionPolicy.RETAIN, with_gate=False)
    return carry_out(lambda: driver_for(connection), order, lambda step: announce(step) and None)


def refused(connection: Connection, message: str) -> None:
    with contextlib.closing(driver_for(connection)) as driver, pytest.raises(SecondFactorRejected, match=message):
        driver.observe()


def enrol_by_hand(jenkins: StandIn, first: str, second: str) -> None:
    form = {"firstSecurityQuestion": first, "secondSecurityQuestion": second, "customSecurityQuestion": "Where do you live ?"}
    answers = {f"{field}Answer": "here" for field in form}
    answer = jenkins.browser("admin").call(
        "/user/admin/securityQuestionConfig/saveSecurityQuestion", "POST", data={"json": json.dumps(form | answers)}
    )
    assert answer.headers["Location"] == jenkins.url + "/"


@contextlib.contextmanager
def answers_sent(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], int]]:
    """How often answers were posted: the HTTP library logs each request's line."""
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "urllib3.connectionpool"):
        yield lambda: sum("POST /tfaUserAuth/securityQuestionAuth/" in message for message in caplog.messages)
        assert any("POST /scriptText" in message for message in caplog.messages)  # it was really captured
