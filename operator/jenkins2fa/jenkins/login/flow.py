"""Answers the second factor with security questions or a one-time code, for the operator's own account (gate.mode None).

The answers are derived from the Secret's ``secondFactorSeed``, so nothing has to be stored: a new process, or another replica, gives the
same ones. The account enrols itself when the plugin asks it to. Pages and forms: docs/second-factor-login.md.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from jenkins2fa.jenkins.answers import expect_success, is_challenged
from jenkins2fa.jenkins.answers import is_challenge as is_any_challenge
from jenkins2fa.jenkins.connection import Attempts
from jenkins2fa.jenkins.drivers.miniorange.challenge import (
    AUTHENTICATE,
    CHALLENGE,
    ENROLMENT,
    QUESTIONS,
    is_challenge,
    read_challenge,
    resolve,
    shown_questions,
)
from jenkins2fa.jenkins.drivers.openmfa import challenge as openmfa
from jenkins2fa.jenkins.errors import JenkinsError, ProtocolError, SecondFactorRejected, Starting
from jenkins2fa.jenkins.http import Answer, Http
from jenkins2fa.jenkins.login.one_time_code import STEP_SECONDS, code_at, code_form, crumb_of, step_at

FIRST, SECOND = "What is your first company name ?", "What is your childhood nickname ?"  # from the plugin's list
CUSTOM = "Which answer does jenkins-2fa-operator derive for this account ?"  # free text; a change would lock out enrolled accounts
OWN_QUESTIONS = (FIRST, SECOND, CUSTOM)

RUN = "X-Jenkins-Session"  # another value after each start of Jenkins
PAGE = f"{CHALLENGE}/{QUESTIONS}/"
RESET = "reset the security questions of that account in Jenkins (see docs/second-factor-login.md), and the operator enrols it again"
FOREIGN = f"the operator's account is enrolled in security questions that the operator cannot answer: {RESET}"
WRONG = (
    "Jenkins refused the answers to the security questions: the account was enrolled with another secondFactorSeed, under another "
    "spec.url, or by hand; no further answer is sent for ten minutes, unless the Secret changes. "
    f"Restore the former seed, or {RESET}"
)
WRONG_CODE = (
    "Jenkins refused the one-time code: the key totp of the Secret is of another account, or a clock is wrong; no further code is sent "
    "for ten minutes, unless the Secret changes"
)
NO_CODE_FIELD = (
    "Jenkins asks for a second factor on a page without a field for a one-time code (autocomplete=one-time-code), so the operator does "
    "not answer it: set gate.mode: Managed, or allow SecurityQuestions and put a secondFactorSeed into the Secret"
)
NOT_ENROLLED = (
    "the operator's account is not enrolled, and can enrol itself only in security questions: put a secondFactorSeed into its Secret"
)
NO_APP_CODE = (
    "Jenkins asks the account for a code of an authenticator app, but the account is not enrolled or its Secret has no key totp: "
    "enrol it in Jenkins, and put the app's key into the Secret (totp, base32)"
)
AGAIN = (
    "Jenkins accepted the second factor and asks for it again: check that nothing in front of Jenkins drops its cookies, and that only one "
    "replica answers"
)


def identity_of(url: str, username: str) -> str:
    """What an answer is derived for, known before any log-in: host, port and context path of the URL, and the user id in lower case."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return f"{(parts.hostname or '').lower()}:{port}/{parts.path.strip('/')} {username.casefold()}"


def derive_answer(seed: str, identity: str, question: str) -> str:
    """HMAC-SHA256 as 64 hexadecimal digits. The answers at one controller reveal neither those at another nor the seed."""
    return hmac.new(seed.encode(), f"jenkins2fa/v1\n{identity}\n{question}".encode(), hashlib.sha256).hexdigest()


