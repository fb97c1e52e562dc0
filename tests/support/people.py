"""People at a Jenkins: who gets in without a second factor, and a session after the log-in form."""

from __future__ import annotations

from tests.support.standin import Browser, StandIn


def gets_in(jenkins: StandIn, *names: str) -> str:
    """Who of them sees the first page with a password and no second factor, in a fresh session each."""
    return " ".join(name for name in names if jenkins.browser(name, f"{name}-pw-1").status() == 200)


def logged_in(jenkins: StandIn, name: str) -> Browser:
    browser = jenkins.browser(name)
    browser.login(f"{name}-pw-1")
    return browser
