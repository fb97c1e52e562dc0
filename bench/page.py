"""The page with the figures of one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.idle import DAY, INTERVAL, SCRIPT_SECONDS, Idle, Look
from bench.measured import Measured, machine, percentile
from bench.picture import draw_looks, draw_times

NAME = "latency"
HEAD = """# Latency and idle cost

Written by `make bench` (`bench/latency.py`); [bench/README.md](../../bench/README.md) describes the method. All values are milliseconds.
The same run measures the unavoidable part alone. The ratio is valid on any machine, the milliseconds on this one only.

"""


def write_page(folder: Path, found: Sequence[Measured], idle: Idle) -> Path:
    """Writes the Markdown page and its pictures into ``folder``; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    draw_times(folder / f"{NAME}.svg", found)
    draw_looks(folder / f"{NAME}-looks.svg", idle)
    page = folder / f"{NAME}.md"
    page.write_text("\n".join([HEAD + machine(), _times(found), _parts(found), _idle(idle)]))
    return page


def _times(found: Sequence[Measured]) -> str:
    rows = [
        f"| {one.name}{f' ({one.note})' if one.note else ''} | {_number(one.p50)} | {_number(one.p99)} | {len(one.samples)} | {_aim(one)} "
        f"| {_number(one.unavoidable) if one.parts else ''} | {_ratio(one)} |"
        for one in found
    ]
    head = ["## What users wait for", "", f"![Duration of each, and its unavoidable part]({NAME}.svg)", ""]
    table = ["| | p50 | p99 | runs | aim | unavoidable | ratio |", "|---|---:|---:|---:|---|---:|---:|"]
    return "\n".join([*head, *table, *rows, ""])


def _parts(found: Sequence[Measured]) -> str:
    lines = ["## The unavoidable part", "", "| for | part | times | each, p50 | together |", "|---|---|---:|---:|---:|"]
    lines += [
        f"| {one.name} | {part.name} | {part.times} | {_number(part.cost / part.times)} | {_number(part.cost)} |"
        for one in found
        for part in one.parts
    ]
    return "\n".join([*lines, ""])


def _idle(idle: Idle) -> str:
    classes, metaspace, cpu = idle.a_day_as_it_is()
    return f"""## A reconcile that finds nothing to do

{idle.requests:g} request to Jenkins, {idle.writes:g} writes, {idle.cpu:.1f} ms of CPU in the operator, measured over
{len(idle.passed.samples)} reconciles and as many observations of each type. A managed gate answers the observation itself; every
{SCRIPT_SECONDS // 60} minutes a script does.

![What one observation costs and leaves in Jenkins]({NAME}-looks.svg)

| observation | p50 | p99 | CPU in Jenkins, ms | classes left | metaspace left, KiB |
|---|---:|---:|---:|---:|---:|
{_look(idle.by_gate)}
{_look(idle.by_script)}

Extrapolated to a day with one observation every {INTERVAL} s ({DAY // INTERVAL} observations):

| | classes | metaspace, MiB | CPU in Jenkins, s |
|---|---:|---:|---:|
{_day("every observation by the gate", idle.a_day(idle.by_gate))}
{_day("every observation by a script (no managed gate)", idle.a_day(idle.by_script))}
{_day("as the operator works with a managed gate", (classes, metaspace, cpu))}
"""


def _look(look: Look) -> str:
    p50, p99 = (_number(percentile(look.samples, share)) for share in (0.5, 0.99))
    return f"| {look.name} | {p50} | {p99} | {look.cpu:.2f} | {look.classes:.3f} | {look.metaspace / 1024:.2f} |"


def _day(name: str, day: tuple[float, float, float]) -> str:
    return f"| {name} | {day[0]:.0f} | {day[1]:.1f} | {day[2]:.0f} |"


def _aim(one: Measured) -> str:
    wanted = [f"{name} ≤ {limit:g}" for name, limit in zip(("p50", "p99"), one.aim, strict=True) if limit is not None]
    return f"{', '.join(wanted)}: {'reached' if one.reached else 'missed'}" if wanted else ""


def _ratio(one: Measured) -> str:
    return "" if one.ratio is None else f"{one.ratio:.2f}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
