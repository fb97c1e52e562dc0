"""The guard: checks before a change. Who would be locked out, and what must not be touched.

``CHECKS`` reads like the specification: each is a pure function from a :class:`Situation` to a finding or None.
``Refusal`` findings stop the change; ``Hazard`` findings are told (in ``plan``, status and report) and do not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from jenkins2fa.api.instance import GateMode, InstanceSpec
from jenkins2fa.api.policy import ApiTokens, Assurance, Enforcement, Factor, PolicySpec
from jenkins2fa.api.reading import format_duration
from jenkins2fa.core.capabilities import capabilities_of
from jenkins2fa.core.observation import COMMAND_LINE, Edition, Observation, Owner
from jenkins2fa.core.plan import Plan, lacks_filter
from jenkins2fa.core.premium import TOKENS
from jenkins2fa.core.strength import STANDARD, below_aal2, reason_below, reservations

ESSENTIAL = frozenset({"plugin", "layers", "gate", "trial", "state"})  # parts of an observation that a change hangs on

APPROVAL_REQUIRED = "ApprovalRequired"


class Severity(StrEnum):
    REFUSAL = "Refusal"
    HAZARD = "Hazard"


@dataclass(frozen=True, slots=True)
class Finding:
    """``reason`` is the CamelCase word for conditions; ``message`` says what is wrong and the way out; ``path`` the policy's field,
    if one."""

    reason: str
    message: str
    severity: Severity = Severity.REFUSAL
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the checks look at.

    ``flapping``: fields that were corrected too often of late; ``approval`` None = none is needed, else the digest that
    the annotation approve-weakening has to name; ``approved`` is what it names. ``second_factor_login``: the operator's account can answer
    security questions by itself."""

    policy: PolicySpec
    instance: InstanceSpec
    observation: Observation
    plan: Plan
    owner: Owner | None = None
    take_over: str | None = None
    flapping: tuple[str, ...] = ()
    approval: str | None = None
    approved: str | None = None
    second_factor_login: bool = False
    premium: bool = False


def check(situation: Situation) -> tuple[Finding, ...]:
    """Every finding, refusals first. Empty = nothing speaks against the change."""
    found = [finding for one in CHECKS if (finding := one(situation)) is not None]
    return tuple(sorted(found, key=lambda finding: finding.severity is Severity.HAZARD))


def refusals(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity is Severity.REFUSAL)


def _unread(s: Situation, *parts: str) -> bool:
    return any(part in s.observation.damaged for part in parts)


def plugin_is_missing(s: Situation) -> Finding | None:
    plugin = s.observation.plugin
    if (plugin.installed and plugin.active and s.observation.memory is not None) or _unread(s, "plugin", "layers"):
        return None
    state = "disabled" if plugin.installed else "not installed"
    return Finding(
        "PluginMissing", f"the plugin miniorange-two-factor is {state} in this Jenkins: install or enable it and restart Jenkins"
    )


def plugin_is_unknown(s: Situation) -> Finding | None:
    plugin = s.observation.plugin
    if not plugin.installed or _unread(s, "plugin"):
        return None
    premium = plugin.edition is Edition.PREMIUM
    if not plugin.missing if premium and s.premium else plugin.known and not premium:
        return None
    lacks = f" (it lacks {', '.join(plugin.missing[:3])})" if plugin.missing else ""
    edition = f" {plugin.edition.value.lower()} edition" if plugin.edition and (plugin.known or premium) else ""
    way_out = "Install version 1.2.0, or a newer operator"
    if premium and not plugin.missing:
        way_out = "The switch --enable-experimental-premium lets it be written to, at your own risk (docs/premium.md)"
    return Finding(
        "UnsupportedPluginVersion",
        f"the plugin's version {plugin.version}{edition} is not one that this operator was tested with{lacks}: it is only "
        f"read, nothing is written. {way_out}",
    )


def strict_gate_knows_no_premium_pages(s: Situation) -> Finding | None:
    gate = s.plan.desired.gate
    if s.observation.plugin.edition is not Edition.PREMIUM or gate is None or not gate.strict or not s.plan.desired.enforcing:
        return None
    return Finding(
        "StrictGateUnknownPages",
        "the strict gate opens the pages of the free edition's factors only, so it would keep users from answering the premium edition's: "
        "set gate.strict: false on the JenkinsInstance",
        path="gate",
    )


