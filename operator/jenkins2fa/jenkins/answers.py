"""What an answer from Jenkins means: its status, its headers, and redirects to a challenge page of one of the plugins.

Before the first observation the operator does not know which plugin a controller has, and a probe never asks. So the challenge pages of
every plugin count.
"""

from __future__ import annotations

import re
from typing import Protocol

from jenkins2fa.jenkins.drivers.miniorange import challenge as miniorange
from jenkins2fa.jenkins.drivers.openmfa import challenge as openmfa
from jenkins2fa.jenkins.errors import ChallengedBySecondFactor, Forbidden, ProtocolError, Redirected, Starting, Unauthorized
from jenkins2fa.jenkins.http import Answer

_VERSION = re.compile("[0-9]{1,6}([.][0-9]{1,6}){1,4}(-[A-Za-z0-9.]{1,20})?")
_SESSION = re.compile("[0-9a-fA-F]{1,40}")


def is_challenged(answer: Answer) -> bool:
    """Whether the plugin redirected the request to its second factor instead of carrying it out."""
    return 300 <= answer.status < 400 and is_challenge(answer.location)


def expect_success(answer: Answer) -> None:
    """Returns on 200; raises the error that any other status means.

    401, 500 and 302 also occur around a restart; only the caller knows whether there is one."""
    match answer.status:
        case 200:
            return
        case 503:
            raise Starting("Jenkins is starting or restarting (503)")
        case 401:
            raise Unauthorized("Jenkins refused the user name or API token (401): renew the token in the Secret")
        case 403:
            permission = answer.headers.get("X-Required-Permission", "")
            if permission:
                raise Forbidden("the account lacks Jenkins' Administer permission, which the script console needs (403)")
            raise Forbidden("Jenkins, or something in front of it, forbids the request (403)")
        case 404 | 405:
            message = f"there is no script console at this URL ({answer.status}): is the context path in spec.url right?"
            raise ProtocolError(message, transient=False)
        case status if 300 <= status < 400:
            raise _redirection(answer)
        case status:
            raise ProtocolError(f"Jenkins answered {status}", transient=status >= 500)


def _redirection(answer: Answer) -> Exception:
    if is_challenge(answer.location):
        return ChallengedBySecondFactor(
            "Jenkins asks the operator itself for a second factor, so it can neither read nor repair. Where gate.mode is Managed or "
            "Provided, the gate was removed, or the Secret names another account than the gate admits: restart Jenkins, whose start-up "
            "file restores the gate. Where SecurityQuestions are allowed, you can put a secondFactorSeed into the Secret instead "
            "(`jenkins2fa unlock` lists every remedy)"
        )
    return Redirected(
        f"Jenkins, or something in front of it, redirects to another page ({answer.status}; `curl -I` on spec.url shows which): "
        "set spec.url to where Jenkins itself answers"
    )


def version_of(answer: Answer) -> str:
    """The version in Jenkins' header; empty when the header is absent or holds no version."""
    return _word(answer, "X-Jenkins", _VERSION)


def session_of(answer: Answer) -> str:
    """The id of the run of Jenkins in its header; empty when the header is absent or holds no id."""
    return _word(answer, "X-Jenkins-Session", _SESSION)


def _word(answer: Answer, header: str, pattern: re.Pattern[str]) -> str:
    """Headers are outside the frame, so only a value of the expected form reaches status, logs and evidence."""
    value = answer.headers.get(header, "")
    return value if pattern.fullmatch(value) else ""


class ChallengePages(Protocol):
    """What a driver's module of challenge pages offers."""

    def is_challenge(self, location: str) -> bool: ...

    def redirect_target(self, location: str) -> str: ...


PLUGINS: tuple[ChallengePages, ...] = (miniorange, openmfa)


def is_challenge(location: str) -> bool:
    """Whether a Location is a challenge page of one of the plugins."""
    return any(plugin.is_challenge(location) for plugin in PLUGINS)


def redirect_target(location: str) -> str:
    """The target of a redirect for the evidence: the plugin's page without user ids, or ``elsewhere``; empty without a redirect."""
    if not location:
        return ""
    for plugin in PLUGINS:
        if place := plugin.redirect_target(location):
            return place
    return "elsewhere"
