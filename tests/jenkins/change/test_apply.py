"""A change: proven before it is saved, undone unless confirmed, refused where it must not be made."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from jenkins2fa.core.assess import Proof
from jenkins2fa.jenkins.change import Step
from jenkins2fa.jenkins.errors import ChangeUndone, Refused, ScriptFailed
from tests.jenkins.conftest import managed_of
from tests.support.actions import is_off, is_on
from tests.support.literals import MAIL, QUESTIONS
from tests.support.managed import EMAIL, OTHER, Managed, layers, policy
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

SETTINGS = "plugins/moTfaGlobalConfig/io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.xml"
WEAKER = {"allowedFactors": ["EmailOTP"], "emailOTP": EMAIL, "exemptGroups": ["robots"]}


CHAIN = """
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
def list = hudson.util.PluginServletFilter.getInstance(context).list
"""
OPEN_DOOR = """
def handler = { proxy, method, args ->
    if (method.name == 'toString') return 'open door'
    if (method.name == 'equals') return proxy.is(args[0])
    if (method.name == 'hashCode') return 7
    if (method.name == 'doFilter') {
        def user = hudson.model.User.current()
        if (user != null) args[0].getSession(true).setAttribute(user.id + '_SESSION_2FA_VERIFICATION', 'true')
        args[2].doFilter(args[0], args[1])
    }
    null
} as java.lang.reflect.InvocationHandler
def type = hudson.util.PluginServletFilter.methods.find { it.name == 'addFilter' && !it.isAnnotationPresent(Deprecated) }.parameterTypes[0]
list.add(0, java.lang.reflect.Proxy.newProxyInstance(type.classLoader, [type] as Class[], handler))
"""


def on_disk(jenkins: StandIn) -> dict[str, str]:
    """Everything that a restart would load: the plugin's settings, the gate, our records."""
    files = [jenkins.home / SETTINGS, *(jenkins.home / "jenkins2fa").glob("*"), *(jenkins.home / "init.groovy.d").glob("*")]
    return {file.name: file.read_text() for file in files if file.is_file()}


def test_a_policy_is_applied_and_proven(standin: StandIn, managed: Managed) -> None:
    steps: list[Step] = []
    result = managed.apply(policy(), steps.append)
    assert steps == list(Step)
    assert [result.proof, result.plan.changes, layers(result.observation)] == [Proof.CHALLENGED, (), [True, True, True]]
    assert is_on(standin)
    assert standin.browser("alice").status() == 200  # her token is exempt
    seen = managed.observe()
    assert seen.owner is not None
    assert [seen.owner.policy, seen.deletion, seen.trial.pending, seen.trial.last_outcome] == ["policy-uid", "Retain", None, "confirmed"]


