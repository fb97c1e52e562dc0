"""One look at one instance through one policy: what would change, may it, and what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import TAKE_OVER
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.core.approval import approved, wish_approvals
from jenkins2fa.core.desired import desired_state
from jenkins2fa.core.factors.capabilities import capabilities_of
from jenkins2fa.core.flapping import flapping_fields
from jenkins2fa.core.guard.chain import check, refusals
from jenkins2fa.core.guard.finding import Finding, Situation
from jenkins2fa.core.mode import Circumstances, Mode, mode_of
from jenkins2fa.core.observation import Observation, Owner
from jenkins2fa.core.plan import Plan, desired_digest, is_drift, make_plan


@dataclass(frozen=True, slots=True)
class Assessment:
    """``owner`` is the mark that a confirmed change would leave. ``drift``: the differences come from Jenkins' side. ``unapproved``: the
    digest of the wish that nobody has approved of yet; None = no approval is needed, or it is there."""

    plan: Plan
    drift: bool
    mode: Mode
    findings: tuple[Finding, ...]
    owner: Owner | None
    unapproved: str | None = None

    @property
    def refused(self) -> Finding | None:
        return next(iter(refusals(self.findings)), None)

    @property
    def may_change(self) -> bool:
        return bool(self.plan.changes) and self.mode is Mode.WRITE and self.refused is None


def assess(
    policy: TwoFactorPolicy,
    instance: JenkinsInstance,
    observation: Observation,
    gate_code: str,
    *,
    cluster: str,
    now: datetime,
    take_over: str | None = None,
    require_approval: bool = False,
    asked: bool = False,
    second_factor_login: bool = False,
    admitted: bool = True,
    premium: bool = False,
) -> Assessment:
    """``gate_code``: SHA-256 of the gate's text that ought to run; ``cluster``: the cluster's UID, for the owner mark; ``asked``: a person
    wants it now; ``second_factor_login``: the operator's account can answer security questions by itself; ``admitted``: the policy's
    roll-out
    has reached this instance; ``premium``: the experimental driver for the premium edition may write.

    Approvals and take-overs come from the annotations of policy and instance; ``take_over`` (an owner's name) is another way to say so."""
    desired = desired_state(policy.spec, instance.spec, observation.user, capabilities_of(observation))
    plan = make_plan(observation, desired, gate_code)
    drift = is_drift(observation, plan)
    owner = Owner(
        cluster, instance.meta.uid or instance.spec.url, policy.meta.uid, policy.meta.generation, desired_digest(desired, gate_code)
    )
    digests = wish_approvals(policy, desired, instance, observation)
    unapproved = digests[0] if require_approval and not approved(policy.meta, *digests) else None
    situation = Situation(
        policy.spec,
        instance.spec,
        observation,
        plan,
        owner,
        take_over=take_over or instance.meta.annotations.get(TAKE_OVER),
        flapping=flapping_fields(observation, now) if drift and not asked else (),
        approval=unapproved,
        second_factor_login=second_factor_login,
        premium=premium,
    )
    glass = observation.break_glass_until is not None and observation.break_glass_until > now
    mode = mode_of(policy.spec, instance.spec, Circumstances(now, drift, glass, observation.protected, admitted))
    return Assessment(plan, drift, mode, check(situation), owner, unapproved)
