"""What a plan holds: for each instance its policy, what would change there, and how many people that concerns. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from jenkins2fa.api.instance import Access, JenkinsInstance
from jenkins2fa.api.meta import Key, Metadata
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.cli.errors import ExitCode, worst
from jenkins2fa.core.assess import Assessment, assess
from jenkins2fa.core.desired import Desired
from jenkins2fa.core.observation import COMMAND_LINE, Observation
from jenkins2fa.core.plan import lacks_filter
from jenkins2fa.core.settings import GateSettings
from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.scripts import gate_code_for


class Verdict(StrEnum):
    """The result of a plan for one instance, in one word."""

    NO_CHANGE = "NoChange"
    CHANGES = "Changes"
    REFUSED = "Refused"
    UNSUPPORTED = "Unsupported"
    UNMANAGED = "Unmanaged"
    PROBE_ONLY = "ProbeOnly"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class InstancePlan:
    """What a policy would change in one controller, by one observation of it."""

    policy: TwoFactorPolicy
    instance: JenkinsInstance
    connection: Connection
    observation: Observation
    assessment: Assessment

    @property
    def exit_code(self) -> ExitCode:
        """A plan needs no proof."""
        if self.assessment.refused or self.assessment.plan.unsupported:
            return ExitCode.NOT_ENFORCED
        return ExitCode.DIFFERS if self.assessment.plan.changes else ExitCode.AS_DESIRED


def plan_instance(
    policy: TwoFactorPolicy,
    instance: JenkinsInstance,
    connection: Connection,
    observation: Observation,
    take_over: str | None = None,
    cluster: str = COMMAND_LINE,
    *,
    experimental: bool = False,
) -> InstancePlan:
    """``take_over``: the owner whose controllers may be taken over; ``cluster``: the UID for the owner record."""
    account = connection.credentials
    assessment = assess(
        policy,
        instance,
        observation,
        gate_code_for(policy.spec, instance.spec, observation.user),
        cluster=cluster,
        now=datetime.now(UTC),
        take_over=take_over,
        second_factor_login=account is not None and account.second_factor_seed is not None,
        experimental=experimental,
    )
    return InstancePlan(policy, instance, connection, observation, assessment)


@dataclass(frozen=True, slots=True)
class Reach:
    """How many people a change concerns. ``newly``: would be challenged and are not now; ``no_longer``: the reverse.

    ``at_most``: groups limit the number, and Jenkins does not report their size. ``to_enrol``: users without a second factor yet."""

    newly: int = 0
    no_longer: int = 0
    at_most: bool = False
    to_enrol: int = 0
    administrators_to_enrol: int = 0

    @property
    def text(self) -> str:
        """A phrase for the table; empty if the change concerns nobody."""
        at_most = "at most " if self.at_most else ""
        parts = [f"{at_most}{self.newly} newly asked ({self._without})"] if self.newly else []
        parts += [f"{at_most}{self.no_longer} no longer asked"] if self.no_longer else []
        return ", ".join(parts)

    @property
    def _without(self) -> str:
        administrators = f", {self.administrators_to_enrol} of them administrators" if self.administrators_to_enrol else ""
        return f"{self.to_enrol} must enrol first{administrators}"


def reach_of(observation: Observation, desired: Desired) -> Reach | None:
    """None if Jenkins could not count its users."""
    users = observation.enrolment
    if users is None:
        return None
    enforced_now = observation.effective and not lacks_filter(observation)
    enforced_then = desired.enforcing and bool(desired.plugin.factors)
    before, after = _rules(observation), desired.gate or _rules(observation)
    total, limited = users.total, _limits(after)
    if enforced_then and not enforced_now:
        return Reach(total, 0, limited, users.not_enrolled, users.administrators_not_enrolled)
    if enforced_now and not enforced_then:
        return Reach(0, total, _limits(before))
    if not enforced_then:
        return Reach()
    wider, narrower = _reaches_more(before, after), _reaches_more(after, before)
    return Reach(
        total if wider else 0,
        total if narrower else 0,
        wider or narrower,
        users.not_enrolled if wider else 0,
        users.administrators_not_enrolled if wider else 0,
    )


def _rules(observation: Observation) -> GateSettings:
    """Without a gate the plugin challenges everyone."""
    return observation.gate.settings if observation.gate.installed and observation.gate.settings else GateSettings()


def _limits(rules: GateSettings) -> bool:
    return rules.enforced_groups is not None or bool(rules.exempt_groups)


def _reaches_more(before: GateSettings, after: GateSettings) -> bool:
    """Whether ``after`` challenges somebody whom ``before`` does not."""
    if before.exempt_groups - after.exempt_groups:
        return True
    if before.enforced_groups is None:
        return False
    return after.enforced_groups is None or bool(after.enforced_groups - before.enforced_groups)


@dataclass(frozen=True, slots=True)
class Row:
    """One instance. ``former``: the policy that governs it in the cluster now; ``observation``: None = it could not be read.

    ``reason`` and ``message``: why it could not be read; ``batch``: number and count of the roll-out's batches;
    ``awaits_approval``: the operator asks for an approval before it weakens something here."""

    instance: JenkinsInstance
    policy: TwoFactorPolicy | None
    overridden: tuple[Key, ...] = ()
    former: TwoFactorPolicy | None = None
    observation: Observation | None = None
    plan: InstancePlan | None = None
    reach: Reach | None = None
    reason: str = ""
    message: str = ""
    batch: tuple[int, int] | None = None
    awaits_approval: bool = False

    @property
    def name(self) -> str:
        """Its key, or the URL of an instance that is in no file."""
        return label(self.instance.meta) or self.instance.spec.url

    @property
    def verdict(self) -> Verdict:
        if self.instance.spec.access is Access.PROBE_ONLY:
            return Verdict.PROBE_ONLY
        if self.policy is None:
            return Verdict.UNMANAGED
        if self.plan is None:
            return Verdict.UNKNOWN
        if self.plan.assessment.refused:
            return Verdict.REFUSED
        if self.plan.assessment.plan.changes:
            return Verdict.CHANGES
        return Verdict.UNSUPPORTED if self.plan.assessment.plan.unsupported else Verdict.NO_CHANGE

    @property
    def weakened(self) -> tuple[str, ...]:
        """Fields whose change weakens the protection."""
        return tuple(dict.fromkeys(change.path for change in self.plan.assessment.plan.weakening)) if self.plan else ()


@dataclass(frozen=True, slots=True)
class Idle:
    """A policy that governs no instance; ``overridden_by`` empty = it selects none."""

    policy: Key
    overridden_by: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Fleet:
    """``rows`` by namespace and name. ``hints``: by the reason of a refusal, what the user can do about it."""

    rows: tuple[Row, ...]
    idle: tuple[Idle, ...]
    notes: tuple[str, ...]
    stopped: bool = False
    hints: Mapping[str, str] = field(default_factory=dict)

    def count(self, verdict: Verdict) -> int:
        return sum(row.verdict is verdict for row in self.rows)

    @property
    def exit_code(self) -> ExitCode:
        """ERROR if a controller could not be read."""
        codes = [row.plan.exit_code for row in self.rows if row.plan]
        return ExitCode.ERROR if self.stopped or self.count(Verdict.UNKNOWN) else worst(codes)


def label(meta: Metadata) -> str:
    """``namespace/name``, or the name alone where a file names no namespace."""
    return str(meta.key) if meta.namespace else meta.name
