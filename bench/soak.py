"""Random faults between Kubernetes, operator and Jenkins, for an hour; what must hold is looked at all the time.

    python bench/soak.py [--minutes 60] [--seed N] [--replay FILE | --each-once] [--folder FOLDER] [--report FILE]

Runs a real API server, the Jenkins stand-in and the operator. The plan goes to FOLDER/plan.jsonl as it is carried out, and `--replay`
does the same again. Exit code 1 when a promise was broken. In the first quarter the operator is also killed and stopped; after that its
process goes on to the end, so that its memory tells something. Needs root (a disk is made read-only).
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "operator")]

from tests.support.soak.faults import FAULTS  # noqa: E402
from tests.support.soak.plan import Round, draw, each_once, read_plan  # noqa: E402
from tests.support.soak.report import memory_growth, write_report  # noqa: E402
from tests.support.soak.run import Soak  # noqa: E402
from tests.support.soak.world import World  # noqa: E402

MORTAL = 0.25  # share of the time in which the operator's process may be ended
MOST_GROWTH = 0.05


def rounds(seed: int, minutes: float) -> Iterator[Round]:
    """Until the time is over."""
    begun, seconds = time.monotonic(), minutes * 60
    names = sorted(FAULTS)
    immortal = [name for name in names if not FAULTS[name].ends_operator]
    mortal = names + [name for name in names if FAULTS[name].ends_operator] * 6  # so that they come often enough in a short time
    for number in itertools.count(1):
        passed = time.monotonic() - begun
        if passed > seconds:
            return
        yield draw(seed, number, mortal if passed < seconds * MORTAL else immortal)


def _chosen(wanted: argparse.Namespace, seed: int) -> Iterable[Round]:
    if wanted.replay:
        return read_plan(wanted.replay)
    return each_once(seed, sorted(FAULTS)) if wanted.each_once else rounds(seed, wanted.minutes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time; it is printed")
    parser.add_argument("--replay", type=Path, help="a plan.jsonl: carry out its rounds instead")
    parser.add_argument("--each-once", action="store_true", help="every fault once, alone, instead of --minutes")
    parser.add_argument("--folder", type=Path, help="for plan, times and what was broken (default: a new one)")
    parser.add_argument("--report", type=Path, help="write the summary as Markdown")
    wanted = parser.parse_args()
    seed = wanted.seed if wanted.seed is not None else random.randrange(10**6)
    folder = wanted.folder or Path(tempfile.mkdtemp(prefix="soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {seed}, folder {folder}", flush=True)
    with World() as world:
        soak = Soak(world, folder)
        with soak.watch() as watch:
            try:
                soak.carry_out_all(_chosen(wanted, seed), watch)
            finally:
                write_report(wanted.report or folder / "soak.md", soak, watch, seed)
                for number, log in enumerate(world.logs()):
                    (folder / f"operator-{number}.log").write_bytes(log.read_bytes())
                (folder / "jenkins.log").write_text(world.jenkins.log())
    growth = memory_growth(watch.samples)
    print(f"{soak.rounds} rounds, {len(soak.broken)} broken promises, memory {'unknown' if growth is None else f'{growth:+.1%}'}")
    return 1 if soak.broken or (growth is not None and growth > MOST_GROWTH) else 0


if __name__ == "__main__":
    sys.exit(main())
