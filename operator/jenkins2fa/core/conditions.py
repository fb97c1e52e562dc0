"""From the outcome of a reconcile to the conditions of its instance: :func:`judge`, with one function for each condition type."""

from __future__ import annotations

from datetime import datetime

from jenkins2fa.api.policy import ApiTokens, Assurance, Factor, PolicyMode, PolicySpec, TwoFactorPolicy
from jenkins2fa.api.status import (
    DRIFTED,
    ENFORCED,
    FALSE,
    READY,
    RECONCILING,
    STALLED,
    TRUE,
    UNKNOWN,
    Condition,
    FieldStatus,
    clip,
)
from jenkins2fa.core.assess import CanaryObservation, Outcome, Proof
from jenkins2fa.core.desired import FieldState
from jenkins2fa.core.factors.strength import below_aal2, reason_below
from jenkins2fa.core.guard.finding import ENROLMENT, Finding, Severity
from jenkins2fa.core.guard.policy import unverified_groups
from jenkins2fa.core.mode import BREAK_GLASS, SUSPENDED, WAITING, Mode
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.plan import Change, Layer
from jenkins2fa.core.reasons import Reason

LONGEST_DIFF = 10
GATE_LEFT_BEHIND = Reason.GATE_LEFT_BEHIND
PLUGIN_ALONE = Reason.PLUGIN_ALONE
ASSURANCE_NOT_MET = Reason.ASSURANCE_NOT_MET
ANONYMOUS_ADMINISTERS = Reason.ANONYMOUS_ADMINISTERS
SITE_DECIDES = (ASSURANCE_NOT_MET, ANONYMOUS_ADMINISTERS)  # not enforced, and no change of ours can help: somebody has to decide


COUNTING_USERS = Reason.COUNTING_USERS
EXEMPT_CHALLENGED = "a canary that expects Exempt was challenged: exemptions are not in force for it"  # what ``notes`` say of it
IN_PROGRESS = (Reason.PROGRESSING, Reason.BYPASSED, WAITING)
NOT_READ = "access is ProbeOnly: disk, memory, live flag and factors were not read"


def judge(outcome: Outcome, now: datetime) -> tuple[Condition, ...]:
    """The five conditions of an instance, all set from the first reconcile on."""
    enforced = judge_enforced(outcome, now)
    ready = judge_ready(outcome, enforced)
    return (ready, judge_reconciling(outcome, ready), judge_stalled(outcome, ready), enforced, judge_drifted(outcome))


def judge_enforced(outcome: Outcome, now: datetime) -> Condition:
    if outcome.mode is Mode.SUSPENDED and outcome.observation is None:
        return Condition(ENFORCED, UNKNOWN, SUSPENDED, "not observed: the policy is suspended")
    if outcome.canaries is not None:
        return _judge_canaries(outcome.policy, outcome.canaries)
    if outcome.failure is not None and outcome.observation is None:
        return Condition(ENFORCED, UNKNOWN, outcome.failure.reason, outcome.failure.message)
    if outcome.policy is None or outcome.observation is None:
        return Condition(ENFORCED, UNKNOWN, Reason.NO_POLICY, "no policy selects this instance")
    if outcome.policy.spec.mode is PolicyMode.DISABLED:
        return _judge_off(outcome.observation)
    return _judge_layers(outcome, outcome.policy, outcome.observation, now)


def _judge_off(seen: Observation) -> Condition:
    if seen.effective:
        return Condition(ENFORCED, FALSE, Reason.DISABLED, "the policy's mode is Disabled, but Jenkins still asks for a second factor")
    return Condition(ENFORCED, FALSE, Reason.DISABLED, "the policy's mode is Disabled: nobody is asked for a second factor")


