"""Verification belongs to one user in one session: mixed users, planted sessions, tokens on a cookie, ended exemptions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Literal

import pytest

from tests.support.gated import gate, gated, verified
from tests.support.standin import Browser, StandIn

USERS = {"carol": {"password": "carol-pw-1", "groups": ["Devs"]}, "dave": {"password": "dave-pw-1", "groups": ["Ops"]}}
DEVS = {"exemptGroups": ["Devs"]}


@pytest.fixture(scope="module", params=["javax", "jakarta"])
def _kept(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    flavour: Literal["javax", "jakarta"] = request.param
    with StandIn(flavour=flavour, realm="groups", users=USERS) as jenkins:
        yield jenkins


@pytest.fixture
def devs_exempt(_kept: StandIn) -> StandIn:
    """Carol's group is exempt, nobody else."""
    return gated(_kept, **DEVS)


def logged_in(jenkins: StandIn, name: str) -> Browser:
    browser = jenkins.browser(name)
    browser.login(f"{name}-pw-1")
    return browser


def as_user(browser: Browser, name: str, secret: str | None) -> int:
    """One request with the same cookies as another user."""
    before, browser.http.auth = browser.http.auth, (name, secret) if secret else None
    status = browser.status("/job/x/")
    browser.http.auth = before
    return status


def test_an_exemption_does_not_extend_to_the_next_user_of_a_browser(devs_exempt: StandIn) -> None:
    browser = logged_in(devs_exempt, "carol")
    first = browser.status("/job/x/")
    browser.name = "dave"
    browser.login("dave-pw-1")
    assert [first, browser.status("/job/x/")] == [200, 302]


def test_two_users_on_one_cookie_are_distinguished(devs_exempt: StandIn) -> None:
    tokens = devs_exempt.tokens
    mixed = devs_exempt.browser()
    seen = [as_user(mixed, name, tokens[name]) for name in ("carol", "dave", "carol", "dave")]
    assert seen == [200, 302, 200, 302]
    session = logged_in(devs_exempt, "carol")
    assert [session.status("/job/x/"), as_user(session, "dave", tokens["dave"]), session.status("/job/x/")] == [200, 302, 200]
    given = verified(devs_exempt, "dave")
    assert [as_user(given, "alice", tokens["alice"]), given.status("/job/x/"), as_user(given, "dave", tokens["dave"])] == [302, 200, 200]


def test_a_planted_session_changes_at_login_and_forged_attributes_are_ignored(devs_exempt: StandIn) -> None:
    attacker = devs_exempt.browser("carol")
    attacker.status("/job/x/")
    planted = attacker.http.cookies.get_dict()
    victim = devs_exempt.browser("dave")
    victim.http.cookies.update(planted)
    victim.login("dave-pw-1")
    assert victim.http.cookies.get_dict() != planted
    assert victim.status("/job/x/") == 302
    forger = devs_exempt.browser("dave")
    forger.http.headers.update({"X-Forwarded-User": "carol", "X-Jenkins2fa-Probe": "exempt"})
    forger.http.cookies.set("dave_SESSION_2FA_VERIFICATION", "true")
    assert forger.status("/job/x/?dave_SESSION_2FA_VERIFICATION=true") == 302


def test_an_ended_exemption_is_over_at_the_next_request(devs_exempt: StandIn) -> None:
    browser, token = logged_in(devs_exempt, "carol"), devs_exempt.browser("carol")
    before = [browser.status("/job/x/"), token.status("/job/x/")]
    gate(devs_exempt)
    assert [before, browser.status("/job/x/"), token.status("/job/x/")] == [[200, 200], 302, 302]
    gate(devs_exempt, exemptTokens=True)
    assert [browser.status("/job/x/"), token.status("/job/x/")] == [302, 200]
    gate(devs_exempt)
    assert token.status("/job/x/") == 302


def test_the_case_of_ids_and_groups_is_compared_as_in_the_realm(devs_exempt: StandIn) -> None:
    assert [devs_exempt.browser(name, "carol-pw-1").status("/job/x/") for name in ("CAROL", "Carol", "carol")] == [200] * 3
    assert [devs_exempt.browser(name, "dave-pw-1").status("/job/x/") for name in ("DAVE", "Dave", "dave")] == [302] * 3
    one = verified(devs_exempt, "dave")
    assert as_user(one, "DAVE", "dave-pw-1") == 200  # the same user, whatever the spelling


def test_an_exempt_token_does_not_open_the_session_it_uses(devs_exempt: StandIn) -> None:
    gate(devs_exempt, exemptTokens=True)
    token = devs_exempt.tokens["dave"]
    browser = logged_in(devs_exempt, "dave")
    assert [browser.status("/job/x/"), as_user(browser, "dave", token), browser.status("/job/x/")] == [302, 302, 302]
    jar = devs_exempt.browser()
    assert [as_user(jar, "dave", secret) for secret in (token, "dave-pw-1", token, "dave-pw-1")] == [200, 302, 200, 302]


def test_racing_token_and_password_on_one_cookie_lets_no_password_request_pass(devs_exempt: StandIn) -> None:
    gate(devs_exempt, exemptTokens=True)
    first = devs_exempt.browser("dave")
    assert first.status("/job/x/") == 200
    cookies, stop = first.http.cookies.get_dict(), threading.Event()
    tokens: list[int] = []

    def with_token() -> None:
        browser = devs_exempt.browser("dave")
        browser.http.cookies.update(cookies)
        while not stop.is_set():
            tokens.append(browser.status("/job/x/"))

    threads = [threading.Thread(target=with_token) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        browser = devs_exempt.browser("dave", "dave-pw-1")
        browser.http.cookies.update(cookies)
        passwords = [browser.status("/job/x/") for _ in range(150)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert passwords.count(200) == 0
    assert tokens.count(200) > 0.95 * len(tokens)  # a token may be challenged once in a thousand times; a password may never pass
