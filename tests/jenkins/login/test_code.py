"""One-time codes: the operator answers a page with HTML's one-time-code field once, and leaves every other page alone."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator

import pyotp
import pytest

from jenkins2fa.jenkins.connection import Connection, Credentials, totp_problem
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import ChallengedBySecondFactor, JenkinsError, ProtocolError, SecondFactorRejected
from jenkins2fa.jenkins.http import Http
from jenkins2fa.jenkins.login.flow import SecondFactorLogin
from jenkins2fa.jenkins.login.one_time_code import code_form
from tests.support.code_door import PAGE, CodeDoor, another_secret
from tests.support.standin import StandIn

SECRET = pyotp.random_base32()


@pytest.fixture(scope="module")
def jenkins() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture
def door(jenkins: StandIn) -> Iterator[CodeDoor]:
    with CodeDoor(jenkins.url, SECRET) as opened:
        yield opened


def driver(jenkins: StandIn, door: CodeDoor, totp: str | None) -> Driver:
    return driver_for(Connection(door.url + "/", Credentials("admin", jenkins.tokens["admin"], totp=totp)))


def test_a_code_opens_the_session_once(jenkins: StandIn, door: CodeDoor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), contextlib.closing(driver(jenkins, door, SECRET)) as one:
        assert one.observe().user == "admin"
        assert one.observe().user == "admin"
        assert (door.codes, one.logins) == (1, 1)
    assert SECRET not in caplog.text + repr(one.connection)


class Clock:
    """The time of day. Sleeping advances it without waiting; otherwise it stands still."""

    def __init__(self) -> None:
        self.now = time.time() // 30 * 30 + 29.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def session(connection: Connection, clock: Clock) -> tuple[Http, SecondFactorLogin]:
    http = Http(connection)
    return http, SecondFactorLogin(http, clock, clock.sleep)


def test_no_code_is_sent_twice_even_in_another_session(jenkins: StandIn, door: CodeDoor) -> None:
    """A plugin may refuse a used code (RFC 6238, 5.2), which would look like a wrong key."""
    connection, clock = driver(jenkins, door, SECRET).connection, Clock()
    (one, first), (other, second) = session(connection, clock), session(connection, clock)
    with contextlib.closing(one), contextlib.closing(other):
        assert first.through(lambda: one.get("api/json")).status == 200
        assert clock.slept == []
        assert second.through(lambda: other.get("api/json")).status == 200, "a session of its own, a moment later"
        assert (len(set(door.sent)), clock.slept) == (2, [1.0])


def test_a_lost_session_is_renewed_with_another_code(jenkins: StandIn, door: CodeDoor) -> None:
    clock = Clock()
    http, login = session(driver(jenkins, door, SECRET).connection, clock)
    with contextlib.closing(http):
        login.through(lambda: http.get("api/json"))
        door.verified.clear()
        assert login.through(lambda: http.get("api/json")).status == 200
        assert (door.codes, login.logins, len(clock.slept)) == (2, 2, 1)


def test_a_refused_code_is_not_sent_again(jenkins: StandIn, door: CodeDoor) -> None:
    with contextlib.closing(driver(jenkins, door, another_secret(SECRET))) as one:
        for _ in range(3):
            with pytest.raises(SecondFactorRejected, match="refused the one-time code"):
                one.observe()
    assert door.codes == 1


def test_the_operator_stays_challenged_without_a_key(jenkins: StandIn, door: CodeDoor) -> None:
    with contextlib.closing(driver(jenkins, door, None)) as one, pytest.raises(ChallengedBySecondFactor):
        one.observe()
    assert door.codes == 0


@pytest.mark.parametrize(
    "page",
    [
        "<p>Push the button on your phone</p>",
        PAGE.replace("one-time-code", "off"),
        PAGE.replace("POST", "GET"),
        PAGE.replace('action="verify"', 'action="https://elsewhere.invalid/verify"'),
        PAGE + PAGE,
        PAGE.replace("</label>", '<input name="more" autocomplete="one-time-code"></label>'),
        "<!doctype [",
    ],
)
def test_other_pages_are_ignored(jenkins: StandIn, page: str) -> None:
    with CodeDoor(jenkins.url, SECRET, page) as door, contextlib.closing(driver(jenkins, door, SECRET)) as one:
        with pytest.raises(ProtocolError, match="does not answer it"):
            one.observe()
        assert door.codes == 0


def test_the_form_is_sent_only_below_the_configured_url() -> None:
    found = code_form(PAGE, "https://ci.example.com/ci/", "tfaUserAuth/totp/")
    assert found is not None
    assert (found.path, found.name, found.hidden) == ("tfaUserAuth/totp/verify", "code", (("state", "s-1"),))
    assert code_form(PAGE.replace('"verify"', '"/other/verify"'), "https://ci.example.com/ci/", "tfaUserAuth/totp/") is None


def test_an_invalid_key_is_reported() -> None:
    assert totp_problem(SECRET) is None
    assert totp_problem(f"{SECRET[:4]} {SECRET[4:]}") is None
    for wrong in ("0189", "not base32!", "A"):
        assert "base32" in str(totp_problem(wrong))


def test_errors_hold_no_key(jenkins: StandIn, door: CodeDoor) -> None:
    other = another_secret(SECRET)
    with contextlib.closing(driver(jenkins, door, other)) as one, pytest.raises(JenkinsError) as caught:
        one.observe()
    assert other not in str(caught.value)
