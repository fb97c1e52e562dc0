"""However a path is spelled, an unverified user reaches only the open pages of the gate.

More requests: JENKINS2FA_STRICT_EXAMPLES=20000 (examples of twelve requests for each stand-in; 110 by default).
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from typing import Literal
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.gated import builds, gated, groovy
from tests.support.paths import METHODS, Answer, Wire, targets
from tests.support.standin import StandIn

EXAMPLES = int(os.environ.get("JENKINS2FA_STRICT_EXAMPLES", "110"))
SCRIPT = "System.setProperty('reached', 'yes'); print 'it ran'"
BODY = f"script={quote(SCRIPT)}&json={{}}&build=x".encode()
FORM = "application/x-www-form-urlencoded"
USERS = {name: {"password": f"{name}-pw-1", "admin": True, "email": f"{name}@lab.invalid"} for name in ("root", "deputy")}
OPEN_TITLES = ("Sign in", "2FA Config", "Security Questions", "Email configuration")
POST_ONLY = (
    "saveSecurityQuestion",
    "securityQuestionAuthenticate",
    "resendOtp",
    "saveOrValidateOtpOverEmailConfig",
    "SecurityQuestionItems",
)
REFUSED = (400, 414, 431, 501, 505)


@pytest.fixture(
    scope="module",
    params=[
        ("javax", ""),
        ("jakarta", "/ci"),
        *(pytest.param(more, marks=pytest.mark.slow) for more in (("javax", "/ci"), ("jakarta", ""))),
    ],
    ids=lambda p: p[0] + p[1].replace("/", "-"),
)
def strict(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    """One job with a trigger token; `root` is an administrator who is not enrolled, `deputy` one who is; neither is verified."""
    flavour: Literal["javax", "jakarta"] = request.param[0]
    with StandIn(flavour=flavour, context_path=request.param[1], users=USERS) as jenkins:
        deputy = jenkins.browser("deputy")
        deputy.login("deputy-pw-1")
        deputy.enrol()
        groovy(jenkins, "jenkins.getItem('x').authToken = new hudson.model.BuildAuthorizationToken('t')")
        yield gated(jenkins)


def reached(answer: Answer, target: bytes, context: str) -> str:
    """What an unverified user reached but should not, or an empty string."""
    written = unquote(unquote(target.decode(errors="replace")))
    if "it ran" in answer.body or answer.status == 201:
        return "an action was carried out"
    if answer.status in REFUSED and "X-Jenkins" not in answer.headers:
        return ""
    if answer.status in (302, 303):
        home = answer.place == context + "/"
        return (
            ""
            if home or re.search(r"/(tfaConfiguration/|tfaUserAuth/(securityQuestionAuth/|otpOverEmailAuth/)?)$", answer.place)
            else "a redirect elsewhere"
        )
    if answer.status == 403 and "No valid crumb" in answer.body:
        return ""
    if answer.status == 404:  # from the container, or of a static file
        return "" if "X-Jenkins" not in answer.headers or "No such file" in answer.body else "the search for a page"
    if answer.status == 405 and "X-Jenkins" in answer.headers:
        return "" if any(word in written for word in POST_ONLY) else "a page that wants another method"
    if answer.status == 500 and "saveSecurityQuestion" in written:  # the plugin's reply to a form without its fields
        return ""
    if answer.status == 200 and not answer.body:  # its reply to an unexpected answer, and on the page of the mail factor
        return "" if any(word in written for word in (*POST_ONLY, "otpOverEmailConfig")) else "an empty page"
    if answer.status == 200:
        title = "".join(re.findall(r"<title>(.*?)(?: \[Jenkins\])?</title>", answer.body))
        asset = answer.headers.get("Cache-Control") == "public, max-age=31536000"
        return "" if title in OPEN_TITLES or asset or '"values"' in answer.body else f"the page {title or answer.body[:80]!r}"
    return f"status {answer.status}"


def identities(jenkins: StandIn) -> list[tuple[str, dict[str, str]]]:
    """User id and headers: by password and by token, an administrator without and one with a second factor, a plain user."""
    secrets = [
        ("root", "root-pw-1"),
        ("root", jenkins.tokens["root"]),
        ("deputy", "deputy-pw-1"),
        ("deputy", jenkins.tokens["deputy"]),
        ("alice", "alice-pw-1"),
    ]
    return [(name, {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}) for name, secret in secrets]


@pytest.mark.timeout(0 if "JENKINS2FA_STRICT_EXAMPLES" in os.environ else 120)
def test_only_the_open_pages_are_reachable(strict: StandIn) -> None:
    context = "/" + strict.url.split("/", 3)[3] if strict.url.count("/") > 2 else ""
    wire, who = Wire(strict.url), identities(strict)
    runs = strict.runs()
    statuses: dict[int, int] = {}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize="JENKINS2FA_STRICT_EXAMPLES" not in os.environ,
    )
    @given(st.data())
    def unverified(data: st.DataObject) -> None:
        name, headers = data.draw(st.sampled_from(who))
        batch = data.draw(st.lists(st.tuples(st.sampled_from(METHODS), targets(context, name, "bob")), min_size=12, max_size=12))
        for method, target in batch:
            body = BODY if method in ("POST", "PUT", "PATCH") else b""
            answer = wire.send(method, target, headers | {"Content-Type": FORM}, body)
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            if method == "HEAD" and answer.status in (200, 404):
                answer = wire.send("GET", target, headers)
            if method == "OPTIONS" and answer.status == 200 and not answer.body:
                continue
            problem = reached(answer, target, context)
            assert not problem, f"{method} {target!r} as {name}: {problem}"

    unverified()
    assert builds(strict) == 0
    assert groovy(strict, "print([System.getProperty('reached'), jenkins.quietingDown])") == "[null, false]"
    assert strict.runs() == runs
    assert strict.browser("root").place() == "/user/root/tfaConfiguration/"
    assert strict.browser("deputy").place() == "/tfaUserAuth/securityQuestionAuth/"
    assert statuses.get(302, 0) > 100
    assert statuses.get(200, 0) > 10, statuses
