"""Many instances and many policies: which governs which, and what each would change. Reads only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from jenkins2fa.api.instance import KIND as INSTANCE
from jenkins2fa.api.instance import Access, JenkinsInstance
from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import KIND as POLICY
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.cli.errors import ExitCode, code_of_plan, worst
from jenkins2fa.cli.observe import Look, look_through
from jenkins2fa.cli.parallel import side_by_side
from jenkins2fa.cli.plan.reach import Reach, reach_of
from jenkins2fa.cli.target import Target
from jenkins2fa.core.observation import COMMAND_LINE, Observation
from jenkins2fa.core.precedence import resolve, selects
from jenkins2fa.core.rollout import batch_of
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.kube.client import KubernetesError

Labels = Mapping[str, Mapping[str, str]]


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
class Sources:
    """Where everything comes from. ``former``: the policies as they are in the cluster now; ``cluster`` None = there is none, "" = its name
    may not be read. ``connect`` raises JenkinsError or KubernetesError. ``notes``: what was left out, and why."""

    instances: tuple[JenkinsInstance, ...]
    policies: tuple[TwoFactorPolicy, ...]
    connect: Callable[[JenkinsInstance], Connection] = field(repr=False)
    former: tuple[TwoFactorPolicy, ...] = ()
    policy_namespace: str | None = None
    labels: Labels = field(default_factory=dict)
    cluster: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One instance. ``former``: the policy that governs it now in the cluster.

    ``reason`` and ``message``: why it could not be looked at; ``batch``: which one of how many of the policy's roll-out changes it;
    ``awaits_approval``: the operator asks for one before it weakens something here."""

    instance: JenkinsInstance
    policy: TwoFactorPolicy | None
    overridden: tuple[Key, ...] = ()
    former: TwoFactorPolicy | None = None
    seen: Observation | None = None
    look: Look | None = None
    reach: Reach | None = None
    reason: str = ""
    message: str = ""
    batch: tuple[int, int] | None = None
    awaits_approval: bool = False

    @property
    def verdict(self) -> Verdict:
        if self.instance.spec.access is Access.PROBE_ONLY:
            return Verdict.PROBE_ONLY
        if self.policy is None:
            return Verdict.UNMANAGED
        if self.look is None:
            return Verdict.UNKNOWN
        found = self.look.assessment
        if found.refused:
            return Verdict.REFUSED
        if found.plan.changes:
            return Verdict.CHANGES
        return Verdict.UNSUPPORTED if found.plan.unsupported else Verdict.NO_CHANGE

    @property
    def weakened(self) -> tuple[str, ...]:
        """Fields whose change weakens the protection."""
        return tuple(dict.fromkeys(change.path for change in self.look.assessment.plan.weakening)) if self.look else ()


@dataclass(frozen=True, slots=True)
class Idle:
    """A policy that governs no instance; ``overridden_by`` empty = it selects none."""

    policy: Key
    overridden_by: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Fleet:
    """``rows`` by namespace and name."""

    rows: tuple[Row, ...]
    idle: tuple[Idle, ...]
    notes: tuple[str, ...]
    stopped: bool = False

    def count(self, verdict: Verdict) -> int:
        return sum(row.verdict is verdict for row in self.rows)

    @property
    def exit_code(self) -> ExitCode:
        """ERROR where something could not be looked at."""
        codes = [code_of_plan(row.look.assessment) for row in self.rows if row.look]
        return ExitCode.ERROR if self.stopped or self.count(Verdict.UNKNOWN) else worst(codes)


def plan_fleet(
    sources: Sources, parallel: int, only: tuple[str, Key] | None = None, *, premium: bool = False, approval: bool = False
) -> Fleet:
    """Looks at every instance; ``only``: those alone that the policy of this kind and key governs, or the instance of it.

    ``approval``: the operator runs with ``--require-approval``."""
    rows = sorted((_resolved(one, sources) for one in sources.instances), key=lambda row: _order(row.instance))
    governed = {row.instance.meta.key: row.policy.meta.key for row in rows if row.policy}
    if only is not None:
        rows = [row for row in rows if only in ((INSTANCE, row.instance.meta.key), row.policy and (POLICY, row.policy.meta.key))]
    looked = side_by_side(rows, lambda row: _look(row, sources, premium), parallel, "looking")
    done = tuple(
        found or _with(row, reason="NotAsked", message="stopped before it was asked")
        for found, row in zip(looked.results, rows, strict=True)
    )
    as_wanted = {row.instance.meta.key for row in done if row.verdict is Verdict.NO_CHANGE}  # they take no place in a batch
    changing = {key: by for key, by in governed.items() if key not in as_wanted}
    done = tuple(_foreseen(row, changing, approval=approval) for row in done)
    return Fleet(done, () if only else _idle(sources, rows), sources.notes + _twins(done), looked.stopped)


