"""The move of a controller from one plugin to the other: enrol while the old one asks, switch both in one trial, and undo both."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest

from jenkins2fa.api.instance import Provider
from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.core.assess import Proof
from jenkins2fa.jenkins.change import Step
from jenkins2fa.jenkins.errors import JenkinsError
from tests.jenkins.conftest import managed_of
from tests.support.commands import Commands
from tests.support.gated import age, verified
from tests.support.kept import fresh
from tests.support.managed import Managed, policy
from tests.support.openmfa import answer, code, enrol, enrol_by_page, secret_of, settings
from tests.support.people import gets_in, logged_in
from tests.support.standin import Browser, StandIn
from tests.support.waiting import wait_until

OLD, NEW = policy(), policy(allowedFactors=["MobileAuthenticator"])
CONFIG = "io.jenkins.plugins.openmfa.MFAGlobalConfiguration"
STANDING = f"""import io.jenkins.plugins.twofactor.jenkins.*
def one = MoGlobalConfig.get(), other = {CONFIG}.get(), disk = {{ it.configFile.file.file ? it.configFile.file.text : '' }}
print([one.enableTfa, MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'], disk(one).contains('<enableTfa>true'),
       other.requireMFA, other.exemptRoles ?: '', disk(other).contains('<requireMFA>true')].join('|'))"""
OLD_ON, NEW_ON = "true|true|true|false|authenticated|false", "false|false|false|true||true"
BOTH_OFF = "false|false|false|false|authenticated|false"
OLD_AGAIN = """import io.jenkins.plugins.twofactor.jenkins.*
MoGlobalConfig.get().setEnableTfa(true); MoGlobalConfig.get().save(); MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = true"""

LIVE_AGAIN = "io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = true"
WITHOUT_GATE = """def context = jenkins.model.Jenkins.get().servletContext
context.getAttribute('jenkins2fa').remove('watch').end()
def chain = hudson.util.PluginServletFilter.getInstance(context).list
chain.removeAll(chain.findAll { it.toString() == 'jenkins2fa-gate' })"""


@pytest.fixture(scope="module")
def _kept() -> Iterator[StandIn]:
    with StandIn(plugins=("miniorange", "openmfa")) as jenkins:
        yield jenkins


@pytest.fixture
def jenkins(_kept: StandIn) -> StandIn:
    return fresh(_kept)


@pytest.fixture
def old(jenkins: StandIn) -> Managed:
    """In force by the old plugin."""
    managed = managed_of(jenkins).with_spec(provider=Provider.MINI_ORANGE)
    managed.apply(OLD)
    return managed


@pytest.fixture
def new(old: Managed) -> Managed:
    """The same controller once the site names the new plugin; nothing is changed yet."""
    return old.with_spec(provider=Provider.OPEN_MFA)


def standing(jenkins: StandIn) -> str:
    """Old plugin on in memory, live flag and disk; new plugin required, its exempt roles, required on disk."""
    return jenkins.groovy(STANDING)


def place(browser: Browser) -> str:
    return browser.call("/").headers.get("Location", "")


def enable(browser: Browser, owner: str, secret: str, **more: Any) -> int:
    form = {"x-plugin-openmfa-secret": secret, "x-plugin-openmfa-code": code(secret)}
    return browser.status(f"/user/{owner}/mfa-setup/enable", "POST", data=form, headers=browser.crumb(), **more)


# --- while the old plugin asks ---


def test_the_new_plugin_is_off_until_the_move(jenkins: StandIn) -> None:
    """As it comes after its installation it would ask those who have enrolled, and send them round in circles."""
    found = managed_of(jenkins)
    assert found.reasons(OLD)[0] == "TwoPlugins", "nobody says which one counts"
    old = found.with_spec(provider=Provider.MINI_ORANGE)
    lines = {(one.path, one.layer.value, one.before, one.after) for one in old.assess(OLD).plan.changes}
    assert ("provider.openmfa", "memory", "on for enrolled users only", "off") in lines
    old.apply(OLD)
    assert [old.differing(OLD), standing(jenkins)] == [{}, OLD_ON]
    enrol(jenkins, "alice")
    assert verified(jenkins, "alice").status() == 200


def test_people_enrol_in_the_new_plugin_with_a_fresh_factor_of_the_old_one(jenkins: StandIn, old: Managed) -> None:
    password_alone = logged_in(jenkins, "alice")
    secret = pyotp.random_base32()
    enable(password_alone, "alice", secret)
    assert secret_of(jenkins, "alice") is None

    alice = verified(jenkins, "alice")
    enrolled, _ = enrol_by_page(alice)
    assert [secret_of(jenkins, "alice"), alice.status()] == [enrolled, 200]
    again = logged_in(jenkins, "alice")
    again.second_factor()
    assert again.status() == 200, "the old plugin goes on asking, and the new one does not"

    age(jenkins, 16 * 60)
    assert enable(alice, "alice", secret) == 302
    enable(logged_in(jenkins, "alice"), "alice", secret)
    bob = verified(jenkins, "bob")
    enable(bob, "alice", secret)
    assert secret_of(jenkins, "alice") == enrolled
    assert old.differing(OLD) == {}


def test_an_api_token_enrols_nobody(jenkins: StandIn, old: Managed) -> None:
    verified(jenkins, "alice")
    token = jenkins.browser("alice", jenkins.tokens["alice"])
    assert token.status() == 200, "API tokens are exempt"
    secret = pyotp.random_base32()
    form = {"x-plugin-openmfa-secret": secret, "x-plugin-openmfa-code": code(secret)}
    token.call("/user/alice/mfa-setup/enable", "POST", data=form)
    token.call("/me/mfa-setup/enable", "POST", data=form)
    assert secret_of(jenkins, "alice") is None


def test_an_administrator_resets_it_with_a_fresh_factor(jenkins: StandIn, old: Managed) -> None:
    enrol(jenkins, "alice")
    admin = verified(jenkins, "admin")
    assert admin.status("/manage/mfa-management/") == 200
    assert verified(jenkins, "bob").status("/manage/mfa-management/") == 403
    age(jenkins, 16 * 60)
    assert admin.status("/manage/mfa-management/resetMFA", "POST", data={"user": "alice"}, headers=admin.crumb()) == 302
    assert secret_of(jenkins, "alice") is not None


def test_plan_and_report_count_for_the_plugin_that_the_file_names(
    jenkins: StandIn, old: Managed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified(jenkins, "bob")
    enrol(jenkins, "alice")
    commands = Commands(tmp_path, old, monkeypatch)
    wanted = commands.policy("openmfa", allowedFactors=["MobileAuthenticator"], rollout={"minimumEnrolled": 100})
    moved = commands.instance(gate={"mode": "Managed"}, provider="OpenMFA")
    planned, named = commands.run("plan", moved, wanted), commands.run("report", moved, wanted, "--with-names", "-o", "json")
    assert [planned.code, "provider.miniorange-two-factor" in planned.out, "EnrolmentTooLow" in planned.out] == [3, True, True]
    assert named.document["instances"][0]["notEnrolledNames"] == ["bob"]
    assert standing(jenkins) == OLD_ON


def test_a_version_that_was_not_tested_is_not_switched_off(jenkins: StandIn) -> None:
    managed = managed_of(jenkins).with_spec(provider=Provider.OPEN_MFA)
    seen = managed.observe()
    (other,) = seen.plugin.others
    assert [other.version, other.writable] == ["1.2.0", True]
    untried = replace(seen, plugin=replace(seen.plugin, others=(replace(other, writable=False, layers_on=("disk",)),)))
    refused = managed.assess(NEW, untried).refused
    assert refused is not None
    assert "cannot switch off: disable that plugin" in refused.message


# --- the move ---


def test_one_trial_switches_both(jenkins: StandIn, old: Managed, new: Managed) -> None:
    secret = enrol(jenkins, "alice")
    before = verified(jenkins, "alice")
    lines = {(one.path, one.layer.value, one.before, one.after, one.weakens) for one in new.assess(NEW).plan.changes}
    assert {("provider.miniorange-two-factor", layer, "on", "off", False) for layer in ("disk", "memory", "live")} <= lines
    assert "TwoPlugins" not in new.reasons(NEW)

    seen: list[tuple[Step, str]] = []
    result = new.apply(NEW, announce=lambda step: seen.append((step, gets_in(jenkins, "alice", "bob"))))
    assert [result.proof, result.plan.changes] == [Proof.CHALLENGED, ()]
    assert {inside for _, inside in seen} == {""}, "nobody gets in with a password at any step"
    assert standing(jenkins) == NEW_ON

    assert place(before).startswith("/mfa-login/"), "who was verified by the old plugin is asked once by the new one"
    assert not marks(jenkins)
    answer(before, code(secret))
    assert before.status() == 200
    assert place(logged_in(jenkins, "bob")) == "/user/bob/mfa-setup/"
    jenkins.restart()
    assert [gets_in(jenkins, "alice", "bob"), new.differing(NEW), new.probe()] == ["", {}, Proof.CHALLENGED]


def marks(jenkins: StandIn) -> str:
    """Marks of the old plugin in sessions that the gate knows."""
    return jenkins.groovy("""def context = jenkins.model.Jenkins.get().servletContext, found = []
