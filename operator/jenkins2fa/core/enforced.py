"""The condition Enforced: whether every layer agrees and a password alone opens nothing, and if not, which part is missing."""

from __future__ import annotations

from datetime import datetime

from jenkins2fa.api.fields import format_time
from jenkins2fa.api.policy import Assurance, Factor, PolicyMode, TwoFactorPolicy
from jenkins2fa.api.status import (
    ENFORCED,
    FALSE,
    TRUE,
    UNKNOWN,
    Condition,
    clip,
)
from jenkins2fa.core.assess import CanaryObservation, Outcome, Proof
from jenkins2fa.core.factors.strength import below_aal2, reason_below
from jenkins2fa.core.guard.policy import unverified_groups
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.plan import Layer, describe
from jenkins2fa.core.reasons import Reason

NOT_READ = "access is ProbeOnly: disk, memory, live flag and factors were not read"


def judge_enforced(outcome: Outcome, now: datetime) -> Condition:
    """The first statement that applies, from what is not known at all to the proof."""
    if outcome.mode is Mode.SUSPENDED and outcome.observation is None:
        return Condition(ENFORCED, UNKNOWN, Reason.SUSPENDED, "not observed: the policy is suspended")
    if outcome.canaries is not None:
        return _judge_canaries(outcome.policy, outcome.canaries)
    if outcome.failure is not None and outcome.observation is None:
        return Condition(ENFORCED, UNKNOWN, outcome.failure.reason, outcome.failure.message)
    if outcome.policy is None or outcome.observation is None:
        return Condition(ENFORCED, UNKNOWN, Reason.NO_POLICY, "no policy selects this instance")
    if outcome.policy.spec.mode is PolicyMode.DISABLED:
        return _judge_off(outcome.observation)
    return _judge_layers(outcome, outcome.policy, outcome.observation, now)


def _judge_off(observation: Observation) -> Condition:
    if observation.effective:
        return Condition(ENFORCED, FALSE, Reason.DISABLED, "the policy's mode is Disabled, but Jenkins still asks for a second factor")
    return Condition(ENFORCED, FALSE, Reason.DISABLED, "the policy's mode is Disabled: nobody is asked for a second factor")


def _judge_canaries(policy: TwoFactorPolicy | None, canaries: CanaryObservation) -> Condition:
    """For ``access: ProbeOnly``, with or without a policy. A canary that got through counts, whatever happened to the other one."""
    if policy is not None and policy.spec.mode is PolicyMode.DISABLED:
        results = {Proof.CHALLENGED: ", but a canary is still asked for a second factor", Proof.BYPASSED: "; a canary got through"}
        return Condition(ENFORCED, FALSE, Reason.DISABLED, f"the policy's mode is Disabled{results.get(canaries.challenged, '')}")
    if canaries.challenged is Proof.BYPASSED:
        return Condition(
            ENFORCED,
            FALSE,
            Reason.BYPASSED,
            "the canary that must be challenged got through (is its account exempt, or does it use an API token where those are exempt?)",
        )
    if canaries.failure is not None:
        return Condition(ENFORCED, UNKNOWN, canaries.failure.reason, canaries.failure.message)
    if canaries.challenged is not Proof.CHALLENGED:
        return Condition(ENFORCED, UNKNOWN, Reason.UNVERIFIED, "no probe was possible")
    if canaries.exempt is Proof.CHALLENGED:
        return Condition(
            ENFORCED,
            UNKNOWN,
            Reason.EXEMPT_CHALLENGED,
            "the canary that must not be challenged was challenged too: exemptions are not in force",
        )
    return Condition(ENFORCED, TRUE, Reason.PROBED, f"a canary was challenged; {NOT_READ}, and so not what holds after a restart")


def _judge_layers(outcome: Outcome, policy: TwoFactorPolicy, observation: Observation, now: datetime) -> Condition:
    until = observation.break_glass_until
    if until is not None and observation.break_glass_open(now):
        return Condition(
            ENFORCED,
            FALSE,
            Reason.BREAK_GLASS,
            f"two-factor authentication is off until {format_time(until)}",
        )
    if "layers" in observation.damaged:
        return Condition(ENFORCED, UNKNOWN, Reason.OBSERVATION_DAMAGED, "Jenkins could not report the plugin's settings")
    if observation.memory is None:
        return Condition(ENFORCED, FALSE, Reason.PLUGIN_MISSING, "the plugin is not active in this Jenkins")
    if not observation.memory.enabled or not observation.filter_on:
        if observation.another_asks and not observation.effective:
            names = " and ".join(other.name for other in observation.plugin.others if other.asks)
            text = f"{names} asks for a second factor, not {observation.capabilities.plugin}, which the instance names"
            return Condition(ENFORCED, FALSE, Reason.NOT_ACTIVE, text)
        where = "in memory" if not observation.memory.enabled else "in the filter (live flag), though the settings say on"
        return Condition(ENFORCED, FALSE, Reason.NOT_ACTIVE, f"two-factor authentication is off {where}")
    if not observation.memory.factors:
        return Condition(ENFORCED, FALSE, Reason.NO_FACTOR, "no factor is enabled in Jenkins, so nobody is asked for anything")
    if observation.disk is None or not observation.disk.enabled or not observation.disk.factors:
        return Condition(
            ENFORCED, FALSE, Reason.NOT_PERSISTED, ("it is on now, but not on disk: it will be off after the next restart of Jenkins")
        )
    return _judge_assurance(policy, observation.memory.factors) or _judge_differences(outcome) or _judge_proof(outcome, policy, observation)


