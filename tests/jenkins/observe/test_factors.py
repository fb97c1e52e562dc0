"""The factors of the free edition, each on and off: one-time passwords by e-mail with the configured texts, security questions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from jenkins2fa.api.policy import Factor
from jenkins2fa.core.assess import Proof
from tests.support.managed import EMAIL, Managed, policy
from tests.support.standin import Browser, StandIn

pytestmark = pytest.mark.both_flavours

BOTH: dict[str, Any] = {"allowedFactors": ["EmailOTP", "SecurityQuestions"], "emailOTP": EMAIL}
PAGE = "/tfaUserAuth/otpOverEmailAuth/"
ONLY_EMAIL: dict[str, Any] = {"allowedFactors": ["EmailOTP"], "emailOTP": EMAIL}
ONLY_QUESTIONS: dict[str, Any] = {"allowedFactors": ["SecurityQuestions"]}


def mail_of(jenkins: StandIn, browser: Browser) -> dict[str, str]:
    """The mail that a user gets after requesting a one-time password."""
    before = len(jenkins.outbox())
    assert browser.status(PAGE + "resendOtp", "POST", headers=browser.page_crumb(PAGE)) == 302
    (mail,) = jenkins.outbox()[before:]
    return mail


def enter(browser: Browser, mail: dict[str, str]) -> int:
    """Enter the one-time password of a mail; returns the status of the first page afterwards."""
    form = {"emailOtpForVerification": re.findall(r"\d{5}", mail["body"])[0]}
    data, crumb = {"json": json.dumps(form)}, browser.page_crumb(PAGE)
    browser.call(PAGE + "saveOrValidateOtpOverEmailConfig", "POST", data=data, headers=crumb)
    return browser.status()


def person(jenkins: StandIn, name: str) -> Browser:
    browser = jenkins.browser(name)
    browser.login(f"{name}-pw-1")
    return browser


def test_a_mail_has_the_configured_texts_and_its_code_works(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy(**ONLY_EMAIL))
    bob = person(standin, "bob")
    assert bob.status() == 302
    mail = mail_of(standin, bob)
    assert [mail["from"], mail["to"], mail["subject"]] == [EMAIL["senderAddress"], "bob@lab.invalid", EMAIL["subject"]]
    assert re.sub(r"\d{5}", "$otp", mail["body"]) == EMAIL["template"].replace("$username", "bob")
    assert enter(bob, mail) == 200


def test_the_mail_texts_survive_a_restart_unchanged(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy(**BOTH))
    standin.restart()
    seen = managed.observe()
    assert seen.memory == seen.disk
    assert seen.memory is not None
    assert [seen.memory.sender, seen.memory.subject, seen.memory.template] == [
        EMAIL[one] for one in ("senderAddress", "subject", "template")
    ]
    assert not managed.differing(policy(**BOTH))


@pytest.mark.parametrize(
    "text",
    [
        "$otp",
        "a\nb\t$otp\n",
        "</x> & &amp; ]]> \"'$otp",
        "Ж 漢字 😀 $otp",
        "${otp} $otp ${1+1} \\u0041 #{x}",
        "x" * 20000 + "$otp",
        "a\r\nb $otp",
    ],
)
def test_any_mail_text_is_stored_unchanged(javax_standin: StandIn, text: str) -> None:
    managed = Managed(javax_standin.url, "admin", javax_standin.tokens["admin"])
    wanted = policy(**{**BOTH, "emailOTP": {**EMAIL, "template": text}})
    assert not managed.apply(wanted).plan.changes
    assert not managed.apply(wanted).plan.changes


def test_setting_only_the_subject_keeps_the_mail_text(standin: StandIn, managed: Managed) -> None:
    """As in examples/typical.yaml, where no text was ever set: the mail must still contain the password."""
    subject = {"senderAddress": "jenkins@lab.invalid", "subject": "Your code"}
    managed.apply(policy(**{**ONLY_EMAIL, "emailOTP": subject}))
    bob = person(standin, "bob")
    mail = mail_of(standin, bob)
    assert [mail["subject"], enter(bob, mail)] == ["Your code", 200]
    assert not managed.differing(policy(**{**ONLY_EMAIL, "emailOTP": subject}))


def test_mail_texts_that_the_policy_omits_are_kept(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy(**ONLY_EMAIL))
    managed.apply(policy(**{**ONLY_EMAIL, "emailOTP": {"senderAddress": "other@lab.invalid", "subject": "Another"}}))
    mail = mail_of(standin, person(standin, "bob"))
    assert [mail["from"], mail["subject"], "Ihr Code" in mail["body"]] == ["other@lab.invalid", "Another", True]
    managed.apply(policy(**{**ONLY_EMAIL, "emailOTP": {"senderAddress": "other@lab.invalid"}}))
    assert mail_of(standin, person(standin, "bob"))["subject"] == "Another"


def test_each_factor_is_switched_on_and_off(standin: StandIn, managed: Managed) -> None:
    for wanted in (ONLY_QUESTIONS, BOTH, ONLY_EMAIL, ONLY_QUESTIONS):
        result = managed.apply(policy(**wanted))
        seen = result.observation
        assert [result.plan.changes, result.proof, seen.memory == seen.disk] == [(), Proof.CHALLENGED, True]
        assert seen.memory is not None
        assert {factor.value for factor in seen.memory.factors} == set(wanted["allowedFactors"])
        offered = person(standin, "alice").call("/user/alice/tfaConfiguration/").text
        assert ["securityQuestionConfig" in offered, "otpOverEmailAuth" in offered] == [
            "SecurityQuestions" in wanted["allowedFactors"],
            "EmailOTP" in wanted["allowedFactors"],
        ]


def test_a_user_enrols_in_questions_and_answers_them_next_time(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    alice = person(standin, "alice")
    assert alice.place() == "/user/alice/tfaConfiguration/"
    alice.enrol()
    assert alice.status() == 200
    again = person(standin, "alice")
    assert again.place() == "/tfaUserAuth/securityQuestionAuth/"
    again.second_factor()
    assert again.status() == 200
    seen = managed.observe(users=True).enrolment
    assert seen is not None
    assert [seen.by_factor, seen.not_enrolled] == [{Factor.SECURITY_QUESTIONS: 1, Factor.EMAIL_OTP: 0}, seen.total - 1]


def test_switching_off_keeps_factors_texts_and_enrolments(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy(**BOTH))
    person(standin, "alice").enrol()
    managed.apply(policy(mode="Disabled", **BOTH))
    assert person(standin, "alice").status() == 200
    managed.apply(policy(**BOTH))
    assert person(standin, "alice").place() == "/tfaUserAuth/securityQuestionAuth/"


def test_users_who_would_be_locked_out_are_counted(managed: Managed) -> None:
    finding = next(one for one in managed.assess(policy(**ONLY_EMAIL)).findings if one.reason == "UsersWithoutAddress")
    assert finding.message.startswith("1 of 4 users have no e-mail address")
    assert "alice" not in finding.message
