"""`jenkins2fa unlock --user` removes one user's second factor; where approvals are required, two administrators must ask for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from jenkins2fa.jenkins.change import carry_out
from jenkins2fa.jenkins.drivers.choose import driver_for
from tests.jenkins.conftest import managed_of
from tests.support.commands import Commands, Ended
from tests.support.kept import fresh
from tests.support.managed import policy
from tests.support.openmfa import answer, code, enrol, enrol_by_page, forget_codes, secret_of
from tests.support.people import logged_in
from tests.support.standin import Browser, PluginName, StandIn

ODD_NAME = "Kowalska, Zoë"
USERS = {
    "root": {"password": "root-pw-1", "admin": True},
    "boss": {"password": "boss-pw-1", "admin": True},
    "carol": {"password": "carol-pw-1"},
    "dave": {"password": "dave-pw-1"},
    ODD_NAME: {"password": "odd-pw-1"},
}
REQUESTS = "jenkins2fa/factor-resets.json"
CONFIGURED = "tfaMethodsConfig.MoSecurityQuestionConfig"
QUESTIONS = f"io.jenkins.plugins.twofactor.jenkins.{CONFIGURED}"
DAY = 24 * 3600


@dataclass(frozen=True)
class Site:
    """A controller that the operator manages, by its account admin; root and boss are administrators too."""

    jenkins: StandIn
    commands: Commands

    @property
    def plugin(self) -> PluginName:
        return self.jenkins.plugins[0]

    @property
    def requests(self) -> Path:
        return self.jenkins.home / REQUESTS

    def manage(self, *, approvals: bool, **spec: Any) -> None:
        """Enforce a policy, as an operator with or without --require-approval."""
        factor = "MobileAuthenticator" if self.plugin == "openmfa" else "SecurityQuestions"
        managed = managed_of(self.jenkins)
        order = managed.order(policy(allowedFactors=[factor], **spec))
        assert order.owner is not None
        order = replace(order, owner=replace(order.owner, approvals=approvals))
        carry_out(lambda: driver_for(managed.connection), order, lambda step: None)

    def unlock(self, user: str, by: str = "root", *more: str, text: str | None = None) -> Ended:
        environment = {"JENKINS_USER": by, "JENKINS_TOKEN": self.jenkins.tokens.get(by.lower(), "")}
        options = more or (() if text else ("--yes",))
        return self.commands.run("unlock", self.jenkins.url, "--user", user, *options, text=text, environment=environment)

    def enrolled(self, user: str) -> bool:
        if self.plugin == "openmfa":
            return secret_of(self.jenkins, user) is not None
        found = f"hudson.model.User.getById({json.dumps(user)}, false).getProperty({QUESTIONS})"
        return self.jenkins.groovy(f"print {found}.isConfigured()") == "true"

    def enrol(self, user: str) -> None:
        """Without any session."""
        if self.plugin == "openmfa":
            enrol(self.jenkins, user)
            return
        self.jenkins.groovy(f"""def user = hudson.model.User.getById({json.dumps(user)}, true), text = hudson.util.Secret.fromString('x')
