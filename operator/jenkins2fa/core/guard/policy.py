"""Checks of the policy: who would be locked out, what is weak, and what needs an approval."""

from __future__ import annotations

from jenkins2fa.api.policy import ApiTokens, Assurance, Factor, PolicyMode, PolicySpec
from jenkins2fa.core.approval import how_to_approve
from jenkins2fa.core.factors.properties import TOKENS
from jenkins2fa.core.factors.strength import reservations
from jenkins2fa.core.guard.finding import Finding, Severity, Situation, could_not_read
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.plan import moves, was_confirmed
from jenkins2fa.core.reasons import Reason


def operator_locked_out(s: Situation) -> Finding | None:
    """Nothing is switched on that would lock the operator out."""
    if s.policy.mode is PolicyMode.DISABLED or s.plan.desired.gate is not None or not s.plan.desired.plugin.factors:
        return None
    if s.observation.capabilities.tokens_pass:
        return None
    if s.second_factor_login and Factor.SECURITY_QUESTIONS in s.plan.desired.plugin.factors:
        return None
    way_out = (
        "allow SecurityQuestions, the only factor that it can pass by itself, or set gate.mode: Managed on the JenkinsInstance"
        if s.second_factor_login
        else "set gate.mode: Managed on the JenkinsInstance, or put a secondFactorSeed into its Secret and allow SecurityQuestions"
    )
    problem = "once enforced, the operator's own API token would be challenged too and it could neither repair nor switch off"
    return Finding(Reason.OPERATOR_LOCKED_OUT, f"{problem}: {way_out}")


def gate_needed(s: Situation) -> Finding | None:
    """Nobody is asked whom the policy exempts. If everyone is asked already, the field is only Unsupported.

    Only this exact state counts as confirmed: the same generation of the policy may have had a gate then."""
    if s.policy.mode is PolicyMode.DISABLED or s.observation.effective or was_confirmed(s.observation, s.plan):
        return None
    spared = ("exemptGroups", "enforcedGroups", *(["apiTokens"] if s.policy.api_tokens is ApiTokens.EXEMPT else []))
    lost = [one.path for one in s.plan.unsupported if one.path in spared]
    if not lost:
        return None
    return Finding(
        Reason.GATE_NEEDED,
        f"{', '.join(lost)}: cannot be had in this Jenkins without the gate, so people or programs whom the policy does not mean would be "
        f"asked for a second factor: set gate.mode: Managed on the JenkinsInstance, or take {' and '.join(lost)} out of the policy to say "
        "that everyone is to be asked",
    )


def no_factor(s: Situation) -> Finding | None:
    if s.policy.mode is PolicyMode.DISABLED or s.plan.desired.plugin.factors:
        return None
    return Finding(
        Reason.NO_FACTOR,
        "none of the allowed factors exists in the installed plugin, so nobody would be asked for anything: "
        f"allow one of {', '.join(sorted(factor.value for factor in s.observation.capabilities.factors))}",
        path="allowedFactors",
    )


def no_mail_server(s: Situation) -> Finding | None:
    """With another factor besides EmailOTP, users still get in. With EmailOTP alone, nobody would."""
    if not _mails_codes(s) or s.observation.mail_server.configured:
        return None
    problem = "this Jenkins has no mail server, so no one-time password would arrive"
    way_out = "set the SMTP server under Manage Jenkins > System > E-mail Notification"
    return Finding(Reason.NO_MAIL_SERVER, f"{problem}: {way_out}{_or_another_factor(s)}", _severity_of_lost_mail(s), "allowedFactors")


def mail_without_code(s: Situation) -> Finding | None:
    """The policy's template always has the code (api/parse.py). Without one, the template in Jenkins stays."""
    template = s.plan.desired.plugin.template or (s.observation.memory.template if s.observation.memory else None)
    if not _mails_codes(s) or template is None or "$otp" in template:
        return None
    problem = "the template for mails that this Jenkins holds lacks $otp, so no mail would have a one-time password"
    return Finding(
        Reason.MAIL_WITHOUT_CODE, f"{problem}: set emailOTP.template{_or_another_factor(s)}", _severity_of_lost_mail(s), "emailOTP"
    )


