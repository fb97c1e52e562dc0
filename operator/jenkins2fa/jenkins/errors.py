"""Errors of a controller, and of the connection to it.

::

    JenkinsError
    ├── Unreachable               no answer: refused, reset, unknown host, timed out
    ├── CertificateRejected       TLS failed: unknown authority, other name, expired
    ├── Starting                  503, or an unexpected answer around a restart
    ├── Unauthorized              401
    ├── Forbidden                 403
    ├── ChallengedBySecondFactor  302 to one of the plugin's challenge pages
    ├── SecondFactorRejected      the account has a second factor, and it was refused
    ├── Redirected                302 to anywhere else
    ├── ProtocolError             an answer not from our script: a web page, cut short, another nonce
    ├── MultipleReplicas          several JVMs answer in turn
    ├── ConfirmedUnobserved       a change was confirmed, and Jenkins could not be observed afterwards
    ├── HostNotAllowed            the Secret does not consent to this host; nothing was sent
    ├── SecretMissing             no such Secret, or it lacks a key
    └── ScriptFailed              our script threw inside Jenkins
        ├── Refused               it refused on purpose; ``type`` is the reason (TrialPending, OwnedElsewhere,
        │                         QuietingDown, NotPersisted, NoteDamaged, NothingToRestore)
        └── ChangeUndone          a trial began and was undone

``reason`` is the CamelCase word for status and metrics; the message says what happened and what to do. ``transient`` errors end by
themselves; the others need attention. Messages never contain credentials, queries of URLs, or what we sent.
"""

from __future__ import annotations

from jenkins2fa.core.reasons import Reason

LONGEST_QUOTE = 200


class JenkinsError(Exception):
    """Any failure at a Jenkins controller."""

    reason: str = Reason.JENKINS_ERROR
    transient = True


class Unreachable(JenkinsError):
    """``timed_out``: the request may still have been carried out, so observe before acting."""

    reason = Reason.UNREACHABLE

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class CertificateRejected(JenkinsError):
    reason = Reason.CERTIFICATE_REJECTED
    transient = False


class Starting(JenkinsError):
    reason = Reason.STARTING


class Unauthorized(JenkinsError):
    reason = Reason.UNAUTHORIZED
    transient = False


class Forbidden(JenkinsError):
    reason = Reason.FORBIDDEN
    transient = False


class ChallengedBySecondFactor(JenkinsError):
    reason = Reason.CHALLENGED_BY_SECOND_FACTOR
    transient = False


class SecondFactorRejected(JenkinsError):
    """A retry would fail in the same way: the Secret or the account's enrolment needs attention."""

    reason = Reason.SECOND_FACTOR_REJECTED
    transient = False


class Redirected(JenkinsError):
    reason = Reason.REDIRECTED
    transient = False


class ProtocolError(JenkinsError):
    """``transient``: the connection broke; otherwise, something other than Jenkins answered."""

    reason = Reason.PROTOCOL_ERROR

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


class MultipleReplicas(JenkinsError):
    reason = Reason.MULTIPLE_REPLICAS
    transient = False

    def __init__(self) -> None:
        super().__init__(
            "several Jenkins processes answer in turn at this URL, and a change of one does not reach the others: "
            "point spec.url at one of them"
        )


class ConfirmedUnobserved(JenkinsError):
    """Nothing is left to undo: the next observation shows the state."""

    reason = Reason.CONFIRMED_UNOBSERVED


class HostNotAllowed(JenkinsError):
    reason = Reason.HOST_NOT_ALLOWED
    transient = False


class SecretMissing(JenkinsError):
    reason = Reason.SECRET_MISSING
    transient = False


class ScriptFailed(JenkinsError):
    """``type`` is the class name of what was thrown inside Jenkins."""

    reason: str = Reason.SCRIPT_FAILED
    transient = False

    def __init__(self, message: str, type: str = "") -> None:
        super().__init__(message)
        self.type = type


class Refused(ScriptFailed):
    """Our script refused before it changed anything."""

    TRANSIENT = frozenset({"TrialPending", "QuietingDown"})

    def __init__(self, message: str, type: str) -> None:
        super().__init__(message, type)
        self.reason = type
        self.transient = type in self.TRANSIENT


class ChangeUndone(ScriptFailed):
    """A trial was begun, a check failed, and it was undone (or Jenkins undoes it within its time limit)."""

    reason = Reason.CHANGE_UNDONE
    transient = True


def quote(text: str) -> str:
    """The beginning of an answer on one line, for an error message."""
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST_QUOTE else flat[:LONGEST_QUOTE] + "…"