user.addProperty(new {QUESTIONS}(text, text, text, text, text, text, true))""")

    def verified(self, user: str) -> Browser:
        """A session that has enrolled."""
        browser = logged_in(self.jenkins, user)
        if self.plugin == "openmfa":
            enrol_by_page(browser)
        else:
            browser.enrol()
        browser.status()
        assert browser.status() == 200
        return browser

    def users(self) -> str:
        return self.jenkins.groovy("print hudson.model.User.getAll()*.id.sort()")


@pytest.fixture(scope="module", params=["miniorange", "openmfa"])
def _kept(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with StandIn(users=USERS, plugins=(request.param,)) as jenkins:
        yield jenkins


@pytest.fixture
def site(_kept: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(fresh(_kept), Commands(tmp_path, managed_of(_kept), monkeypatch))


def test_the_user_enrols_again_and_no_session_stays_verified(site: Site) -> None:
    site.manage(approvals=False)
    before = site.verified("carol")
    ended = site.unlock("carol")
    assert [ended.code, "Their open sessions are not verified any more" in ended.out] == [0, True]
    assert "whoever has the password of carol can enrol" in ended.out
    assert [site.enrolled("carol"), before.status(), site.requests.exists()] == [False, 302, False]
    forgotten = site.verified("carol")
    assert [before.status(), forgotten.status()] == [302, 200], "the session from before is not verified by the new factor"


def test_a_restart_does_not_bring_the_factor_back(site: Site) -> None:
    site.manage(approvals=False)
    site.enrol("carol")
    assert site.unlock("carol").code == 0
    site.jenkins.restart()
    assert [site.enrolled("carol"), logged_in(site.jenkins, "carol").status()] == [False, 302]


def test_others_keep_their_factor_and_their_sessions(site: Site) -> None:
    site.manage(approvals=False)
    dave = site.verified("dave")
    site.enrol("carol")
    assert site.unlock("carol").code == 0
    assert [site.enrolled("dave"), dave.status()] == [True, 200]


def test_it_explains_itself_and_asks(site: Site) -> None:
    site.manage(approvals=False)
    site.enrol("carol")
    ended = site.unlock("carol", text="n\n")
    assert [ended.code, "nothing was changed" in ended.err, site.enrolled("carol")] == [1, True, True]
    assert "removes the second factor of carol" in ended.out
    assert "while the person is on\nthe line" in ended.out


@pytest.mark.parametrize("name", [ODD_NAME, ODD_NAME.upper(), "CAROL"])
def test_names_are_those_of_jenkins(site: Site, name: str) -> None:
    site.manage(approvals=False)
    for user in (ODD_NAME, "carol"):
        site.enrol(user)
    assert [site.unlock(name).code, site.enrolled(ODD_NAME), site.enrolled("carol")] == [0, name == "CAROL", name != "CAROL"]


@pytest.mark.parametrize("name", ["nobody", "carol,", "carol ", "carol,dave", "../carol", "carol/../dave", "$carol", "'+1+'", "\\u0000"])
def test_an_unknown_user_is_an_error_and_is_not_created(site: Site, name: str) -> None:
    site.manage(approvals=False)
    site.enrol("carol")
    before = site.users()
    ended = site.unlock(name)
    assert [ended.code, "/user/ID/" in ended.err, site.users() == before, site.enrolled("carol")] == [1, True, True, True]


def test_a_user_without_a_factor_needs_nothing(site: Site) -> None:
    site.manage(approvals=True)
    ended = site.unlock("carol")
    assert [ended.code, "Nothing was changed" in ended.out, site.requests.exists()] == [0, True, False]


def test_without_a_gate_the_sessions_are_for_a_person_to_end(site: Site) -> None:
    site.enrol("carol")
    ended = site.unlock("carol")
    assert [ended.code, "Terminate all sessions" in ended.out, site.enrolled("carol")] == [0, True, False]


def test_a_password_alone_removes_nothing(site: Site) -> None:
    """The password of an administrator is not enough where the gate demands a second factor of them."""
    site.manage(approvals=False)
    site.enrol("carol")
    environment = {"JENKINS_USER": "root", "JENKINS_TOKEN": "root-pw-1"}
    ended = site.commands.run("unlock", site.jenkins.url, "--user", "carol", "--yes", environment=environment)
    refusal = "not possible from here" if site.plugin == "openmfa" else "demands a second factor from this account"
    assert [ended.code, refusal in ended.err, site.enrolled("carol")] == [3, True, True]
    assert "On the host of Jenkins" not in ended.out


# --- two administrators ---


def test_two_administrators_together(site: Site) -> None:
    site.manage(approvals=True)
    carol = site.verified("carol")
    first = site.unlock("carol")
    assert [first.code, "Another administrator of Jenkins must run the same command" in first.out] == [3, True]
    assert [site.enrolled("carol"), carol.status(), json.loads(site.requests.read_text())["carol"]["by"]] == [True, 200, "root"]
    second = site.unlock("carol", by="boss", text="y\n")
    assert [second.code, "root has asked for it" in second.out] == [0, True]
    assert [site.enrolled("carol"), carol.status(), site.requests.exists()] == [False, 302, False]
    site.enrol("carol")
    assert [site.unlock("carol", by="boss").code, site.enrolled("carol")] == [3, True], "a request is for once"


@pytest.mark.parametrize("by", ["root", "ROOT"])
def test_the_same_administrator_twice_is_one(site: Site, by: str) -> None:
    site.manage(approvals=True)
    site.enrol("carol")
    site.unlock("carol")
    before = site.requests.read_text().replace('"root"', json.dumps(by))
    site.requests.write_text(before)
    ended = site.unlock("carol")
    assert [ended.code, "you have asked for this already" in ended.err, site.enrolled("carol")] == [3, True, True]
    assert site.requests.read_text() == before


def test_the_operators_account_is_nobodys_own(site: Site) -> None:
    site.manage(approvals=True)
    site.enrol("carol")
    alone = site.unlock("carol", by="admin")
    assert [alone.code, "the operator's own account" in alone.err, site.requests.exists()] == [3, True, False]
    site.unlock("carol")
    assert [site.unlock("carol", by="admin").code, site.enrolled("carol")] == [3, True]


def test_a_request_is_for_one_user(site: Site) -> None:
    site.manage(approvals=True)
    for user in ("carol", "dave"):
        site.enrol(user)
    site.unlock("carol")
    assert [site.unlock("dave", by="boss").code, site.enrolled("dave")] == [3, True]
    assert [site.unlock("carol", by="boss").code, site.enrolled("carol")] == [0, False]
    assert list(json.loads(site.requests.read_text())) == ["dave"]


def test_a_refusal_to_confirm_asks_for_nothing(site: Site) -> None:
    site.manage(approvals=True)
    site.enrol("carol")
    ended = site.unlock("carol", text="n\n")
    assert [ended.code, "this only asks for it" in ended.out, site.requests.exists()] == [1, True, False]


Request = Callable[[int], Any]
WORTHLESS: dict[str, Request] = {
    "older than a day": lambda now: {"carol": {"by": "root", "at": now - DAY * 1000 - 1}},
    "from the future": lambda now: {"carol": {"by": "root", "at": now + 3600_000}},
    "by somebody who is no administrator": lambda now: {"carol": {"by": "dave", "at": now}},
    "by somebody unknown": lambda now: {"carol": {"by": "gone", "at": now}},
    "by nobody": lambda now: {"carol": {"at": now}},
    "without a time": lambda now: {"carol": {"by": "root"}},
    "another shape": lambda now: {"carol": [now]},
    "a list": lambda now: [now],
    "cut short": lambda now: '{"carol": {"by": "root", "at',
    "empty": lambda now: "",
}


@pytest.mark.parametrize("worthless", WORTHLESS)
def test_a_worthless_request_counts_for_nothing(site: Site, worthless: str) -> None:
    site.manage(approvals=True)
    site.enrol("carol")
    content = WORTHLESS[worthless](int(time.time() * 1000))
    site.requests.write_text(content if isinstance(content, str) else json.dumps(content))
    ended = site.unlock("carol", by="boss")
    assert [ended.code, site.enrolled("carol"), json.loads(site.requests.read_text())["carol"]["by"]] == [3, True, "boss"]
    assert [site.unlock("carol").code, site.enrolled("carol")] == [0, False]


def test_an_unreadable_owner_record_opens_nothing(site: Site) -> None:
    site.manage(approvals=True)
    site.enrol("carol")
    (site.jenkins.home / "jenkins2fa" / "state.json").write_text("{")
    ended = site.unlock("carol")
    assert [ended.code, "NoteDamaged" in ended.err, site.enrolled("carol"), site.requests.exists()] == [3, True, True, False]


# --- what belongs to one plugin ---


@pytest.mark.parametrize("_kept", ["openmfa"], indirect=True)
def test_a_lock_out_ends_with_the_secret(site: Site) -> None:
    site.manage(approvals=False)
    secret = enrol(site.jenkins, "carol")
    browser = logged_in(site.jenkins, "carol")
    service = "io.jenkins.plugins.openmfa.service.RateLimitService"
    locked = f"io.jenkins.plugins.openmfa.base.MFAContext.i().getService({service}).isLockedOut('carol')"
    site.jenkins.groovy(f"5.times {{ {locked.replace('isLockedOut', 'recordFailedAttempt')} }}")
    assert [site.unlock("carol").code, site.jenkins.groovy(f"print {locked}")] == [0, "false"]
    forget_codes(site.jenkins)
    answer(browser, code(secret))
    assert browser.status() == 302, "the former secret is worth nothing"


@pytest.mark.parametrize("_kept", ["miniorange"], indirect=True)
def test_every_factor_of_the_user_is_removed(site: Site) -> None:
    site.manage(approvals=False)
    site.enrol("carol")
    mail = "io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.MoOtpOverEmailConfig"
    held = f"hudson.model.User.getById('carol', false).getProperty({mail})"
    site.jenkins.groovy(f"{held}.setConfigured(true); {held}.user.save()")
    ended = site.unlock("carol")
    assert [ended.code, "securityQuestions, emailOTP" in ended.out, site.enrolled("carol")] == [0, True, False]
    assert site.jenkins.groovy(f"print {held}.isConfigured()") == "false"
