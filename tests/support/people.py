"""People at a Jenkins: who gets in without a second factor, and a session after the log-in form."""

from __future__ import annotations

import json
from typing import Any

from tests.support.standin import Browser, StandIn


def gets_in(jenkins: StandIn, *names: str) -> str:
    """Who of them sees the first page with a password and no second factor, in a fresh session each."""
    return " ".join(name for name in names if jenkins.browser(name, f"{name}-pw-1").status() == 200)


def logged_in(jenkins: StandIn, name: str) -> Browser:
    browser = jenkins.browser(name)
    browser.login(f"{name}-pw-1")
    return browser


def administrator(jenkins: StandIn, name: str, password: str) -> Browser | None:
    """A session of a human administrator with a password and, where one is asked for, a second factor; None when there is no way in."""
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
    """The plugin's own form, as an administrator saves it; where that leads to."""
    form: dict[str, Any] = {"formPage": "basicConfig", "enableTfa": enabled, "enableSecurityQuestion": questions}
    if sender:
        form["enableOtpOverEmail"] = {"senderEmailAddress": sender}
    answer = browser.call("/manage/tfaGlobalConfig/saveGlobalTfaSettings", "POST", data={"json": json.dumps(form)}, headers=browser.crumb())
    return answer.headers.get("Location", "")