def clocks_differ(s: Situation) -> Finding | None:
    ahead = s.observation.clock_ahead
    if not ahead:
        return None
    return Finding(
        "ClockSkew",
        f"the clock of this Jenkins is {format_duration(abs(ahead))} {'ahead of' if ahead > timedelta(0) else 'behind'} the operator's: "
        "one-time passwords from an authenticator may be refused there. Set the clock of Jenkins' host, or of the operator's",
        Severity.HAZARD,
    )


def premium_is_experimental(s: Situation) -> Finding | None:
    if s.observation.plugin.edition is not Edition.PREMIUM or not s.premium:
        return None
    return Finding(
        "ExperimentalPremium",
        "the premium edition was not available to test against: its settings are written by their names and read back, what they do is "
        "shown by probes alone (probes.challenged with a password is the best one)",
        Severity.HAZARD,
    )


def observation_is_damaged(s: Situation) -> Finding | None:
    """What could not be read cannot be compared, and must not be written over."""
    unread = sorted(set(s.observation.damaged) & ESSENTIAL)
    if not unread:
        return None
    return Finding(
        "ObservationDamaged",
        f"Jenkins cannot read its own {', '.join(unread)}, so nothing is written: put back, or remove, what is damaged "
        "(the plugin's settings file, or a file of $JENKINS_HOME/jenkins2fa)",
    )


def plugin_filter_is_missing(s: Situation) -> Finding | None:
    if not s.plan.desired.enforcing or not lacks_filter(s.observation):
        return None
    return Finding("PluginFilterMissing", "the plugin's own filter is not in Jenkins' filter chain, so it asks nobody: restart Jenkins")


def another_owner(s: Situation) -> Finding | None:
    held = s.observation.owner
    if held is None or s.owner is None or held.same_manager(s.owner) or held.cluster == COMMAND_LINE or s.take_over == held.name:
        return None
    return Finding(
        "OwnedElsewhere",
        f"this Jenkins is managed by {held.name} (cluster and instance): remove it there, or take over by the annotation "
        f"jenkins2fa.dev/take-over: {held.name}",
    )


def competing_manager(s: Situation) -> Finding | None:
    if not s.observation.managed_by_code or not s.plan.changes or s.instance.acknowledge_competing_manager:
        return None
    return Finding(
        "CompetingManager",
        "configuration-as-code sets the same fields (moGlobalConfig) and would undo them at the next restart or reload: "
        "remove them from its YAML, "
        "or set acknowledgeCompetingManager: true on the JenkinsInstance",
    )


def trial_is_pending(s: Situation) -> Finding | None:
    if s.observation.trial.pending is None or s.observation.trial.stale:
        return None
    return Finding("TrialPending", f"trial {s.observation.trial.pending} is still open: it ends by itself within a minute")


def operator_locked_out(s: Situation) -> Finding | None:
    """The first of all checks: nothing is switched on that would leave the operator outside."""
    if s.policy.enforcement is Enforcement.OFF or s.plan.desired.gate is not None or not s.plan.desired.plugin.factors:
        return None
    if s.second_factor_login and Factor.SECURITY_QUESTIONS in s.plan.desired.plugin.factors:
        return None
    way_out = (
        "allow SecurityQuestions, the only factor that it can pass by itself, or set gate.mode: Managed on the JenkinsInstance"
        if s.second_factor_login
        else "set gate.mode: Managed on the JenkinsInstance, or put a secondFactorSeed into its Secret and allow SecurityQuestions"
    )
    trouble = "once enforced, the operator's own API token would be challenged too and it could neither repair nor switch off"
    return Finding("OperatorLockedOut", f"{trouble}: {way_out}")


def gate_is_not_provided(s: Situation) -> Finding | None:
    if s.instance.gate.mode is not GateMode.PROVIDED:
        return None
    gates = [change for change in s.plan.changes if change.path.startswith("gate") or change.layer.value in ("gate", "start-up")]
    if not gates:
        return None
    return Finding(
        "GateNotProvided",
        "gate.mode is Provided, but the gate in this Jenkins is not the one that this policy needs: mount what `jenkins2fa "
        "gate render` prints "
        "into init.groovy.d and restart Jenkins",
        path="gate",
    )


def no_factor(s: Situation) -> Finding | None:
    if s.policy.enforcement is Enforcement.OFF or s.plan.desired.plugin.factors:
        return None
    return Finding(
        "NoFactor",
        "none of the allowed factors exists in the installed plugin, so nobody would be asked for anything: "
        f"allow one of {', '.join(sorted(factor.value for factor in capabilities_of(s.observation).factors))}",
        path="allowedFactors",
    )


