"""Whether people still get in: a canary gives its password and a code of its authenticator app, as a person does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from jenkins2fa.jenkins.answers import is_challenged
from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.errors import SecretMissing
from jenkins2fa.jenkins.http import Answer, Http
from jenkins2fa.jenkins.login.flow import SecondFactorLogin
from jenkins2fa.jenkins.login.one_time_code import step_at

NO_KEY = "the Secret of a canary with expect: Passes needs the key totp (base32), the key of its authenticator app"


def pass_second_factor(connection: Connection, clock: Callable[[], float]) -> bool:
    """Whether a code was given, and the canary got in. False: it is too early for another code, so nothing was tried.

    A code is valid once, and a process that ran before this one may have used the present one: so at most one code is sent within 30 s, and
    none within the first. The code is that of Jenkins' clock. Raises SecondFactorRejected when Jenkins does not let the canary in, or
    another JenkinsError. ``clock``: seconds since 1970."""
    account, attempts = connection.credentials, connection.attempts
    if account is None or account.totp is None:
        raise SecretMissing(NO_KEY)
    attempts.may_answer(account)
    with contextlib.closing(Http(connection)) as http:
        first = http.get()
        ahead = _ahead(first, clock())
        step = step_at(clock() + ahead)
        if not attempts.has_spent(account):
            attempts.spend(account, step)
        if attempts.is_spent(account, step) or not is_challenged(first):
            return False
        SecondFactorLogin(http, lambda: clock() + ahead).through(http.get)
        return True


def _ahead(answer: Answer, now: float) -> float:
    """How many seconds Jenkins' clock is ahead of ours."""
    try:
        return parsedate_to_datetime(answer.headers["Date"]).timestamp() - now
    except (KeyError, TypeError, ValueError):
        return 0.0
