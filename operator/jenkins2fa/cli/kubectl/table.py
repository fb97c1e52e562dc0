"""The fleet as a table, from the instances' statuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from jenkins2fa.api import instance
from jenkins2fa.api.status import TRUE
from jenkins2fa.cli.kubectl.find import Named
from jenkins2fa.core.mode import BREAK_GLASS, REPORTED, SUSPENDED
from jenkins2fa.kube.client import Body

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
