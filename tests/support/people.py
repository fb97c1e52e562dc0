"""Users of Jenkins: who gets in without a second factor, and a session after the login form."""

from __future__ import annotations

import json
from typing import Any

from tests.support.standin import Browser, StandIn


def gets_in(jenkins: StandIn, *names: str) -> str:
    """Which of these users see the first page with only a password, each in a new session."""
    return " ".join(name for name in names if jenkins.browser(name, f"{name}-pw-1").status() == 200)


def logged_in(jenkins: StandIn, name: str) -> Browser:
    browser = jenkins.browser(name)
    browser.login(f"{name}-pw-1")
    return browser


def administrator(jenkins: StandIn, name: str, password: str) -> Browser | None:
    """A session of a human administrator with a password and, if demanded, a second factor; None if they cannot get in."""
    browser = jenkins.browser(name, password)
    browser.login(password)
    place = browser.place()
    if "tfaConfiguration" in place:
        browser.enrol()
    elif "tfaUserAuth" in place:
        browser.second_factor()
    answer = browser.call("/scriptText", "POST", data={"script": "print 6 * 7"}, headers=browser.crumb())
    return browser if answer.status_code == 200 and answer.text.strip() == "42" else None


def save_form(browser: Browser, *, enabled: bool, questions: bool, sender: str | None = None) -> str:
    """Save the plugin's own form as an administrator does; returns the redirect."""
    form: dict[str, Any] = {"formPage": "basicConfig", "enableTfa": enabled, "enableSecurityQuestion": questions}
    if sender:
        form["enableOtpOverEmail"] = {"senderEmailAddress": sender}
    answer = browser.call("/manage/tfaGlobalConfig/saveGlobalTfaSettings", "POST", data={"json": json.dumps(form)}, headers=browser.crumb())
    return answer.headers.get("Location", "")
