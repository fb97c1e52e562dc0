"""``TwoFactorPolicy`` and ``ClusterTwoFactorPolicy``: the 2FA settings of the instances that they select."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jenkins2fa.api.meta import LabelSelector, Metadata

KIND = "TwoFactorPolicy"
PLURAL = "twofactorpolicies"
CLUSTER_KIND = "ClusterTwoFactorPolicy"
CLUSTER_PLURAL = "clustertwofactorpolicies"


class PolicyMode(StrEnum):
    """The global switch. ``AUDIT`` reports what would change, and writes nothing."""

    ENFORCE = "Enforce"
    AUDIT = "Audit"
    DISABLED = "Disabled"


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


class DriftPolicy(StrEnum):
    """What the operator does about drift: correct it, or only report it."""

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
    """The mail with the one-time password. ``subject`` and ``template`` None = the text in Jenkins stays."""

    sender_address: str
    subject: str | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Rollout:
    """How a new or changed policy is rolled out. ``batch_size`` None = all at once. ``minimum_enrolled``: a percentage.

    ``grace_until``: the first enforcement waits until then, so that users can enrol first; None = it does not wait."""

    batch_size: int | None = None
    pause_between: timedelta = timedelta(0)
    stop_after_failures: int = 1
    grace_until: datetime | None = None
    minimum_enrolled: int | None = None


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """``namespace_selector``: only of a cluster policy. ``enforced_groups`` None = everyone. Durations are whole seconds."""

    instance_selector: LabelSelector
    mode: PolicyMode
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
    drift_policy: DriftPolicy = DriftPolicy.CORRECT
    suspend: bool = False
    rollout: Rollout = Rollout()
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    priority: int = 0


@dataclass(frozen=True, slots=True)
class TwoFactorPolicy:
    """A policy of either kind. A ``ClusterTwoFactorPolicy`` has no namespace, but a ``namespace_selector``.

    ``invalid``: it cannot be used, and only the selectors and the priority of its ``spec`` were read."""

    meta: Metadata
    spec: PolicySpec
    invalid: bool = False

    @property
    def is_cluster(self) -> bool:
        return self.spec.namespace_selector is not None
