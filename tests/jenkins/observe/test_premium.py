"""The driver of the premium edition, on stand-ins with all known properties, with half of them, or with other names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest

from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.core.assess import Assessment, Outcome, Proof
from jenkins2fa.core.conditions import judge
from jenkins2fa.core.guard.finding import Severity
from jenkins2fa.core.observation import Observation
from jenkins2fa.jenkins.change import Step
from jenkins2fa.jenkins.errors import ChangeUndone
from tests.jenkins.conftest import USERS
from tests.support.kept import Kept
from tests.support.literals import NOW
from tests.support.managed import Managed, policy
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

CONFIG = "def c = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get();"
Kind = Literal["premium", "premium-half", "premium-renamed"]
Start = Callable[..., tuple[StandIn, Managed]]
SETTINGS = "plugins/moTfaGlobalConfig/io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.xml"
ALL: dict[str, Any] = {
    "allowedFactors": ["SecurityQuestions", "MobileAuthenticator", "DuoPush", "SMSOTP", "WebAuthn"],
    "smsOTP": {"gateway": "Twilio"},
    "enforcedGroups": ["Ops", "Devs"],
    "exemptGroups": ["robots"],
    "rememberDevice": "12h",
    "requireOnBuild": {"window": "15m"},
    "apiTokens": "Challenge",
}
WRITTEN = {
    "enableMobileAuthenticator": True,
    "enableDuoPush": True,
    "enableOtpOverSms": True,
    "webAuthn": True,
    "smsGateway": "TWILIO",
    "enableTfaForGroups": "",
    "skipTfaForGroups": "",
    "enableRememberMe": True,
    "rememberDuration": 12,
    "rememberUnit": "hours",
    "enforceRestApi2fa": True,
    "skipRestApi2faForTokens": False,
    "duoAutoPushForRestApi": False,
    "enableTfaOnBuild": True,
}


class Premium(Managed):
    """With the switch for the premium edition by default."""

    allowed = True

    def assess(self, wanted: Any, seen: Observation | None = None, **more: Any) -> Any:
        return super().assess(wanted, seen, **{"experimental": self.allowed, **more})


@pytest.fixture(scope="module")
def _kept() -> Iterator[dict[Kind, Kept]]:
    kept: dict[Kind, Kept] = {}
    yield kept
    for each in kept.values():
        each.close()


@pytest.fixture
def start(_kept: dict[Kind, Kept], request: pytest.FixtureRequest) -> Start:
    """Return the module's stand-in of an edition, as after its first start."""

    def begin(edition: Kind, **more: Any) -> tuple[StandIn, Managed]:
        kept = _kept.setdefault(edition, Kept(edition=edition, flavour="javax", realm="groups", users=USERS))
        jenkins = kept.fresh(request.session.testsfailed)
        return jenkins, Premium(jenkins.url, "admin", jenkins.tokens["admin"], **more)

    return begin


def unsupported(managed: Managed, **spec: Any) -> dict[str, str]:
    return {one.path: one.message for one in managed.assess(policy(**spec)).plan.unsupported}


def held(seen: Observation) -> dict[str, Any]:
    assert seen.memory is not None
    return dict(seen.memory.properties)


def test_every_existing_property_is_written_read_back_and_kept(start: Start) -> None:
    jenkins, managed = start("premium")
    before = held(managed.observe())
    result = managed.apply(policy(**ALL))
    assert [result.proof, result.plan.changes, result.plan.unsupported] == [Proof.CHALLENGED, (), ()]
    assert held(result.observation) == WRITTEN
    assert before["rememberDuration"] == 7
    jenkins.restart()
    seen = managed.observe(groups=["Ops", "Devs"])
    assert seen.disk == seen.memory
    assert held(seen) == WRITTEN
    assert not managed.differing(policy(**ALL))
    xml = (jenkins.home / SETTINGS).read_text()
    assert "<smsGateway>TWILIO</smsGateway>" in xml


