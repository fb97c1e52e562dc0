"""Many instances and many policies, or one of each: which policy governs which instance, and what it would change. Reads only."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from jenkins2fa.api.instance import KIND as INSTANCE
from jenkins2fa.api.instance import Access, JenkinsInstance
from jenkins2fa.api.meta import Key, Metadata
from jenkins2fa.api.policy import KIND as POLICY
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.cli.errors import ExitCode, worst
from jenkins2fa.cli.parallel import side_by_side
from jenkins2fa.cli.plan.reach import Reach, reach_of
from jenkins2fa.cli.plan.sources import Sources
from jenkins2fa.core.assess import Assessment, assess
from jenkins2fa.core.observation import COMMAND_LINE, Observation
from jenkins2fa.core.precedence import selects
from jenkins2fa.core.rollout import batch_of
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.jenkins.scripts import gate_code_for
from jenkins2fa.kube.client import KubernetesError


class Verdict(StrEnum):
    """What a plan says of one instance, in a word."""

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
        """A plan asks for no proof."""
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
        """Its key; of an instance that is in no file, the URL."""
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
    """``rows`` by namespace and name. ``hints``: by the reason of a refusal, what the person at this command line can do about it."""

    rows: tuple[Row, ...]
    idle: tuple[Idle, ...]
    notes: tuple[str, ...]
    stopped: bool = False
    hints: Mapping[str, str] = field(default_factory=dict)

    def count(self, verdict: Verdict) -> int:
        return sum(row.verdict is verdict for row in self.rows)

    @property
    def exit_code(self) -> ExitCode:
        """ERROR where a controller could not be read."""
        codes = [row.plan.exit_code for row in self.rows if row.plan]
        return ExitCode.ERROR if self.stopped or self.count(Verdict.UNKNOWN) else worst(codes)


def label(meta: Metadata) -> str:
    """``namespace/name``, or the name alone where a file names no namespace."""
    return str(meta.key) if meta.namespace else meta.name


def plan_fleet(
    sources: Sources, parallel: int, only: tuple[str, Key] | None = None, *, experimental: bool = False, approval: bool = False
) -> Fleet:
    """Observes every instance; ``only``: those alone that the policy of this kind and key governs, or the instance of it.

    ``approval``: the operator runs with ``--require-approval``."""
    rows = sorted((_resolved(instance, sources) for instance in sources.instances), key=lambda row: _order(row.instance))
    governed = {row.instance.meta.key: row.policy.meta.key for row in rows if row.policy}
    if only is not None:
        rows = [row for row in rows if only in ((INSTANCE, row.instance.meta.key), row.policy and (POLICY, row.policy.meta.key))]
    observed = side_by_side(rows, lambda row: _planned(row, sources, experimental), parallel, "reading")
    done = tuple(
        result or replace(row, reason="NotAsked", message="stopped before it was read")
        for result, row in zip(observed.results, rows, strict=True)
    )
    as_desired = {row.instance.meta.key for row in done if row.verdict is Verdict.NO_CHANGE}  # they take no place in a batch
    changing = {key: by for key, by in governed.items() if key not in as_desired}
    done = tuple(_scheduled(row, changing, approval=approval) for row in done)
    return Fleet(done, () if only else _idle(sources, rows), sources.notes + _twins(done), observed.stopped, sources.hints)


def _resolved(instance: JenkinsInstance, sources: Sources) -> Row:
    now, before = sources.resolve(instance), sources.resolve_former(instance)
    return Row(instance, now.winner, tuple(policy.meta.key for policy in now.overridden), before.winner)


def _planned(row: Row, sources: Sources, experimental: bool) -> Row:
    if row.instance.spec.access is Access.PROBE_ONLY:
        return replace(row, message="access is ProbeOnly: the operator probes its canaries; nothing is read or written there")
    if row.policy is not None and row.policy.invalid:
        message = f"the policy {row.policy.meta.key} governs this instance and is invalid: nothing would be changed there"
        return replace(row, reason="Invalid", message=message)
    try:
        connection = sources.connect(row.instance)
        with contextlib.closing(driver_for(connection)) as driver:
            groups = (row.policy.spec.enforced_groups if row.policy else None) or frozenset()
            exempt = row.policy.spec.exempt_groups if row.policy else frozenset()
            observation = driver.observe(groups=groups, users=True, exempt=exempt)
    except JenkinsError as error:
        return replace(row, reason=error.reason, message=str(error))
    except KubernetesError as error:
        return replace(row, reason="KubernetesError", message=str(error))
    except Exception as error:  # an unexpected error costs its own row only
        return replace(row, reason="InternalError", message=type(error).__name__)
    if row.policy is None:
        return replace(row, observation=observation)
    take_over, cluster = _take_over(observation, sources), _cluster(row, observation, sources)
    plan = plan_instance(row.policy, row.instance, connection, observation, take_over, cluster, experimental=experimental)
    return replace(row, observation=observation, plan=plan, reach=reach_of(observation, plan.assessment.plan.desired))


def _cluster(row: Row, observation: Observation, sources: Sources) -> str:
    """The cluster's UID; from the owner record of this very instance when this person may not read it in the cluster."""
    if sources.cluster:
        return sources.cluster
    owner = observation.owner
    return owner.cluster if owner is not None and owner.instance == row.instance.meta.uid else COMMAND_LINE


def _take_over(observation: Observation, sources: Sources) -> str | None:
    """Files know no UIDs: whoever owns the controller is taken for the operator that will apply them."""
    if sources.cluster is None and observation.owner is not None:
        return observation.owner.name
    return sources.take_over


def _scheduled(row: Row, changing: Mapping[Key, Key], *, approval: bool) -> Row:
    """Adds when a change comes: the batch of the roll-out, and whether it waits for approval. ``changing``: the policy by instance, of
    those that may have something to change."""
    if row.policy is None or row.verdict is not Verdict.CHANGES:
        return row
    policy = row.policy
    batch = batch_of(policy.spec.rollout, row.instance.meta.key, [key for key, by in changing.items() if by == policy.meta.key])
    return replace(row, batch=batch, awaits_approval=approval and bool(row.weakened))


def _idle(sources: Sources, rows: list[Row]) -> tuple[Idle, ...]:
    governing = {row.policy.meta.key for row in rows if row.policy}
    found = []
    for policy in sorted(sources.policies, key=lambda one: (one.meta.namespace, one.meta.name)):
        if policy.meta.key in governing:
            continue
        selected = [row for row in rows if selects(policy, row.instance, sources.labels)]
        found.append(Idle(policy.meta.key, tuple(dict.fromkeys(row.policy.meta.key for row in selected if row.policy))))
    return tuple(found)


def _twins(rows: tuple[Row, ...]) -> tuple[str, ...]:
    """Instances that seem to reach the same controller, by its own identity: only one may manage it."""
    by_identity: dict[str, list[str]] = {}
    for row in rows:
        if row.observation is not None and row.observation.identity:
            by_identity.setdefault(row.observation.identity, []).append(row.name)
    return tuple(
        f"{' and '.join(names)} reach the same controller: the holder of its owner record manages it, the other reports DuplicateInstance"
        for names in by_identity.values()
        if len(names) > 1
    )


def _order(instance: JenkinsInstance) -> tuple[str, str]:
    return instance.meta.namespace, instance.meta.name
