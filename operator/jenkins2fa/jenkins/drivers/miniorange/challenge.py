"""The plugin's challenge pages: which one a redirect means, and which questions one of them shows.

Nothing here sends a request. Of a Location only the part after the context path is read, so a redirect to another host leads to the same
page of the controller that was asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from jenkins2fa.jenkins.errors import ProtocolError
from jenkins2fa.jenkins.pages import read_page

ENROLMENT, CHALLENGE, QUESTIONS = "tfaConfiguration", "tfaUserAuth", "securityQuestionAuth"
AUTHENTICATE = "securityQuestionAuthenticate"
UNSEEN = frozenset({"script", "style", "template", "title"})
_FACTOR_PAGE = re.compile("[A-Za-z]{1,40}")
NO_ROOT_URL = "null"  # what the plugin puts before its page when Jenkins has no root URL configured


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the plugin asks for. ``user`` is set when the account must enrol: its id as a path segment, percent-encoded.

    ``factor`` is the page of the factor asked for, empty when there is a choice."""

    user: str | None = None
    factor: str = ""


def is_challenge(location: str) -> bool:
    """Whether a Location is one of the plugin's two challenge pages (with no root URL configured it is ``…/nulltfaUserAuth/…``)."""
    return any(segment.removeprefix(NO_ROOT_URL) in (ENROLMENT, CHALLENGE) for segment in _segments(location))


def read_challenge(location: str) -> Challenge:
    """Which challenge a Location is, whatever its host and context path. Raises ProtocolError for an unknown one."""
    segments = _segments(location)
    for at in reversed(range(len(segments))):
        name = segments[at].removeprefix(NO_ROOT_URL)
        if name == CHALLENGE:
            return Challenge(factor=segments[at + 1] if at + 1 < len(segments) else "")
        if name == ENROLMENT and at >= 2 and segments[at - 2].removeprefix(NO_ROOT_URL) == "user" and _is_plain(segments[at - 1]):
            return Challenge(user=segments[at - 1])
    raise ProtocolError("Jenkins redirects to a page of the second factor that this operator does not know", transient=False)


def redirect_target(location: str) -> str:
    """The page that a Location leads to, without user ids; empty when it is not a challenge."""
    try:
        challenge = read_challenge(location)
    except ProtocolError:
        return ""
    if challenge.user is not None:
        return f"/user/*/{ENROLMENT}/"
    return f"/{CHALLENGE}/{challenge.factor}/" if _FACTOR_PAGE.fullmatch(challenge.factor) else f"/{CHALLENGE}/"


def resolve(base: str, location: str) -> str:
    """A Location resolved against the page that answered with it; empty when it is not a URL."""
    try:
        return urljoin(base, location)
    except ValueError:
        return ""


def shown_questions(page: str, known: Iterable[str]) -> tuple[str, ...] | None:
    """Those of the ``known`` questions that the page asks, in the order shown; None when it is not the page of security questions."""
    texts, actions = _read(page)
    if not any(_segments(action)[-1:] == [AUTHENTICATE] for action in actions):
        return None
    questions = {_one_line(question): question for question in known}
    return tuple(dict.fromkeys(questions[text] for text in map(_one_line, texts) if text in questions))


def _read(page: str) -> tuple[list[str], list[str]]:
    """The visible texts, one for each run between two tags, and the targets of the forms."""
    texts: list[str] = []
    actions: list[str] = []
    unseen = 0
    for part in read_page(page):
        if isinstance(part, str):
            texts += [part] if not unseen else []
        elif part.name in UNSEEN:
            unseen = max(0, unseen - 1) if part.closes else unseen + 1
        elif part.name == "form" and part.attributes.get("action"):
            actions.append(part.attributes["action"])
    return texts, actions


def _segments(location: str) -> list[str]:
    try:
        return [segment for segment in urlsplit(location).path.split("/") if segment]
    except ValueError:  # not a URL
        return []


def _is_plain(segment: str) -> bool:
    """Whether a segment survives a client's normalisation of the path."""
    return unquote(segment) not in (".", "..") and not any(sign in unquote(segment) for sign in "/\\;")


def _one_line(text: str) -> str:
    return " ".join(text.split())
