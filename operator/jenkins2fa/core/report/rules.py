"""Who is asked and when not: as Jenkins goes by it, or as a policy asks for it."""

from __future__ import annotations

from jenkins2fa.api.fields import format_duration
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.report.document import Rules


def seen_rules(seen: Observation) -> Rules:
    """What Jenkins itself goes by: factors in memory, and the gate's rules."""
    gate = seen.gate.settings if seen.gate.installed else None
    return Rules(
        "Jenkins",
        seen.memory.factors if seen.memory else frozenset(),
        gate.enforced_groups if gate else None,
        gate.exempt_groups if gate else frozenset(),
        (gate.api_tokens.value if gate and gate.api_tokens else "the plugin's own rule"),
        f"a second factor not older than {format_duration(gate.build_window)}" if gate and gate.build_window else "not asked",
    )


def policy_rules(policy: TwoFactorPolicy | None) -> Rules | None:
    """What the policy asks for: nobody has seen it in Jenkins."""
    if policy is None:
        return None
    spec = policy.spec
    window = f"a second factor not older than {format_duration(spec.build_window)}" if spec.build_window else "not asked"
    tokens = spec.api_tokens.value if spec.api_tokens else "the plugin's own rule"
    return Rules("Policy", spec.allowed_factors, spec.enforced_groups, spec.exempt_groups, tokens, window)
