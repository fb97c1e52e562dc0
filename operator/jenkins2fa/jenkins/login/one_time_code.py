"""TOTP codes for a second-factor page, for the operator's own account and for canaries.

Apart from OpenMFA's page, nothing is assumed about the pages that ask for such a code, since none was available to test with. A page is
answered only if it declares its purpose in HTML: a form with exactly one field of ``autocomplete="one-time-code"`` (WHATWG HTML,
autofill), sent by POST to the same controller. Any other page is not answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pyotp

from jenkins2fa.api.references import is_plain
from jenkins2fa.jenkins.drivers.miniorange.challenge import resolve
from jenkins2fa.jenkins.drivers.openmfa.challenge import CODE_FIELD
from jenkins2fa.jenkins.pages import read_page

ONE_TIME_CODE = "one-time-code"
STEP_SECONDS = 30  # of RFC 6238: within one step the code stays the same


@dataclass(frozen=True, slots=True)
class CodeForm:
    """``path``: relative to Jenkins' URL; ``hidden``: the fields to send along; ``name``: the field for the code."""

    path: str
    name: str
    hidden: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Form:
    action: str
    method: str
    hidden: list[tuple[str, str]] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)


def code_at(secret: str, seconds: float) -> str:
    """The code of RFC 6238 (30 s, 6 digits, SHA-1) for a time in seconds since 1970."""
    return str(pyotp.TOTP(secret.replace(" ", "")).at(int(seconds)))


def step_at(seconds: float) -> int:
    """The number of the time step of RFC 6238 for a time in seconds since 1970."""
    return int(seconds) // STEP_SECONDS


def code_form(page: str, url: str, path: str) -> CodeForm | None:
    """The form of a page that asks for a code; None when the page has none, has several, or sends it elsewhere.

    ``path``: the page's path below ``url``."""
    asking = [form for form in _forms(page) if form.codes]
    if len(asking) != 1 or len(asking[0].codes) != 1 or asking[0].method != "post":
        return None
    target = _below(url, resolve(url + path, asking[0].action))
    return None if target is None else CodeForm(target, asking[0].codes[0], tuple(asking[0].hidden))


def crumb_of(page: str) -> dict[str, str]:
    """The header against forged requests that a page of Jenkins gives to its forms; empty if it gives none."""
    for part in read_page(page):
        if not isinstance(part, str) and "data-crumb-value" in part.attributes:
            return {part.attributes.get("data-crumb-header", "Jenkins-Crumb"): part.attributes["data-crumb-value"]}
    return {}


def _below(url: str, target: str) -> str | None:
    """The ``target`` as a path below ``url``; None when it has another origin or is not below ``url``."""
    base, parts = urlsplit(url), urlsplit(target)
    if (base.scheme, base.netloc) != (parts.scheme, parts.netloc) or not parts.path.startswith(base.path):
        return None
    below = parts.path[len(base.path) :]
    if not is_plain(below):
        return None
    return below + (f"?{parts.query}" if parts.query else "")


def _forms(page: str) -> list[_Form]:
    """The forms of a page with their hidden fields and the names of their fields for a code."""
    forms: list[_Form] = []
    current: _Form | None = None
    for part in read_page(page):
        if isinstance(part, str):
            continue
        if part.name == "form":
            current = None if part.closes else _Form(part.attributes.get("action", ""), part.attributes.get("method", "get").lower())
            forms += [current] if current else []
        elif part.name == "input" and current is not None:
            _note_field(current, part.attributes)
    return forms


def _note_field(form: _Form, values: Mapping[str, str]) -> None:
    name = values.get("name", "")
    if not name:
        return
    if name == CODE_FIELD or ONE_TIME_CODE in values.get("autocomplete", "").lower().split():
        form.codes.append(name)
    elif values.get("type", "").lower() == "hidden":
        form.hidden.append((name, values.get("value", "")))