def _judge_assurance(policy: TwoFactorPolicy, factors: frozenset[Factor]) -> Condition | None:
    """Users choose among the live factors, so the weakest of those counts, not what the policy allows."""
    weaker = below_aal2(factors) if policy.spec.minimum_assurance is Assurance.AAL2 else ()
    if not weaker:
        return None
    text = f"minimumAssurance is {Assurance.AAL2.value}, but Jenkins accepts factors that do not reach it ({reason_below(weaker)})"
    return Condition(ENFORCED, FALSE, Reason.ASSURANCE_NOT_MET, clip(f"{text}: allow only factors that do, or lower minimumAssurance"))


def _judge_differences(outcome: Outcome) -> Condition | None:
    """On, but laxer than the policy (it exempts users or allows factors that the policy does not name), or with other factors.

    A stricter Jenkins still enforces the policy."""
    if any(finding.reason == Reason.GATE_LEFT_BEHIND for finding in outcome.findings):
        return Condition(
            ENFORCED, UNKNOWN, Reason.GATE_LEFT_BEHIND, "a gate that no policy manages is still in this Jenkins, with its exemptions"
        )
    changes = outcome.plan.changes if outcome.plan else ()
    laxer = tuple(change for change in changes if change.laxer)
    others = tuple(change for change in changes if change.path.startswith("allowedFactors"))
    if not laxer and not others:
        return None
    running = any(change.layer in (Layer.MEMORY, Layer.LIVE, Layer.GATE) for change in laxer or others)
    what = f"laxer than the policy: {describe(laxer)}" if laxer else f"with other factors than the policy's: {describe(others)}"
    return Condition(ENFORCED, FALSE, Reason.NOT_ACTIVE if running else Reason.NOT_PERSISTED, f"on, but {what}")


def _judge_proof(outcome: Outcome, policy: TwoFactorPolicy, observation: Observation) -> Condition:
    if outcome.proof is Proof.BYPASSED:
        how = "".join(f": {note}" for note in outcome.notes[:1])
        return Condition(ENFORCED, FALSE, Reason.BYPASSED, f"all settings say on, but a request that must be challenged got through{how}")
    if observation.anonymous_administers:
        return Condition(
            ENFORCED,
            FALSE,
            Reason.ANONYMOUS_ADMINISTERS,
            "anybody may administer this Jenkins without logging in, so a second factor protects nothing: take Administer from anonymous "
            "visitors in Jenkins' authorization settings",
        )
    if observation.anonymous_administers is None:
        return Condition(
            ENFORCED, UNKNOWN, Reason.OBSERVATION_DAMAGED, "Jenkins could not report whether anonymous visitors may administer it"
        )
    if outcome.proof is Proof.CHALLENGED and not observation.gated:
        return Condition(
            ENFORCED, FALSE, Reason.PLUGIN_ALONE, clip(f"{_agreement(outcome, observation)}; but {_without_gate(observation)}")
        )
    unknown = unverified_groups(policy.spec, observation)
    if unknown:
        return Condition(
            ENFORCED,
            UNKNOWN,
            Reason.GROUP_UNVERIFIED,
            f"nobody is known to be in {', '.join(unknown)}: a misspelt group would challenge nobody",
        )
    if outcome.proof is Proof.NONE and observation.capabilities.exempts_by_itself:
        return Condition(
            ENFORCED,
            UNKNOWN,
            Reason.UNVERIFIED,
            f"all known settings say on, but the plugin ({observation.capabilities.name}) may let the operator pass by rules of its own, "
            "which proves nothing: add a canary with a password and expect: Challenged, or set gate.mode: Managed and apiTokens",
        )
    if outcome.proof is Proof.NONE:
        return Condition(ENFORCED, UNKNOWN, Reason.UNVERIFIED, "all settings say on, but no probe was possible")
    return Condition(ENFORCED, TRUE, Reason.PROBED, clip(_agreement(outcome, observation)))


def _without_gate(observation: Observation) -> str:
    alone = "there is no gate, and the plugin alone does not guarantee that a password by itself opens nothing"
    if not observation.capabilities.gate_knows_pages:
        return f"{alone} (the gate does not support the {observation.capabilities.name})"
    return f"{alone}: set gate.mode: Managed, or Provided, in the JenkinsInstance"


def _agreement(outcome: Outcome, observation: Observation) -> str:
    """Fields that differ at this point let nobody pass: Jenkins is stricter than the policy, or a mail has another text."""
    if outcome.plan and outcome.plan.changes:
        differing = describe(outcome.plan.changes)
        return f"on in every layer, and a probe was challenged; it differs from the policy, but lets nobody pass: {differing}"
    layers = f"disk, memory{', live flag' if observation.capabilities.has_live_flag else ''} and factors agree"
    if observation.capabilities.experiment:
        layers = f"{observation.capabilities.name}, experimental: {layers} as far as this operator knows them"
    return f"{layers}, and a probe was challenged"
