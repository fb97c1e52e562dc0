"""No secret is printed, logged, raised or kept in Jenkins' log, in success or failure."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from jenkins2fa.jenkins.errors import JenkinsError
from tests.support.commands import Commands
from tests.support.managed import EMAIL, Managed, policy
from tests.support.proxy import Cut, Fault, Proxy, Reset, Say
from tests.support.standin import StandIn

SECRET_MAIL = "planted-mail-text-5ca1ab1e for $username: $otp"
SEED = "planted-seed-0b5e55ed-0123456789abcdef"
PASSWORD_IN_URL = "planted-password-deadbeef"
MAIL = {**EMAIL, "template": SECRET_MAIL, "subject": "planted-subject-facade"}
FAULTS = [
    Reset(),
    Cut(40),
    Say(200, "<html>log in</html>"),
    Say(302, headers={"Location": f"https://x:{PASSWORD_IN_URL}@sso.example.com/?state={PASSWORD_IN_URL}"}),
    Say(401),
    Say(403),
    Say(500, "java.lang.Exception: x"),
    Say(503),
]


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """Strings added by the test; with the log at any level, standard output and error they must contain no secret."""
    texts: list[str] = []
    listener = _Listener(texts)
    loggers = [logging.getLogger(name) for name in (None, "urllib3.connectionpool")]  # the library's may be muted by what ran before
    levels = [one.level for one in loggers]
    for one in loggers:
        one.addHandler(listener)
        one.setLevel(logging.DEBUG)
    try:
        yield texts
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.removeHandler(listener)
            one.setLevel(level)
    printed = capfd.readouterr()
    output = "\n".join([*texts, printed.out, printed.err])
    assert "POST /scriptText" in output  # the log of the HTTP library was captured
    for secret in (SEED, "planted-mail-text", "planted-subject", PASSWORD_IN_URL):
        assert secret not in output


class _Listener(logging.Handler):
    def __init__(self, texts: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.getMessage()} {record.args}")


def everything(problem: BaseException) -> str:
    """An error in its most verbose form."""
    return (
        "".join(traceback.TracebackException.from_exception(problem, capture_locals=False).format()) + repr(problem) + repr(vars(problem))
    )


def test_a_complete_life_cycle_reveals_no_secret(
    javax_standin: StandIn, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = javax_standin.tokens["admin"]
    wanted = {"allowedFactors": ["EmailOTP", "SecurityQuestions"], "emailOTP": MAIL}
    with Proxy(javax_standin.url) as proxy:
        managed = Managed(proxy.url, "admin", token)
        commands = Commands(tmp_path, managed, monkeypatch)
        monkeypatch.setenv("JENKINS_SECOND_FACTOR_SEED", SEED)
        file = commands.policy(**wanted)
        runs = [
            commands.run(*arguments)
            for arguments in (
                ("plan", file, "--gate", "Managed"),
                ("plan", file, "--gate", "Managed", "-o", "json"),
                ("apply", file, "--gate", "Managed", "-y"),
                ("gate", "status"),
            )
        ]
        assert [one.code for one in runs] == [2, 2, 0, 0]
        for fault in FAULTS:
            proxy.fault(fault)
            runs += [commands.run("plan", file), commands.run("apply", file, "--gate", "Managed", "-y"), commands.run("gate", "status")]
            proxy.heal()
            said.append(change(managed, proxy, fault, wanted))
        runs.append(commands.run("gate", "remove", "--settings", "Disable", "-y"))
        assert runs[-1].code == 0
        said += [run.out + run.err for run in runs]
        said += [repr(managed.connection), repr(commands.managed.instance)]
    said.append(javax_standin.log())
    assert token not in "\n".join(said)


def change(managed: Managed, proxy: Proxy, fault: Fault, wanted: dict[str, Any]) -> str:
    """A change during which the fault begins. Returns its result as text: a truncated reply is settled, every other fault fails."""
    proxy.fault(fault, script="begin")
    proxy.fault(fault, script="confirm")
    try:
        return repr(managed.apply(policy(exemptGroups=["robots"], **wanted)).plan.changes)
    except JenkinsError as problem:
        return everything(problem)
    finally:
        proxy.heal()


def test_objects_with_a_secret_do_not_show_it() -> None:
    managed = Managed("http://127.0.0.1:1", "admin", "planted-token")
    shown = repr(managed.connection) + str(managed.connection) + f"{managed.connection.credentials!s}"
    assert "planted-token" not in shown
    assert "admin" in shown
    assert is_dataclass(managed.connection.credentials)
    assert {field.name for field in fields(managed.connection.credentials) if field.repr} == {"username"}


def test_files_in_jenkins_contain_no_secret_of_ours(javax_standin: StandIn) -> None:
    managed = Managed(javax_standin.url, "admin", javax_standin.tokens["admin"])
    managed.apply(policy(allowedFactors=["EmailOTP"], emailOTP=MAIL))
    kept = [*(javax_standin.home / "jenkins2fa").glob("*"), *(javax_standin.home / "init.groovy.d").glob("*")]
    assert len(kept) == 3
    assert not any(javax_standin.tokens["admin"] in file.read_text() for file in kept)


def test_answers_name_the_owner_and_no_users(javax_standin: StandIn) -> None:
    """Answers name clusters and instances, never a user."""
    managed = Managed(javax_standin.url, "admin", javax_standin.tokens["admin"])
    managed.apply(policy(enforcedGroups=["authenticated"]))
    seen = repr(managed.observe(users=True, groups=["authenticated"]))
    assert not any(name in seen for name in ("alice", "bob", "carol", "dave"))
