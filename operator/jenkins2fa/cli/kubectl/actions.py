"""What ``kubectl twofactor`` changes: fields of a policy, one annotation, break-glasses. Then it waits for what comes of it."""

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
from jenkins2fa.cli.cluster import PLURALS, Cluster, Named, find_policy, governed
from jenkins2fa.cli.errors import CannotGoOn, ExitCode, code_of_all
from jenkins2fa.core.mode import BREAK_GLASS

Say = Callable[[str], object]
EVERY = 0.5  # seconds between looks at a status
END = "kubectl twofactor end-break-glass"
GIT = "If the policy is kept in Git, say it there too: the next synchronisation puts it back."


def set_suspend(cluster: Cluster, name: str, suspend: bool) -> str:
    """Returns what to tell."""
    found = find_policy(cluster, name)
    if bool(found.body["spec"].get("suspend")) == suspend:
        return f"{found.label} {'is suspended already' if suspend else 'is not suspended'}: nothing was changed."
    cluster.kubernetes.patch(PLURALS[found.kind], found.key, {"spec": {"suspend": True if suspend else None}})
    what = "is suspended: nothing is read or written at its instances; what is in force there stays in force" if suspend else "goes on"
    return f"{found.label} {what}. {GIT}"


def reconcile_named(cluster: Cluster, found: Named, timeout: float, say: Say) -> ExitCode:
    """Returns the exit code."""
    targets = [found] if found.kind == instance.KIND else governed(cluster, found)
    if not targets:
        raise CannotGoOn(f"{found.label} governs no instance: kubectl twofactor why policy/{found.key.name}")
    asked = datetime.now(UTC).isoformat(timespec="microseconds")
    for one in targets:
        cluster.kubernetes.patch(instance.PLURAL, one.key, {"metadata": {"annotations": {RECONCILE_AT: asked}}})
    seen = _wait(cluster, targets, lambda one: (one.body.get("status") or {}).get("lastHandledReconcileAt") == asked, timeout)
    for one, done in seen:
        say(f"{one.label}: {f'{one.summary.reason}: {one.summary.message}' if done else _nobody(timeout)}")
    return code_of_all(one.summary for one, _ in seen) if all(done for _, done in seen) else ExitCode.ERROR


def time_of(length: str | None, until: str | None) -> datetime:
    """The end of a break-glass from its length or its end. Raises CannotGoOn."""
    if (length is None) == (until is None):
        raise CannotGoOn("give either --for DURATION or --until TIME")
    now = datetime.now(UTC)
    try:
        moment = now + parse_duration(length) if length is not None else parse_time(until)
    except ValueError as problem:
        raise CannotGoOn(f"{'--for' if length is not None else '--until'}: {problem}") from None
    if moment <= now:
        raise CannotGoOn("that time is over: nothing was changed")
    return moment


def open_break_glass(cluster: Cluster, name: str, expires: datetime, reason: str, timeout: float, say: Say) -> ExitCode:
    """Creates a TwoFactorBreakGlass for the instances that a policy selects in this namespace, and waits. Returns the exit code."""
    found = find_policy(cluster, name)
    if found.body["spec"].get("suspend"):
        raise CannotGoOn(f"{found.label} is suspended, so nothing would be opened: kubectl twofactor resume {name}, then again")
    spec = {"instanceSelector": found.body["spec"]["instanceSelector"], "expiresAt": format_time(expires), "reason": reason}
    body = {
        "apiVersion": API_VERSION,
        "kind": break_glass.KIND,
        "metadata": {"generateName": f"{found.key.name[:40]}-", "namespace": cluster.namespace},
        "spec": spec,
    }
    created = parse_break_glass(cluster.kubernetes.create(break_glass.PLURAL, cluster.namespace, body))
    say(f"break-glass {created.meta.key} is created; it expires at {spec['expiresAt']}. To end it: {END} {created.meta.name}")
    targets = _selected(cluster, created)
    if not targets:
        say("It selects no instance, so nothing is opened.")
        return ExitCode.NOT_ENFORCED

    def is_refused(one: Named) -> bool:
        held = break_glass_of(one.body)
        return held is not None and any(refusal.uid == created.meta.uid for refusal in held.refused)

    seen = _wait(cluster, targets, lambda one: _is_open(one) or is_refused(one), timeout)
    opened = [_is_open(one) and not is_refused(one) for one, _ in seen]
    for (one, _), is_open in zip(seen, opened, strict=True):
        say(f"{one.label}: {'' if is_open else 'NOT open: '}{one.summary.reason}: {one.summary.message}")
    return ExitCode.AS_DESIRED if all(opened) else ExitCode.NOT_ENFORCED


def end_break_glass(cluster: Cluster, name: str, timeout: float, say: Say) -> ExitCode:
    """Deletes the TwoFactorBreakGlass of this name, or those that select the instances of the policy of this name, and waits. Returns the
    exit code."""
    ending = _to_end(cluster, name)
    if not ending:
        say(f"There is no open break-glass for {name} in namespace {cluster.namespace}: nothing was changed.")
        return ExitCode.AS_DESIRED
    targets = {one.key: one for break_glass in ending for one in _selected(cluster, break_glass)}
    for one in ending:
        cluster.kubernetes.delete(break_glass.PLURAL, one.meta.key)
        say(f"break-glass {one.meta.key} ({one.spec.reason}) is deleted.")
    seen = _wait(cluster, list(targets.values()), lambda one: not _is_open(one), timeout)
    for named, closed in seen:
        say(f"{named.label}: {'' if closed else 'NOT closed yet: '}{named.summary.reason}: {named.summary.message}")
    return ExitCode.AS_DESIRED if all(closed for _, closed in seen) else ExitCode.NOT_ENFORCED


def _to_end(cluster: Cluster, name: str) -> list[TwoFactorBreakGlass]:
    body = None if "/" in name else cluster.find(break_glass.PLURAL, name)
    if body is not None:
        return [parse_break_glass(body)]
    keys = {one.key for one in governed(cluster, find_policy(cluster, name))}
    now = datetime.now(UTC)
    listed = [parse_break_glass(one) for one in cluster.break_glasses(cluster.namespace)]
    return [one for one in listed if one.spec.expires_at > now and any(named.key in keys for named in _selected(cluster, one))]


def _selected(cluster: Cluster, asked: TwoFactorBreakGlass) -> list[Named]:
    """The instances that a break-glass selects."""
    bodies = cluster.instances(asked.meta.namespace)
    return [Named(instance.KIND, body) for body in bodies if asked.selects(read_metadata(body))]


def _is_open(one: Named) -> bool:
    condition = one.condition(ENFORCED)
    return condition is not None and condition.reason == BREAK_GLASS


def _wait(cluster: Cluster, targets: list[Named], done: Callable[[Named], bool], timeout: float) -> list[tuple[Named, bool]]:
    """Each target as it was last seen, and whether it was as wanted then."""
    end = time.monotonic() + timeout
    while True:
        now = [Named(one.kind, cluster.kubernetes.get(PLURALS[one.kind], one.key)) for one in targets]
        seen = [(one, done(one)) for one in now]
        if all(fine for _, fine in seen) or time.monotonic() >= end:
            return seen
        time.sleep(EVERY)


def _nobody(timeout: float) -> str:
    return f"the operator did not look within {timeout:.0f} s: does it run, and watch this namespace?"