def test_disabled_turns_off_every_layer_and_needs_no_proof(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    result = managed.apply(policy(mode="Disabled"))
    assert [result.proof, result.plan.changes, layers(result.observation)] == [Proof.NONE, (), [False, False, False]]
    assert is_off(standin)


def test_settings_survive_a_restart(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    standin.restart()
    assert not managed.differing(policy())
    assert [managed.probe(), is_on(standin)] == [Proof.CHALLENGED, True]


def test_a_lost_layer_is_repaired(standin: StandIn, managed: Managed) -> None:
    """Each layer in turn is changed behind our back; one change makes them agree again."""
    managed.apply(policy())
    live = "io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false"
    memory = "io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().setEnableTfa(false)"
    for script, path in (
        (live, "live"),
        (memory, "memory"),
        (memory + ".with { null }; io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().save()", "disk"),
    ):
        standin.groovy(script)
        assert path in managed.differing(policy())["mode"]
        assert not managed.apply(policy()).plan.changes
        assert is_on(standin)


def test_disk_is_unchanged_until_confirmation(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    before = on_disk(standin)
    trial = managed.begin(policy(**WEAKER, apiTokens="Challenge"))
    during = on_disk(standin)
    assert during.pop("trial.json")
    assert during == before
    assert managed.differing(policy(**WEAKER, apiTokens="Challenge"))["allowedFactors.EmailOTP"] == {"disk"}
    assert managed.confirm(trial) == "Confirmed"
    assert on_disk(standin)["gate.json"] != before["gate.json"]
    assert managed.confirm(trial) == "Confirmed"  # confirming twice is harmless


def test_jenkins_undoes_an_unconfirmed_trial(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    before, seen = on_disk(standin), managed.observe()
    managed.trial_seconds = 1
    trial = managed.begin(policy(mode="Disabled", **WEAKER))
    assert is_off(standin)
    wait_until(lambda: managed.observe().trial.pending is None, seconds=8)
    after = managed.observe()
    assert [after.memory, after.disk, after.live, after.gate] == [seen.memory, seen.disk, seen.live, seen.gate]
    assert [on_disk(standin), after.trial.last_outcome, is_on(standin)] == [before, "expired", True]
    assert [managed.confirm(trial), managed.confirm("no-such-trial"), managed.cancel(trial)] == ["Expired", "Unknown", "Unknown"]


def test_an_undone_first_trial_leaves_nothing(standin: StandIn, managed: Managed) -> None:
    before = on_disk(standin)
    trial = managed.begin(policy())
    assert is_on(standin)
    assert managed.cancel(trial) == "Undone"
    seen = managed.observe()
    assert [on_disk(standin), seen.gate.installed, layers(seen), is_off(standin)] == [before, 0, [None, False, False], True]
    assert not (standin.home / "jenkins2fa").exists()


@pytest.mark.parametrize("how", ["orderly", "kill -9"])
@pytest.mark.parametrize("first", [True, False])
def test_a_restart_during_a_trial_undoes_it(standin: StandIn, managed: Managed, how: str, first: bool) -> None:
    if not first:
        managed.apply(policy())
    before = on_disk(standin)
    managed.begin(policy() if first else policy(mode="Disabled", **WEAKER))
    restart(standin, how)
    seen = managed.observe()
    assert [on_disk(standin) | {"jenkins2fa.groovy": ""}, seen.trial.pending] == [before | {"jenkins2fa.groovy": ""}, None]
    assert is_off(standin) is first
    assert layers(seen) == ([None, False, False] if first else [True, True, True])


@pytest.mark.parametrize("how", ["orderly", "kill -9"])
def test_a_restart_during_confirmation_completes_it(standin: StandIn, managed: Managed, how: str) -> None:
    """The files as after a crash before the first save of a confirmation: the journal says confirmed, everything else is old."""
    managed.begin(policy())
    journal = standin.home / "jenkins2fa" / "trial.json"
    journal.write_text(journal.read_text().replace('"phase":"open"', '"phase":"confirmed"'))
    restart(standin, how)
    seen = managed.observe()
    assert [layers(seen), seen.trial.pending, is_on(standin)] == [[True, True, True], None, True]
    assert not managed.differing(policy())


def test_a_form_saved_during_a_trial_keeps_only_the_users_changes(standin: StandIn, managed: Managed) -> None:
    """The plugin's form saves all of memory, our unconfirmed settings included; the undo takes those back from disk too."""
    managed.apply(policy())
    managed.trial_seconds = 2
    managed.begin(policy(**WEAKER))
    save_form(standin, enableTfa=True, enableSecurityQuestion=False, enableOtpOverEmail={"senderEmailAddress": "person@lab.invalid"})
    wait_until(lambda: managed.observe().trial.pending is None, seconds=10)
    seen = managed.observe()
    assert seen.memory is not None
    assert seen.memory == seen.disk
    assert [seen.memory.sender, seen.memory.factors >= MAIL] == ["person@lab.invalid", True]  # the administrator's, not ours
    assert [seen.memory.subject, seen.memory.factors >= QUESTIONS] == [None, True]  # ours is undone, and the value before it is restored
    assert "Käse" not in on_disk(standin)["io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.xml"]


def test_a_second_trial_is_refused_and_the_first_continues(standin: StandIn, managed: Managed) -> None:
    trial = managed.begin(policy())
    with pytest.raises(Refused, match=f"{trial} is still pending") as refused:
        managed.begin(policy(**WEAKER))
    assert [refused.value.reason, refused.value.transient] == ["TrialPending", True]
    assert managed.reasons(policy(**WEAKER))[0] == "TrialPending"
    assert managed.confirm(trial) == "Confirmed"


def test_no_change_is_made_while_jenkins_prepares_for_shutdown(standin: StandIn, managed: Managed) -> None:
    standin.browser("admin").call("/quietDown", "POST")
    with pytest.raises(Refused) as refused:
        managed.apply(policy())
    assert [refused.value.reason, refused.value.transient] == ["QuietingDown", True]
    assert [is_off(standin), (standin.home / "jenkins2fa").exists()] == [True, False]


def test_a_controller_of_another_owner_is_unchanged_until_the_take_over(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    before = on_disk(standin)
    other = managed_of(standin, instance="another-instance")
    assert other.reasons(policy(**WEAKER))[0] == "OwnedElsewhere"
    for claim in (None, OTHER.name):
        with pytest.raises(Refused) as refused:
            other.apply(policy(**WEAKER), take_over=claim)
        assert [refused.value.reason, refused.value.transient] == ["OwnedElsewhere", False]
        assert "cluster-of-the-tests/instance-uid" in str(refused.value)
    assert on_disk(standin) == before
    held = managed.observe().owner
    assert held is not None
    other.apply(policy(**WEAKER), take_over=held.name)
    seen = managed.observe().owner
    assert seen is not None
    assert seen.instance == "another-instance"
    assert managed.reasons(policy())[0] == "OwnedElsewhere"


@pytest.mark.parametrize("file", [SETTINGS, "jenkins2fa/gate.json", "jenkins2fa/state.json"])
def test_a_failed_write_is_not_kept_in_memory(standin: StandIn, managed: Managed, file: str) -> None:
    """A folder in place of the file makes the write fail, even for root."""
    target = standin.home / file
    (target / "in-the-way").mkdir(parents=True)
    with pytest.raises(Refused) as refused:
        managed.apply(policy())
    assert refused.value.reason == "NotPersisted"
    seen = managed.observe()
    assert [layers(seen)[1:], seen.trial.pending, seen.trial.last_outcome, is_off(standin)] == [[False, False], None, "failed", True]
    assert seen.disk is None or not seen.disk.enabled
    assert seen.gate.installed == 0
    (target / "in-the-way").rmdir()
    target.rmdir()
    assert not managed.apply(policy()).plan.changes


def test_no_trial_begins_if_its_journal_cannot_be_written(standin: StandIn, managed: Managed) -> None:
    (standin.home / "jenkins2fa").write_text("in the way")
    with pytest.raises(ScriptFailed) as failed:
        managed.apply(policy())
    (standin.home / "jenkins2fa").unlink()
    seen = managed.observe()
    assert [failed.value.reason, layers(seen), seen.gate.installed, is_off(standin)] == ["NotPersisted", [None, False, False], 0, True]


def test_a_change_undone_by_somebody_else_is_not_confirmed(standin: StandIn, managed: Managed) -> None:
    def interfere(step: Step) -> None:
        if step is Step.READ_BACK:
            save_form(standin, enableTfa=False, enableSecurityQuestion=True)

    with pytest.raises(ChangeUndone, match="mode"):
        managed.apply(policy(), interfere)
    assert [layers(managed.observe()), is_off(standin)] == [[False, False, False], True]


def test_a_change_is_not_confirmed_if_the_probe_is_not_challenged(standin: StandIn, managed: Managed) -> None:
    """All settings are on, but another filter lets everybody pass: only the probe detects it."""
    standin.groovy(CHAIN + OPEN_DOOR)
    try:
        with pytest.raises(ChangeUndone, match="got through"):
            managed_of(standin, gate="None").apply(policy(apiTokens="Challenge"))
    finally:
        standin.groovy(CHAIN + "list.removeAll(list.findAll { it.toString() == 'open door' })")
    assert [layers(managed.observe()), managed.observe().gate.installed] == [[None, False, False], 0]


def test_corrections_are_counted_in_jenkins_until_attention_is_needed(standin: StandIn, managed: Managed) -> None:
    live = "io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false"
    managed.apply(policy())
    for corrected in (1, 2, 3):
        standin.groovy(live)
        assert "Flapping" not in managed.reasons(policy())
        managed.apply(policy())
        assert [len(times) for times in managed.observe().corrections.values()] == [corrected]
    standin.groovy(live)
    assert managed.reasons(policy())[0] == "Flapping"
    standin.groovy("io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().setEnableSecurityQuestionsAuthentication(false)")
    assert "Flapping" not in managed.reasons(policy()), "another field differs too"
    managed.apply(policy())
    assert [layers(managed.observe()), len(managed.observe().corrections["mode"])] == [[True, True, True], 4]
    standin.groovy(live)
    assert managed.reasons(policy())[0] == "Flapping"
    standin.restart()
    assert len(managed.observe().corrections["mode"]) == 4
    managed.apply(policy(exemptGroups=["robots"]))
    assert managed.observe().corrections == {}  # another desired state has its own count


def restart(jenkins: StandIn, how: str) -> None:
    if how == "orderly":
        jenkins.restart()
    else:
        jenkins.kill()
        jenkins.start()


def save_form(jenkins: StandIn, **values: object) -> None:
    """An administrator saves the plugin's page, with the token that the policies of these tests exempt."""
    form = {"formPage": "basicConfig", **values}
    answer = jenkins.browser("admin").call("/manage/tfaGlobalConfig/saveGlobalTfaSettings", "POST", data={"json": json.dumps(form)})
    assert answer.headers["Location"].endswith("/tfaGlobalConfig/"), answer.headers["Location"]


def test_a_break_glass_record_left_by_a_restart_has_no_effect(standin: StandIn, managed: Managed) -> None:
    """Without our start-up file nothing reads the record after a restart: 2FA is on again and must not be reported as off."""
    managed.apply(policy())
    with managed.driver() as driver:
        driver.open_break_glass(datetime.now(UTC) + timedelta(minutes=10), "INC-1", timedelta(hours=1), keep=True)
    assert managed.observe().break_glass_until is not None
    note = standin.home / "jenkins2fa" / "break-glass.json"
    left = note.read_text()
    with managed.driver() as driver:
        driver.close_break_glass()
    note.write_text(left)  # as a restart without our start-up file would leave it
    assert managed.observe().break_glass_until is None
    managed.apply(policy(mode="Disabled"))
    assert [layers(managed.observe()), note.exists()] == [[False, False, False], False]