def _mails_codes(s: Situation) -> bool:
    return s.policy.mode is not PolicyMode.DISABLED and Factor.EMAIL_OTP in s.plan.desired.plugin.factors


def _or_another_factor(s: Situation) -> str:
    return ", or allow another factor too" if s.plan.desired.plugin.factors == {Factor.EMAIL_OTP} else ""


def _severity_of_lost_mail(s: Situation) -> Severity:
    """A refusal if the change would make mail the only way in, or if nothing differs and an administrator has to act.

    If mail is the only way in already, refusing another change would help nobody."""
    observation, only = s.observation, {Factor.EMAIL_OTP}
    already = observation.effective and observation.memory is not None and observation.memory.factors == only
    shuts_out = s.plan.desired.plugin.factors == only and not (already and s.plan.changes)
    return Severity.REFUSAL if shuts_out else Severity.HAZARD


def enrolment_too_low(s: Situation) -> Finding | None:
    """Only before the first enforcement, or a move from another plugin. After it, users without a second factor are asked to enrol, even
    if 2FA was switched off since."""
    least, enrolment = s.policy.rollout.minimum_enrolled, s.observation.enrolment
    if least is None or s.policy.mode is PolicyMode.DISABLED:
        return None
    if (s.observation.protected or s.confirmed_before) and not moves(s.observation, s.plan):
        return None
    if could_not_read(s, "users"):
        return Finding(
            Reason.ENROLMENT_TOO_LOW,
            "Jenkins could not count who has a second factor, so it is not known whether rollout.minimumEnrolled is reached: "
            "see whether Jenkins can list its users, or leave rollout.minimumEnrolled out",
            path="rollout",
        )
    if enrolment is None:
        return None
    if not enrolment.complete:
        return Finding(Reason.ENROLMENT_TOO_LOW, "Jenkins is still looking up which users are administrators: try again", path="rollout")
    percent = 100 if not enrolment.total else (enrolment.total - enrolment.not_enrolled) * 100 // enrolment.total
    if percent >= least and not enrolment.administrators_not_enrolled:
        return None
    administrators = f", {enrolment.administrators_not_enrolled} of them administrators" if enrolment.administrators_not_enrolled else ""
    return Finding(
        Reason.ENROLMENT_TOO_LOW,
        f"{percent} % of {enrolment.total} users have a second factor, {least} % are asked for ({enrolment.not_enrolled} are "
        f"without{administrators}): "
        "ask them to enrol under their user settings, or lower rollout.minimumEnrolled",
        path="rollout",
    )


def approval_is_missing(s: Situation) -> Finding | None:
    if s.approval is None or not s.plan.weakening:
        return None
    paths = dict.fromkeys(change.path for change in s.plan.weakening)
    return Finding(
        Reason.APPROVAL_REQUIRED,
        f"this weakens the protection ({', '.join(paths)}) and waits for somebody who may approve it: {how_to_approve(s.approval)}",
    )


def no_administrator_is_enrolled(s: Situation) -> Finding | None:
    enrolment = s.observation.enrolment
    if s.policy.mode is PolicyMode.DISABLED or enrolment is None or not enrolment.administrators:
        return None
    if s.observation.protected and not moves(s.observation, s.plan):
        return None
    if not enrolment.complete:
        return None
    if enrolment.administrators_not_enrolled < enrolment.administrators:
        return None
    only_some = s.policy.exempt_groups or s.policy.enforced_groups is not None
    who = "administrators who are asked for one" if only_some else "administrators"
    return Finding(
        Reason.NO_ADMINISTRATOR_ENROLLED,
        f"none of the {enrolment.administrators} {who} has a second factor yet: enrol at least one administrator first, or each has "
        "to set one up at the next log-in",
        Severity.HAZARD,
    )


