"""The summary of a soak as Markdown."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.soak import invariants
from tests.support.soak.faults import FAULTS
from tests.support.soak.run import HEALED_WITHIN, Soak
from tests.support.soak.watch import Sample, Watch

MEBIBYTE = 1024 * 1024


def memory_growth(samples: Sequence[Sample]) -> float | None:
    """The growth of the median from the second quarter to the last, as a fraction; None if the process changed in between."""
    second, last = _quarters(samples)
    if not second or not last or {one.pid for one in second + last} != {last[0].pid}:
        return None
    return _median(last) / _median(second) - 1


def _quarters(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Samples of the second quarter, without its first fifth (a new process), and of the last quarter."""
    if not samples:
        return [], []
    end = samples[-1].at
    return [one for one in samples if 0.3 * end <= one.at < 0.5 * end], [one for one in samples if one.at >= 0.75 * end]


def _median(samples: Sequence[Sample]) -> float:
    return statistics.median(one.bytes for one in samples)


def write_report(file: Path, soak: Soak, watch: Watch, seed: int) -> None:
    minutes = (time.monotonic() - watch.begun) / 60
    total = sum(tally.count for tally in soak.tallies.values())
    lines = [
        f"Seed {seed}: {minutes:.0f} minutes, {soak.rounds} rounds, {total} faults of {len(soak.tallies)} kinds (of {len(FAULTS)}), "
        f"{sum(watch.checks.values())} checks of the invariants, {len(soak.broken)} violations.",
        "",
        *_memory(watch.samples),
        "",
        "| fault | target | times | longest recovery (alone) | longest recovery (with others) |",
        "|---|---|---|---|---|",
    ]
    for name, tally in sorted(soak.tallies.items(), key=lambda item: (FAULTS[item[0]].area, item[0])):
        alone = f"{tally.longest_alone:.1f} s" if tally.longest_alone else "–"
        lines.append(f"| {name} | {FAULTS[name].area} | {tally.count} | {alone} | {tally.longest:.1f} s |")
    lines += ["", "| invariant | checks | violations |", "|---|---|---|"]
    names = [*watch.checks, "Heals", "Secrets"]
    broken = {name: sum(one.invariant == name for one in soak.broken) for name in names}
    lines += [f"| {in_words(name)} | {watch.checks.get(name, soak.rounds)} | {broken[name]} |" for name in names]
    lines += ["", f"* Longest time that Enforced=True was reported while an ordinary user got in: {watch.in_force.worst:.1f} s."]
    persons = ", ".join(f"{reason} {count} times" for reason, count in sorted(soak.persons.items())) or "never"
    lines += [f"* A trial was open during {watch.disk.met} checks of the disk."]
    lines += [f"* Attention was needed: {persons}."]
    file.write_text("\n".join(lines) + "\n")


def in_words(invariant: str) -> str:
    """An invariant in words: the first sentence of its class's docstring."""
    words = {
        "Heals": f"Everything recovers within {HEALED_WITHIN:g} s",
        "Secrets": "No secret in statuses, Events, metrics, Jenkins' log or process arguments",
    }
    found = getattr(invariants, invariant, None)
    return words.get(invariant) or " ".join((found.__doc__ or invariant).split()).partition(". ")[0].rstrip(".")


def _memory(samples: Sequence[Sample]) -> list[str]:
    growth = memory_growth(samples)
    if growth is None:
        return ["Memory: not of one process."]
    second, last = _quarters(samples)
    highest = max(one.bytes for one in samples)
    return [
        f"Memory of the operator: median {_median(second) / MEBIBYTE:.1f} MiB in the second quarter, "
        f"{_median(last) / MEBIBYTE:.1f} MiB in the last ({growth:+.1%}); highest {highest / MEBIBYTE:.1f} MiB."
    ]
