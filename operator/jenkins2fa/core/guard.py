"""The guard: checks before a change. Who would be locked out, and what must not be touched.

``CHECKS`` reads like the specification: each is a pure function from a :class:`Situation` to a finding or None.
``Refusal`` findings stop the change; ``Hazard`` findings are told (in ``plan``, status and report) and do not.
"""

from __future__ import annotations

from collections.abc import Callable

from jenkins2fa.core import guard_jenkins, guard_policy
from jenkins2fa.core.finding import Finding, Severity, Situation

CHECKS: tuple[Callable[[Situation], Finding | None], ...] = (
    guard_jenkins.observation_is_damaged,
    guard_jenkins.plugin_is_missing,
    guard_jenkins.plugin_is_unknown,
    guard_jenkins.gate_knows_no_premium_pages,
    guard_jenkins.plugin_filter_is_missing,
    guard_jenkins.another_owner,
    guard_jenkins.competing_manager,
    guard_policy.operator_locked_out,
    guard_policy.gate_needed,
    guard_policy.no_factor,
    guard_policy.assurance_not_met,
    guard_policy.assurance_conditional,
    guard_policy.no_mail_server,
    guard_policy.mail_without_code,
    guard_jenkins.gate_is_not_provided,
    guard_jenkins.gate_is_left_behind,
    guard_policy.approval_is_missing,
    guard_policy.enrolment_too_low,
    guard_jenkins.flapping,
    guard_jenkins.trial_is_pending,
    guard_jenkins.whose_settings_is_unknown,
    guard_policy.no_administrator_gets_in,
    guard_policy.users_without_address,
    guard_policy.tokens_are_challenged,
    guard_policy.provider_tokens_exempt,
    guard_policy.group_unverified,
    guard_jenkins.groups_are_untold,
    guard_jenkins.premium_is_experimental,
    guard_jenkins.clocks_differ,
)


def check(situation: Situation) -> tuple[Finding, ...]:
    """Every finding, refusals first. Empty = nothing speaks against the change."""
    found = [finding for one in CHECKS if (finding := one(situation)) is not None]
    return tuple(sorted(found, key=lambda finding: finding.severity is Severity.HAZARD))


def refusals(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity is Severity.REFUSAL)
