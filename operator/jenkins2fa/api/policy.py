"""``TwoFactorPolicy``: what must hold on the instances it selects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from jenkins2fa.api.fields import Fields, InvalidObject
from jenkins2fa.api.meta import LabelSelector, Metadata, collect_metadata, read_selector

KIND = "TwoFactorPolicy"
PLURAL = "twofactorpolicies"


class Enforcement(StrEnum):
    """The global toggle; ``REPORT`` says what would change and writes nothing."""

    ENFORCE = "Enforce"
    REPORT = "Report"
    OFF = "Off"


class Factor(StrEnum):
    """Second factors by their name in a policy."""

    EMAIL_OTP = "EmailOTP"
    SMS_OTP = "SMSOTP"
    MOBILE_AUTHENTICATOR = "MobileAuthenticator"
    DUO_PUSH = "DuoPush"
    SECURITY_QUESTIONS = "SecurityQuestions"
    BACKUP_CODES = "BackupCodes"
    WEB_AUTHN = "WebAuthn"
    YUBI_KEY = "YubiKey"


class ApiTokens(StrEnum):
    """What happens to a request with an API token; left out = the plugin's own rule."""

    EXEMPT = "Exempt"
    CHALLENGE = "Challenge"


class Assurance(StrEnum):
    """Authentication assurance levels of NIST SP 800-63B."""

    AAL1 = "AAL1"
    AAL2 = "AAL2"


class DriftMode(StrEnum):
    CORRECT = "Correct"
    REPORT = "Report"


class DeletionPolicy(StrEnum):
    """What happens in Jenkins when its policy is deleted."""

    RETAIN = "Retain"
    RESTORE = "Restore"
    DISABLE = "Disable"


class SMSGateway(StrEnum):
    MINI_ORANGE = "MiniOrange"
    TWILIO = "Twilio"


@dataclass(frozen=True, slots=True)
class EmailOTP:
    """How the one-time password is mailed; None leaves Jenkins' own text."""

    sender_address: str
    subject: str | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class BreakGlass:
    until: datetime
    reason: str


class Stage(StrEnum):
    """How far the first enforcement has come."""

    REPORT = "Report"
    GRACE = "Grace"
    ENFORCE = "Enforce"


@dataclass(frozen=True, slots=True)
class Rollout:
    """How a new or changed policy spreads. ``batch_size`` None = all at once; ``minimum_enrolled`` is a percentage."""

    batch_size: int | None = None
    pause_between: timedelta = timedelta(0)
    stop_after_failures: int = 1
    stage: Stage = Stage.ENFORCE
    grace_until: datetime | None = None
    minimum_enrolled: int | None = None


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """``enforced_groups`` None = everyone. Durations are whole seconds."""

    instance_selector: LabelSelector
    enforcement: Enforcement
    allowed_factors: frozenset[Factor] = frozenset()
    namespace_selector: LabelSelector | None = None
    enforced_groups: frozenset[str] | None = None
    exempt_groups: frozenset[str] = frozenset()
    email_otp: EmailOTP | None = None
    sms_gateway: SMSGateway | None = None
    build_window: timedelta | None = None
    remember_device: timedelta | None = None
    api_tokens: ApiTokens | None = None
    minimum_assurance: Assurance = Assurance.AAL1
    drift_mode: DriftMode = DriftMode.CORRECT
    suspend: bool = False
    break_glass: BreakGlass | None = None
    rollout: Rollout = Rollout()
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    priority: int = 0


@dataclass(frozen=True, slots=True)
class TwoFactorPolicy:
    """``invalid``: it cannot be used; of its ``spec`` only the selectors and the priority say what was meant."""

    meta: Metadata
    spec: PolicySpec
    invalid: bool = False


def parse_policy(body: Mapping[str, Any]) -> TwoFactorPolicy:
    """A ``TwoFactorPolicy`` object (from the API server or a file) as data. Raises :class:`InvalidObject` with every problem."""
    root = Fields(body)
    fields = root.nested("spec", required=True) or Fields({}, "spec", root.problems)
    meta, spec = collect_metadata(root), _read_spec(fields)
    from jenkins2fa.api.rules import policy_problems  # the rules need the types of this module

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
        namespaces = fields.nested("namespaceSelector")
        means = read_selector(fields.nested("instanceSelector", required=True))
        reaches = read_selector(namespaces) if namespaces else None
    if root.problems:
        return None
    rank = Fields(fields.values).integer("priority", 0)
    return TwoFactorPolicy(meta, PolicySpec(means, Enforcement.REPORT, namespace_selector=reaches, priority=rank), invalid=True)


def _read_spec(fields: Fields) -> PolicySpec:
    groups = fields.texts("enforcedGroups")
    namespaces = fields.nested("namespaceSelector")
    if not fields.has("enforcement"):
        fields.fail("enforcement", "required: one of Enforce, Report, Off")
    return PolicySpec(
        instance_selector=read_selector(fields.nested("instanceSelector", required=True)),
        namespace_selector=read_selector(namespaces) if namespaces else None,
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
        break_glass=_read_break_glass(fields.nested("breakGlass")),
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


def _read_break_glass(fields: Fields | None) -> BreakGlass | None:
    if fields is None:
        return None
    until, reason = fields.time("until"), fields.required_text("reason")
    if not fields.has("until"):
        fields.fail("until", "required: the time at which two-factor authentication is on again")
    return BreakGlass(until, reason) if until else None


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
