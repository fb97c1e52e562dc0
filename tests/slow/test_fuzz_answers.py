"""Whatever answers in place of Jenkins, the operator raises only its own errors, each with a message and without a secret.

The documents are damaged copies of real replies of the stand-in. JENKINS2FA_FUZZ_CASES=10000 tries more.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from jenkins2fa.api.instance import Canary, Expectation
from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.api.status import GateStatus, InstanceStatus, JenkinsStatus, TrialStatus, instance_status_document
from jenkins2fa.controller.telemetry.logs import set_up
from jenkins2fa.core.assess import Assessment, Outcome
from jenkins2fa.core.conditions import field_statuses, judge
from jenkins2fa.core.desired import Desired
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.settings import PluginSettings
from jenkins2fa.jenkins import scripts
from jenkins2fa.jenkins.connection import Attempts, Connection, Credentials
from jenkins2fa.jenkins.console import Console
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.drivers.miniorange.settings import read_plugin_document
from jenkins2fa.jenkins.drivers.observation import read_observation
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.probe import observe_with_canaries, probe_self, session_of
from jenkins2fa.jenkins.survey import survey
from tests.support.fuzzing import PLANTED, as_json, cases, damaged, scrap
from tests.support.kube import CHECKOUT
from tests.support.managed import Managed, policy
from tests.support.raw_server import Asked, RawServer
from tests.support.standin import StandIn

SEED = PLANTED + "-seed-long-enough"
HIDDEN = (PLANTED, base64.b64encode(f"admin:{PLANTED}".encode()).decode(), SEED)


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    """Replies to `observe`: before our first change, with every setting in force, in a trial, in a break-glass."""
    with StandIn(users={"carol": {"password": "carol-pw-1", "groups": ["Devs"]}}, realm="groups") as jenkins:
        managed = Managed(jenkins.url, "admin", jenkins.tokens["admin"])
        return [*_seen(managed)]


def _seen(managed: Managed) -> Iterator[dict[str, Any]]:
    with contextlib.closing(Console(managed.connection)) as console:
        look: Callable[[], dict[str, Any]] = lambda: console.run(scripts.OBSERVE, groups=["Devs"], users=True)  # noqa: E731
        yield look()
        wish = policy(enforcedGroups=["Devs"], exemptGroups=["robots"], allowedFactors=["SecurityQuestions", "EmailOTP"],
                      emailOTP={"senderAddress": "a@b", "subject": "s", "template": "$otp"}, requireOnBuild={"window": "5m"})  # fmt: skip
        managed.apply(wish)
        yield look()
        managed.begin(policy(exemptGroups=["others"]))
        yield look()


def safe(text: str) -> str:
    """Check that a message is readable and contains no secret."""
    assert text.strip()
    for hidden in HIDDEN:
        assert hidden not in text
    return text


# --- the documents ---


def test_damaged_observations_are_refused_or_make_a_valid_status(documents: list[dict[str, Any]]) -> None:
    schema = json.loads((CHECKOUT / "schemas" / "jenkinsinstance_v1alpha1.json").read_text())["properties"]["status"]
    validator = jsonschema.Draft202012Validator(schema)
    wish = policy(enforcedGroups=["Devs"], exemptGroups=["robots"])
    managed = Managed("http://127.0.0.1:1", "admin", "none")
    read = 0
    for dice in cases(400):
        document = damaged(dice, dice.choice(documents))
        try:
            seen = read_observation(json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")), read_plugin_document)
        except JenkinsError as problem:
            safe(str(problem))
            continue
        read += 1
        status = _status(managed, wish, seen)
        assert not list(validator.iter_errors(status)), status
        json.dumps(status).encode()
    assert read > 20


def _status(managed: Managed, wish: Any, seen: Observation) -> dict[str, Any]:
    found = managed.assess(wish, seen)
    outcome = Outcome(managed.instance, wish, Assessment(seen, found.plan, found.findings, found.mode, found.drift))
    edition = seen.plugin.edition.value if seen.plugin.edition else ""
    jenkins = JenkinsStatus(seen.version, seen.plugin.version or "", edition, seen.session)
    gate = GateStatus("Managed", seen.gate.code or "", "InPlace")
    trial = TrialStatus(seen.trial.pending, seen.trial.until) if seen.trial.pending and seen.trial.until else None
    conditions = judge(outcome, datetime.now(UTC))
    document = instance_status_document(InstanceStatus(1, conditions, jenkins, None, field_statuses(outcome), gate, trial))
    for one in document["conditions"]:
        one |= {"lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}
    return {name: value for name, value in document.items() if value is not None}


# --- the answers ---

STATUSES = ("200 OK", "200", "302 Found", "302 Found", "301 Moved", "401 No", "403 No", "404 No", "500 Error", "503 Wait", "100 Continue",
            "204 None", "999 What", "abc", "")  # fmt: skip
PLACES = ("/user/admin/tfaConfiguration/", "/tfaUserAuth/securityQuestionAuth/", "/tfaUserAuth/", "http://[::1", "http://[x]/tfaUserAuth/x",
          "//", f"https://admin:{PLANTED}@other.example/x?token={PLANTED}", "/user//tfaConfiguration/", "\x00", "null/tfaUserAuth",
          "/%ff/tfaUserAuth/%2e", "/user/x/tfaConfiguration/../tfaUserAuth/securityQuestionAuth", "/x?" + "y" * 9000)  # fmt: skip
HTML = ("<html>", "<form action='/tfaUserAuth/securityQuestionAuth/securityQuestionAuthenticate' method=post>", "<input name=", "'code' ",
        "autocomplete=one-time-code>", "<input type=hidden name=a value=b>", "What is your first company name ?", "</form>", "<!", "<![",
        "<!DOCTYPE", "--", ">", "&#x110000;", "&#xd800;", "\x00", "<script>", "</", "<a ", "\ufffe", "Exception", "<b>" * 50, "action='http://[::1'",
        "action=//other.example/x", "Which answer does jenkins-2fa-operator derive for this account ?", "<form", "<?", "]]>")  # fmt: skip
LINES = ("X-Jenkins: 2.541", "X-Jenkins: \xff\xfe", "X-Jenkins-Session: ", "X-Required-Permission: x", "Set-Cookie: JSESSIONID=a; Path=/",
         "Set-Cookie: =;;;", "Content-Type: text/html; charset=utf-7", "Content-Encoding: gzip", "Transfer-Encoding: chunked", "NoColon",
         "X-You-Are-Authenticated-As: admin", "Retry-After: -1", ": empty", "X" * 3000 + ": 1", "Location: /tfaUserAuth/")  # fmt: skip


def answers(dice: random.Random, documents: list[dict[str, Any]]) -> Callable[[Asked], bytes | None]:
    """The server's replies from now on: each is drawn at random, some are nearly right."""

    def answer(asked: Asked) -> bytes | None:
        kind = dice.random()
        if kind < 0.03:
            return None
        if kind < 0.06:
            return dice.randbytes(dice.randint(0, 300))
        body = _body(dice, asked, documents).encode("utf-8", "surrogatepass")
        status = "200 OK" if kind < 0.5 else dice.choice(STATUSES)
        lines = [f"HTTP/1.1 {status}", *dice.sample(LINES, dice.choice((0, 0, 1, 3)))]
        if status.startswith("30") or dice.random() < 0.1:
            lines.append(f"Location: {dice.choice(PLACES)}")
        length = len(body) if dice.random() < 0.93 else dice.choice((0, len(body) // 2, len(body) + 10, -1))
        close = length > len(body)
        head = "\r\n".join([*lines, *(() if close else (f"Content-Length: {length}",)), "", ""]).encode("latin-1", "replace")
        return head + body

    return answer


def _body(dice: random.Random, asked: Asked, documents: list[dict[str, Any]]) -> str:
    call = asked.script
    echo = asked.head + asked.body.decode("latin-1")
    match dice.randrange(8):
        case 0:
            return scrap(dice, HTML)
        case 1:
            return f"java.lang.IllegalStateException: {echo}"
        case 2:
            return f"<html><body>Error {echo}</body></html>"
        case 3:
            error = damaged(dice, {"ok": False, "error": {"type": "TrialPending", "message": echo}})
            return f"@@2FA {call.get('nonce')} {as_json(dice, error)}\n"
        case 4:
            return scrap(dice, ("@@2FA ", f"{call.get('nonce')} ", "{}", "\n", "{", "null", '"x"', "\r", "\x85", "true"))
        case _:
            ended = ({"ok": True, "outcome": "Confirmed"}, {"ok": True, "until": 1}, {"missing": ["observe"]})
            good = dice.choice((*ended, *documents, *documents))
            document = good if dice.random() < 0.4 else damaged(dice, good)
            return f"@@2FA {call.get('nonce')} {as_json(dice, document)}\n"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """The operator's most verbose log meanwhile."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    with contextlib.redirect_stderr(stream):
        set_up("plain", verbose=True)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def test_any_reply_is_parsed_or_raises_our_own_error(documents: list[dict[str, Any]], logged: io.StringIO) -> None:
    """Every call that reads an answer, over real connections."""
    outcomes: dict[str, int] = {}
    with RawServer(lambda asked: None) as server:
        plain = Connection(server.url, Credentials("admin", PLANTED), connect_seconds=2, read_seconds=0.2)
        seeded = replace(plain, credentials=Credentials("admin", PLANTED, SEED, "JBSWY3DPEHPK3PXP"))
        for dice in cases(250):
            server.answer = answers(dice, documents)
            connection = dice.choice((plain, replace(seeded, attempts=Attempts())))
            try:
                _call(dice, connection)
                outcomes["understood"] = outcomes.get("understood", 0) + 1
            except JenkinsError as problem:
                assert problem.reason.isidentifier()
                safe(str(problem))
                outcomes[problem.reason] = outcomes.get(problem.reason, 0) + 1
    assert {"understood", "ProtocolError", "Starting"} <= set(outcomes)
    logging.getLogger("urllib3").error("the log is heard")
    assert safe(logged.getvalue()).endswith("the log is heard\n")
    assert "Traceback" not in logged.getvalue()


def _call(dice: random.Random, connection: Connection) -> None:
    match dice.randrange(8):
        case 0:
            probe_self(connection).settle()
        case 1:
            session_of(connection)
        case 2:
            safe(str(survey(connection)))
        case 3:
            canary = Canary("person", Expectation.CHALLENGED, "canary")
            safe(str(observe_with_canaries(connection, [(canary, Credentials("canary", PLANTED))])))
        case _:
            with contextlib.closing(driver_for(connection)) as driver:
                _drive(dice, driver)


def _drive(dice: random.Random, driver: Driver) -> None:
    match dice.randrange(7):
        case 0:
            driver.begin("trial", Desired(PluginSettings()), None, DeletionPolicy.RETAIN, with_gate=False, take_over=None)
        case 1:
            driver.confirm("trial")
        case 2:
            driver.release(DeletionPolicy.RESTORE)
        case 3:
            driver.open_break_glass(datetime.now(UTC), "INC", datetime.now(UTC) - datetime.fromtimestamp(0, UTC), keep=False)
        case 4:
            driver.verify_early()
        case _:
            driver.observe(groups=["Devs"], users=True)
