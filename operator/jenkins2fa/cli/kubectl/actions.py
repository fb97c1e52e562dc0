"""What ``kubectl twofactor`` changes: fields of a policy, an annotation, break-glasses. It then waits for the result."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from jenkins2fa.api import break_glass, instance
from jenkins2fa.api.break_glass import TwoFactorBreakGlass
from jenkins2fa.api.fields import format_time, parse_duration, parse_time
from jenkins2fa.api.meta import API_VERSION, RECONCILE_AT, read_metadata
from jenkins2fa.api.parse import parse_break_glass
from jenkins2fa.api.status import ENFORCED, break_glass_of
from jenkins2fa.cli.cluster import PLURALS, Cluster, ClusterObject, find_policy, governed
from jenkins2fa.cli.errors import CommandError, ExitCode, code_of_all
from jenkins2fa.core.reasons import Reason

Echo = Callable[[str], object]
POLL_INTERVAL = 0.5  # seconds between reads of a status
END_COMMAND = "kubectl twofactor end-break-glass"
GIT_HINT = "If the policy is kept in Git, change it there too: the next synchronisation reverts this."


def set_suspend(cluster: Cluster, name: str, suspend: bool) -> str:
    """Suspend or resume a policy. Returns the message for the user."""
    target = find_policy(cluster, name)
    if bool(target.body["spec"].get("suspend")) == suspend:
        return f"{target.label} {'is suspended already' if suspend else 'is not suspended'}: nothing was changed."
    cluster.kubernetes.patch(PLURALS[target.kind], target.key, {"spec": {"suspend": True if suspend else None}})
    effect = "is suspended: nothing is read or written at its instances; what is in force there stays in force" if suspend else "is resumed"
    return f"{target.label} {effect}. {GIT_HINT}"


def reconcile_now(cluster: Cluster, target: ClusterObject, timeout: float, echo: Echo) -> ExitCode:
    """Request a reconcile of one instance, or of all that a policy governs, and wait for it. Returns the exit code."""
    members = [target] if target.kind == instance.KIND else governed(cluster, target)
    if not members:
        raise CommandError(f"{target.label} governs no instance: kubectl twofactor why policy/{target.key.name}")
    requested_at = datetime.now(UTC).isoformat(timespec="microseconds")
    for member in members:
        cluster.kubernetes.patch(instance.PLURAL, member.key, {"metadata": {"annotations": {RECONCILE_AT: requested_at}}})

    def is_reconciled(member: ClusterObject) -> bool:
        return (member.body.get("status") or {}).get("lastHandledReconcileAt") == requested_at

    results = _wait(cluster, members, is_reconciled, timeout)
    for member, done in results:
        echo(f"{member.label}: {_state(member) if done else _no_reconcile(timeout)}")
    return code_of_all(member.summary for member, _ in results) if all(done for _, done in results) else ExitCode.ERROR


def time_of(length: str | None, until: str | None) -> datetime:
    """The end of a break-glass from its length or its end. Raises CommandError."""
    if (length is None) == (until is None):
        raise CommandError("give either --for DURATION or --until TIME")
    now = datetime.now(UTC)
    try:
        moment = now + parse_duration(length) if length is not None else parse_time(until)
    except ValueError as problem:
        raise CommandError(f"{'--for' if length is not None else '--until'}: {problem}") from None
    if moment <= now:
        raise CommandError("that time is in the past: nothing was changed")
    return moment


def open_break_glass(cluster: Cluster, name: str, expires: datetime, reason: str, timeout: float, echo: Echo) -> ExitCode:
    """Create a TwoFactorBreakGlass for the instances that a policy selects in this namespace, and wait. Returns the exit code."""
    target = find_policy(cluster, name)
    if target.body["spec"].get("suspend"):
        raise CommandError(f"{target.label} is suspended, so nothing would be opened: first run `kubectl twofactor resume {name}`")
    spec = {"instanceSelector": target.body["spec"]["instanceSelector"], "expiresAt": format_time(expires), "reason": reason}
    body = {
        "apiVersion": API_VERSION,
        "kind": break_glass.KIND,
        "metadata": {"generateName": f"{target.key.name[:40]}-", "namespace": cluster.namespace},
        "spec": spec,
    }
    created = parse_break_glass(cluster.kubernetes.create(break_glass.PLURAL, cluster.namespace, body))
    echo(f"break-glass {created.meta.key} is created; it expires at {spec['expiresAt']}. To end it: {END_COMMAND} {created.meta.name}")
    members = _selected(cluster, created)
    if not members:
        echo("It selects no instance, so nothing is opened.")
        return ExitCode.NOT_ENFORCED

    def is_refused(member: ClusterObject) -> bool:
        record = break_glass_of(member.body)
        return record is not None and any(refusal.uid == created.meta.uid for refusal in record.refused)

    results = _wait(cluster, members, lambda member: _is_open(member) or is_refused(member), timeout)
    opened = [_is_open(member) and not is_refused(member) for member, _ in results]
    for (member, _), is_open in zip(results, opened, strict=True):
        echo(f"{member.label}: {'' if is_open else 'NOT open: '}{_state(member)}")
    return ExitCode.AS_DESIRED if all(opened) else ExitCode.NOT_ENFORCED


def end_break_glass(cluster: Cluster, name: str, timeout: float, echo: Echo) -> ExitCode:
    """Delete the TwoFactorBreakGlass of this name, or those that are open for the policy of this name, and wait. Returns the exit code."""
    ending = _named_or_open(cluster, name)
    if not ending:
        echo(f"There is no open break-glass for {name} in namespace {cluster.namespace}: nothing was changed.")
        return ExitCode.AS_DESIRED
    members = {member.key: member for record in ending for member in _selected(cluster, record)}
    for record in ending:
        cluster.kubernetes.delete(break_glass.PLURAL, record.meta.key)
        echo(f"break-glass {record.meta.key} ({record.spec.reason}) is deleted.")
    results = _wait(cluster, list(members.values()), lambda member: not _is_open(member), timeout)
    for member, closed in results:
        echo(f"{member.label}: {'' if closed else 'NOT closed yet: '}{_state(member)}")
    return ExitCode.AS_DESIRED if all(closed for _, closed in results) else ExitCode.NOT_ENFORCED


def _named_or_open(cluster: Cluster, name: str) -> list[TwoFactorBreakGlass]:
    """The break-glass of this name, or every open one that selects an instance of the policy of this name."""
    body = None if "/" in name else cluster.find(break_glass.PLURAL, name)
    if body is not None:
        return [parse_break_glass(body)]
    governed_keys = {member.key for member in governed(cluster, find_policy(cluster, name))}
    now = datetime.now(UTC)
    records = [parse_break_glass(record) for record in cluster.break_glasses(cluster.namespace)]
    return [
        record
        for record in records
        if record.spec.expires_at > now and any(member.key in governed_keys for member in _selected(cluster, record))
    ]


def _selected(cluster: Cluster, record: TwoFactorBreakGlass) -> list[ClusterObject]:
    """The instances that a break-glass selects."""
    bodies = cluster.instances(record.meta.namespace)
    return [ClusterObject(instance.KIND, body) for body in bodies if record.selects(read_metadata(body))]


def _is_open(member: ClusterObject) -> bool:
    condition = member.condition(ENFORCED)
    return condition is not None and condition.reason == Reason.BREAK_GLASS


def _state(member: ClusterObject) -> str:
    return f"{member.summary.reason}: {member.summary.message}"


def _wait(
    cluster: Cluster, members: list[ClusterObject], done: Callable[[ClusterObject], bool], timeout: float
) -> list[tuple[ClusterObject, bool]]:
    """Each object as it was read last, and whether it was done then."""
    end = time.monotonic() + timeout
    while True:
        current = [ClusterObject(member.kind, cluster.kubernetes.get(PLURALS[member.kind], member.key)) for member in members]
        results = [(member, done(member)) for member in current]
        if all(is_done for _, is_done in results) or time.monotonic() >= end:
            return results
        time.sleep(POLL_INTERVAL)


def _no_reconcile(timeout: float) -> str:
    return f"no reconcile within {timeout:.0f} s: is the operator running, and does it watch this namespace?"
