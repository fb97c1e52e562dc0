"""A fresh second factor for builds: which ways of starting one need it, how long it lasts, and what it does not affect."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Iterator
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.gated import age, builds, gate, gated, groovy, switch_on, verified
from tests.support.paths import EDITS, ENDS, SEPARATORS, Wire
from tests.support.standin import Browser, StandIn

POSTS = (
    "/job/x/build",
    "/job/x/build?delay=0sec",
    "/job/x/buildWithParameters?a=1",
    "/job/x/build/whatever",
    "/job/folder/job/x/build",
    "/job/x/job/x/build",
    "/view/all/job/x/build",
    "/static/abc/job/x/build",
    "/job/x/1/rebuild",
    "/job/x/1/rebuild/configSubmit",
    "/job/x/rebuild",
    "/job/x/1/replay/run",
    "/job/x/1/replay/rebuild",
    "/job/x/1/restart/restart",
    "/job/x/1/retry",
    "/job/x/polling",
    "/job/x/axis=a,label=b/build",
    "/blue/rest/organizations/jenkins/pipelines/x/runs/",
    "/blue/rest/organizations/jenkins/pipelines/x/runs/1/replay/",
    "/blue/rest/organizations/jenkins/pipelines/x/runs/1/nodes/3/restart/",
    "/cli?remoting=false&build=x",
    "/job/x/build?token=t",
    "/buildByToken/build?job=x&token=t",
)
GETS = ("/job/x/build?token=t", "/job/x/buildWithParameters?token=t", "/buildByToken/build?job=x&token=t", "/cli/ws?build=x")
GETS += ("/job/x/1/rebuild", "/job/x/rebuild/", "/job/x/1/retry", "/job/x/1/rerun")
BROWSED = (
    "/",
    "/job/x/",
    "/job/x/api/json",
    "/job/x/build",
    "/job/x/1/replay/",
    "/job/x/1/restart/",
    "/cli",
    "/blue/rest/organizations/jenkins/pipelines/x/runs/",
)
WINDOW = {"windowSeconds": 600}


@pytest.fixture(scope="module", params=[("javax", ""), ("jakarta", "/ci")], ids=["javax", "jakarta-ci"])
def _kept(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    flavour: Literal["javax", "jakarta"] = request.param[0]
    with StandIn(flavour=flavour, context_path=request.param[1]) as jenkins:
        groovy(jenkins, "jenkins.getItem('x').authToken = new hudson.model.BuildAuthorizationToken('t')")
        yield jenkins


@pytest.fixture
def jenkins(_kept: StandIn) -> StandIn:
    """2FA on, a second factor for builds that counts ten minutes, several times."""
    return gated(_kept, build=WINDOW)


def stale(jenkins: StandIn, name: str = "alice") -> Browser:
    """A browser that was verified before the present window."""
    browser = verified(jenkins, name)
    age(jenkins, WINDOW["windowSeconds"] + 1)
    return browser


def build(browser: Browser, path: str = "/job/x/build", method: str = "POST") -> int:
    return browser.status(path, method, headers=browser.crumb())


def test_every_known_way_to_start_a_build_asks_for_a_fresh_second_factor(jenkins: StandIn) -> None:
    browser, before = stale(jenkins), builds(jenkins)
    asked = {}
    for method, paths in (("POST", POSTS), ("GET", GETS), ("HEAD", GETS[:2])):
        for path in paths:
            answer = browser.call(path, method, headers=browser.crumb())
            asked[method, path] = (answer.status_code, answer.headers.get("Location", "").removeprefix(jenkins.url))
            browser = stale(jenkins)
    assert asked == dict.fromkeys(asked, (302, "/tfaUserAuth/securityQuestionAuth/"))
    assert builds(jenkins) == before


def test_every_known_way_starts_a_build_with_a_fresh_second_factor(jenkins: StandIn) -> None:
    browser = verified(jenkins, "alice")
    not_here = {"/job/folder/job/x/build", "/job/x/axis=a,label=b/build"}  # folders and matrices are not among the stand-in's pages
    started = {path: build(browser, path) for path in POSTS if path not in not_here}
    assert started == dict.fromkeys(started, 201)
    assert {path: build(browser, path, "GET") for path in GETS} == dict.fromkeys(GETS, 201)


@pytest.mark.parametrize("query", ["a=%ZZ&token=t", "tok%65n=t", "a=%&;token", "%=%&token=t"])
def test_an_unreadable_query_does_not_bypass_the_step_up(jenkins: StandIn, query: str) -> None:
    browser = stale(jenkins)
    cookies = {"Cookie": "; ".join(f"{key}={value}" for key, value in browser.http.cookies.get_dict().items())}
    context = "/ci" if jenkins.url.endswith("/ci") else ""
    answer = Wire(jenkins.url).send("GET", f"{context}/job/x/build?{query}".encode(), cookies)
    assert [answer.status, answer.place.endswith("/tfaUserAuth/securityQuestionAuth/")] == [302, True]
    assert groovy(jenkins, "print(state.gateErrors ?: 0)") == "0"


def test_browsing_is_not_disturbed(jenkins: StandIn) -> None:
    browser = stale(jenkins)
    assert {path: browser.status(path) for path in BROWSED} == {path: 405 if path == "/job/x/build" else 200 for path in BROWSED}
    assert browser.status("/job/x/", "HEAD") == 200
    assert [browser.status("/user/alice/configSubmit", "POST", data={"json": "{}"}, headers=browser.crumb()), browser.status("/")] == [
        302,
        200,
    ]


def test_a_browser_is_redirected_back_to_the_build(jenkins: StandIn) -> None:
    browser = stale(jenkins)
    assert build(browser, "/job/x/build?delay=0sec") == 302
    assert browser.status("/job/x/") == 200
    back = browser.second_factor().headers["Location"].removeprefix(jenkins.url)
    assert back == "/job/x/build?delay=0sec"
    assert [browser.status(back), build(browser, back)] == [405, 201]


def test_another_answer_starts_a_new_window(jenkins: StandIn) -> None:
    gate(jenkins, build={"windowSeconds": 1})
    browser = verified(jenkins, "alice")
    assert [build(browser), build(browser)] == [201, 201]
    time.sleep(1.1)
    assert [browser.status("/job/x/"), build(browser)] == [200, 302]
    browser.second_factor()
    assert build(browser) == 201


def test_a_window_of_once_allows_one_build_even_for_twelve_concurrent_requests(jenkins: StandIn) -> None:
    """None would start if a refused request removed the session's attribute before the first one reached the plugin's filter."""
    gate(jenkins, build={"windowSeconds": 600, "once": True})
    browser, before = verified(jenkins, "alice"), builds(jenkins)
    crumb, cookies = browser.crumb(), browser.http.cookies.get_dict()

    def race(_: int) -> int:
        racer = jenkins.browser()
        racer.http.cookies.update(cookies)
        return racer.status("/job/x/build", "POST", headers=crumb)

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = sorted(pool.map(race, range(12)))
    assert answers in ([201] + [302] * 11, [302] * 12)
    assert builds(jenkins) == before + answers.count(201)
    browser.second_factor()
    assert [build(browser), build(browser)] == [201, 302]


def test_a_request_begun_before_the_second_factor_does_not_renew_it(jenkins: StandIn) -> None:
    gate(jenkins, build={"windowSeconds": 600, "once": True})
    browser = stale(jenkins)
    gate(jenkins, build={"windowSeconds": 600, "once": True})
    assert build(browser) == 302
    slow = f"POST {'/ci' if '/ci' in jenkins.url else ''}/login HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n"
    slow += "Content-Type: application/x-www-form-urlencoded\r\n"
    slow += "".join(f"{key}: {value}\r\n" for key, value in browser.crumb().items())
    cookie = "; ".join(f"{key}={value}" for key, value in browser.http.cookies.get_dict().items())
    wire = Wire(jenkins.url)
    connection = wire.open()
    connection.sendall(f"{slow}Cookie: {cookie}\r\n\r\nfro".encode())
    time.sleep(0.3)  # it is inside the gate, waiting for the rest of its body
    browser.second_factor()
    assert build(browser) == 201
    connection.sendall(b"m=/")
    assert connection.recv(12).startswith(b"HTTP/1.1 200")
    wire.close()
    assert build(browser) == 302


def test_a_verified_session_still_needs_its_crumb(jenkins: StandIn) -> None:
    browser = verified(jenkins, "alice")
    assert [browser.status("/job/x/build", "POST"), build(browser)] == [403, 201]


def test_tokens_without_a_cookie_are_challenged_each_time_unless_exempt(jenkins: StandIn) -> None:
    verified(jenkins, "alice")
    assert [jenkins.browser("alice").status("/job/x/build", "POST") for _ in range(2)] == [302, 302]
    gate(jenkins, build=WINDOW, exemptTokens=True)
    token = jenkins.browser("alice")
    assert [token.status("/job/x/build", "POST"), token.status("/job/x/build", "POST")] == [201, 201]


def test_exempt_users_build_freely_but_are_not_fresh_afterwards(jenkins: StandIn) -> None:
    browser = stale(jenkins)
    gate(jenkins, build=WINDOW, exemptGroups=["authenticated"])
    assert [build(browser), build(browser)] == [201, 201]
    gate(jenkins, build=WINDOW)
    assert [browser.status("/job/x/"), build(browser)] == [200, 302]


def test_nobody_is_challenged_with_2fa_off(jenkins: StandIn) -> None:
    browser = stale(jenkins)
    groovy(jenkins, "MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false")
    assert [build(browser), browser.status("/")] == [201, 200]
    switch_on(jenkins)
    assert build(browser) == 302


@st.composite
def spelled_builds(draw: st.DrawFn) -> bytes:
    """The path of a way to start a build, with edits; below the context path."""
    segments = [segment.encode() for segment in draw(st.sampled_from(POSTS)).split("?")[0].split("/")[1:]]
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(segments) - 1))
        if segments[at]:
            segments[at] = draw(st.sampled_from(EDITS))(segments[at], draw(st.integers(0, 40)) % len(segments[at]))
    odd, separator = draw(st.integers(-1, len(segments) - 1)), draw(st.sampled_from(SEPARATORS))
    end = draw(st.sampled_from([b"", *ENDS]))
    return b"".join((separator if at == odd else b"/") + segment for at, segment in enumerate(segments)) + end


def test_no_spelling_of_a_path_starts_a_build_without_a_fresh_second_factor(jenkins: StandIn) -> None:
    wire, before = Wire(jenkins.url), builds(jenkins)
    context = b"/ci" if jenkins.url.endswith("/ci") else b""
    browser = stale(jenkins)
    gate(jenkins, build={"windowSeconds": 0})
    session: dict[str, str] = {}
    statuses: set[int] = set()

    def renew() -> None:
        """Verified, and never fresh: the window has no length."""
        browser.second_factor()
        cookies = browser.http.cookies.get_dict().items()
        session.update({"Cookie": "; ".join(f"{key}={value}" for key, value in cookies), **browser.crumb()})

    @settings(max_examples=400, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(spelled_builds(), st.sampled_from(["POST", "PUT", "POST", "GET"]))
    def spelled(path: bytes, method: str) -> None:
        answer = wire.send(method, context + path + b"?token=t&build=x", session)
        statuses.add(answer.status)
        assert answer.status != 201, path
        if answer.status == 302:
            renew()

    renew()
    spelled()
    assert builds(jenkins) == before
    assert 302 in statuses
