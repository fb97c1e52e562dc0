"""The record of one reconcile: from an observation to its assessment to the outcome. Each stage holds the one before.

:func:`assess` compares an observation with one policy: what would change, may it, and what speaks against it. :func:`verified` is for the
state that a confirmed change has left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import TAKE_OVER
from jenkins2fa.api.policy import PolicyMode, TwoFactorPolicy
from jenkins2fa.core.approval import is_approved, policy_approvals
from jenkins2fa.core.break_glass import Decision
from jenkins2fa.core.desired import desired_state
from jenkins2fa.core.guard.chain import check, refusals
from jenkins2fa.core.guard.finding import Finding, Situation
from jenkins2fa.core.mode import BEFORE_ENFORCING, Circumstances, Mode, mode_of
from jenkins2fa.core.observation import Observation, Owner
from jenkins2fa.core.plan import Plan, desired_digest, is_drift, make_plan
from jenkins2fa.core.reasons import Reason

MOST_CORRECTIONS = 3  # of one field
WITHIN = timedelta(hours=1)
WANTING = (Mode.WRITE, Mode.REPORT_DRIFT, Mode.REPORT_ACCESS, Mode.BREAK_GLASS)


class Proof(StrEnum):
    """How a probe ended: a request that must be challenged was, was not, or none was possible."""

    CHALLENGED = "Challenged"
    BYPASSED = "Bypassed"
    NONE = "None"


@dataclass(frozen=True, slots=True)
class Failure:
    """What stopped a reconcile. ``transient``: it is tried again by itself; else it needs attention."""

    reason: str
    message: str
    transient: bool


@dataclass(frozen=True, slots=True)
class CanaryObservation:
    """What the canaries of an instance with ``access: ProbeOnly`` met: its only observation.

    ``exempt`` None = there is no such canary. ``failure``: why one of them proved nothing. ``version`` and ``session`` are Jenkins' own,
    empty when the answer did not include them (a challenge does not)."""

    challenged: Proof = Proof.NONE
    exempt: Proof | None = None
    failure: Failure | None = None
    version: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """``plan``: what differs; ``mode``: whether it may be changed; ``drift``: the differences come from Jenkins' side; ``situation``: what
    the guard's ``findings`` are about (None = nobody has asked the guard)."""

    observation: Observation
    plan: Plan
    findings: tuple[Finding, ...] = ()
    mode: Mode = Mode.WRITE
    drift: bool = False
    situation: Situation | None = None

    @property
    def owner(self) -> Owner | None:
        """The owner record that a confirmed change would leave."""
        return self.situation.owner if self.situation else None

    @property
    def refused(self) -> Finding | None:
        return next(iter(refusals(self.findings)), None)

    @property
    def may_write(self) -> bool:
        return self.mode is Mode.WRITE and self.refused is None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a reconcile.

    ``basis``: how far it came, to an assessment, only to an observation (no policy governs the instance, or another instance manages that
    controller), or to neither; ``mode_by_spec``: what policy and instance alone say where nothing was assessed. ``corrected``: fields whose
    drift was corrected; ``proof`` and ``notes``: what probe and canaries met; ``canaries``: the observation of ``access: ProbeOnly``;
    ``break_glass``: which one is open, and which ones are not opened. The plan is what still differs at the end."""

    instance: JenkinsInstance
    policy: TwoFactorPolicy | None = None
    basis: Assessment | Observation | None = None
    mode_by_spec: Mode = Mode.WRITE
    corrected: tuple[str, ...] = ()
    proof: Proof = Proof.NONE
    failure: Failure | None = None
    notes: tuple[str, ...] = ()
    break_glass: Decision | None = None
    canaries: CanaryObservation | None = None

    @property
    def assessment(self) -> Assessment | None:
        return self.basis if isinstance(self.basis, Assessment) else None

    @property
    def observation(self) -> Observation | None:
        return self.basis.observation if isinstance(self.basis, Assessment) else self.basis

    @property
    def plan(self) -> Plan | None:
        return self.assessment.plan if self.assessment else None

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.assessment.findings if self.assessment else ()

    @property
    def mode(self) -> Mode:
        return self.assessment.mode if self.assessment else self.mode_by_spec

    @property
    def drift(self) -> bool:
        return self.assessment is not None and self.assessment.drift

    @property
    def observed(self) -> bool:
        """Whether the controller answered what was asked."""
        return self.observation is not None or (self.canaries is not None and self.failure is None)

    @property
    def refusal(self) -> Finding | None:
        """The first refusal that counts: before the enforcement, too few enrolments are only reported."""
        reported = Reason.ENROLMENT_TOO_LOW if self.mode in BEFORE_ENFORCING else None
        return next((finding for finding in refusals(self.findings) if finding.reason != reported), None)


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
    experimental: bool = False,
) -> Assessment:
    """``gate_code``: SHA-256 of the gate's text that ought to run; ``cluster``: the cluster's UID, for the owner record; ``asked``:
    somebody wants it now; ``second_factor_login``: the operator's account can answer security questions by itself; ``admitted``: the
    policy's roll-out has reached this instance; ``experimental``: editions that could not be tested may be written to.

    Approvals and take-overs come from the annotations of policy and instance; ``take_over`` (an owner's name) is another way to say so."""
    desired = desired_state(policy.spec, instance.spec, observation.user, observation.capabilities)
    plan = make_plan(observation, desired, gate_code)
    drift = is_drift(observation, plan)
    owner = Owner(
        cluster, instance.meta.uid or instance.spec.url, policy.meta.uid, policy.meta.generation, desired_digest(desired, gate_code)
    )
    digests = policy_approvals(policy, desired, instance, observation)
    situation = Situation(
        policy.spec,
        instance.spec,
        observation,
        plan,
        owner,
        take_over=take_over or instance.meta.annotations.get(TAKE_OVER),
        flapping=flapping_fields(observation, now) if drift and not asked else (),
        approval=digests[0] if require_approval and not is_approved(policy.meta, *digests) else None,
        second_factor_login=second_factor_login,
        experimental=experimental,
    )
    glass = observation.break_glass_until is not None and observation.break_glass_until > now
    mode = mode_of(policy.spec, instance.spec, Circumstances(now, drift, glass, observation.protected, admitted))
    return Assessment(observation, plan, check(situation), mode, drift, situation)


def verified(before: Assessment, observation: Observation, plan: Plan) -> Assessment:
    """The assessment of what a confirmed change has left, by the observation and the plan that the trial's verification made."""
    if before.situation is None:
        return Assessment(observation, plan)
    situation = replace(before.situation, observation=observation, plan=plan, flapping=())
    return Assessment(observation, plan, check(situation), situation=situation)


def flapping_fields(observation: Observation, now: datetime) -> tuple[str, ...]:
    """Fields whose drift was corrected three times within the last hour. Jenkins keeps the count; another policy starts it anew."""
    return tuple(sorted(path for path, times in observation.corrections.items() if _recent(times, now) >= MOST_CORRECTIONS))


def _recent(times: tuple[datetime, ...], now: datetime) -> int:
    return sum(now - time <= WITHIN for time in times)


def enforcement_desired(outcome: Outcome) -> bool | None:
    """What the governing policy says of this instance; None = this reconcile cannot tell, so what was known before still holds.

    A Jenkins that could not be observed counts as its policy says: trouble is no reason to expect less of it."""
    policy, seen = outcome.policy, outcome.observation
    if policy is None:
        return False
    if policy.invalid:
        return None
    if policy.spec.mode is not PolicyMode.ENFORCE:
        return False
    if outcome.mode is Mode.GRACE:
        return None if seen is None else False  # grace holds only where 2FA was not on yet
    if outcome.mode is Mode.WAITING:
        return seen is None or _has_lost_it(outcome, seen)
    return outcome.mode in WANTING


def _has_lost_it(outcome: Outcome, seen: Observation) -> bool:
    """Whether a Jenkins that waits for its batch was enforced by us, and is not any more: the roll-out does not explain that."""
    mark, meta = seen.owner, outcome.instance.meta
    if mark is None or mark.instance != (meta.uid or outcome.instance.spec.url):
        return False
    if outcome.plan is not None and mark.desired == _switched_off(outcome.plan):
        return False  # the policy itself had it off, and enforces it by batches now
    return outcome.proof is Proof.BYPASSED or not _is_on(seen)


def _switched_off(plan: Plan) -> str:
    """The digest of the same desired state with ``mode: Disabled``."""
    return desired_digest(replace(plan.desired, plugin=replace(plan.desired.plugin, enabled=False), hold=None), plan.gate_code)


def _is_on(seen: Observation) -> bool:
    layers = (seen.memory, seen.disk)
    return seen.filter_on and all(layer is not None and layer.enabled and bool(layer.factors) for layer in layers)