def test_with_a_gate_only_the_gate_exempts(start: Start) -> None:
    jenkins, managed = start("premium")
    result = managed.apply(policy(**{**ALL, "enforcedGroups": ["Devs"], "apiTokens": "Exempt"}))
    assert result.proof is Proof.CHALLENGED
    rules = managed.observe().gate.settings
    assert rules is not None
    assert [rules.enforced_groups, rules.exempt_groups, rules.api_tokens and rules.api_tokens.value] == [{"Devs"}, {"robots"}, "Exempt"]
    assert rules.build_window is None  # the plugin's own
    assert [jenkins.browser(name).status() for name in ("carol", "dave")] == [200, 200]  # tokens
    assert [jenkins.browser(name, f"{name}-pw-1").status() for name in ("carol", "dave")] == [302, 200]


def test_without_a_gate_the_plugin_handles_groups_and_tokens(start: Start) -> None:
    jenkins, managed = start("premium", gate="None")
    wanted = policy(**ALL)
    result = managed.apply(wanted)
    found = held(result.observation)
    assert [found["enableTfaForGroups"], found["skipTfaForGroups"]] == ["Devs;Ops", "robots"]
    assert [found["enforceRestApi2fa"], found["skipRestApi2faForTokens"]] == [True, False]
    assert "<enableTfaForGroups>Devs;Ops</enableTfaForGroups>" in (jenkins.home / SETTINGS).read_text()
    assert [jenkins.browser(name).status() for name in ("carol", "alice")] == [302, 200]
    assert result.proof is Proof.NONE  # the operator is in none of the groups, so its own access proves nothing
    assert not managed.differing(wanted)
    jenkins.groovy(f"{CONFIG} c.enableTfaForGroups = 'Ops; Devs'; c.save()")
    assert not managed.differing(wanted)  # the order of names does not matter


def test_a_group_name_that_cannot_be_joined_is_reported_and_not_written(start: Start) -> None:
    _, managed = start("premium", gate="None")
    odd = {**ALL, "exemptGroups": ["a;b"]}
    assert set(unsupported(managed, **odd)) == {"exemptGroups"}
    assert "exemptGroups" not in managed.differing(policy(**odd))


def test_unnamed_features_are_off_and_the_plugins_token_rule_stays(start: Start) -> None:
    jenkins, managed = start("premium")
    on = ("enableDuoPush", "enableRememberMe", "enableTfaOnBuild", "enforceRestApi2fa", "duoAutoPushForRestApi")
    jenkins.groovy(f"{CONFIG} c.enableTfaForGroups = 'x'; {list(on)}.each {{ c[it] = true }}")
    managed.apply(policy(apiTokens=None))
    found = held(managed.observe())
    assert [found[one] for one in on] == [False, False, False, True, True]
    assert not found["enableTfaForGroups"]


def test_an_unconfirmed_trial_restores_every_property_and_never_writes_disk(start: Start) -> None:
    jenkins, managed = start("premium")
    managed.apply(policy(apiTokens="Challenge"))
    before, disk = managed.observe(), (jenkins.home / SETTINGS).read_text()
    trial = managed.begin(policy(**ALL))
    assert held(managed.observe())["enableDuoPush"] is True
    assert (jenkins.home / SETTINGS).read_text() == disk
    assert managed.cancel(trial) == "Undone"
    after = managed.observe()
    assert [after.memory, after.disk, (jenkins.home / SETTINGS).read_text()] == [before.memory, before.disk, disk]


def test_an_undo_keeps_a_property_changed_by_somebody_else(start: Start) -> None:
    jenkins, managed = start("premium")
    trial = managed.begin(policy(**ALL))
    jenkins.groovy("io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().rememberMeDuration = 3")
    managed.cancel(trial)
    found = held(managed.observe())
    assert [found["rememberDuration"], found["enableRememberMe"], found["enableDuoPush"]] == [3, False, None]


def test_a_restart_during_a_trial_undoes_it(start: Start) -> None:
    jenkins, managed = start("premium")
    managed.begin(policy(**ALL))
    jenkins.kill()
    jenkins.start()
    seen = managed.observe()
    assert seen.trial.pending is None
    assert not any(held(seen)[one] for one in ("enableDuoPush", "enableTfaOnBuild", "enableRememberMe"))