def _foreseen(row: Row, changing: Mapping[Key, Key], *, approval: bool) -> Row:
    """When a change comes: with which batch of the roll-out, and whether it waits for somebody. ``changing``: the policy by instance, of
    those that may have something to change."""
    if row.policy is None or row.verdict is not Verdict.CHANGES:
        return row
    policy = row.policy
    batch = batch_of(policy.spec.rollout, row.instance.meta.key, [key for key, by in changing.items() if by == policy.meta.key])
    return replace(row, batch=batch, awaits_approval=approval and bool(row.weakened))


def _resolved(instance: JenkinsInstance, sources: Sources) -> Row:
    now = resolve(instance, sources.policies, sources.policy_namespace, sources.labels)
    before = resolve(instance, sources.former, sources.policy_namespace, sources.labels).winner
    return Row(instance, now.winner, tuple(policy.meta.key for policy in now.overridden), before)


def _look(row: Row, sources: Sources, premium: bool) -> Row:
    if row.instance.spec.access is Access.PROBE_ONLY:
        return _with(row, message="only its canaries are asked, by the operator: nothing is read or written there")
    if row.policy is not None and row.policy.invalid:
        message = f"the policy {row.policy.meta.key} governs this instance and cannot be used: nothing would be changed there"
        return _with(row, reason="Invalid", message=message)
    try:
        connection = sources.connect(row.instance)
        with contextlib.closing(driver_for(connection)) as driver:
            groups = row.policy.spec.enforced_groups if row.policy else None
            seen = driver.observe(groups=groups or (), users=True)
    except JenkinsError as problem:
        return _with(row, reason=problem.reason, message=str(problem))
    except KubernetesError as problem:
        return _with(row, reason="KubernetesError", message=str(problem))
    except Exception as problem:  # one that goes wrong in a way that nobody thought of costs its own row only
        return _with(row, reason="InternalError", message=type(problem).__name__)
    if row.policy is None:
        return _with(row, seen=seen)
    owner, cluster = _not_a_rival(seen, sources), _cluster(row, seen, sources)
    look = look_through(row.policy, Target(row.instance, connection), seen, owner, cluster, premium=premium)
    return _with(row, seen=seen, look=look, reach=reach_of(seen, look.assessment.plan.desired))


def _cluster(row: Row, seen: Observation, sources: Sources) -> str:
    """The cluster's name, read from the owner mark of this very instance when this person may not read it in the cluster."""
    if sources.cluster:
        return sources.cluster
    ours = seen.owner is not None and seen.owner.instance == row.instance.meta.uid
    return seen.owner.cluster if ours and seen.owner else COMMAND_LINE


def _not_a_rival(seen: Observation, sources: Sources) -> str | None:
    """Files know no UIDs: whoever manages the Jenkins is taken for the operator that will apply them."""
    return seen.owner.name if sources.cluster is None and seen.owner else None


def _with(
    row: Row, *, seen: Observation | None = None, look: Look | None = None, reach: Reach | None = None, reason: str = "", message: str = ""
) -> Row:
    return Row(row.instance, row.policy, row.overridden, row.former, seen, look, reach, reason, message)


def _idle(sources: Sources, rows: list[Row]) -> tuple[Idle, ...]:
    governing = {row.policy.meta.key for row in rows if row.policy}
    found = []
    for policy in sorted(sources.policies, key=lambda one: (one.meta.namespace, one.meta.name)):
        if policy.meta.key in governing:
            continue
        selected = [row for row in rows if selects(policy, row.instance, sources.policy_namespace, sources.labels)]
        found.append(Idle(policy.meta.key, tuple(dict.fromkeys(row.policy.meta.key for row in selected if row.policy))))
    return tuple(found)


def _twins(rows: tuple[Row, ...]) -> tuple[str, ...]:
    """Instances that seem to reach the same Jenkins, by what it says of itself: only one may manage it."""
    by_identity: dict[str, list[str]] = {}
    for row in rows:
        if row.seen is not None and row.seen.identity:
            by_identity.setdefault(row.seen.identity, []).append(str(row.instance.meta.key))
    return tuple(
        f"{' and '.join(names)} reach the same Jenkins: the holder of its owner record manages it, the other says DuplicateInstance"
        for names in by_identity.values()
        if len(names) > 1
    )


def _order(instance: JenkinsInstance) -> tuple[str, str]:
    return instance.meta.namespace, instance.meta.name
