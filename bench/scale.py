"""How many Jenkins controllers one operator serves: writes docs/benchmarks/scale.md and its pictures.

    make bench-scale                        (or: python bench/scale.py [--counts 10 100 1000] [--seconds 70] [--output FOLDER])

Each count is measured twice: with a fleet in which all is well, and (from 20 on) with one of which 5 % are dead and 5 % slow. The
controllers are the fast fakes of tests/support/fleet; API server and operator are real. Takes about 15 minutes with the usual counts.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "operator")]

from bench.fleet import Found, measure  # noqa: E402
from bench.scale_page import write_page  # noqa: E402

SHARE = 0.05


def fleets(counts: list[int]) -> list[tuple[int, int]]:
    """Hosts, and how many of them are dead and how many slow."""
    return [(count, bad) for count in counts for bad in sorted({0, int(count * SHARE)})]


def describe(found: Found) -> str:
    return (
        f"first {found.first:.1f} s, change everywhere {found.everywhere:.1f} s (p99 {found.arrived_p99:.1f}), "
        f"idle {found.cpu_idle:.1%} of a core, {found.mib:.0f} MiB, looks every {found.between_p99:.1f} s (p99), "
        f"{found.requests:.2f} requests a look, {found.writes} writes"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 100, 1000], help="hosts (default 10 100 1000)")
    parser.add_argument("--seconds", type=float, default=70, help="how long idle operators are watched (default 70)")
    parser.add_argument("--output", type=Path, default=CHECKOUT / "docs" / "benchmarks", help="folder of the page and its pictures")
    given = parser.parse_args()
    begun, found = time.monotonic(), []
    for hosts, bad in fleets(given.counts):
        print(f"{hosts} hosts, {bad} dead, {bad} slow ...", flush=True)
        found.append(measure(hosts, dead=bad, slow=bad, seconds=given.seconds))
        print(f"  {describe(found[-1])}", flush=True)
    print(f"{write_page(given.output, found, given.seconds)} is written, after {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
