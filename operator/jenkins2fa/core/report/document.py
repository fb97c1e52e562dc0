"""The report for auditors as data: what is known about each instance, by what proof, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jenkins2fa.api.fields import format_duration
from jenkins2fa.api.policy import ApiTokens, Factor, TwoFactorPolicy
from jenkins2fa.api.status import DRIFTED, ENFORCED, FALSE, READY, TRUE, UNKNOWN, Condition
from jenkins2fa.core.observation import Enrolment, Observation
from jenkins2fa.core.summary import Summary, summarize


class Basis(StrEnum):
    """Who made the observation that the report relies on."""

    PROBE = "Probe"  # this report itself observed and probed
    STATUS = "Status"  # the operator recorded it in the instance's status
    NOTHING = "Nothing"


@dataclass(frozen=True, slots=True)
class ReportedProof:
    """Whether a second factor is enforced. ``at``: when it was probed (Probe), or since when it is recorded (Status); None = never."""

    enforced: Condition
    basis: Basis
    at: datetime | None = None
    drifted: Condition | None = None
    ready: Condition | None = None

    @property
    def summary(self) -> Summary:
        return summarize(self.ready, self.enforced, self.drifted)


@dataclass(frozen=True, slots=True)
class Layers:
    """Whether 2FA is on in each layer; None = the layer does not exist or is unknown. ``gate``: absent, in place or out of place."""

    disk: bool | None
    memory: bool | None
    live: bool | None
    gate: str


@dataclass(frozen=True, slots=True)
class Software:
    """Versions as Jenkins reports them; empty = unknown."""

    jenkins: str = ""
    plugin: str = ""
    edition: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """Who is challenged, and when not. ``by``: "Jenkins" = read there; "Policy" = required by the policy, not verified in Jenkins.

    ``enforced_groups`` None = everyone."""

    by: str
    factors: frozenset[Factor] = frozenset()
    enforced_groups: frozenset[str] | None = None
    exempt_groups: frozenset[str] = frozenset()
    api_tokens: str = ""
    builds: str = ""


def observed_rules(observation: Observation) -> Rules:
    """The rules in force in Jenkins: factors in memory, and the gate's rules."""
    gate = observation.gate.settings if observation.gate.installed else None
    return Rules(
        "Jenkins",
        observation.memory.factors if observation.memory else frozenset(),
        gate.enforced_groups if gate else None,
        gate.exempt_groups if gate else frozenset(),
        _token_rule(gate.api_tokens if gate else None),
        _build_rule(gate.build_window if gate else None),
    )


def policy_rules(policy: TwoFactorPolicy | None) -> Rules | None:
    """The rules that the policy requires, not verified in Jenkins."""
    if policy is None:
        return None
    spec = policy.spec
    rules = _token_rule(spec.api_tokens), _build_rule(spec.build_window)
    return Rules("Policy", spec.allowed_factors, spec.enforced_groups, spec.exempt_groups, *rules)


def _token_rule(rule: ApiTokens | None) -> str:
    return rule.value if rule else "the plugin's own rule"


def _build_rule(window: timedelta | None) -> str:
    return f"a second factor not older than {format_duration(window)}" if window else "not asked"


@dataclass(frozen=True, slots=True)
class PastEvent:
    """A correction of drift, or an Event. ``count``: how often it occurred."""

    at: datetime
    reason: str
    message: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be observed, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class InstanceReport:
    """``names``: ids of users without a second factor; None = not requested. ``differences``: where Jenkins differs from the policy."""

    namespace: str
    name: str
    url: str
    policy: str | None
    proof: ReportedProof
    software: Software = Software()
    layers: Layers | None = None
    rules: Rules | None = None
    enrolment: Enrolment | None = None
    names: tuple[str, ...] | None = None
    differences: tuple[str, ...] = ()
    history: tuple[PastEvent, ...] = ()
    risks: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace and self.name else self.name or self.url

    @property
    def verdict(self) -> str:
        """For people, in a few words."""
        if self.recorded:
            return "recorded as proven"
        return {TRUE: "proven", FALSE: "not enforced"}.get(self.proof.enforced.status, "not proven")

    @property
    def recorded(self) -> bool:
        """The operator recorded the proof in its status; this report did not check it."""
        return self.proof.enforced.status == TRUE and self.proof.basis is Basis.STATUS


@dataclass(frozen=True, slots=True)
class BreakGlassReport:
    """One TwoFactorBreakGlass. ``state``: in one word, as ``kubectl get`` shows it. ``opened_at`` None = it was never open.

    ``instances``: those that it selects now. ``opened``: the largest number of instances on which it was open at the same time. Who
    created it is not part of the report: the API server's audit log has that."""

    namespace: str
    name: str
    reason: str
    state: str
    is_open: bool
    expires_at: datetime
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    instances: tuple[str, ...] = ()
    opened: int = 0

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def until(self) -> datetime:
        """When it ended, or will end at the latest."""
        return self.closed_at or self.expires_at


@dataclass(frozen=True, slots=True)
class Report:
    """``source``: where it comes from, in words. ``notes``: on the report as a whole. ``asked``: whether controllers were contacted.

    ``break_glasses`` None = unknown: there is no cluster, or this user may not list them."""

    made: datetime
    version: str
    source: str
    instances: tuple[InstanceReport, ...]
    notes: tuple[str, ...] = ()
    asked: bool = True
    break_glasses: tuple[BreakGlassReport, ...] | None = None

    def count(self, status: str) -> int:
        """How many have this status, without those that are only recorded as proven."""
        return sum(instance.proof.enforced.status == status and not instance.recorded for instance in self.instances)

    @property
    def recorded(self) -> int:
        return sum(instance.recorded for instance in self.instances)

    @property
    def all_proven(self) -> bool:
        """A recorded proof is enough only if the report was meant not to contact controllers."""
        return bool(self.instances) and all(
            instance.proof.summary.proven and not (instance.recorded and self.asked) for instance in self.instances
        )

    @property
    def as_desired(self) -> bool:
        """All are proven and as their policies say."""
        return self.all_proven and all(instance.proof.summary.as_desired for instance in self.instances)

    @property
    def drifted(self) -> int:
        return sum(instance.proof.drifted is not None and instance.proof.drifted.status == TRUE for instance in self.instances)

    @property
    def summary(self) -> str:
        more = f", {self.recorded} recorded as proven by the operator" if self.recorded else ""
        return f"{self.count(TRUE)} of {len(self.instances)} proven{more}"


def unknown_proof(reason: str, message: str) -> ReportedProof:
    """The proof of an instance that could not be observed."""
    enforced, drifted, ready = (Condition(kind, UNKNOWN, reason, message) for kind in (ENFORCED, DRIFTED, READY))
    return ReportedProof(enforced, Basis.NOTHING, drifted=drifted, ready=ready)
