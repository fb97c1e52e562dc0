"""The page with the figures of the fleets, and its pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from bench.fleet import INTERVAL, Found
from bench.measured import machine_with
from bench.picture import AIM, BARE, OURS, save

NAME = "scale"
MOST_CPU, MOST_MIB, MOST_SECONDS, MOST_RATIO = 0.15, 200.0, 20.0, 1.5
HEAD = """# Scale: one operator, many controllers

Written by `make bench-scale` (`bench/scale.py`).
{machine}

The controllers are fakes in Python that cost less than the operator. `tests/jenkins/standin/test_fleet_fake.py` compares them with the
stand-in, which runs the real scripts. API server, rights, Lease and operator are real; every instance has its own Secret, and
`checkInterval` is the default {interval:g} s. Half of the dead hosts refuse connections, the others accept them and never answer. A
slow host takes 4 s for every answer.

## With {hosts} controllers

| | aim | healthy | {bad} dead, {bad} slow | |
|---|---:|---:|---:|---|
"""
BEYOND = """
## Beyond one operator

One observation costs the operator {look:.1f} ms of CPU. Python uses one core, so at a `checkInterval` of {interval:g} s a process that does
nothing but observe would be full at about {full:,.0f} controllers (computed from {share:.1%} of a core for {hosts}, not run).
Half of that is a sensible limit, because a change of the policy costs more than an observation: {change:.0f} ms of the operator's CPU
per host, which is the minimum on a core of its own. To go beyond it:

* **Set a longer `checkInterval`.** The cost of observation falls in proportion. Changes of policies do not wait for it.
* **Run several installations**, each for its own namespaces: `jenkins2fa run --namespace team-a --namespace team-b`, each with its own
  Lease ([two installations](../operations.md#two-installations)). They share only the API server, so each reaches the figures
  above. With `--namespace`, none of them reads cluster policies. Replicas of one installation do not add
  capacity: only one of them leads.
"""


def write_page(folder: Path, found: Sequence[Found], seconds: float) -> Path:
    """Writes the Markdown page and its picture into ``folder``; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    _draw(folder / f"{NAME}.svg", found)
    page = folder / f"{NAME}.md"
    page.write_text(_text(found, seconds))
    return page


def _text(found: Sequence[Found], seconds: float) -> str:
    most = max(one.hosts for one in found)
    well, troubled = (next(one for one in found if one.hosts == most and one.troubled is bad) for bad in (False, True))
    head = HEAD.format(machine=machine_with("fakes"), interval=INTERVAL, hosts=f"{most:,}", bad=troubled.dead)
    return head + "\n".join([*_aims(well, troubled), "", *_all(found, seconds), BEYOND.format(**_beyond(well))])


def _aims(well: Found, troubled: Found) -> list[str]:
    both: list[tuple[str, str, float, Callable[[Found], float], str]] = [
        ("CPU when idle, share of one core", f"< {MOST_CPU:.0%}", MOST_CPU, lambda one: one.cpu_idle, ".1%"),
        ("peak memory, MiB", f"< {MOST_MIB:.0f}", MOST_MIB, lambda one: one.mib, ".0f"),
        ("a changed policy is in force at every healthy host, s", f"< {MOST_SECONDS:.0f}", MOST_SECONDS, lambda one: one.everywhere, ".1f"),
        ("writes to custom resources when idle", "0", 0.5, lambda one: one.writes, ".0f"),
    ]
    rows = []
    for name, aim, limit, value, form in both:
        reached = all(value(one) < limit for one in (well, troubled))
        rows.append(f"| {name} | {aim} | {value(well):{form}} | {value(troubled):{form}} | {_word(reached)} |")
    compared: list[tuple[str, Callable[[Found], float]]] = [
        ("the same at one healthy host, p99, s", lambda one: one.arrived_p99),
        ("interval between observations of a healthy host, p99, s", lambda one: one.between_p99),
    ]
    for name, value in compared:
        ratio = value(troubled) / value(well)
        rows.append(
            f"| {name} | ≤ {MOST_RATIO} × | {value(well):.1f} | {value(troubled):.1f} ({ratio:.2f} ×) | {_word(ratio <= MOST_RATIO)} |"
        )
    rows.append(f"| first enforcement of the whole fleet, s | | {well.first:.1f} | {troubled.first:.1f} | |")
    rows.append(f"| requests to a healthy controller per observation | 1 | {well.requests:.2f} | {troubled.requests:.2f} | |")
    return rows


def _word(reached: bool) -> str:
    return "reached" if reached else "**missed**"


def _all(found: Sequence[Found], seconds: float) -> list[str]:
    head = ["hosts", "dead", "slow", "CPU idle", "CPU in a change", "memory, MiB", "change everywhere, s", "p99, s",
            "CPU of the change: operator, s", "API server, s", "fakes, s", "interval, p99, s"]  # fmt: skip
    rows = [
        f"| {one.hosts} | {one.dead} | {one.slow} | {one.cpu_idle:.1%} | {one.cpu_change:.0%} | {one.mib:.0f} | {one.everywhere:.1f} "
        f"| {one.arrived_p99:.1f} | {' | '.join(f'{part:.1f}' for part in one.change_seconds)} | {one.between_p99:.1f} |"
        for one in found
    ]
    return [
        "## 10, 100, 1,000",
        "",
        f"![CPU, memory and delay against the number of controllers]({NAME}.svg)",
        "",
        f"Each fleet was idle for {seconds:g} s before its policy changed. CPU is that of the operator's process, as a share of one",
        f"core. By design, observations are at most {INTERVAL * 1.1:g} s apart ({INTERVAL:g} s ± 10 %). The table also shows the CPU that",
        "the change cost each process: where both cores are full, API server and fakes slow the operator down, too.",
        "",
        "| " + " | ".join(head) + " |",
        "|" + "---:|" * len(head),
        *rows,
    ]


def _beyond(well: Found) -> dict[str, float | str]:
    look = well.cpu_idle * INTERVAL / well.hosts
    change = well.change_seconds[0] / well.hosts
    return {"look": look * 1000, "interval": INTERVAL, "full": INTERVAL / look, "share": well.cpu_idle, "hosts": f"{well.hosts:,}",
            "change": change * 1000}  # fmt: skip


def _draw(path: Path, found: Sequence[Found]) -> None:
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    panels: tuple[tuple[str, Callable[[Found], float], float], ...] = (
        ("CPU idle, % of one core", lambda one: one.cpu_idle * 100, MOST_CPU * 100),
        ("memory, MiB", lambda one: one.mib, MOST_MIB),
        ("change everywhere, s", lambda one: one.everywhere, MOST_SECONDS),
        ("interval, p99, s", lambda one: one.between_p99, INTERVAL * 1.1),
    )
    for number, (name, value, aim) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), number)
        for troubled, color, label in ((False, OURS, "healthy"), (True, BARE, "5 % dead, 5 % slow")):
            chosen = [one for one in found if one.troubled is troubled]
            axes.plot([one.hosts for one in chosen], [value(one) for one in chosen], "o-", color=color, markersize=4, label=label)
        axes.axhline(aim, color=AIM, linewidth=1.2, linestyle="dotted")
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("controllers")
        if number == 1:
            axes.legend(fontsize=7, frameon=False)
        save(figure, axes, path)