def _judge_canaries(policy: TwoFactorPolicy | None, canaries: CanaryObservation) -> Condition:
    """``access: ProbeOnly``, with a policy or without. A canary that got through counts, whatever the other one met."""
    if policy is not None and policy.spec.mode is PolicyMode.DISABLED:
        met = {Proof.CHALLENGED: ", but a canary is still asked for a second factor", Proof.BYPASSED: "; a canary got through"}
        return Condition(ENFORCED, FALSE, Reason.DISABLED, f"the policy's mode is Disabled{met.get(canaries.challenged, '')}")
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


def _judge_layers(outcome: Outcome, policy: TwoFactorPolicy, seen: Observation, now: datetime) -> Condition:
    if seen.break_glass_until is not None and seen.break_glass_until > now:
        return Condition(
            ENFORCED, FALSE, BREAK_GLASS, (f"two-factor authentication is off until {seen.break_glass_until:%Y-%m-%dT%H:%M:%SZ}")
        )
    if "layers" in seen.damaged:
        return Condition(ENFORCED, UNKNOWN, Reason.OBSERVATION_DAMAGED, "Jenkins could not tell the plugin's settings")
    if seen.memory is None:
        return Condition(ENFORCED, FALSE, Reason.PLUGIN_MISSING, "the plugin is not active in this Jenkins")
    if not seen.memory.enabled or not seen.live:
        where = "in memory" if not seen.memory.enabled else "in the filter (live flag), though the settings say on"
        return Condition(ENFORCED, FALSE, Reason.NOT_ACTIVE, f"two-factor authentication is off {where}")
    if not seen.memory.factors:
        return Condition(ENFORCED, FALSE, Reason.NO_FACTOR, "no factor is enabled in Jenkins, so nobody is asked for anything")
    if seen.disk is None or not seen.disk.enabled or not seen.disk.factors:
        return Condition(
            ENFORCED, FALSE, Reason.NOT_PERSISTED, ("it is on now, but not on disk: it would be off after the next restart of Jenkins")
        )
    return _judge_assurance(policy, seen.memory.factors) or _judge_differences(outcome) or _judge_proof(outcome, policy, seen)


def _judge_assurance(policy: TwoFactorPolicy, factors: frozenset[Factor]) -> Condition | None:
    """Users choose among the live factors, so the weakest of them counts, whatever the policy names."""
    weaker = below_aal2(factors) if policy.spec.minimum_assurance is Assurance.AAL2 else ()
    if not weaker:
        return None
    text = f"minimumAssurance is {Assurance.AAL2.value}, but Jenkins accepts factors that do not reach it ({reason_below(weaker)})"
    return Condition(ENFORCED, FALSE, ASSURANCE_NOT_MET, clip(f"{text}: allow only factors that do, or lower minimumAssurance"))


def _judge_differences(outcome: Outcome) -> Condition | None:
    """On, but laxer than the policy: people are exempt, or factors allowed, that it does not name; or other factors than its are asked for.

    A stricter Jenkins still enforces it."""
    if any(finding.reason == GATE_LEFT_BEHIND for finding in outcome.findings):
        return Condition(
            ENFORCED, UNKNOWN, GATE_LEFT_BEHIND, "a gate that no policy speaks for is still in this Jenkins, with its exemptions"
        )
    changes = outcome.plan.changes if outcome.plan else ()
    laxer = tuple(change for change in changes if change.laxer)
    others = tuple(change for change in changes if change.path.startswith("allowedFactors"))
    if not laxer and not others:
        return None
    running = any(change.layer in (Layer.MEMORY, Layer.LIVE, Layer.GATE) for change in laxer or others)
    what = f"laxer than the policy: {describe(laxer)}" if laxer else f"with other factors than the policy's: {describe(others)}"
    return Condition(ENFORCED, FALSE, Reason.NOT_ACTIVE if running else Reason.NOT_PERSISTED, f"on, but {what}")


