"""What tests of OpenMFA need beside the stand-in: its settings, users' secrets, and their codes.

Each code works once, and only those of the present 30 s, of the 30 s before and of the 30 s after are right: a test has three codes of
a secret (`steps` 0, 1 and -1), and more after `forget_codes`.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Sequence
from typing import Protocol

import pyotp
import requests

from tests.support.standin import Browser, StandIn, crumb_in

PROPERTY = "io.jenkins.plugins.openmfa.MFAUserProperty"
STEP = 30
SERVICE = "io.jenkins.plugins.openmfa.base.MFAContext.i().getService(io.jenkins.plugins.openmfa.service.%s)"


class Scripted(Protocol):
    """A stand-in, or a real Jenkins."""

    def groovy(self, text: str) -> str: ...


def code(secret: str, steps: int = 0) -> str:
    """The code of so many times 30 s from now."""
    return str(pyotp.TOTP(secret).at(int(time.time()) + steps * STEP))


def early_in_a_step(needed: float = 3) -> None:
    """Wait for the next 30 s if fewer seconds than needed are left of the present ones: then even the code before is still right."""
    left = STEP - time.time() % STEP
    if left < needed:
        time.sleep(left + 0.1)


def wrong_code(secret: str) -> str:
    """Six digits that are wrong now, and in the minutes around now."""
    near = {code(secret, steps) for steps in range(-4, 5)}
    return next(digits for digits in ("000000", "111111", *(f"{number:06}" for number in range(1, 20))) if digits not in near)


def settings(jenkins: Scripted, *, required: bool, users: Sequence[str] | None = None, groups: Sequence[str] | None = None) -> None:
    """Set and save the settings; None leaves exemptions as they are, as versions before 111 need it."""
    script = ["def c = io.jenkins.plugins.openmfa.MFAGlobalConfiguration.get()", f"c.setRequireMFA({str(required).lower()})"]
    for setter, names in (("setExemptUsers", users), ("setExemptRoles", groups)):
        if names is not None:
            script.append(f"c.{setter}({_quoted(chr(10).join(names))})")
    jenkins.groovy("; ".join([*script, "c.save()"]))


def enrol(jenkins: StandIn, user: str, secret: str | None = None) -> str:
    """Enrol a user by the control port, without any session; returns the secret."""
    secret = secret or pyotp.random_base32()
    jenkins.groovy(f"""def user = hudson.model.User.getById('{user}', true)
{PROPERTY}.getOrCreate(user).setSecret(hudson.util.Secret.fromString('{secret}'))
user.save()""")
    return secret


def secret_of(jenkins: StandIn, user: str) -> str | None:
    """The secret that Jenkins holds of a user; None of somebody who is not enrolled."""
    held = jenkins.groovy(f"print {PROPERTY}.forUser(hudson.model.User.getById('{user}', false))?.secret?.plainText ?: ''")
    return held or None


def forget_codes(jenkins: Scripted) -> None:
    """Forget used codes, wrong codes and lock-outs."""
    jenkins.groovy(f"""{SERVICE % "TOTPService"}.@usedCodes.clear()
{SERVICE % "RateLimitService"}.with {{ it.@failedAttempts.clear(); it.@lockouts.clear() }}""")


def enrol_by_page(browser: Browser, secret: str | None = None) -> tuple[str, requests.Response]:
    """Enrol as a person does, with the present code; returns the secret, and the answer after which the session is verified.

    `secret` None takes the one that the page offers, which a stand-in does not really encrypt."""
    page = browser.call(f"/user/{browser.name}/mfa-setup/").text
    if secret is None:
        offered = re.findall(r'name="x-plugin-openmfa-secret" value="([^"]+)"', page)[0]
        secret = _decoded(offered)
    else:
        offered = secret
    form = {"x-plugin-openmfa-secret": offered, "x-plugin-openmfa-code": code(secret)}
    return secret, browser.call(f"/user/{browser.name}/mfa-setup/enable", "POST", data=form, headers=crumb_in(page))


def answer(browser: Browser, digits: str, place: str | None = None) -> requests.Response:
    """Answer the challenge with a code, from its page; `place` is where the browser wanted to go."""
    page = browser.call("/mfa-login/").text
    form = {"x-plugin-openmfa-totp": digits, **({"from": place} if place else {})}
    return browser.call("/mfa-login/verify", "POST", data=form, headers=crumb_in(page))


def _quoted(text: str) -> str:
    """A Groovy string."""
    return json.dumps(text).replace("$", "\\$")


def _decoded(stored: str) -> str:
    return base64.b64decode(stored.strip("{}")).decode()
