"""What ``kubectl twofactor`` prints: the fleet as a table, and why an object is not enforced."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from jenkins2fa.api import instance, policy
from jenkins2fa.api.fields import format_time, parse_time
from jenkins2fa.api.meta import Key
from jenkins2fa.api.status import DRIFTED, ENFORCED, FALSE, TRUE, UNKNOWN, break_glass_of, governing_policy
from jenkins2fa.cli.cluster import POLICY_KINDS, WORDS, Cluster, Named, governed
from jenkins2fa.core.mode import BREAK_GLASS, REPORTED, SUSPENDED
from jenkins2fa.core.summary import NOT_SEEN
from jenkins2fa.kube.client import Body, Forbidden, NotFound

LONGEST = 100  # characters of a message in the table


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One instance, with the parts of its summary."""

    namespace: str
    name: str
    url: str
    policy: str
    enforced: str
    drifted: str
    ready: str
    reason: str
    message: str


def fleet_rows(bodies: Iterable[Body]) -> list[FleetRow]:
    """By namespace and name."""
    return sorted((_row(Named(instance.KIND, body)) for body in bodies), key=lambda row: (row.namespace, row.name))


def as_table(rows: list[FleetRow]) -> str:
    """Columns as kubectl aligns them, and a line that sums up."""
    many = len({row.namespace for row in rows}) > 1
    head = ("NAMESPACE", "NAME", "POLICY", "ENFORCED", "DRIFTED", "READY", "REASON", "MESSAGE")
    lines = [head, *((r.namespace, r.name, r.policy, r.enforced, r.drifted, r.ready, r.reason, _short(r)) for r in rows)]
    shown = [line if many else line[1:] for line in lines]
    widths = [max(len(line[column]) for line in shown) for column in range(len(shown[0]))]
    text = ["   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in shown]
    return "\n".join([*text, "", _summary(rows)])


def as_json(rows: list[FleetRow]) -> str:
    return json.dumps({"instances": [asdict(row) for row in rows]}, indent=2, ensure_ascii=False)


OUTPUTS: dict[str, Callable[[list[FleetRow]], str]] = {"table": as_table, "json": as_json}


def _row(found: Named) -> FleetRow:
    summary, status = found.summary, found.body.get("status") or {}
    return FleetRow(
        found.key.namespace,
        found.key.name,
        found.body["spec"]["url"],
        (status.get("summary") or {}).get("policy") or "<none>",
        summary.enforced,
        summary.drifted,
        summary.ready,
        summary.reason,
        summary.message,
    )


def _short(row: FleetRow) -> str:
    if row.enforced == row.ready == TRUE:
        return ""
    return row.message if len(row.message) <= LONGEST else row.message[: LONGEST - 1] + "…"


def _summary(rows: list[FleetRow]) -> str:
    without = sum(row.policy == "<none>" for row in rows)
    text = f"{sum(row.enforced == TRUE for row in rows)} of {len(rows)} enforced, by proof"
    text += f"; {sum(row.drifted == TRUE for row in rows)} drifted" if any(row.drifted == TRUE for row in rows) else ""
    words: dict[str, int] = {word: sum(row.reason == word for row in rows) for word in (SUSPENDED, BREAK_GLASS, REPORTED)}
    for word, count in {**words, "without a policy": without}.items():
        text += f"; {count} {word}" if count else ""
    return text + ("." if all(row.enforced == TRUE for row in rows) else ". Why: kubectl twofactor why NAME")


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