def _judge_proof(outcome: Outcome, policy: TwoFactorPolicy, seen: Observation) -> Condition:
    if outcome.proof is Proof.BYPASSED:
        how = "".join(f": {note}" for note in outcome.notes[:1])
        return Condition(ENFORCED, FALSE, Reason.BYPASSED, f"all settings say on, but a request that must be challenged got through{how}")
    if seen.anonymous_administers:
        return Condition(
            ENFORCED,
            FALSE,
            ANONYMOUS_ADMINISTERS,
            "anybody may administer this Jenkins without logging in, so a second factor protects nothing: take Administer from anonymous "
            "visitors in Jenkins' authorization settings",
        )
    if seen.anonymous_administers is None:
        return Condition(
            ENFORCED, UNKNOWN, Reason.OBSERVATION_DAMAGED, "Jenkins could not tell whether anonymous visitors may administer it"
        )
    if outcome.proof is Proof.CHALLENGED and not seen.gated:
        return Condition(ENFORCED, FALSE, PLUGIN_ALONE, clip(f"{_agreement(outcome, seen)}; but {_without_gate(seen)}"))
    unknown = unverified_groups(policy.spec, seen)
    if unknown:
        return Condition(
            ENFORCED,
            UNKNOWN,
            Reason.GROUP_UNVERIFIED,
            f"nobody is known to be in {', '.join(unknown)}: a misspelt group would challenge nobody",
        )
    if outcome.proof is Proof.NONE and seen.capabilities.exempts_by_itself:
        return Condition(
            ENFORCED,
            UNKNOWN,
            Reason.UNVERIFIED,
            f"all known settings say on, but by its own rules the {seen.capabilities.name} may let the operator pass, which proves "
            "nothing: add a canary with a password and expect: Challenged, or set gate.mode: Managed and apiTokens",
        )
    if outcome.proof is Proof.NONE:
        return Condition(ENFORCED, UNKNOWN, Reason.UNVERIFIED, "all settings say on, but no probe was possible")
    return Condition(ENFORCED, TRUE, Reason.PROBED, clip(_agreement(outcome, seen)))


def _without_gate(seen: Observation) -> str:
    alone = "there is no gate, and the plugin alone does not guarantee that a password by itself opens nothing"
    if not seen.capabilities.gate_knows_pages:
        return f"{alone} (the gate does not support the {seen.capabilities.name})"
    return f"{alone}: set gate.mode: Managed, or Provided, in the JenkinsInstance"


def _agreement(outcome: Outcome, seen: Observation) -> str:
    """Where fields differ at this point they let nobody pass: Jenkins is stricter than the policy, or a mail has another text."""
    if outcome.plan and outcome.plan.changes:
        differing = describe(outcome.plan.changes)
        return f"on in every layer, and a probe was challenged; not as the policy says, though nobody passes by it: {differing}"
    layers = "disk, memory, live flag and factors agree"
    if seen.capabilities.experiment:
        layers = f"{seen.capabilities.name}, experimental: {layers} as far as this operator knows them"
    return f"{layers}, and a probe was challenged"


