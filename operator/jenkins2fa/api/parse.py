"""From a mapping (YAML, or an object of the API server) to a resource: first its shape, then the rules of :mod:`jenkins2fa.api.rules`.

No parsing library, because every problem has to be reported at once, with its path and what to write instead: msgspec stops at the first
problem, and pydantic would need a message of ours for almost every error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from jenkins2fa.api.break_glass import BreakGlassSpec, TwoFactorBreakGlass
from jenkins2fa.api.fields import Fields, InvalidObject, Problem
from jenkins2fa.api.instance import (
    Access,
    AuthorityKind,
    AuthorityRef,
    Canary,
    CompetingManager,
    Expectation,
    GateMode,
    GateSpec,
    InstanceSpec,
    JenkinsInstance,
    Provider,
)
from jenkins2fa.api.meta import LabelSelector, collect_metadata, read_selector
from jenkins2fa.api.policy import (
    CLUSTER_KIND,
    ApiTokens,
    Assurance,
    DeletionPolicy,
    DriftPolicy,
    EmailOTP,
    Factor,
    PolicyMode,
    PolicySpec,
    Rollout,
    SMSGateway,
    TwoFactorPolicy,
)
from jenkins2fa.api.rules import ADDRESS, break_glass_problems, instance_problems, policy_problems

FORMER_MODES = {"Enforce": "Enforce", "Report": "Audit", "Off": "Disabled", "False": "Disabled"}
FORMER_STAGES = {
    "Report": "write mode: Audit in spec instead",
    "Grace": "leave it out: with graceUntil the first enforcement waits",
    "Enforce": "leave it out: without graceUntil the policy is enforced at once",
}


def parse_policy(body: Mapping[str, Any]) -> TwoFactorPolicy:
    """A ``TwoFactorPolicy`` or ``ClusterTwoFactorPolicy`` (from the API server or a file) as data. Raises :class:`InvalidObject` with every
    problem."""
    root = Fields(body)
    fields = root.nested("spec", required=True) or Fields({}, "spec", root.problems)
    _note_former_policy(fields)
    meta, spec = collect_metadata(root), _read_policy_spec(fields, _read_namespaces(root, fields))
    root.problems.extend(policy_problems(spec, root.problems))
    if root.problems:
        raise InvalidObject(root.problems)
    return TwoFactorPolicy(meta, spec)


def parse_policy_or_scope(body: Mapping[str, Any]) -> TwoFactorPolicy | None:
    """As :func:`parse_policy`, but of an invalid object the selectors and the priority. None = not even those can be read.

    So a policy with a value that this version does not know keeps its instances: the next policy does not get them."""
    try:
        return parse_policy(body)
    except InvalidObject:
        root = Fields(body)
        meta, fields = collect_metadata(root), root.nested("spec", required=True) or Fields({}, "spec", root.problems)
        instances = read_selector(fields.nested("instanceSelector", required=True))
        namespaces = _read_namespaces(root, fields)
    if root.problems:
        return None
    priority = Fields(fields.values).integer("priority", 0)
    spec = PolicySpec(instances, PolicyMode.AUDIT, namespace_selector=namespaces, priority=priority)
    return TwoFactorPolicy(meta, spec, invalid=True)


def parse_break_glass(body: Mapping[str, Any]) -> TwoFactorBreakGlass:
    """A ``TwoFactorBreakGlass`` object (from the API server or a file) as data. Raises :class:`InvalidObject` with every problem."""
    root = Fields(body)
    fields = root.nested("spec", required=True) or Fields({}, "spec", root.problems)
    meta, spec = collect_metadata(root), _read_break_glass_spec(fields)
    root.problems.extend(break_glass_problems(spec, root.problems))
    if root.problems:
        raise InvalidObject(root.problems)
    return TwoFactorBreakGlass(meta, spec)


def parse_instance(body: Mapping[str, Any]) -> JenkinsInstance:
    """A ``JenkinsInstance`` object (from the API server or a file) as data. Raises :class:`InvalidObject` with every problem."""
    root = Fields(body)
    fields = root.nested("spec", required=True) or Fields({}, "spec", root.problems)
    _note_former_instance(fields)
    meta, spec = collect_metadata(root), _read_instance_spec(fields)
    root.problems.extend(instance_problems(spec, root.problems))
    if root.problems:
        raise InvalidObject(root.problems)
    return JenkinsInstance(meta, spec)


def _read_break_glass_spec(fields: Fields) -> BreakGlassSpec:
    if not fields.has("expiresAt"):
        fields.fail("expiresAt", "required: the time at which two-factor authentication is on again")
    return BreakGlassSpec(
        instance_selector=read_selector(fields.nested("instanceSelector", required=True)),
        expires_at=fields.time("expiresAt") or datetime.fromtimestamp(0, UTC),
        reason=fields.required_string("reason"),
    )


def _read_namespaces(root: Fields, fields: Fields) -> LabelSelector | None:
    """The namespace selector of a cluster policy; None for a policy of one namespace."""
    return read_selector(fields.nested("namespaceSelector", required=True)) if root.values.get("kind") == CLUSTER_KIND else None


def _read_policy_spec(fields: Fields, namespaces: LabelSelector | None) -> PolicySpec:
    groups = fields.strings("enforcedGroups")
    factors = _read_factors(fields)
    if not fields.has("mode"):
        fields.fail("mode", "required: Enforce, Audit or Disabled")
    return PolicySpec(
        instance_selector=read_selector(fields.nested("instanceSelector", required=True)),
        namespace_selector=namespaces,
        mode=fields.choice("mode", PolicyMode, None) or PolicyMode.AUDIT,
        enforced_groups=None if groups is None else frozenset(groups),
        exempt_groups=frozenset(fields.strings("exemptGroups") or ()),
        allowed_factors=frozenset(factors.allowed),
        email_otp=factors.email_otp,
        sms_gateway=factors.sms_gateway,
        build_window=_read_window(fields.nested("requireOnBuild")),
        remember_device=fields.duration("rememberDevice"),
        api_tokens=fields.choice("apiTokens", ApiTokens, None),
        minimum_assurance=fields.choice("minimumAssurance", Assurance, None) or Assurance.AAL1,
        drift_policy=fields.choice("driftPolicy", DriftPolicy, None) or DriftPolicy.CORRECT,
        suspend=fields.boolean("suspend", False),
        rollout=_read_rollout(fields.nested("rollout")),
        deletion_policy=fields.choice("deletionPolicy", DeletionPolicy, None) or DeletionPolicy.RETAIN,
        priority=fields.integer("priority", 0),
    )


@dataclass(slots=True)
class _Factors:
    allowed: set[Factor] = field(default_factory=set)
    email_otp: EmailOTP | None = None
    sms_gateway: SMSGateway | None = None


def _read_factors(fields: Fields) -> _Factors:
    factors = _Factors()
    for entry in fields.entries("allowedFactors", "{type: SecurityQuestions}"):
        if not entry.has("type"):
            entry.fail("type", "required: the name of a factor, such as SecurityQuestions")
        factor = entry.choice("type", Factor, None)
        if factor in factors.allowed:
            fields.problems.append(Problem(entry.path, f"type {factor} is in the list already"))
        email, gateway = _read_email(entry.nested("emailOTP")), _read_gateway(entry.nested("smsOTP"))
        if factor is None:
            continue
        factors.allowed.add(factor)
        _check_owner(Factor.EMAIL_OTP, factor, entry, "emailOTP", "give at least senderAddress")
        _check_owner(Factor.SMS_OTP, factor, entry, "smsOTP", "give gateway")
        factors.email_otp, factors.sms_gateway = email or factors.email_otp, gateway or factors.sms_gateway
    return factors


def _check_owner(owner: Factor, factor: Factor, entry: Fields, name: str, way_out: str) -> None:
    """The settings of a factor are in its own entry, and nowhere else."""
    if factor is owner and not entry.has(name):
        entry.fail(name, f"required because type is {owner}: {way_out}")
    if factor is not owner and entry.has(name):
        entry.fail(name, f"only allowed when type is {owner}")


def _read_email(fields: Fields | None) -> EmailOTP | None:
    if fields is None:
        return None
    sender, template = fields.string("senderAddress", required=True), fields.string("template")
    if sender is not None and not re.fullmatch(ADDRESS, sender):
        fields.fail("senderAddress", "must be an e-mail address")
    if template is not None and "$otp" not in template:
        fields.fail("template", "must contain $otp: without it the mail has no one-time password")
    return EmailOTP(sender or "", fields.string("subject"), template)


def _read_gateway(fields: Fields | None) -> SMSGateway | None:
    if fields is None:
        return None
    if not fields.has("gateway"):
        fields.fail("gateway", "required: MiniOrange or Twilio")
    return fields.choice("gateway", SMSGateway, None)


def _read_window(fields: Fields | None) -> timedelta | None:
    if fields is None:
        return None
    if not fields.has("window"):
        fields.fail("window", "required: how long one second factor is good for builds, such as 15m")
    return fields.duration("window")


def _read_rollout(fields: Fields | None) -> Rollout:
    if fields is None:
        return Rollout()
    return Rollout(
        batch_size=_count(fields, "batchSize", 1, 10000),
        pause_between=fields.duration("pauseBetween") or timedelta(0),
        stop_after_failures=_count(fields, "stopAfterFailures", 1, 10000) or 1,
        grace_until=fields.time("graceUntil"),
        minimum_enrolled=_count(fields, "minimumEnrolled", 0, 100),
    )


def _count(fields: Fields, name: str, least: int, most: int) -> int | None:
    if not fields.has(name):
        return None
    number = fields.integer(name, least)
    if not least <= number <= most:
        fields.fail(name, f"must be from {least} to {most}, is {number}")
    return number


def _read_instance_spec(fields: Fields) -> InstanceSpec:
    credentials = fields.nested("credentialsRef")
    return InstanceSpec(
        url=fields.required_string("url").rstrip("/") + "/",
        credentials=credentials.required_string("name") if credentials else None,
        authority=_read_authority(fields.nested("caRef")),
        access=fields.choice("access", Access, None) or Access.MANAGE,
        gate=_read_gate(fields.nested("gate")),
        canaries=tuple(_read_canaries(fields)),
        check_interval=_interval(fields.duration("checkInterval")),
        competing_manager=fields.choice("competingManager", CompetingManager, None) or CompetingManager.REFUSE,
        provider=fields.choice("provider", Provider, None),
    )


def _interval(given: timedelta | None) -> timedelta:
    return timedelta(seconds=30) if given is None else given


def _read_authority(fields: Fields | None) -> AuthorityRef | None:
    if fields is None:
        return None
    kind = fields.choice("kind", AuthorityKind, None) or AuthorityKind.CONFIG_MAP
    return AuthorityRef(kind, fields.required_string("name"), fields.string("key") or "ca.crt")


def _read_gate(fields: Fields | None) -> GateSpec:
    mode = fields.choice("mode", GateMode, None) if fields else None
    return GateSpec(mode or GateMode.NONE, chosen=mode is not None)


def _read_canaries(fields: Fields) -> Iterator[Canary]:
    names = set()
    for entry in fields.entries("canaries", "{name: person, expect: Challenged, secretRef: {name: canary}}"):
        name = entry.required_string("name")
        if name and name in names:
            fields.problems.append(Problem(entry.path, f"name {name} is in the list already"))
        names.add(name)
        if not entry.has("expect"):
            entry.fail("expect", "required: Challenged or Exempt")
        expect, secret = entry.choice("expect", Expectation, None), _read_secret(entry)
        if expect and secret:
            yield Canary(name, expect, secret)


def _read_secret(fields: Fields) -> str | None:
    reference = fields.nested("secretRef", required=True)
    return reference.required_string("name") if reference else None


def _note_former_policy(fields: Fields) -> None:
    """Report fields of earlier drafts in a policy, each with what to write instead."""
    for name, message in _former_policy_fields(fields.values):
        fields.fail_former(name, message)
    rollout = fields.values.get("rollout")
    if isinstance(rollout, Mapping) and rollout.get("stage") is not None:
        fields.fail_former("rollout.stage", FORMER_STAGES.get(str(rollout["stage"]), "use mode: Audit in spec, or graceUntil, instead"))


def _note_former_instance(fields: Fields) -> None:
    """Report fields of earlier drafts in an instance, each with what to write instead."""
    for name, message in _former_instance_fields(fields.values):
        fields.fail_former(name, message)


def _former_policy_fields(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "enforcement" in spec:
        yield "enforcement", f"write mode: {FORMER_MODES.get(str(spec['enforcement']), 'Enforce, Audit or Disabled')} instead"
    if "drift" in spec:
        drift = spec["drift"]
        policy = drift.get("mode") if isinstance(drift, Mapping) else None
        yield "drift", f"write driftPolicy: {policy if policy in ('Correct', 'Report') else 'Correct or Report'} instead"
    for name, factor in (("emailOTP", "EmailOTP"), ("smsOTP", "SMSOTP")):
        if name in spec:
            yield name, f"move it into the entry of allowedFactors whose type is {factor}"


def _former_instance_fields(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "probes" in spec:
        yield "probes", "write canaries: [{name: person, expect: Challenged, secretRef: {name: canary}}] instead"
    if "acknowledgeCompetingManager" in spec:
        manager = "Override" if spec["acknowledgeCompetingManager"] else "Refuse"
        yield "acknowledgeCompetingManager", f"write competingManager: {manager} instead"