context.getAttribute('jenkins2fa').marks.@sessions.keySet().each { one ->
    try { found.addAll(one.attributeNames.toList().findAll { it.endsWith('_SESSION_2FA_VERIFICATION') }) }
    catch (IllegalStateException ended) { }
}
print found.join(' ')""")


def test_a_pass_of_the_old_plugin_is_revoked(jenkins: StandIn, old: Managed, new: Managed) -> None:
    held = "jenkins.model.Jenkins.get().servletContext.getAttribute('tests.pass')"
    jenkins.groovy("""def context = jenkins.model.Jenkins.get().servletContext
context.setAttribute('tests.pass', context.getAttribute('jenkins2fa').passes['miniorange-two-factor'])""")
    assert jenkins.groovy(f"print {held}") == "true"
    new.apply(NEW)
    assert jenkins.groovy(f"print {held}") == "false"


@pytest.mark.parametrize("how", ["cancelled", "expired", "restarted"])
def test_an_undo_restores_both(jenkins: StandIn, old: Managed, new: Managed, how: str) -> None:
    alice = verified(jenkins, "alice")
    if how == "expired":
        new.trial_seconds = 2
    trial = new.begin(NEW)
    assert [standing(jenkins), gets_in(jenkins, "alice", "bob")] == ["false|false|true|true||false", ""]
    if how == "cancelled":
        assert old.cancel(trial) == "Undone", "whichever plugin the site names by then"
    if how == "restarted":
        jenkins.restart()
    wait_until(lambda: standing(jenkins) == OLD_ON)
    assert [gets_in(jenkins, "alice", "bob"), old.differing(OLD), old.probe()] == ["", {}, Proof.CHALLENGED]
    if how != "restarted":
        assert alice.status() == 200, "a session that was verified before goes on"
    assert json.loads((jenkins.home / "jenkins2fa/gate.json").read_text())["plugin"] == "miniorange-two-factor"


@pytest.mark.parametrize(("phase", "left"), [("open", OLD_ON), ("confirmed", NEW_ON)])
def test_a_crash_leaves_both_as_before_or_both_moved(jenkins: StandIn, old: Managed, new: Managed, phase: str, left: str) -> None:
    """The confirmation first writes that it is one; whatever it has not written by the crash is written at the start."""
    new.begin(NEW)
    journal = jenkins.home / "jenkins2fa/trial.json"
    journal.write_text(json.dumps({**json.loads(journal.read_text()), "phase": phase}))
    jenkins.kill()
    jenkins.start()
    assert [standing(jenkins), gets_in(jenkins, "alice", "bob")] == [left, ""]
    as_it_is = (new, NEW) if phase == "confirmed" else (old, OLD)
    assert [as_it_is[0].differing(as_it_is[1]), as_it_is[0].probe()] == [{}, Proof.CHALLENGED]


def test_a_probe_that_the_old_plugin_answers_undoes_the_move(jenkins: StandIn, old: Managed, new: Managed) -> None:
    def disturb(step: Step) -> None:
        if step is Step.PROBE:
            jenkins.groovy(WITHOUT_GATE)
            jenkins.groovy(f"{CONFIG}.get().exemptRoles = 'authenticated'")
            jenkins.groovy(OLD_AGAIN.replace("MoGlobalConfig.get().save(); ", ""))

    with pytest.raises(JenkinsError) as raised:
        new.apply(NEW, announce=disturb)
    assert "another plugin than openmfa answered the probe" in str(raised.value)
    assert jenkins.groovy("print io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().enableTfa") == "true"


def test_a_confirmation_that_the_disk_refuses_undoes_both(jenkins: StandIn, old: Managed, new: Managed) -> None:
    def refuse(step: Step) -> None:
        if step is Step.CONFIRM:
            file = "io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().configFile.file"
            jenkins.groovy(f"def f = {file}; f.delete(); f.mkdir(); new File(f, 'in-the-way').text = 'x'")

    try:
        with pytest.raises(JenkinsError):
            new.apply(NEW, announce=refuse)
        assert gets_in(jenkins, "alice", "bob") == ""
        assert standing(jenkins).startswith("true|true|")
    finally:
        jenkins.groovy("io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().configFile.file.deleteDir()")


def test_a_move_that_fails_at_its_beginning_leaves_everything(jenkins: StandIn, old: Managed, new: Managed) -> None:
    alice, folder = verified(jenkins, "alice"), jenkins.home / "init.groovy.d"
    held = old.observe().gate.hold
    shutil.rmtree(folder)
    folder.touch()  # the gate's file cannot be written
    try:
        with pytest.raises(JenkinsError):
            new.apply(NEW)
    finally:
        folder.unlink()
    assert [standing(jenkins), alice.status(), gets_in(jenkins, "bob"), old.observe().gate.hold] == [OLD_ON, 200, "", held]


def test_nothing_but_the_trial_moves_the_gate(jenkins: StandIn, old: Managed, new: Managed) -> None:
    """Other calls of an operator that names the new plugin already leave the gate as it is."""
    alice = verified(jenkins, "alice")
    new.cancel("no-such-trial")
    assert [new.observe().capabilities.name, alice.status(), gets_in(jenkins, "bob")] == ["OpenMFA", 200, ""]
    with new.driver() as driver:
        assert driver.observe(by_gate=True).capabilities.name == "OpenMFA"
        assert driver.observe(by_gate=True).by_gate is False
    assert place(logged_in(jenkins, "bob")).endswith("/user/bob/tfaConfiguration/")


def test_the_way_back(jenkins: StandIn, old: Managed, new: Managed) -> None:
    enrol(jenkins, "alice")
    before = verified(jenkins, "alice")
    new.apply(NEW)
    result = old.apply(OLD)
    assert [result.proof, result.plan.changes, standing(jenkins)] == [Proof.CHALLENGED, (), OLD_ON]
    assert gets_in(jenkins, "alice", "bob") == ""
    assert before.status() == 200, "this session has answered the old plugin"
    later = logged_in(jenkins, "alice")
    later.second_factor()
    assert later.status() == 200


def test_with_both_on_the_gate_alone_decides(jenkins: StandIn, old: Managed, new: Managed) -> None:
    """By hand: who has passed the gate, and every exempt token, passes the other plugin's filter too."""
    secret = enrol(jenkins, "alice")
    new.apply(NEW)
    jenkins.groovy(OLD_AGAIN)
    alice, token = logged_in(jenkins, "alice"), jenkins.browser("bob", jenkins.tokens["bob"])
    assert [gets_in(jenkins, "alice", "bob"), token.status()] == ["", 200]
    new.apply(NEW)
    answer(alice, code(secret))
    jenkins.groovy(OLD_AGAIN)
    assert [alice.status(), gets_in(jenkins, "alice", "bob")] == [200, ""]


