"""Why something is not enforced: what a person would piece together from spec, conditions, fields and the other objects."""

from __future__ import annotations

from datetime import UTC, datetime

from jenkins2fa.api import policy
from jenkins2fa.api.fields import format_time, parse_time
from jenkins2fa.api.meta import Key
from jenkins2fa.api.status import DRIFTED, ENFORCED, FALSE, TRUE, UNKNOWN, break_glass_of, governing_policy
from jenkins2fa.cli.cluster import Cluster
from jenkins2fa.cli.kubectl.find import POLICY_KINDS, WORDS, Named, governed
from jenkins2fa.core.summary import NOT_SEEN
from jenkins2fa.kube.client import Body, Forbidden, NotFound

MOST_INSTANCES = 20


VERDICTS = {TRUE: "enforced, by proof", FALSE: "NOT enforced", UNKNOWN: "not known whether it is enforced"}


def explain(cluster: Cluster, found: Named) -> str:
    lines = [_verdict(found)]
    lines += _not_seen(found)
    lines += _policy_lines(cluster, found) if found.kind in POLICY_KINDS else _instance_lines(cluster, found)
    return "\n".join(lines)


def _verdict(found: Named) -> str:
    summary = found.summary
    return f"{found.label}: {VERDICTS[summary.enforced]} ({summary.reason}).\n  {summary.message}"


def _not_seen(found: Named) -> list[str]:
    if found.summary.reason != NOT_SEEN:
        return []
    return [
        "  The operator has not looked at its newest generation yet. If that lasts longer than a minute, it does not run,",
        "  or does not watch this namespace: look at its Deployment and its log.",
    ]


def _conditions(found: Named) -> list[str]:
    """Enforced and Drifted where they say more than the verdict does."""
    lines = []
    said = found.summary.message
    for kind, well in ((ENFORCED, TRUE), (DRIFTED, FALSE)):
        condition = found.condition(kind)
        if condition is not None and condition.status != well and condition.message not in said:
            lines.append(f"  {kind}={condition.status} ({condition.reason}): {condition.message}")
    if found.summary.stalled:
        lines.append("  Stalled: it needs a person, and does not go away by itself.")
    return lines


def _fields(found: Named) -> list[str]:
    fields = [one for one in (found.body.get("status") or {}).get("fields") or () if one.get("state") != "Applied"]
    return [f"  field {one['path']}: {one['state']}{': ' + one['message'] if one.get('message') else ''}" for one in fields]


def _instance_lines(cluster: Cluster, found: Named) -> list[str]:
    lines = [*_conditions(found), *_fields(found)]
    reference = governing_policy(found.body)
    if reference is None:
        labels = (found.body["metadata"].get("labels")) or {}
        shown = ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "none"
        return [*lines, f"  No policy governs it. Its labels: {shown}. Selectors of this namespace: {_selectors(cluster)}"]
    key = Key(reference.namespace, reference.name)
    label = f"{WORDS[policy.KIND if key.namespace else policy.CLUSTER_KIND]} {key}"
    try:
        governing = cluster.kubernetes.get(policy.PLURAL if key.namespace else policy.CLUSTER_PLURAL, key)
    except (NotFound, Forbidden):
        return [*lines, f"  Governed by {label}, which you cannot see."]
    return [*lines, f"  Governed by {label}.", *_toggles(governing), *_break_glasses([found])]


def _selectors(cluster: Cluster) -> str:
    found = [f"{body['metadata']['name']}: {body['spec'].get('instanceSelector')}" for body in cluster.policies(cluster.namespace)]
    return "; ".join(found[:5]) or "there is no policy"


def _policy_lines(cluster: Cluster, found: Named) -> list[str]:
    members = governed(cluster, found)
    lines = [*_conditions(found), *_toggles(found.body), *_break_glasses(members)]
    open_ones = [member for member in members if not (member.summary.proven and member.summary.ready == TRUE)]
    lines += [f"  {len(members) - len(open_ones)} of {len(members)} instances are enforced and ready."] if members else []
    for member in open_ones[:MOST_INSTANCES]:
        lines.append(f"  instance {member.key}: {member.summary.reason}: {member.summary.message}")
        lines += [f"  {line}" for line in _fields(member)]
    if len(open_ones) > MOST_INSTANCES:
        lines.append(f"  and {len(open_ones) - MOST_INSTANCES} more: kubectl twofactor fleet")
    return lines


def _break_glasses(members: list[Named]) -> list[str]:
    """Those for which an instance is open."""
    now, ends = datetime.now(UTC), {}
    for member in members:
        held = break_glass_of(member.body)
        if held is not None and held.name and held.until is not None and held.until > now:
            ends[Key(member.key.namespace, held.name)] = held.until
    return [
        f"  Break-glass {key} until {format_time(until)}: kubectl twofactor end-break-glass {key.name} -n {key.namespace}"
        for key, until in ends.items()
    ]


def _toggles(body: Body) -> list[str]:
    """What the policy itself says against being enforced."""
    spec, name = body.get("spec") or {}, body["metadata"]["name"]
    lines = []
    if spec.get("suspend"):
        lines.append(f"  The policy is suspended: kubectl twofactor resume {name}")
    if spec.get("mode") != policy.PolicyMode.ENFORCE:
        lines.append(f"  The policy's mode is {spec.get('mode')}: set it to Enforce.")
    until = (spec.get("rollout") or {}).get("graceUntil")
    if until and parse_time(until) > datetime.now(UTC):
        lines.append(f"  A first enforcement waits until rollout.graceUntil ({until}).")
    return lines