def judge_ready(outcome: Outcome, enforced: Condition) -> Condition:
    if outcome.canaries is not None and enforced.reason in (Reason.BYPASSED, Reason.EXEMPT_CHALLENGED):
        return Condition(READY, FALSE, enforced.reason, enforced.message)
    if outcome.failure is not None:
        return Condition(READY, FALSE, outcome.failure.reason, outcome.failure.message)
    if outcome.canaries is not None:
        return _judge_ready_by_canaries(outcome.canaries, enforced)
    if outcome.policy is None:
        return Condition(READY, TRUE, Reason.NO_POLICY, "reachable; no policy selects this instance")
    if outcome.mode is Mode.SUSPENDED:
        return Condition(READY, TRUE, SUSPENDED, f"{Mode.SUSPENDED.value} or looked at, so nobody knows whether it is enforced")
    if outcome.mode is Mode.BREAK_GLASS:
        return Condition(READY, TRUE, BREAK_GLASS, enforced.message)
    if outcome.refusal is not None:
        return Condition(READY, FALSE, outcome.refusal.reason, _refused(outcome.refusal))
    differing = outcome.plan.changes if outcome.plan else ()
    if differing and outcome.mode is Mode.WAITING:
        return Condition(READY, FALSE, outcome.mode.reason, outcome.mode.value)
    if differing and outcome.mode is not Mode.WRITE:
        enrolment = "".join(f"; so far {finding.message}" for finding in outcome.findings if finding.reason == ENROLMENT)
        return Condition(READY, TRUE, outcome.mode.reason, clip(f"{outcome.mode.value}{enrolment}; differing: {describe(differing)}"))
    if differing:
        return Condition(READY, FALSE, Reason.PROGRESSING, f"still differing: {describe(differing)}")
    if outcome.plan and outcome.plan.unsupported:
        return Condition(READY, FALSE, Reason.UNSUPPORTED, "; ".join(f"{u.path}: {u.message}" for u in outcome.plan.unsupported))
    if enforced.reason in (Reason.BYPASSED, *SITE_DECIDES):
        return Condition(READY, FALSE, enforced.reason, enforced.message)
    if outcome.break_glass is not None and outcome.break_glass.refused:
        finding = outcome.break_glass.refused[0].finding
        return Condition(READY, FALSE, finding.reason, clip(f"break-glass {finding.message}"))
    if EXEMPT_CHALLENGED in outcome.notes:
        return Condition(READY, FALSE, Reason.EXEMPT_CHALLENGED, EXEMPT_CHALLENGED)
    said_already = (enforced.reason, "ApiTokensExempt")  # the latter by the policy itself; `plan` says it
    hints = "".join(f"; note: {finding.message}" for finding in outcome.findings if finding.reason not in said_already)
    hints += "".join(f"; note: {note}" for note in outcome.notes)
    return Condition(READY, TRUE, Reason.IN_FORCE if enforced.status == TRUE else enforced.reason, clip(enforced.message + hints))


def _judge_ready_by_canaries(canaries: CanaryObservation, enforced: Condition) -> Condition:
    if enforced.reason == Reason.DISABLED and canaries.challenged is Proof.CHALLENGED:
        return Condition(READY, FALSE, Reason.STILL_CHALLENGED, f"{enforced.message}; with access: ProbeOnly nothing can be changed")
    return Condition(READY, TRUE, Reason.IN_FORCE if enforced.status == TRUE else enforced.reason, enforced.message)


def _refused(finding: Finding) -> str:
    return f"{finding.path}: {finding.message}" if finding.path else finding.message


def judge_reconciling(outcome: Outcome, ready: Condition) -> Condition:
    if _in_progress(outcome, ready):
        return Condition(RECONCILING, TRUE, ready.reason, f"trying again: {ready.message}")
    return Condition(RECONCILING, FALSE, ready.reason, "nothing is in progress")


def judge_stalled(outcome: Outcome, ready: Condition) -> Condition:
    if ready.status == FALSE and not _in_progress(outcome, ready):
        return Condition(STALLED, TRUE, ready.reason, ready.message)
    return Condition(STALLED, FALSE, ready.reason, "no action required")


def _in_progress(outcome: Outcome, ready: Condition) -> bool:
    """Whether the operator goes on by itself. With canaries alone it can change nothing, so only what is transient goes away."""
    if ready.status != FALSE:
        return False
    if outcome.failure is not None and outcome.failure.reason == ready.reason:
        return outcome.failure.transient
    return outcome.canaries is None and ready.reason in IN_PROGRESS