def no_mail_server(s: Situation) -> Finding | None:
    """With another factor beside it users still get in; with EmailOTP alone nobody would."""
    if (
        s.policy.enforcement is Enforcement.OFF
        or Factor.EMAIL_OTP not in s.plan.desired.plugin.factors
        or s.observation.mail_server.configured
    ):
        return None
    alone = s.plan.desired.plugin.factors == {Factor.EMAIL_OTP}
    trouble = "this Jenkins has no mail server, so no one-time password would arrive"
    way_out = "set the SMTP server under Manage Jenkins > System > E-mail Notification" + (", or allow another factor too" if alone else "")
    return Finding("NoMailServer", f"{trouble}: {way_out}", Severity.REFUSAL if alone else Severity.HAZARD, "allowedFactors")


def enrolment_too_low(s: Situation) -> Finding | None:
    """Before the first enforcement only: afterwards whoever is not enrolled is asked to enrol anyway."""
    least, enrolment = s.policy.rollout.minimum_enrolled, s.observation.enrolment
    if least is None or s.policy.enforcement is not Enforcement.ENFORCE or s.observation.protected:
        return None
    if _unread(s, "users"):
        return Finding(
            "EnrolmentTooLow",
            "Jenkins could not count who has a second factor, so nobody knows whether rollout.minimumEnrolled is reached: "
            "see whether Jenkins can list its users, or leave rollout.minimumEnrolled out",
            path="rollout",
        )
    if enrolment is None:
        return None
    percent = 100 if not enrolment.total else (enrolment.total - enrolment.not_enrolled) * 100 // enrolment.total
    if percent >= least and not enrolment.administrators_not_enrolled:
        return None
    administrators = f", {enrolment.administrators_not_enrolled} of them administrators" if enrolment.administrators_not_enrolled else ""
    return Finding(
        "EnrolmentTooLow",
        f"{percent} % of {enrolment.total} users have a second factor, {least} % are asked for ({enrolment.not_enrolled} are "
        f"without{administrators}): "
        "ask them to enrol under their user settings, or lower rollout.minimumEnrolled",
        path="rollout",
    )


def flapping(s: Situation) -> Finding | None:
    if not s.flapping or not s.plan.changes:
        return None
    return Finding(
        "Flapping",
        f"{', '.join(s.flapping)}: corrected three times within an hour, and changed back each time: find out who or what "
        "changes it in Jenkins; it goes on when "
        "the policy changes, or now by the annotation jenkins2fa.dev/reconcile-at with a new value",
    )


def gate_is_left_behind(s: Situation) -> Finding | None:
    """Its rules would go on deciding who is asked, and nobody would compare them with the policy."""
    if s.instance.gate.mode is not GateMode.NEVER or not s.observation.gate.installed or s.policy.enforcement is Enforcement.OFF:
        return None
    return Finding(
        "GateLeftBehind",
        "gate.mode is Never, but a gate of this operator is still in this Jenkins and exempts whom it was told to: set "
        "gate.mode: Managed, or take "
        "it out with `jenkins2fa gate remove`",
    )


def whose_settings_is_unknown(s: Situation) -> Finding | None:
    if s.observation.managed_by_code is not None or s.instance.acknowledge_competing_manager or not s.plan.changes:
        return None
    return Finding(
        "CompetingManagerUnknown",
        "configuration-as-code is at work, and its sources cannot be read from here: if they set the same fields "
        "(moGlobalConfig), they will undo "
        "this at the next restart or reload",
        Severity.HAZARD,
    )


def approval_is_missing(s: Situation) -> Finding | None:
    if s.approval is None or s.approved == s.approval or not s.plan.weakening:
        return None
    paths = dict.fromkeys((*(change.path for change in s.plan.weakening), *(["breakGlass"] if s.policy.break_glass else [])))
    return Finding(
        APPROVAL_REQUIRED,
        f"this weakens the protection ({', '.join(paths)}) and waits for somebody who may approve it: {approve_by(s.approval)}",
    )


def approve_by(approval: str) -> str:
    """How somebody approves of what an ``approval`` names."""
    return f"kubectl annotate --overwrite twofactorpolicy <name> jenkins2fa.dev/approve-weakening={approval}"


def no_administrator_gets_in(s: Situation) -> Finding | None:
    enrolment = s.observation.enrolment
    if s.policy.enforcement is not Enforcement.ENFORCE or s.observation.protected or enrolment is None or not enrolment.administrators:
        return None
    if enrolment.administrators_not_enrolled < enrolment.administrators:
        return None
    return Finding(
        "NoAdministratorEnrolled",
        f"none of the {enrolment.administrators} administrators has a second factor yet: each has to set one up at the next "
        "log-in; let one do it before",
        Severity.HAZARD,
    )


