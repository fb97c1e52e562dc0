"""From a mapping (YAML, or an object of the API server) to a resource: its shape first, then the rules of :mod:`jenkins2fa.api.rules`.

No parsing library: msgspec stops at the first problem, and pydantic would need our own words for almost every error, because one run names
every problem by its path in the object and says what to write instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from jenkins2fa.api.break_glass import BreakGlassSpec, TwoFactorBreakGlass
from jenkins2fa.api.fields import Fields, InvalidObject
from jenkins2fa.api.instance import Access, AuthorityRef, GateMode, GateSpec, InstanceSpec, JenkinsInstance, Probes
from jenkins2fa.api.meta import LabelSelector, collect_metadata, read_selector
from jenkins2fa.api.policy import (
    CLUSTER_KIND,
    ApiTokens,
    Assurance,
    DeletionPolicy,
    DriftMode,
    EmailOTP,
    Enforcement,
    Factor,
    PolicySpec,
    Rollout,
    SMSGateway,
    Stage,
    TwoFactorPolicy,
)
from jenkins2fa.api.rules import break_glass_problems, instance_problems, policy_problems


def parse_policy(body: Mapping[str, Any]) -> TwoFactorPolicy:
    """A ``TwoFactorPolicy`` or ``ClusterTwoFactorPolicy`` (from the API server or a file) as data. Raises :class:`InvalidObject` with every
    problem."""
    root = Fields(body)
    fields = root.nested("spec", required=True) or Fields({}, "spec", root.problems)
    meta, spec = collect_metadata(root), _read_policy_spec(fields, _read_namespaces(root, fields))
    root.problems.extend(policy_problems(spec, root.problems))
    if root.problems:
        raise InvalidObject(root.problems)
    return TwoFactorPolicy(meta, spec)


def parse_what_governs(body: Mapping[str, Any]) -> TwoFactorPolicy | None:
    """As :func:`parse_policy`; of an object that cannot be used, whom it means and its rank. None when not even that can be read.

    So an object with a word that this version does not know does not leave its instances to the next policy."""
    try:
        return parse_policy(body)
    except InvalidObject:
        root = Fields(body)
        meta, fields = collect_metadata(root), root.nested("spec", required=True) or Fields({}, "spec", root.problems)
        means = read_selector(fields.nested("instanceSelector", required=True))
        reaches = _read_namespaces(root, fields)
    if root.problems:
        return None
    rank = Fields(fields.values).integer("priority", 0)
    return TwoFactorPolicy(meta, PolicySpec(means, Enforcement.REPORT, namespace_selector=reaches, priority=rank), invalid=True)


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
        reason=fields.required_text("reason"),
    )


def _read_namespaces(root: Fields, fields: Fields) -> LabelSelector | None:
    """The namespaces that a cluster policy chooses; None for a policy of one namespace."""
    return read_selector(fields.nested("namespaceSelector", required=True)) if root.values.get("kind") == CLUSTER_KIND else None


def _read_policy_spec(fields: Fields, namespaces: LabelSelector | None) -> PolicySpec:
    groups = fields.texts("enforcedGroups")
    if not fields.has("enforcement"):
        fields.fail("enforcement", "required: one of Enforce, Report, Off")
    return PolicySpec(
        instance_selector=read_selector(fields.nested("instanceSelector", required=True)),
        namespace_selector=namespaces,
        enforcement=fields.choice("enforcement", Enforcement, None) or Enforcement.REPORT,
        enforced_groups=None if groups is None else frozenset(groups),
        exempt_groups=frozenset(fields.texts("exemptGroups") or ()),
        allowed_factors=fields.choices("allowedFactors", Factor),
        email_otp=_read_email(fields.nested("emailOTP")),
        sms_gateway=_read_gateway(fields.nested("smsOTP")),
        build_window=_read_window(fields.nested("requireOnBuild")),
        remember_device=fields.duration("rememberDevice"),
        api_tokens=fields.choice("apiTokens", ApiTokens, None),
        minimum_assurance=fields.choice("minimumAssurance", Assurance, None) or Assurance.AAL1,
        drift_mode=_read_drift(fields.nested("drift")),
        suspend=fields.boolean("suspend", False),
        rollout=_read_rollout(fields.nested("rollout")),
        deletion_policy=fields.choice("deletionPolicy", DeletionPolicy, None) or DeletionPolicy.RETAIN,
        priority=fields.integer("priority", 0),
    )


def _read_email(fields: Fields | None) -> EmailOTP | None:
    if fields is None:
        return None
    return EmailOTP(fields.required_text("senderAddress"), fields.text("subject"), fields.text("template"))


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


def _read_drift(fields: Fields | None) -> DriftMode:
    return (fields and fields.choice("mode", DriftMode, None)) or DriftMode.CORRECT


def _read_rollout(fields: Fields | None) -> Rollout:
    if fields is None:
        return Rollout()
    stage = fields.choice("stage", Stage, None) or Stage.ENFORCE
    if stage is Stage.GRACE and not fields.has("graceUntil"):
        fields.fail("graceUntil", "required because stage is Grace: the time at which it is enforced")
    return Rollout(
        batch_size=_count(fields, "batchSize", 1, 10000),
        pause_between=fields.duration("pauseBetween") or timedelta(0),
        stop_after_failures=_count(fields, "stopAfterFailures", 1, 10000) or 1,
        stage=stage,
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
        url=fields.required_text("url").rstrip("/") + "/",
        credentials=credentials.required_text("name") if credentials else None,
        authority=_read_authority(fields.nested("caRef")),
        access=fields.choice("access", Access, None) or Access.MANAGE,
        gate=_read_gate(fields.nested("gate")),
        probes=_read_probes(fields.nested("probes")),
        check_interval=_interval(fields.duration("checkInterval")),
        acknowledge_competing_manager=fields.boolean("acknowledgeCompetingManager", False),
    )


def _interval(given: timedelta | None) -> timedelta:
    return timedelta(seconds=30) if given is None else given


def _read_authority(fields: Fields | None) -> AuthorityRef | None:
    if fields is None:
        return None
    kind = fields.text("kind") or "ConfigMap"
    if kind not in ("ConfigMap", "Secret"):
        fields.fail("kind", f"must be ConfigMap or Secret, is {kind!r}")
    return AuthorityRef(kind, fields.required_text("name"), fields.text("key") or "ca.crt")


def _read_gate(fields: Fields | None) -> GateSpec:
    mode = fields.choice("mode", GateMode, None) if fields else None
    return GateSpec(mode or GateMode.NONE, chosen=mode is not None)


def _read_probes(fields: Fields | None) -> Probes:
    if fields is None:
        return Probes()
    return Probes(_read_secret(fields.nested("challenged")), _read_secret(fields.nested("exempt")))


def _read_secret(fields: Fields | None) -> str | None:
    reference = fields and fields.nested("secretRef", required=True)
    return reference.required_text("name") if reference else None
