"""The second-factor login without a controller: redirects, pages, derived answers, pauses, and the guard's decision."""

from __future__ import annotations

import threading

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jenkins2fa.api.instance import GateMode, GateSpec, InstanceSpec
from jenkins2fa.api.policy import Factor, PolicyMode, PolicySpec
from jenkins2fa.core.desired import desired_state
from jenkins2fa.core.guard.finding import Situation
from jenkins2fa.core.guard.policy import operator_locked_out
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.plan import make_plan
from jenkins2fa.jenkins.answers import expect_success
from jenkins2fa.jenkins.connection import PAUSE_SECONDS, Attempts, Connection, Credentials, seed_problem
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.drivers.miniorange.challenge import Challenge, is_challenge, read_challenge, resolve, shown_questions
from jenkins2fa.jenkins.drivers.miniorange.driver import FREE
from jenkins2fa.jenkins.errors import ProtocolError, Redirected, SecondFactorRejected
from jenkins2fa.jenkins.http import Answer
from jenkins2fa.jenkins.login.flow import CUSTOM, FIRST, OWN_QUESTIONS, SECOND, derive_answer, identity_of

ACCOUNT = Credentials("admin", "token", "a-seed-that-is-long-enough")

# --- redirects ---


@pytest.mark.parametrize("root", ["http://j/", "http://j/ci/", "https://other.invalid:8443/a/b/", "/ci/", "", "http://j/user/"])
@pytest.mark.parametrize("prefix", ["", "null"])
@pytest.mark.parametrize(
    ("page", "challenge"),
    [
        ("user/admin/tfaConfiguration/", Challenge(user="admin")),
        ("user/j%C3%B6rg/tfaConfiguration/", Challenge(user="j%C3%B6rg")),
        ("user/tfaConfiguration/tfaConfiguration/", Challenge(user="tfaConfiguration")),
        ("tfaUserAuth/", Challenge()),
        ("tfaUserAuth/securityQuestionAuth/", Challenge(factor="securityQuestionAuth")),
        ("tfaUserAuth/otpOverEmailAuth/", Challenge(factor="otpOverEmailAuth")),
    ],
)
def test_a_challenge_is_recognized_below_any_root_url(root: str, prefix: str, page: str, challenge: Challenge) -> None:
    location = root + prefix + page
    assert is_challenge(location)
    assert read_challenge(location) == challenge


@pytest.mark.parametrize("user", ["..", ".", "%2e%2e", "%2E.", "a%2Fb", "a%5cb", "a;b"])
def test_a_user_id_that_leads_to_another_path_is_not_followed(user: str) -> None:
    with pytest.raises(ProtocolError):
        read_challenge(f"http://j/user/{user}/tfaConfiguration/")


@pytest.mark.parametrize("location", ["http://j/login", "", "http://[", "http://j/tfaConfiguration/", "http://j/me/tfaConfiguration/"])
def test_other_redirects_are_not_a_challenge_that_can_be_answered(location: str) -> None:
    with pytest.raises(ProtocolError):
        read_challenge(location)


@given(st.text())
def test_no_location_breaks_the_parser(location: str) -> None:
    try:
        found = read_challenge(location)
    except ProtocolError:
        return
    assert is_challenge(location)
    assert "/" not in (found.user or "") + found.factor


@pytest.mark.parametrize("location", ["http://[", "http://[::1", "https://other.invalid/?secret=x", "https://user:secret@other.invalid/"])
def test_other_redirects_are_reported_without_query_and_account(location: str) -> None:
    with pytest.raises(Redirected) as told:
        expect_success(Answer(302, {}, "", location))
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("location", "wrong"),
    [
        ("./", True),
        ("http://[", False),
        ("/scriptText", False),
        ("../../", False),
        ("https://j/ci/tfaUserAuth/securityQuestionAuth/", True),
    ],
)
def test_wrong_answers_lead_back_to_the_questions(location: str, wrong: bool) -> None:
    """Jetty may leave a relative Location as it is."""
    assert is_challenge(resolve("https://j/ci/tfaUserAuth/securityQuestionAuth/securityQuestionAuthenticate", location)) is wrong


# --- pages ---

PAGE = """<html><head><title>{0}</title><style>p {{ }}</style></head><body><script>var q = "{0}"</script>
<form class="jenkins-form" {1}><p class="jenkins-section__title">
   {2} </p><input placeholder="answer"><p>{3}</p></form></body></html>"""
FORM = 'action="securityQuestionAuthenticate" method="post"'


@pytest.mark.parametrize(
    "form", [FORM, "METHOD=post name=replace ACTION=securityQuestionAuthenticate", "action='/ci/x/securityQuestionAuthenticate?a'"]
)
@pytest.mark.parametrize(("first", "second"), [(FIRST, SECOND), (SECOND, FIRST), (CUSTOM, FIRST), (SECOND, CUSTOM)])
def test_questions_are_read_in_the_order_shown(form: str, first: str, second: str) -> None:
    assert shown_questions(PAGE.format(CUSTOM, form, first, second), OWN_QUESTIONS) == (first, second)


def test_character_references_and_line_breaks_do_not_hide_a_question() -> None:
    page = PAGE.format("", FORM, FIRST.replace("?", "&#63;").replace(" ", "\n  "), SECOND.replace("n", "&#x6e;"))
    assert shown_questions(page, OWN_QUESTIONS) == (FIRST, SECOND)


def test_unknown_questions_are_ignored() -> None:
    assert shown_questions(PAGE.format("", FORM, "Where ?", SECOND), OWN_QUESTIONS) == (SECOND,)
    assert shown_questions(PAGE.format("", FORM, FIRST + " Really ?", "When ?"), OWN_QUESTIONS) == ()


