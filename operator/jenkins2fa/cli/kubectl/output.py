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
from jenkins2fa.cli.cluster import WORDS, Cluster, ClusterObject, governed
from jenkins2fa.cli.manifests import POLICY_KINDS
from jenkins2fa.core.reasons import Reason
from jenkins2fa.kube.client import Body, Forbidden, NotFound

LONGEST = 100  # characters of a message in the table


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One row of the table: an instance with its summary."""

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
    return sorted((_row(ClusterObject(instance.KIND, body)) for body in bodies), key=lambda row: (row.namespace, row.name))


def as_table(rows: list[FleetRow]) -> str:
    """Columns aligned as kubectl does, and a summary line."""
    many = len({row.namespace for row in rows}) > 1
    head = ("NAMESPACE", "NAME", "POLICY", "ENFORCED", "DRIFTED", "READY", "REASON", "MESSAGE")
    lines = [head, *((r.namespace, r.name, r.policy, r.enforced, r.drifted, r.ready, r.reason, _short(r)) for r in rows)]
    shown = [line if many else line[1:] for line in lines]
    widths = [max(len(line[column]) for line in shown) for column in range(len(shown[0]))]
    aligned = ["   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in shown]
    return "\n".join([*aligned, "", _summary(rows)])


def as_json(rows: list[FleetRow]) -> str:
    return json.dumps({"instances": [asdict(row) for row in rows]}, indent=2, ensure_ascii=False)


OUTPUTS: dict[str, Callable[[list[FleetRow]], str]] = {"table": as_table, "json": as_json}


def _row(target: ClusterObject) -> FleetRow:
    summary, status = target.summary, target.body.get("status") or {}
    return FleetRow(
        target.key.namespace,
        target.key.name,
        target.body["spec"]["url"],
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
    notable = (Reason.SUSPENDED, Reason.BREAK_GLASS, Reason.REPORTED)
    words: dict[str, int] = {word: sum(row.reason == word for row in rows) for word in notable}
    for word, count in {**words, "without a policy": without}.items():
        text += f"; {count} {word}" if count else ""
    return text + ("." if all(row.enforced == TRUE for row in rows) else ". Why: kubectl twofactor why NAME")


MOST_INSTANCES = 20


VERDICTS = {TRUE: "enforced, by proof", FALSE: "NOT enforced", UNKNOWN: "not known whether it is enforced"}


def explain(cluster: Cluster, target: ClusterObject) -> str:
    lines = [_verdict(target)]
    lines += _not_observed(target)
    lines += _policy_lines(cluster, target) if target.kind in POLICY_KINDS else _instance_lines(cluster, target)
    return "\n".join(lines)


def _verdict(target: ClusterObject) -> str:
    summary = target.summary
    return f"{target.label}: {VERDICTS[summary.enforced]} ({summary.reason}).\n  {summary.message}"


def _not_observed(target: ClusterObject) -> list[str]:
    if target.summary.reason != Reason.NOT_RECONCILED:
        return []
    return [
        "  The operator has not observed its newest generation yet. If that takes longer than a minute, the operator is not running,",
        "  or does not watch this namespace: check its Deployment and its log.",
    ]


def _conditions(target: ClusterObject) -> list[str]:
    """Enforced and Drifted, if they add to the verdict."""
    lines = []
    verdict = target.summary.message
    for kind, healthy in ((ENFORCED, TRUE), (DRIFTED, FALSE)):
        condition = target.condition(kind)
        if condition is not None and condition.status != healthy and condition.message not in verdict:
            lines.append(f"  {kind}={condition.status} ({condition.reason}): {condition.message}")
    if target.summary.stalled:
        lines.append("  Stalled: needs attention; retrying alone will not fix it.")
    return lines


def _fields(target: ClusterObject) -> list[str]:
    fields = [field for field in (target.body.get("status") or {}).get("fields") or () if field.get("state") != "Applied"]
    return [f"  field {field['path']}: {field['state']}{': ' + field['message'] if field.get('message') else ''}" for field in fields]


def _instance_lines(cluster: Cluster, target: ClusterObject) -> list[str]:
    lines = [*_conditions(target), *_fields(target)]
    reference = governing_policy(target.body)
    if reference is None:
        labels = (target.body["metadata"].get("labels")) or {}
        shown = ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "none"
        return [*lines, f"  No policy governs it. Its labels: {shown}. Selectors of this namespace: {_selectors(cluster)}"]
    key = Key(reference.namespace, reference.name)
    label = f"{WORDS[policy.KIND if key.namespace else policy.CLUSTER_KIND]} {key}"
    try:
        policy_body = cluster.kubernetes.get(policy.PLURAL if key.namespace else policy.CLUSTER_PLURAL, key)
    except (NotFound, Forbidden):
        return [*lines, f"  Governed by {label}, which you cannot see."]
    return [*lines, f"  Governed by {label}.", *_toggles(policy_body), *_break_glasses([target])]


def _selectors(cluster: Cluster) -> str:
    selectors = [f"{body['metadata']['name']}: {body['spec'].get('instanceSelector')}" for body in cluster.policies(cluster.namespace)]
    return "; ".join(selectors[:5]) or "there is no policy"


def _policy_lines(cluster: Cluster, target: ClusterObject) -> list[str]:
    members = governed(cluster, target)
    lines = [*_conditions(target), *_toggles(target.body), *_break_glasses(members)]
    unready = [member for member in members if not (member.summary.proven and member.summary.ready == TRUE)]
    lines += [f"  {len(members) - len(unready)} of {len(members)} instances are enforced and ready."] if members else []
    for member in unready[:MOST_INSTANCES]:
        lines.append(f"  instance {member.key}: {member.summary.reason}: {member.summary.message}")
        lines += [f"  {line}" for line in _fields(member)]
    if len(unready) > MOST_INSTANCES:
        lines.append(f"  and {len(unready) - MOST_INSTANCES} more: kubectl twofactor fleet")
    return lines


def _break_glasses(members: list[ClusterObject]) -> list[str]:
    """The break-glasses that are open at one of the instances."""
    now, ends = datetime.now(UTC), {}
    for member in members:
        record = break_glass_of(member.body)
        if record is not None and record.name and record.until is not None and record.until > now:
            ends[Key(member.key.namespace, record.name)] = record.until
    return [
        f"  Break-glass {key} until {format_time(until)}: kubectl twofactor end-break-glass {key.name} -n {key.namespace}"
        for key, until in ends.items()
    ]


def _toggles(body: Body) -> list[str]:
    """What in the policy itself prevents enforcement."""
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