def judge_drifted(outcome: Outcome) -> Condition:
    if outcome.mode is Mode.SUSPENDED and outcome.observation is None:
        return Condition(DRIFTED, UNKNOWN, SUSPENDED, "not observed: the policy is suspended")
    if outcome.canaries is not None:
        return Condition(DRIFTED, UNKNOWN, Reason.NOT_OBSERVED, NOT_READ)
    if outcome.observation is None or outcome.plan is None:
        reason = outcome.failure.reason if outcome.failure else Reason.NO_POLICY
        return Condition(DRIFTED, UNKNOWN if outcome.failure else FALSE, reason, "there is nothing to compare")
    changes = outcome.plan.changes
    if outcome.mode is Mode.BREAK_GLASS:
        return Condition(DRIFTED, FALSE, BREAK_GLASS, Mode.BREAK_GLASS.value)
    if changes and (outcome.drift or outcome.mode not in (Mode.WRITE, Mode.WAITING)):
        return Condition(DRIFTED, TRUE, Reason.DIFFERS, f"Jenkins differs from the policy: {describe(changes)}")
    if outcome.corrected:
        return Condition(DRIFTED, FALSE, Reason.CORRECTED, f"drift was corrected: {', '.join(outcome.corrected)}")
    return Condition(DRIFTED, FALSE, Reason.NO_DRIFT, "Jenkins is as the policy says" if not changes else "the policy is being applied")


def describe(changes: tuple[Change, ...]) -> str:
    """At most ten differences in one line, each with the layers that hold it."""
    layers: dict[tuple[str, str, str], list[str]] = {}
    for change in changes:
        layers.setdefault((change.path, change.before, change.after), []).append(change.layer)
    shown = [f"{path} is {before} ({', '.join(where)}), wanted {after}" for (path, before, after), where in layers.items()]
    rest = f"; and {len(shown) - LONGEST_DIFF} more" if len(shown) > LONGEST_DIFF else ""
    return clip("; ".join(shown[:LONGEST_DIFF]) + rest)


def field_statuses(outcome: Outcome) -> tuple[FieldStatus, ...]:
    """How each field that the policy sets fares at this instance."""
    if outcome.policy is None or outcome.plan is None:
        return ()
    unsupported = {u.path: u.message for u in outcome.plan.unsupported}
    refused = {f.path: f.message for f in outcome.findings if f.severity is Severity.REFUSAL and f.path}
    differing: dict[str, list[Change]] = {}
    for change in outcome.plan.changes:
        differing.setdefault(change.path.split(".")[0], []).append(change)
    found = []
    idle = _exempting(outcome.policy.spec) if EXEMPT_CHALLENGED in outcome.notes else None
    for path in _set_fields(outcome):
        if path in unsupported:
            found.append(FieldStatus(path, FieldState.UNSUPPORTED, unsupported[path]))
        elif path in refused or (path in differing and outcome.refusal is not None):
            found.append(FieldStatus(path, FieldState.REFUSED, refused.get(path) or _refused(outcome.refusal) if outcome.refusal else ""))
        elif path in differing:
            found.append(FieldStatus(path, FieldState.DRIFTED, describe(tuple(differing[path]))))
        elif path == idle:
            found.append(FieldStatus(path, FieldState.DRIFTED, EXEMPT_CHALLENGED))
        else:
            found.append(FieldStatus(path, FieldState.APPLIED))
    return tuple(found)


def _exempting(spec: PolicySpec) -> str | None:
    """The field by which somebody may be exempt."""
    if spec.exempt_groups:
        return "exemptGroups"
    if spec.enforced_groups is not None:
        return "enforcedGroups"
    return "apiTokens" if spec.api_tokens is ApiTokens.EXEMPT else None


def _set_fields(outcome: Outcome) -> list[str]:
    assert outcome.policy is not None
    spec = outcome.policy.spec
    wanted = (
        ("mode", True),
        ("enforcedGroups", spec.enforced_groups is not None),
        ("exemptGroups", bool(spec.exempt_groups)),
        ("allowedFactors", bool(spec.allowed_factors)),
        ("emailOTP", spec.email_otp is not None),
        ("smsOTP", spec.sms_gateway is not None),
        ("requireOnBuild", spec.build_window is not None),
        ("rememberDevice", spec.remember_device is not None),
        ("apiTokens", spec.api_tokens is not None),
        ("gate", outcome.plan is not None and outcome.plan.desired.gate_counts),
    )
    return [path for path, is_set in wanted if is_set]
