"""The plugin's challenge pages: which page a redirect means. Nothing here sends a request."""

from __future__ import annotations

from urllib.parse import urlsplit

ENROLMENT, CHALLENGE = "mfa-setup", "mfa-login"
CODE_PAGE = f"{CHALLENGE}/"
CODE_FIELD = "x-plugin-openmfa-totp"


def is_challenge(location: str) -> bool:
    """Whether a Location is the page for a code, or a user's page for enrolment."""
    return bool(redirect_target(location))


def redirect_target(location: str) -> str:
    """The page that a Location leads to, without user ids; empty when it is not a challenge."""
    segments = _segments(location)
    if segments[-1:] == [CHALLENGE]:
        return f"/{CODE_PAGE}"
    return f"/user/*/{ENROLMENT}/" if len(segments) >= 3 and segments[-3] == "user" and segments[-1] == ENROLMENT else ""


def asks_for_code(location: str) -> bool:
    """Whether a Location is the page for a code: then the account is enrolled."""
    return redirect_target(location) == f"/{CODE_PAGE}"


def _segments(location: str) -> list[str]:
    try:
        return [segment for segment in urlsplit(location).path.split("/") if segment]
    except ValueError:  # not a URL
        return []
