"""The gate holds what was confirmed: whatever happens to the plugin's settings, nobody gets in without a required second factor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from jenkins2fa.api.policy import DeletionPolicy
from tests.support.gated import groovy
from tests.support.managed import EMAIL, Managed, policy
from tests.support.people import logged_in, save_form
from tests.support.standin import Browser, StandIn

CONFIG = "io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get()"
LIVE = "io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION']"
DRIFTS = {
    "live flag": f"{LIVE} = false",
    "live flag gone": "io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings.clear()",
    "memory": f"{CONFIG}.setEnableTfa(false)",
    "memory and disk": f"{CONFIG}.with {{ setEnableTfa(false); save() }}; {LIVE} = false",
    "no factor": f"{CONFIG}.setEnableSecurityQuestionsAuthentication(false)",
    "all at once": f"{CONFIG}.with {{ setEnableTfa(false); setEnableSecurityQuestionsAuthentication(false); save() }}; {LIVE} = false",
}
OFF = "unclassified:\n  moGlobalConfig:\n    enableTfa: false\n"


@pytest.fixture(scope="module", params=["javax", "jakarta"])
def flavour(request: pytest.FixtureRequest) -> Literal["javax", "jakarta"]:
    found: Literal["javax", "jakarta"] = request.param
    return found


@pytest.fixture(scope="module")
def jenkins(flavour: Literal["javax", "jakarta"], tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    folder = tmp_path_factory.mktemp("casc")
    with StandIn(flavour=flavour, casc=folder, smtp_host="mail.lab.invalid") as running:
        running.casc_folder = folder  # type: ignore[attr-defined]
        yield running


@pytest.fixture
def managed(jenkins: StandIn) -> Managed:
    """The policy of the tests is in force."""
    found = Managed(jenkins.url, "admin", jenkins.tokens["admin"])
    found.apply(policy(apiTokens="Challenge"))
    return found


def enrolled(jenkins: StandIn, name: str = "alice") -> Browser:
    browser = logged_in(jenkins, name)
    browser.enrol() if "tfaConfiguration" in browser.place("/job/x/") else browser.second_factor()
    assert browser.status("/job/x/") == 200
    return browser


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_opens_nothing_and_users_still_get_in_with_a_second_factor(jenkins: StandIn, managed: Managed, drift: str) -> None:
    owner, before = enrolled(jenkins), logged_in(jenkins, "alice")
    jenkins.groovy(DRIFTS[drift] + "\nnull")
    assert [before.status("/job/x/"), jenkins.browser("alice", "alice-pw-1").status("/job/x/"), owner.status("/job/x/")] == [302, 302, 200]
    assert jenkins.browser("alice").script("print 1").status_code == 302
    again = logged_in(jenkins, "alice")
    assert again.place("/job/x/") == "/tfaUserAuth/securityQuestionAuth/"
    again.second_factor()
    assert again.status("/job/x/") == 200
    assert managed.differing(policy(apiTokens="Challenge")), "it is still drift"
    if drift != "no factor":
        assert "the gate still asks for a second factor" in jenkins.log()


@pytest.mark.parametrize("drift", ["memory and disk", "the file is gone", "state.json is damaged"])
def test_drift_opens_nothing_between_a_restart_and_the_next_observation(jenkins: StandIn, managed: Managed, drift: str) -> None:
    enrolled(jenkins)
    if drift in DRIFTS:
        jenkins.groovy(DRIFTS[drift] + "\nnull")
    elif drift == "the file is gone":
        jenkins.groovy(f"{CONFIG}.configFile.file.delete(); null")
    else:
        (jenkins.home / "jenkins2fa" / "state.json").write_text("{")
        jenkins.groovy(DRIFTS["memory and disk"] + "\nnull")
    jenkins.restart()
    thief = logged_in(jenkins, "alice")
    assert [thief.place("/job/x/"), thief.script("print 1").status_code] == ["/tfaUserAuth/securityQuestionAuth/", 302]
    thief.second_factor()
    assert thief.status("/job/x/") == 200
    if drift == "state.json is damaged":
        (jenkins.home / "jenkins2fa" / "state.json").unlink()


def test_configuration_as_code_that_says_the_opposite_opens_nothing(jenkins: StandIn, managed: Managed) -> None:
    enrolled(jenkins)
    folder: Path = jenkins.casc_folder  # type: ignore[attr-defined]
    file = folder / "jenkins.yaml"
    file.write_text(OFF)
    try:
        jenkins.restart()
        thief = logged_in(jenkins, "alice")
        assert groovy(jenkins, f"print {CONFIG}.enableTfa") == "false"
        assert thief.place("/job/x/") == "/tfaUserAuth/securityQuestionAuth/"
    finally:
        file.unlink()


def test_switching_2fa_off_in_the_plugin_logs_why_it_stays_on(jenkins: StandIn, managed: Managed) -> None:
    admin = enrolled(jenkins, "admin")
    save_form(admin, enabled=False, questions=True)
    assert logged_in(jenkins, "alice").status("/job/x/") == 302
    told = [line for line in jenkins.log().splitlines() if "switched off in the plugin's own settings" in line]
    assert told
    assert "TwoFactorBreakGlass" in told[-1]


def test_a_hold_ends_with_break_glass_policy_or_release(jenkins: StandIn, managed: Managed) -> None:
    enrolled(jenkins)
    with managed.driver() as driver:
        driver.open_break_glass(datetime.now(UTC) + timedelta(minutes=5), f"incident {jenkins.pid}", timedelta(hours=1), keep=True)
        assert logged_in(jenkins, "alice").status("/job/x/") == 200
        driver.close_break_glass()
    assert logged_in(jenkins, "alice").status("/job/x/") == 302
    held = managed.observe().gate
    assert [held.hold, held.stored_hold] == [frozenset({"securityQuestions"})] * 2
    managed.apply(policy(apiTokens="Challenge", driftPolicy="Report"))
    held = managed.observe().gate
    assert [held.hold, held.stored_hold] == [None, None]
    jenkins.groovy(DRIFTS["live flag"] + "\nnull")
    assert logged_in(jenkins, "alice").status("/job/x/") == 200, "with driftPolicy Report, administrators decide in Jenkins"
    managed.apply(policy(apiTokens="Challenge"))
    assert logged_in(jenkins, "alice").status("/job/x/") == 302
    managed.apply(policy(mode="Disabled"))
    assert [managed.observe().gate.hold, logged_in(jenkins, "alice").status("/job/x/")] == [None, 200]
    managed.apply(policy(apiTokens="Challenge"))
    with managed.driver() as driver:
        driver.release(DeletionPolicy.DISABLE)
    assert logged_in(jenkins, "alice").status("/job/x/") == 200
    jenkins.groovy(f"{LIVE} = true; null")
    jenkins.groovy(f"{LIVE} = false; null")


def test_undoing_a_trial_undoes_its_hold(jenkins: StandIn, managed: Managed) -> None:
    both = policy(apiTokens="Challenge", allowedFactors=["SecurityQuestions", "EmailOTP"], emailOTP=EMAIL)
    trial = managed.begin(both)
    assert managed.observe().gate.hold == {"securityQuestions", "emailOTP"}
    with managed.driver() as driver:
        assert driver.cancel(trial) == "Undone"
    held = managed.observe().gate
    assert [held.hold, held.stored_hold] == [frozenset({"securityQuestions"})] * 2


def test_a_removed_hold_is_drift(jenkins: StandIn, managed: Managed) -> None:
    wanted = policy(apiTokens="Challenge")
    groovy(jenkins, "state.remove('hold'); null")
    assert managed.differing(wanted) == {"gate.hold": {"gate"}}
    managed.apply(wanted)
    assert not managed.differing(wanted)


def test_without_the_plugin_nobody_is_challenged_and_the_log_says_so(flavour: Literal["javax", "jakarta"], tmp_path: Path) -> None:
    home = tmp_path / "home"
    with StandIn(flavour=flavour, home=home) as jenkins:
        Managed(jenkins.url, "admin", jenkins.tokens["admin"]).apply(policy(apiTokens="Challenge"))
    with StandIn(flavour=flavour, home=home, plugin="disabled") as jenkins:
        assert logged_in(jenkins, "alice").status("/job/x/") == 200
        assert "no second factor can be demanded" in jenkins.log()
