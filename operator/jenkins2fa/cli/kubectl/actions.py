"""What ``kubectl twofactor`` changes: fields of a policy and one annotation. Then it waits for what the operator makes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from jenkins2fa.api import instance, policy
from jenkins2fa.api.fields import format_time, parse_duration, parse_time
from jenkins2fa.api.meta import RECONCILE_AT
from jenkins2fa.api.status import ENFORCED
from jenkins2fa.cli.cluster import Cluster
from jenkins2fa.cli.errors import CannotGoOn, ExitCode, code_of_all
from jenkins2fa.cli.kubectl.find import PLURALS, Named, find_named, governed
from jenkins2fa.core.mode import BREAK_GLASS

Say = Callable[[str], object]
EVERY = 0.5  # seconds between looks at a status
GIT = "If the policy is kept in Git, say it there too: the next synchronisation puts it back."


def set_suspend(cluster: Cluster, name: str, suspend: bool) -> str:
    """Returns what to tell."""
    found = find_named(cluster, name, policy.KIND)
    if bool(found.body["spec"].get("suspend")) == suspend:
        return f"{found.label} {'is suspended already' if suspend else 'is not suspended'}: nothing was changed."
    cluster.kubernetes.patch(policy.PLURAL, found.key, {"spec": {"suspend": True if suspend else None}})
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


def break_glass_until(cluster: Cluster, name: str, until: datetime, reason: str, timeout: float, say: Say) -> ExitCode:
    """Returns the exit code."""
    found = find_named(cluster, name, policy.KIND)
    if found.body["spec"].get("suspend"):
        raise CannotGoOn(f"{found.label} is suspended, so nothing would be opened: kubectl twofactor resume {name}, then again")
    wanted = {"until": format_time(until), "reason": reason}
    cluster.kubernetes.patch(policy.PLURAL, found.key, {"spec": {"breakGlass": wanted}})
    say(f"{found.label}: break-glass until {wanted['until']} is asked for. {GIT}")
    return _glass(cluster, found, True, timeout, say)


def break_glass_end(cluster: Cluster, name: str, timeout: float, say: Say) -> ExitCode:
    """Returns the exit code."""
    found = find_named(cluster, name, policy.KIND)
    if found.body["spec"].get("breakGlass") is None:
        say(f"{found.label} has no break-glass: nothing was changed.")
        return ExitCode.AS_DESIRED
    cluster.kubernetes.patch(policy.PLURAL, found.key, {"spec": {"breakGlass": None}})
    say(f"{found.label}: its break-glass is ended. {GIT}")
    return _glass(cluster, found, False, timeout, say)


def _glass(cluster: Cluster, found: Named, wanted: bool, timeout: float, say: Say) -> ExitCode:
    """Waits until every instance is open, or none is; says how each is."""
    generation = cluster.kubernetes.get(policy.PLURAL, found.key)["metadata"]["generation"]
    targets = governed(cluster, found)
    if not targets:
        say("It governs no instance, so nothing is opened or closed.")
        return ExitCode.NOT_ENFORCED

    def done(one: Named) -> bool:
        condition = one.condition(ENFORCED)
        current = ((one.body.get("status") or {}).get("policy") or {}).get("generation") == generation
        return current and condition is not None and (condition.reason == BREAK_GLASS) == wanted

    seen = _wait(cluster, targets, done, timeout)
    for one, fine in seen:
        state = "" if fine else f"NOT {'open' if wanted else 'closed'} yet: "
        say(f"{one.label}: {state}{one.summary.reason}: {one.summary.message}")
    return ExitCode.AS_DESIRED if all(fine for _, fine in seen) else ExitCode.NOT_ENFORCED


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
