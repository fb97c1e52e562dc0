"""The record of one reconcile: observation, assessment, outcome. Each stage holds the one before.

:func:`assess` compares an observation with a policy: what would change, whether it may change, and what speaks against it.
:func:`verified` assesses the state after a confirmed change.
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

FLAPPING_CORRECTIONS, FLAPPING_WINDOW = 3, timedelta(hours=1)  # of one field
ENFORCING_MODES = (Mode.WRITE, Mode.REPORT_DRIFT, Mode.REPORT_ACCESS, Mode.BREAK_GLASS)


class Proof(StrEnum):
    """How a probe ended: a request that must be challenged was, was not, or none was possible."""

    CHALLENGED = "Challenged"
    BYPASSED = "Bypassed"
    NONE = "None"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a reconcile stopped. ``transient``: the operator retries; otherwise it needs attention."""

    reason: str
    message: str
    transient: bool


@dataclass(frozen=True, slots=True)
class CanaryObservation:
    """How the probes with canaries ended: the only observation of an instance with ``access: ProbeOnly``.

    ``exempt`` None = there is no such canary. ``failure``: why a probe proved nothing. ``version`` and ``session`` are those of Jenkins,
    empty if no response included them (a challenge does not). ``locked_out``: why a canary that must pass did not; empty = it did, it is
    too early for another code, or there is no such canary."""

    challenged: Proof = Proof.NONE
    exempt: Proof | None = None
    failure: Failure | None = None
    version: str = ""
    session: str = ""
    locked_out: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """``plan``: what differs. ``mode``: whether it may be changed. ``drift``: no change of the policy explains the differences.
    ``situation``: what the guard checked (None = the guard did not run)."""

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
    """The result of a reconcile.

    ``basis``: how far it got: to an assessment, only to an observation (no policy governs the instance, or another instance manages the
    controller), or to neither. ``mode_by_spec``: the mode according to the specs alone, if there is no assessment. ``corrected``: fields
    whose drift was corrected. ``proof`` and ``notes``: the results of the probes. ``canaries``: the observation of ``access: ProbeOnly``.
    ``break_glass``: which one is open, and which are refused. ``plan``: what still differs at the end."""

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
        """Whether the controller was observed, or probed with its canaries."""
        return self.observation is not None or (self.canaries is not None and self.failure is None)

    @property
    def refusal(self) -> Finding | None:
        """The first refusal that counts. Before the first enforcement, a low enrolment is only reported."""
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
    """Compare an observation with a policy, and run the guard.

    ``gate_code``: SHA-256 of the gate that this operator brings. ``cluster``: the cluster's UID, for the owner record. ``asked``: a user
    asked for this reconcile. ``second_factor_login``: the operator's account can answer security questions. ``admitted``: the roll-out
    has reached this instance. ``experimental``: untested editions may be written to. ``take_over``: the name of an owner that may be
    replaced; it can also come from the instance's annotation. Approvals come from the policy's annotation."""
    desired = desired_state(policy.spec, instance.spec, observation.user, observation.capabilities)
    plan = make_plan(observation, desired, gate_code)
    drift = is_drift(observation, plan)
    owner = Owner(
        cluster,
        instance.meta.uid or instance.spec.url,
        policy.meta.uid,
        policy.meta.generation,
        desired_digest(desired, gate_code),
        approvals=require_approval,
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
    break_glass = observation.break_glass_open(now)
    mode = mode_of(policy.spec, instance.spec, Circumstances(now, drift, break_glass, observation.protected, admitted))
    return Assessment(observation, plan, check(situation), mode, drift, situation)


def verified(before: Assessment, observation: Observation, plan: Plan) -> Assessment:
    """The assessment after a confirmed change, from the observation and the plan that verified the trial."""
    if before.situation is None:
        return Assessment(observation, plan)
    situation = replace(before.situation, observation=observation, plan=plan, flapping=())
    return Assessment(observation, plan, check(situation), situation=situation)


def flapping_fields(observation: Observation, now: datetime) -> tuple[str, ...]:
    """Fields whose drift was corrected three times within the last hour. Jenkins keeps the count, and another policy resets it."""
    return tuple(sorted(path for path, times in observation.corrections.items() if _recent(times, now) >= FLAPPING_CORRECTIONS))


def _recent(times: tuple[datetime, ...], now: datetime) -> int:
    return sum(now - time <= FLAPPING_WINDOW for time in times)


def enforcement_desired(outcome: Outcome) -> bool | None:
    """Whether 2FA is to be in force at the instance now, so that its absence is an alarm. None = unknown: keep the last answer.

    A failure does not lower what the policy asks for."""
    policy, observation = outcome.policy, outcome.observation
    if policy is None:
        return False
    if policy.invalid:
        return None
    if policy.spec.mode is not PolicyMode.ENFORCE:
        return False
    if outcome.mode is Mode.GRACE:
        return None if observation is None else False  # the grace period applies only if 2FA is not on yet
    if outcome.mode is Mode.WAITING:
        return observation is None or _lost_enforcement(outcome, observation)
    return outcome.mode in ENFORCING_MODES


def _lost_enforcement(outcome: Outcome, observation: Observation) -> bool:
    """Whether 2FA was enforced on a controller that waits for its batch, and is off now. The roll-out does not explain that."""
    owner, meta = observation.owner, outcome.instance.meta
    if owner is None or owner.instance != (meta.uid or outcome.instance.spec.url):
        return False
    if outcome.plan is not None and owner.desired == _switched_off(outcome.plan):
        return False  # the policy had it off before, and enforces it in batches now
    return outcome.proof is Proof.BYPASSED or not _is_on(observation)


def _switched_off(plan: Plan) -> str:
    """The digest of the same desired state with ``mode: Disabled``."""
    return desired_digest(replace(plan.desired, plugin=replace(plan.desired.plugin, enabled=False), hold=None), plan.gate_code)


def _is_on(observation: Observation) -> bool:
    layers = (observation.memory, observation.disk)
    return observation.filter_on and all(layer is not None and layer.enabled and bool(layer.factors) for layer in layers)
