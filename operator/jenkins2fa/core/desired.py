"""What a policy asks of one instance: settings for the plugin, settings for the gate, and what cannot be had there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jenkins2fa.api.instance import GateMode, InstanceSpec
from jenkins2fa.api.policy import ApiTokens, Enforcement, Factor, PolicySpec
from jenkins2fa.core.settings import GateSettings, PluginSettings

FREE_FACTORS = frozenset({Factor.EMAIL_OTP, Factor.SECURITY_QUESTIONS})
NEEDS_GATE = "needs the gate: set gate.mode to Managed or Provided on the JenkinsInstance"
NOT_IN_FREE = "the installed plugin (free edition) does not have it"
LEAVE_OUT = f"{NOT_IN_FREE}: leave it out, or install an edition that has it"


class FieldState(StrEnum):
    """What became of one field of the policy at one instance."""

    APPLIED = "Applied"
    UNSUPPORTED = "Unsupported"
    DRIFTED = "Drifted"
    REFUSED = "Refused"


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A field (its path in the policy's spec) that this instance cannot have, and why."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Desired:
    """``gate`` None = the gate is left as it is (not allowed, or none needed). ``gate_provided``: the site mounts it, its rules within its file."""

    plugin: PluginSettings
    gate: GateSettings | None = None
    unsupported: tuple[Unsupported, ...] = ()
    gate_provided: bool = False

    @property
    def enforcing(self) -> bool:
        return self.plugin.enabled


def desired_state(policy: PolicySpec, instance: InstanceSpec, user: str) -> Desired:
    """The settings that the free edition and the gate can have of this policy. ``user`` is the operator's own account in that Jenkins."""
    enabled = policy.enforcement is not Enforcement.OFF
    gated = instance.gate.mode is not GateMode.NEVER
    return Desired(
        plugin=_plugin(policy, enabled),
        gate=_gate(policy, instance, user) if gated else None,
        unsupported=(*_unsupported_factors(policy), *_unsupported_premium(policy), *(() if gated else _unsupported_without_gate(policy))),
        gate_provided=instance.gate.mode is GateMode.PROVIDED,
    )


def _plugin(policy: PolicySpec, enabled: bool) -> PluginSettings:
    email = policy.email_otp
    return PluginSettings(
        enabled=enabled,
        security_questions=Factor.SECURITY_QUESTIONS in policy.allowed_factors,
        email_otp=Factor.EMAIL_OTP in policy.allowed_factors,
        sender=email.sender_address if email else None,
        subject=email.subject if email else None,
        template=email.template if email else None,
    )


def _gate(policy: PolicySpec, instance: InstanceSpec, user: str) -> GateSettings:
    return GateSettings(
        operator=user,
        enforced_groups=policy.enforced_groups,
        exempt_groups=policy.exempt_groups,
        api_tokens=policy.api_tokens,
        strict=instance.gate.strict,
        build_window=policy.build_window,
    )


def _unsupported_factors(policy: PolicySpec) -> list[Unsupported]:
    missing = sorted(factor.value for factor in policy.allowed_factors - FREE_FACTORS)
    return [Unsupported("allowedFactors", f"{', '.join(missing)}: {LEAVE_OUT}")] if missing else []


def _unsupported_premium(policy: PolicySpec) -> list[Unsupported]:
    wanted = (("smsOTP", policy.sms_gateway), ("rememberDevice", policy.remember_device))
    return [Unsupported(path, LEAVE_OUT) for path, value in wanted if value is not None]


def _unsupported_without_gate(policy: PolicySpec) -> list[Unsupported]:
    wanted = (
        ("enforcedGroups", policy.enforced_groups is not None),
        ("exemptGroups", bool(policy.exempt_groups)),
        ("apiTokens", policy.api_tokens is ApiTokens.EXEMPT),
        ("requireOnBuild", policy.build_window is not None),
    )
    return [Unsupported(path, f"{NOT_IN_FREE}; it {NEEDS_GATE}") for path, asked in wanted if asked]