def test_the_restore_point_includes_the_properties(start: Start) -> None:
    jenkins, managed = start("premium")
    jenkins.groovy(f"{CONFIG} c.skipTfaForGroups = 'old'; c.enableDuoPush = true; c.save()")
    managed.apply(policy(**ALL, deletionPolicy="Restore"))
    with managed.driver() as driver:
        driver.release(DeletionPolicy.RESTORE)
    found = held(managed.observe())
    assert [found["skipTfaForGroups"], found["enableDuoPush"], found["enableTfaOnBuild"]] == ["old", True, False]


def test_missing_properties_make_their_fields_unsupported_with_a_reason(start: Start) -> None:
    _, managed = start("premium-half", gate="None")
    found = unsupported(managed, **ALL)
    assert set(found) == {"allowedFactors", "enforcedGroups", "rememberDevice", "apiTokens"}
    assert found["allowedFactors"].startswith("MobileAuthenticator, WebAuthn: the installed plugin (premium edition) does not have it")
    assert "unit" in found["rememberDevice"]
    assert "gate" in found["enforcedGroups"]
    assert "smsOTP" not in found  # Twilio is what Jenkins holds
    assert "another gateway" in unsupported(managed, allowedFactors=["SMSOTP"], smsOTP={"gateway": "MiniOrange"})["smsOTP"]


def test_the_gate_replaces_missing_properties(start: Start) -> None:
    jenkins, managed = start("premium-half")
    wanted = policy(**{**ALL, "requireOnBuild": None, "enforcedGroups": ["Devs"]})
    result = managed.apply(wanted)
    assert [result.proof, result.plan.changes] == [Proof.CHALLENGED, ()]
    assert {one.path for one in result.plan.unsupported} == {"allowedFactors", "rememberDevice"}
    found, rules = held(result.observation), result.observation.gate.settings
    assert [found["enableDuoPush"], found["enableOtpOverSms"], found["enforceRestApi2fa"]] == [True, True, True]
    assert [found["skipTfaForGroups"], found["enableRememberMe"]] == ["", False]
    assert rules is not None
    assert [rules.enforced_groups, rules.exempt_groups, rules.api_tokens and rules.api_tokens.value] == [{"Devs"}, {"robots"}, "Challenge"]
    assert [jenkins.browser(name).status() for name in ("carol", "dave")] == [302, 200]


def test_a_property_absent_from_disk_is_compared_in_memory_only(start: Start) -> None:
    jenkins, managed = start("premium-half")
    wanted = policy(allowedFactors=["SecurityQuestions", "DuoPush"], apiTokens="Challenge")
    managed.apply(wanted)
    assert not managed.differing(wanted)
    jenkins.groovy("io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().setEnableDuoPush(false)")
    assert managed.differing(wanted) == {"allowedFactors.DuoPush": {"memory"}}


def test_a_setter_without_effect_undoes_the_whole_change(start: Start) -> None:
    _, managed = start("premium-half")
    before = managed.observe()
    steps: list[Step] = []
    with pytest.raises(ChangeUndone, match="reads back other values than were written: requireOnBuild"):
        managed.apply(policy(requireOnBuild={"window": "15m"}, apiTokens="Challenge"), steps.append)
    assert steps == [Step.BEGIN, Step.READ_BACK]
    wait_until(lambda: managed.observe().trial.pending is None)
    after = managed.observe()
    assert [after.memory, after.disk, after.live, after.gate.installed] == [before.memory, before.disk, before.live, 0]


def test_unknown_property_names_make_everything_unsupported(start: Start) -> None:
    jenkins, managed = start("premium-renamed", gate="None")
    seen = managed.observe()
    assert [seen.plugin.properties, seen.is_tested, seen.capabilities.name] == [(), False, "version 2.3.0"]
    found = unsupported(managed, **{**ALL, "apiTokens": "Exempt"})
    assert set(found) == {"allowedFactors", "smsOTP", "rememberDevice", "enforcedGroups", "exemptGroups", "apiTokens", "requireOnBuild"}
    assert all("version 2.3.0" in message for message in found.values())
    refused = managed.assess(policy(**ALL)).refused
    assert refused is not None
    assert refused.reason == "UnsupportedPluginVersion"
    assert not list(jenkins.home.glob("jenkins2fa/*"))
    assert not (jenkins.home / SETTINGS).exists()