class SecondFactorLogin:
    """Answers the second factor on one HTTP session, which stays verified until it ends (expiry, a restart of Jenkins).

    ``logins`` counts the successful answers. Without a seed or TOTP key it answers nothing. Not for use by two threads at once.
    ``clock`` is the time in seconds since 1970, ``sleep`` waits for so many seconds."""

    def __init__(self, http: Http, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep) -> None:
        self._http, self._clock, self._sleep = http, clock, sleep
        self.logins = 0

    @property
    def possible(self) -> bool:
        return self._seed is not None or self._totp is not None

    @property
    def answers_questions(self) -> bool:
        """Whether it can enrol in, and answer, security questions: the one factor known to work without a person."""
        return self._seed is not None

    def through(self, send: Callable[[], Answer]) -> Answer:
        """Sends a request; when it is challenged, answers the second factor and sends the request once more.

        This is safe for a write too, because a challenged request was not carried out. Raises SecondFactorRejected, or another
        JenkinsError, when the challenge cannot be answered."""
        answer = send()
        if not self.possible or not is_challenged(answer):
            return answer
        self.answer_challenge(answer.location)
        again = send()
        if is_challenged(again):
            raise ProtocolError(AGAIN, transient=False)
        return again

    def answer_challenge(self, location: str) -> None:
        """Enrols or answers, as the redirect asks. Raises JenkinsError."""
        if openmfa.is_challenge(location):
            self._enter_app_code(location)
            return
        challenge = read_challenge(location)
        with self._attempts.one_at_a_time():
            if self._totp is not None and challenge.user is None and (self._seed is None or challenge.factor not in ("", QUESTIONS)):
                self._enter_code(f"{CHALLENGE}/{challenge.factor}/" if challenge.factor else f"{CHALLENGE}/")
            elif challenge.user is not None and self._seed is not None:
                self._enrol(challenge.user)
            elif self._seed is None:
                raise SecondFactorRejected(NOT_ENROLLED)
            elif challenge.factor in ("", QUESTIONS):
                self._answer()
            else:
                raise SecondFactorRejected(
                    f"Jenkins asks for a factor that the operator cannot answer: allow SecurityQuestions, and {RESET}"
                )

    def verify_early(self, user: str, *, enrolled: bool) -> None:
        """Enrols ``user``, or answers its questions, before Jenkins demands it. Raises SecondFactorRejected for wrong answers."""
        if self.logins or self._seed is None:
            return
        with self._attempts.one_at_a_time():
            if not enrolled:
                self._enrol(quote(user, safe=""))
                return
            try:
                self._answer()
            except ProtocolError:
                return  # while 2FA is off there may be no page of questions: the trial shows whether it works

    @property
    def _attempts(self) -> Attempts:
        return self._http.connection.attempts

    @property
    def _seed(self) -> str | None:
        account = self._http.connection.credentials
        return account.second_factor_seed if account else None

    @property
    def _totp(self) -> str | None:
        account = self._http.connection.credentials
        return account.totp if account else None

    def _enter_app_code(self, location: str) -> None:
        if not openmfa.asks_for_code(location) or self._totp is None:
            raise SecondFactorRejected(NO_APP_CODE)
        with self._attempts.one_at_a_time():
            self._enter_code(openmfa.CODE_PAGE)

    def _enter_code(self, path: str) -> None:
        """Answers a page that asks for a one-time code. Each code is sent once: a refusal starts the same pause as for answers, and
        a second session of the account waits for the next code, at most half a minute."""
        account = self._http.connection.credentials
        self._attempts.may_answer(account)
        self._await_another_code()
        page = self._http.get(path)
        _expect_here(page)
        form = code_form(page.text, self._http.connection.url, path)
        if form is None or self._totp is None:
            raise ProtocolError(NO_CODE_FIELD, transient=False)
        now = self._clock()
        self._attempts.spend(account, step_at(now))
        answer = self._http.post(form.path, {**dict(form.hidden), form.name: code_at(self._totp, now)}, crumb_of(page.text))
        if answer.status == 200 or is_any_challenge(resolve(self._http.connection.url + form.path, answer.location)):
            raise self._attempts.refuse(account, WRONG_CODE)
        if not 300 <= answer.status < 400:
            _expect_here(answer)
        self._passed()

    def _await_another_code(self) -> None:
        now = self._clock()
        if self._attempts.is_spent(self._http.connection.credentials, step_at(now)):
            self._sleep((step_at(now) + 1) * STEP_SECONDS - now)

    def _enrol(self, user: str) -> None:
        """``user`` as a path segment. Enrolling is not a guess, so no pause applies."""
        form = {"firstSecurityQuestion": FIRST, "secondSecurityQuestion": SECOND, "customSecurityQuestion": CUSTOM}
        answers = {f"{field}Answer": self._derive(question) for field, question in form.items()}
        path = f"user/{user}/securityQuestionConfig/saveSecurityQuestion"
        answer = self._post(path, {**form, **answers})
        place = urlsplit(resolve(self._http.connection.url + path, answer.location)).path
        if any(page in place for page in (ENROLMENT, "securityQuestionConfig")):
            raise ProtocolError("Jenkins did not accept the enrolment of the operator's account in security questions", transient=False)
        self._passed()

    def _answer(self) -> None:
        account = self._http.connection.credentials
        self._attempts.may_answer(account)
        page = self._http.get(PAGE)
        if is_challenged(page):
            raise ProtocolError("Jenkins redirects its own page of security questions: is the account enrolled?", transient=False)
        _expect_here(page)
        asked = shown_questions(page.text, OWN_QUESTIONS)
        if asked is None:
            raise ProtocolError("this operator does not know this page of security questions", transient=False)
        if len(asked) != 2:
            raise SecondFactorRejected(FOREIGN)
        form = dict(zip(("userFirstAuthenticationAnswer", "userSecondAuthenticationAnswer"), map(self._derive, asked), strict=True))
        answer = self._post(PAGE + AUTHENTICATE, form)
        if is_challenge(resolve(self._http.connection.url + PAGE + AUTHENTICATE, answer.location)):
            self._expect_no_restart(page)
            raise self._attempts.refuse(account, WRONG)
        self._passed()

    def _expect_no_restart(self, page: Answer) -> None:
        """Raises Starting when Jenkins restarted meanwhile: it then did not compare the answers with the questions that it had asked."""
        now = self._http.get(PAGE)
        if now.status == 503 or now.headers.get(RUN, "") != page.headers.get(RUN, ""):
            raise Starting("Jenkins restarted between its questions and the answers")

    def _post(self, path: str, form: dict[str, str]) -> Answer:
        """Both forms answer with a redirect, whatever happened. Raises JenkinsError for any other answer."""
        answer = self._http.post(path, {"json": json.dumps(form)})
        if not 300 <= answer.status < 400:
            _expect_here(answer)
            raise ProtocolError("the form of the second factor answered with a page instead of a redirect", transient=False)
        return answer

    def _passed(self) -> None:
        self._attempts.succeed()
        self.logins += 1

    def _derive(self, question: str) -> str:
        account = self._http.connection.credentials
        if account is None or account.second_factor_seed is None:
            raise JenkinsError("there is no secondFactorSeed")
        return derive_answer(account.second_factor_seed, identity_of(self._http.connection.url, account.username), question)


def _expect_here(answer: Answer) -> None:
    if answer.status in (404, 405):
        raise ProtocolError(f"this controller lacks the page of the second factor ({answer.status})", transient=False)
    expect_success(answer)