def test_exempt_people_and_tokens_pass_before_and_after(jenkins: StandIn, old: Managed, new: Managed) -> None:
    browser = jenkins.browser("alice", jenkins.tokens["alice"])
    assert browser.status() == 200
    new.apply(NEW)
    assert browser.status() == 200
    old.apply(OLD)
    assert browser.status() == 200


# --- afterwards ---


@pytest.mark.parametrize("how", [OLD_AGAIN, LIVE_AGAIN], ids=["settings", "live flag"])
def test_the_old_plugin_on_again_is_drift_and_corrected(jenkins: StandIn, old: Managed, new: Managed, how: str) -> None:
    new.apply(NEW)
    jenkins.groovy(how)
    found = new.assess(NEW)
    assert [found.drift, set(found.plan.paths), found.refused, gets_in(jenkins, "alice", "bob")] == [
        True,
        {"provider.miniorange-two-factor"},
        None,
        "",
    ]
    new.apply(NEW)
    assert [standing(jenkins), new.differing(NEW)] == [NEW_ON, {}]


@pytest.mark.parametrize(
    ("deletion", "left"), [(DeletionPolicy.RETAIN, NEW_ON), (DeletionPolicy.RESTORE, BOTH_OFF), (DeletionPolicy.DISABLE, BOTH_OFF)]
)
def test_a_release_after_the_move(jenkins: StandIn, old: Managed, new: Managed, deletion: DeletionPolicy, left: str) -> None:
    new.apply(NEW)
    enrol(jenkins, "alice")
    with new.driver() as driver:
        driver.release(deletion)
    assert [new.observe().gate.installed, gets_in(jenkins, "alice", "bob")] == [0, "" if deletion is DeletionPolicy.RETAIN else "alice bob"]
    assert standing(jenkins) == left