@pytest.mark.parametrize("edition", ["premium", "premium-half"])
def test_without_the_switch_the_premium_edition_is_only_read(start: Start, edition: Kind) -> None:
    _, managed = start(edition)
    found = managed.assess(policy(**ALL), experimental=False)
    assert managed.observe().plugin.edition == "Premium"
    assert found.refused is not None
    assert [found.refused.reason, found.may_write] == ["UnsupportedPluginVersion", False]
    assert "--enable-experimental-premium" in found.refused.message
    assert found.plan.changes  # what would change is still reported
    assert [one.reason for one in managed.assess(policy(**ALL)).findings if one.severity is Severity.REFUSAL] == ["GateUnknownPages"]


def test_the_gate_is_refused_for_premium_factors(start: Start) -> None:
    _, managed = start("premium")
    found = managed.assess(policy(**ALL))
    assert found.refused is not None
    assert [found.refused.reason, found.may_write] == ["GateUnknownPages", False]
    assert managed.assess(policy(mode="Disabled")).may_write


def test_a_token_exempted_by_the_plugin_proves_nothing(start: Start) -> None:
    jenkins, managed = start("premium", gate="None")
    wanted = policy(apiTokens="Exempt")
    result = managed.apply(wanted)
    assert held(result.observation)["skipRestApi2faForTokens"] is True
    assert [jenkins.browser("carol").status(), result.proof] == [200, Proof.NONE]
    outcome = Outcome(managed.instance, wanted, Assessment(result.observation, result.plan), proof=result.proof)
    enforced = next(one for one in judge(outcome, NOW) if one.type == "Enforced")
    assert [enforced.status, enforced.reason, "expect: Challenged" in enforced.message] == ["Unknown", "Unverified", True]
    carol = jenkins.browser("carol", "carol-pw-1")
    assert carol.status() == 302  # a canary with a password would be challenged


def test_enforced_comes_with_how_far_it_is_known(start: Start) -> None:
    _, managed = start("premium")
    wanted = policy(**{**ALL, "enforcedGroups": None})
    result = managed.apply(wanted)
    findings = managed.assess(wanted).findings
    outcome = Outcome(managed.instance, wanted, Assessment(result.observation, result.plan, findings), proof=result.proof)
    enforced = next(one for one in judge(outcome, NOW) if one.type == "Enforced")
    assert [enforced.status, "as far as this operator knows" in enforced.message] == ["True", True]
    assert "ExperimentalPremium" in [one.reason for one in findings]


def test_drift_of_a_property_is_corrected(start: Start) -> None:
    jenkins, managed = start("premium")
    managed.apply(policy(**ALL))
    jenkins.groovy(f"{CONFIG} c.skipTfaForGroups = 'everybody'; c.save()")
    assert managed.differing(policy(**ALL)) == {"exemptGroups": {"disk", "memory"}}
    assert managed.assess(policy(**ALL)).drift
    managed.apply(policy(**ALL))
    assert not managed.differing(policy(**ALL))


def test_a_property_with_a_secret_looking_name_is_never_read(start: Start) -> None:
    jenkins, managed = start("premium")
    with managed.driver() as driver:
        answer = str(driver._console.run("observe", groups=[], users=True))
    managed.apply(policy(**ALL))
    assert "planted-provider-key" in (jenkins.home / SETTINGS).read_text()  # it is in the plugin's own file
    ours = "".join(file.read_text() for file in (jenkins.home / "jenkins2fa").glob("*"))
    assert all("planted-provider-key" not in text for text in (answer, ours, jenkins.log()))


def test_the_plugins_page_accepts_a_premium_factor_alone(start: Start) -> None:
    """No factor of the free edition is on, but it counts as in force because the plugin challenges users."""
    _, managed = start("premium")
    wanted = policy(allowedFactors=["MobileAuthenticator"], apiTokens="Challenge")
    result = managed.apply(wanted)
    assert [result.proof, result.observation.effective, result.plan.changes] == [Proof.CHALLENGED, True, ()]
