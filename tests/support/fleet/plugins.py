"""The 2FA plugins of the fake, as data: what their settings look like, and when they challenge users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
TEXTS = {"subject": "Your one-time password for Jenkins", "template": "Your one-time password for Jenkins is $otp"}


@dataclass(frozen=True, slots=True)
class FakePlugin:
    """``fresh``: the settings without a file. ``off``: what switches it off. ``challenge``: where somebody who is not enrolled is sent.

    ``asks``: whether settings and live flag make it challenge users; ``completed``: settings as they are written, given those in memory."""

    name: str
    version: str
    factors: tuple[str, ...]
    fresh: Document
    off: Document
    challenge: str
    asks: Callable[[Document, bool | None], bool]
    completed: Callable[[Document, Document], Document] = lambda wanted, held: wanted
    has_live_flag: bool = True
    tokens_pass: bool = False


def _mails_completed(wanted: Document, held: Document) -> Document:
    if not wanted.get("mail"):
        return wanted
    texts = held["mail"] or TEXTS
    return {**wanted, "mail": {key: wanted["mail"][key] or texts[key] or TEXTS[key] for key in TEXTS}}


MINI_ORANGE = FakePlugin(
    name="miniorange-two-factor",
    version="1.2.0",
    factors=("securityQuestions", "emailOTP"),
    fresh={"enabled": False, "securityQuestions": False, "emailOTP": None, "mail": None},
    off={"enabled": False},
    challenge="tfaConfiguration",
    asks=lambda held, live: bool(live and (held["securityQuestions"] or (held["emailOTP"] or {}).get("enabled"))),
    completed=_mails_completed,
)
OPEN_MFA = FakePlugin(
    name="openmfa",
    version="111.v347db_32e7f24",
    factors=("mobileAuthenticator",),
    fresh={"enabled": False, "exemptsEveryone": False, "issuer": "Jenkins", "exemptUsers": "", "exemptRoles": ""},
    off={"enabled": False, "exemptsEveryone": True},
    challenge="mfa-setup",
    asks=lambda held, live: held["enabled"] and not held["exemptsEveryone"],
    has_live_flag=False,
    tokens_pass=True,
)
