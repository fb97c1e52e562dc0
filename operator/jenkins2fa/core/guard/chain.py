"""The guard: all checks before a change, in order.

Each check is a pure function from a :class:`Situation` to a finding or None. A ``Refusal`` stops the change. A ``Hazard`` does not: it is
reported by ``plan``, status and report.
"""

from __future__ import annotations

from collections.abc import Callable

from jenkins2fa.core.guard import controller, policy
from jenkins2fa.core.guard.finding import Finding, Severity, Situation

CHECKS: tuple[Callable[[Situation], Finding | None], ...] = (
    controller.observation_is_damaged,
    controller.plugin_is_missing,
    controller.plugin_is_unknown,
    controller.two_plugins,
    controller.gate_knows_no_pages,
    controller.plugin_filter_is_missing,
    controller.another_owner,
    controller.competing_manager,
    policy.operator_locked_out,
    policy.gate_needed,
    policy.no_factor,
    policy.assurance_not_met,
    policy.assurance_conditional,
    policy.no_mail_server,
    policy.mail_without_code,
    controller.gate_is_not_provided,
    controller.gate_is_left_behind,
    policy.approval_is_missing,
    policy.enrolment_too_low,
    controller.flapping,
    controller.trial_is_pending,
    controller.competing_manager_is_unknown,
    policy.no_administrator_is_enrolled,
    policy.users_without_address,
    policy.tokens_are_challenged,
    policy.tokens_are_exempt,
    policy.group_unverified,
    controller.groups_are_unknown,
    controller.edition_is_experimental,
    controller.clocks_differ,
    controller.plugin_spares_users,
)


def check(situation: Situation) -> tuple[Finding, ...]:
    """Every finding, refusals first. Empty = nothing speaks against the change."""
    findings = [finding for check_one in CHECKS if (finding := check_one(situation)) is not None]
    return tuple(sorted(findings, key=lambda finding: finding.severity is Severity.HAZARD))


def refusals(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity is Severity.REFUSAL)