def users_without_address(s: Situation) -> Finding | None:
    enrolment = s.observation.enrolment
    if (
        s.policy.mode is PolicyMode.DISABLED
        or s.plan.desired.plugin.factors != {Factor.EMAIL_OTP}
        or not enrolment
        or not enrolment.without_address
    ):
        return None
    return Finding(
        Reason.USERS_WITHOUT_ADDRESS,
        f"{enrolment.without_address} of {enrolment.total} users have no e-mail address and could not get in: allow "
        "SecurityQuestions too, or add addresses",
        Severity.HAZARD,
        "allowedFactors",
    )


def tokens_are_challenged(s: Situation) -> Finding | None:
    is_explicit = s.policy.api_tokens is ApiTokens.CHALLENGE or (s.plan.desired.gate is not None and s.policy.api_tokens is not None)
    if s.policy.mode is PolicyMode.DISABLED or is_explicit or s.observation.capabilities.exempts_by_itself:
        return None
    holders = s.observation.enrolment.with_api_token if s.observation.enrolment else None
    return Finding(
        Reason.API_TOKENS_CHALLENGED,
        f"the {s.observation.capabilities.name} challenges every request with an API token, so scripts, webhooks and agents that use one "
        "will fail"
        f"{'' if holders is None else f' (users with a token: {holders})'}: "
        "set apiTokens: Exempt (with the gate), or apiTokens: Challenge to say that this is meant",
        Severity.HAZARD,
        "apiTokens",
    )


def assurance_not_met(s: Situation) -> Finding | None:
    if s.policy.minimum_assurance is not Assurance.AAL2 or s.policy.mode is PolicyMode.DISABLED:
        return None
    if s.plan.desired.plugin.factors:
        return None  # the policy itself is refused where one of them can never reach AAL2 (api/rules.py)
    return Finding(
        Reason.ASSURANCE_NOT_MET,
        "minimumAssurance is AAL2, and the installed plugin has none of the allowed factors: allow one that it has, or set "
        "minimumAssurance: AAL1",
        path="minimumAssurance",
    )


def assurance_conditional(s: Situation) -> Finding | None:
    if s.policy.minimum_assurance is not Assurance.AAL2 or s.policy.mode is PolicyMode.DISABLED:
        return None
    doubts = reservations(s.plan.desired.plugin.factors)
    if not doubts:
        return None
    text = f"minimumAssurance is AAL2, which depends on conditions that Jenkins does not show: {'; '.join(doubts)}"
    return Finding(Reason.ASSURANCE_CONDITIONAL, text, Severity.HAZARD, "minimumAssurance")


def group_unverified(s: Situation) -> Finding | None:
    unknown = unverified_groups(s.policy, s.observation)
    if not unknown:
        return None
    return Finding(
        Reason.GROUP_UNVERIFIED,
        f"nobody is known to be in {', '.join(unknown)} (a misspelt group would challenge nobody): check the name; it counts "
        "once Jenkins knows a member",
        Severity.HAZARD,
        "enforcedGroups",
    )


def tokens_are_exempt(s: Situation) -> Finding | None:
    native, by_default = s.plan.desired.plugin.properties.get(TOKENS), s.observation.capabilities.tokens_pass
    by_policy = s.policy.api_tokens is ApiTokens.EXEMPT and (s.plan.desired.gate is not None or native)
    by_plugin = by_default and s.plan.desired.enforcing and (s.policy.api_tokens is not ApiTokens.CHALLENGE or s.plan.desired.gate is None)
    if not (by_policy or by_plugin):
        return None
    return Finding(
        Reason.API_TOKENS_EXEMPT,
        "requests with an API token are let through without a second factor: a stolen token is enough to act as its user",
        Severity.HAZARD,
        "apiTokens",
    )


def unverified_groups(policy: PolicySpec, observation: Observation) -> tuple[str, ...]:
    """Enforced groups without a known member. Each of them may be misspelt."""
    enforced = policy.enforced_groups or frozenset()
    return tuple(sorted(enforced - observation.known_groups))