def test_a_release_restores_the_plugin_that_asked_before_us(jenkins: StandIn) -> None:
    on = OLD_AGAIN.replace("= true", "= false")  # the live flag is off until a restart, since nothing lets the operator pass yet
    jenkins.groovy(on + "; MoGlobalConfig.get().setEnableSecurityQuestionsAuthentication(true); MoGlobalConfig.get().save()")
    old = managed_of(jenkins).with_spec(provider=Provider.MINI_ORANGE)
    old.apply(OLD)
    new = old.with_spec(provider=Provider.OPEN_MFA)
    new.apply(NEW)
    with new.driver() as driver:
        driver.release(DeletionPolicy.RESTORE)
    enrol(jenkins, "alice")
    jenkins.restart()
    assert standing(jenkins) == OLD_ON
    assert verified(jenkins, "alice").status() == 200, "one plugin asks, and no more"


def test_a_break_glass_opens_whatever_asks(jenkins: StandIn, old: Managed, new: Managed) -> None:
    with new.driver() as driver:
        assert driver.open_break_glass(datetime.now(UTC) + timedelta(minutes=5), "INC-1", timedelta(hours=1), keep=True) is not None
        assert gets_in(jenkins, "alice", "bob") == "alice bob"
        driver.close_break_glass()
    assert [gets_in(jenkins, "alice", "bob"), old.differing(OLD)] == ["", {}]


def test_without_a_gate_too(jenkins: StandIn) -> None:
    alone = Managed(jenkins.url, "admin", jenkins.tokens["admin"], gate="None")
    settings(jenkins, required=True, users=[], groups=[])
    jenkins.groovy(OLD_AGAIN)
    named = alone.with_spec(provider=Provider.OPEN_MFA, gate=alone.instance.spec.gate)
    wanted = policy(allowedFactors=["MobileAuthenticator"], apiTokens=None)
    named.apply(wanted)
    assert [standing(jenkins), named.differing(wanted), gets_in(jenkins, "alice", "bob")] == [NEW_ON, {}, ""]