def users_without_address(s: Situation) -> Finding | None:
    enrolment = s.observation.enrolment
    if (
        s.policy.enforcement is Enforcement.OFF
        or s.plan.desired.plugin.factors != {Factor.EMAIL_OTP}
        or not enrolment
        or not enrolment.without_address
    ):
        return None
    return Finding(
        "UsersWithoutAddress",
        f"{enrolment.without_address} of {enrolment.total} users have no e-mail address and could not get in: allow "
        "SecurityQuestions too, or add addresses",
        Severity.HAZARD,
        "allowedFactors",
    )


def tokens_are_challenged(s: Situation) -> Finding | None:
    said = s.policy.api_tokens is ApiTokens.CHALLENGE or (s.plan.desired.gate is not None and s.policy.api_tokens is not None)
    if s.policy.enforcement is Enforcement.OFF or said or s.observation.plugin.edition is Edition.PREMIUM:
        return None
    return Finding(
        "ApiTokensChallenged",
        "the free edition challenges every request with an API token, so scripts, webhooks and agents that use one will fail: "
        "set apiTokens: Exempt (with the gate), or apiTokens: Challenge to say that this is meant",
        Severity.HAZARD,
        "apiTokens",
    )


def assurance_not_met(s: Situation) -> Finding | None:
    if s.policy.minimum_assurance is not Assurance.AAL2 or s.policy.enforcement is Enforcement.OFF:
        return None
    weak = below_aal2(s.policy.allowed_factors)
    if not weak and s.plan.desired.plugin.factors:
        return None
    return Finding(
        "AssuranceNotMet",
        f"minimumAssurance is AAL2, which {', '.join(one.value for one in weak) or 'no factor of the installed plugin'} cannot meet"
        f"{f' ({STANDARD}: {reason_below(weak)})' if weak else ''}: allow only stronger factors, or set minimumAssurance: AAL1",
        path="minimumAssurance",
    )


def assurance_conditional(s: Situation) -> Finding | None:
    if s.policy.minimum_assurance is not Assurance.AAL2 or s.policy.enforcement is Enforcement.OFF or below_aal2(s.policy.allowed_factors):
        return None
    doubts = reservations(s.plan.desired.plugin.factors)
    if not doubts:
        return None
    text = f"minimumAssurance is AAL2, which hangs on what cannot be seen in Jenkins: {'; '.join(doubts)}"
    return Finding("AssuranceConditional", text, Severity.HAZARD, "minimumAssurance")


def group_unverified(s: Situation) -> Finding | None:
    unknown = unverified_groups(s.policy, s.observation)
    if not unknown:
        return None
    return Finding(
        "GroupUnverified",
        f"nobody is known to be in {', '.join(unknown)} (a misspelt group would challenge nobody): check the name; it counts "
        "once a member has been seen",
        Severity.HAZARD,
        "enforcedGroups",
    )


def provider_tokens_exempt(s: Situation) -> Finding | None:
    native = s.plan.desired.plugin.premium.get(TOKENS)
    if s.policy.api_tokens is not ApiTokens.EXEMPT or (s.plan.desired.gate is None and not native):
        return None
    return Finding(
        "ApiTokensExempt",
        "requests with an API token are let through without a second factor: a stolen token is enough to act as its user",
        Severity.HAZARD,
        "apiTokens",
    )


def unverified_groups(policy: PolicySpec, observation: Observation) -> tuple[str, ...]:
    """Enforced groups that nobody is known to be in: each of them may be misspelt."""
    wanted = policy.enforced_groups or frozenset()
    return tuple(sorted(wanted - observation.known_groups))


CHECKS: tuple[Callable[[Situation], Finding | None], ...] = (
    observation_is_damaged,
    plugin_is_missing,
    plugin_is_unknown,
    strict_gate_knows_no_premium_pages,
    plugin_filter_is_missing,
    another_owner,
    competing_manager,
    operator_locked_out,
    no_factor,
    assurance_not_met,
    assurance_conditional,
    no_mail_server,
    gate_is_not_provided,
    gate_is_left_behind,
    approval_is_missing,
    enrolment_too_low,
    flapping,
    trial_is_pending,
    whose_settings_is_unknown,
    no_administrator_gets_in,
    users_without_address,
    tokens_are_challenged,
    provider_tokens_exempt,
    group_unverified,
    premium_is_experimental,
    clocks_differ,
)
