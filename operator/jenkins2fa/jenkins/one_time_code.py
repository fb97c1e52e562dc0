"""TOTP codes for a second-factor page, for the operator's own account.

No page of a plugin that asks for such a code was available to us, so nothing is assumed about any of them. A page is answered only if it
says itself what it wants, as HTML has it: a form with exactly one field of ``autocomplete="one-time-code"`` (WHATWG HTML, autofill), sent
by POST to the same Jenkins. Anything else is left alone.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pyotp

from jenkins2fa.api.consent import is_plain

ONE_TIME_CODE = "one-time-code"
STEP_SECONDS = 30  # of RFC 6238: within one step the code stays the same


@dataclass(frozen=True, slots=True)
class CodeForm:
    """``path`` is relative to the Jenkins' URL; ``hidden`` are the fields that go along; ``name`` is the field for the code."""

    path: str
    name: str
    hidden: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Form:
    action: str
    method: str
    hidden: list[tuple[str, str]] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)


def totp_problem(secret: str) -> str | None:
    """What is wrong with a TOTP key, or None."""
    try:
        pyotp.TOTP(secret.replace(" ", "")).at(0)
    except (binascii.Error, ValueError):
        return "is no TOTP key: it is written in base32 (letters A to Z and digits 2 to 7)"
    return None


def code_at(secret: str, seconds: float) -> str:
    """The code of RFC 6238 (30 s, 6 digits, SHA-1) for a time in seconds since 1970."""
    return str(pyotp.TOTP(secret.replace(" ", "")).at(int(seconds)))


def step_at(seconds: float) -> int:
    """The number of the time step of RFC 6238 for a time in seconds since 1970."""
    return int(seconds) // STEP_SECONDS


def code_form(page: str, url: str, path: str) -> CodeForm | None:
    """The form of a page that asks for a code; None when the page has none, or several, or sends it to elsewhere.

    ``path`` is the page's, below ``url``."""
    parser = _Forms()
    try:
        parser.feed(page)
        parser.close()
    except AssertionError:  # how the parser of the standard library refuses a malformed declaration
        return None
    asking = [form for form in parser.forms if form.codes]
    if len(asking) != 1 or len(asking[0].codes) != 1 or asking[0].method != "post":
        return None
    target = _below(url, urljoin(url + path, asking[0].action))
    return None if target is None else CodeForm(target, asking[0].codes[0], tuple(asking[0].hidden))


def _below(url: str, target: str) -> str | None:
    """A URL as a path below ``url``; None when it is another origin, or beside it."""
    base, found = urlsplit(url), urlsplit(target)
    if (base.scheme, base.netloc) != (found.scheme, found.netloc) or not found.path.startswith(base.path):
        return None
    if not is_plain(found.path[len(base.path) :]):
        return None
    return found.path[len(base.path) :] + (f"?{found.query}" if found.query else "")


class _Forms(HTMLParser):
    """The forms of a page with their hidden fields and the names of their fields for a code."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[_Form] = []
        self._open: _Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = _Form(values.get("action", ""), values.get("method", "get").lower())
            self.forms.append(self._open)
        elif tag == "input" and self._open is not None and values.get("name"):
            if ONE_TIME_CODE in values.get("autocomplete", "").lower().split():
                self._open.codes.append(values["name"])
            elif values.get("type", "").lower() == "hidden":
                self._open.hidden.append((values["name"], values.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
