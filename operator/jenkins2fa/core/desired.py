"""The desired state of one instance: settings for the plugin and the gate, and the fields that it does not support."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from jenkins2fa.api.instance import GateMode, InstanceSpec
from jenkins2fa.api.policy import ApiTokens, DriftPolicy, PolicyMode, PolicySpec
from jenkins2fa.core.factors.capabilities import Capabilities
from jenkins2fa.core.factors.properties import native, property_problems, property_values
from jenkins2fa.core.settings import FACTOR_ROLES, HELD_FACTORS, GateSettings, PluginSettings, plugin_name

NEEDS_GATE = "needs the gate: set gate.mode to Managed or Provided on the JenkinsInstance"


class FieldState(StrEnum):
    """The state of one field of the policy at one instance."""

    APPLIED = "Applied"
    UNSUPPORTED = "Unsupported"
    DRIFTED = "Drifted"
    REFUSED = "Refused"


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A field that this instance does not support (its path in the policy's spec), and why."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Desired:
    """``gate`` None = the gate is not managed.

    ``gate_provided``: the site mounts the gate, with its rules in the same file. ``hold``: the factors (in the gate's words) that the gate
    asks for, whatever the plugin's settings say; None = it follows the plugin's settings. ``plugin_name``: the short name of the
    plugin that the settings are for; ``alone``: every other 2FA plugin is off, since the instance names this one."""

    plugin: PluginSettings
    gate: GateSettings | None = None
    unsupported: tuple[Unsupported, ...] = ()
    gate_provided: bool = False
    hold: frozenset[str] | None = None
    plugin_name: str = ""
    alone: bool = False

    @property
    def enforcing(self) -> bool:
        return self.plugin.enabled

    @property
    def gate_counts(self) -> bool:
        """Whether the gate has to be as desired. A provided gate does not matter if 2FA is off."""
        return self.gate is not None and (self.enforcing or not self.gate_provided)


def desired_state(policy: PolicySpec, instance: InstanceSpec, user: str, capabilities: Capabilities) -> Desired:
    """The part of a policy that the installed plugin and the gate support. ``user``: the operator's own account in that Jenkins.

    A gate that does not know the plugin's pages cannot ask for a second factor before a build. A provided gate has all rules, whatever
    the plugin supports."""
    mode = instance.gate.mode
    builds = mode is GateMode.PROVIDED or capabilities.gate_knows_pages
    return Desired(
        plugin=_plugin(policy, capabilities, gated=mode is not GateMode.NONE),
        gate=desired_gate(policy, instance, user, builds=builds),
        unsupported=tuple(Unsupported(path, message) for path, message in _problems(policy, instance, capabilities)),
        gate_provided=mode is GateMode.PROVIDED,
        hold=_hold(policy, capabilities) if mode is not GateMode.NONE else None,
        plugin_name=capabilities.plugin,
        alone=instance.provider is not None,
    )


def _plugin(policy: PolicySpec, capabilities: Capabilities, *, gated: bool) -> PluginSettings:
    email = policy.email_otp
    return PluginSettings(
        enabled=policy.mode is not PolicyMode.DISABLED,
        base_factors=policy.allowed_factors & capabilities.base_factors,
        sender=email.sender_address if email else None,
        subject=email.subject if email else None,
        template=email.template if email else None,
        properties=property_values(policy, capabilities, gated=gated),
    )


def desired_gate(policy: PolicySpec, instance: InstanceSpec, user: str, *, builds: bool = True) -> GateSettings | None:
    """The gate's settings; None = the gate is not managed. ``builds``: it may ask for a second factor before a build."""
    if instance.gate.mode is GateMode.NONE:
        return None
    return GateSettings(
        operator=user,
        enforced_groups=policy.enforced_groups,
        exempt_groups=policy.exempt_groups,
        api_tokens=policy.api_tokens,
        build_window=policy.build_window if builds else None,
        plugin=plugin_name(instance.provider),
    )


def _hold(policy: PolicySpec, capabilities: Capabilities) -> frozenset[str] | None:
    """If drift is only reported, administrators decide in Jenkins, and the gate follows their settings."""
    if policy.mode is PolicyMode.DISABLED or policy.drift_policy is DriftPolicy.REPORT:
        return None
    return frozenset(HELD_FACTORS[factor] for factor in policy.allowed_factors & capabilities.base_factors) or None


def _problems(policy: PolicySpec, instance: InstanceSpec, capabilities: Capabilities) -> Iterator[tuple[str, str]]:
    missing = sorted(policy.allowed_factors - capabilities.factors)
    if missing:
        roles = [FACTOR_ROLES[factor] for factor in missing if factor in FACTOR_ROLES]
        yield "allowedFactors", f"{', '.join(factor.value for factor in missing)}: {capabilities.lacks(*roles)}"
    gated = instance.gate.mode is not GateMode.NONE
    yield from property_problems(policy, capabilities, gated=gated)
    if gated:
        return
    requested = {
        "enforcedGroups": policy.enforced_groups is not None,
        "exemptGroups": bool(policy.exempt_groups),
        "apiTokens": _needs_token_rule(policy.api_tokens, capabilities),
        "requireOnBuild": policy.build_window is not None,
    }
    for path, is_requested in requested.items():
        if is_requested and not native(capabilities, path):
            yield path, f"the installed plugin ({capabilities.name}) does not have it; it {NEEDS_GATE}"


def _needs_token_rule(rule: ApiTokens | None, capabilities: Capabilities) -> bool:
    """Whether the rule is another one than the plugin's own."""
    if capabilities.tokens_pass:
        return rule is ApiTokens.CHALLENGE
    return rule is ApiTokens.EXEMPT or (capabilities.exempts_by_itself and rule is not None)