@pytest.mark.parametrize(
    "page", ["", "<html>", PAGE.format("", 'action="j_spring_security_check"', FIRST, SECOND), f"<p>{FIRST}</p><p>{SECOND}</p>"]
)
def test_other_pages_are_not_taken_for_the_challenge(page: str) -> None:
    assert shown_questions(page, OWN_QUESTIONS) is None


@given(st.text(alphabet="<>!-[]/?&#;='\" abDOCTYPE\n"))
@example("<![foo bar[x]]>")
def test_no_page_breaks_the_parser(page: str) -> None:
    assert shown_questions(page, OWN_QUESTIONS) is None or "securityQuestionAuthenticate" in page


# --- answers ---


def test_derived_answers_never_change() -> None:
    """Accounts are enrolled with these answers: another derivation would lock every operator out."""
    identity = identity_of("https://Jenkins.Example.com/ci/", "Operator")
    assert identity == "jenkins.example.com:443/ci operator"
    assert (
        derive_answer("a-seed-that-is-long-enough", identity, CUSTOM) == "74853f5508012ace8272cf64c2152a4cd77bb18a5f587c6382213f43e082090d"
    )


def test_answers_differ_by_seed_controller_account_and_question() -> None:
    places = [
        ("https://a/", "x"),
        ("https://b/", "x"),
        ("https://a:8443/", "x"),
        ("https://a/ci/", "x"),
        ("http://a/", "x"),
        ("https://a/", "y"),
    ]
    made = {derive_answer(seed, identity_of(*place), question) for seed in ("s1", "s2") for place in places for question in OWN_QUESTIONS}
    assert len(made) == 2 * len(places) * 3


@pytest.mark.parametrize("seed", ["", "short", "x" * 19])
def test_a_weak_seed_is_refused_with_what_to_do(seed: str) -> None:
    assert "openssl rand" in (seed_problem(seed) or "")


def test_a_seed_is_never_shown() -> None:
    assert "a-seed-that" not in repr(ACCOUNT) + repr(Connection("https://j/", ACCOUNT))


# --- pauses ---


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_after_a_refusal_nothing_is_sent_for_ten_minutes() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    attempts.may_answer(ACCOUNT)
    attempts.refuse(ACCOUNT, "wrong")
    clock.now = PAUSE_SECONDS - 1
    with pytest.raises(SecondFactorRejected, match="wrong"):
        attempts.may_answer(ACCOUNT)
    attempts.may_answer(Credentials("admin", "token", "another-seed-that-is-long-enough"))
    clock.now = PAUSE_SECONDS
    attempts.may_answer(ACCOUNT)


def test_a_passed_second_factor_ends_the_pause() -> None:
    attempts = Attempts(Clock())
    attempts.refuse(ACCOUNT, "wrong")
    attempts.succeed()
    attempts.may_answer(ACCOUNT)


def test_two_logins_of_one_account_wait_for_each_other() -> None:
    attempts, inside = Attempts(Clock()), threading.Event()

    def second() -> None:
        with attempts.one_at_a_time():
            inside.set()

    other = threading.Thread(target=second)
    with attempts.one_at_a_time():
        other.start()
        assert not inside.wait(0.2)
    other.join(5)
    assert inside.is_set()


def test_connections_with_the_same_account_are_equal_whatever_was_tried() -> None:
    """The kept session is thrown away only when URL, account or authority changes."""
    one, other = Connection("https://j/", ACCOUNT), Connection("https://j/", ACCOUNT)
    one.attempts.refuse(ACCOUNT, "wrong")
    assert one == other


# --- guard ---


@pytest.mark.parametrize(
    ("seed", "totp", "counts"), [(None, None, False), (ACCOUNT.second_factor_seed, None, True), (None, "JBSWY3DPEHPK3PXP", False)]
)
def test_a_key_for_one_time_codes_does_not_answer_questions(seed: str | None, totp: str | None, counts: bool) -> None:
    """The guard relies on it for SecurityQuestions: with one-time codes alone the operator would lock itself out."""
    driver = driver_for(Connection("https://j/", Credentials("admin", "token", seed, totp)))
    assert driver.second_factor_login is counts


@pytest.mark.parametrize(
    ("gate", "factors", "login", "told"),
    [
        (GateMode.NONE, {Factor.SECURITY_QUESTIONS}, True, None),
        (GateMode.NONE, {Factor.SECURITY_QUESTIONS, Factor.EMAIL_OTP}, True, None),
        (GateMode.NONE, {Factor.EMAIL_OTP}, True, "allow SecurityQuestions"),
        (GateMode.NONE, {Factor.SECURITY_QUESTIONS}, False, "secondFactorSeed"),
        (GateMode.MANAGED, {Factor.EMAIL_OTP}, False, None),
    ],
)
def test_the_guard_accepts_a_change_that_the_operator_can_log_in_after(
    gate: GateMode, factors: set[Factor], login: bool, told: str | None
) -> None:
    policy = PolicySpec(instance_selector={}, mode=PolicyMode.ENFORCE, allowed_factors=frozenset(factors))
    instance = InstanceSpec(url="https://j/", credentials="c", gate=GateSpec(gate))
    observation = Observation(version="2.462.3", session="s", identity="i", user="admin")
    plan = make_plan(observation, desired_state(policy, instance, "admin", FREE), "code")
    finding = operator_locked_out(Situation(policy, instance, observation, plan, second_factor_login=login))
    assert (finding is None) == (told is None)
    assert finding is None or told is None or told in finding.message
