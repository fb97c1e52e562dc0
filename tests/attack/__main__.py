"""`make attack`: the whole table against a stand-in of each flavour, or, with JENKINS_URL, JENKINS_USER and JENKINS_TOKEN, that Jenkins
(with `--flavour openmfa` one that has OpenMFA, otherwise one that has miniOrange).

Exit code 1 if somebody was let in or refused who must not be."""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, Literal

from tests.attack import open_mfa
from tests.attack.bench import Bench, InStandIn, Real, started
from tests.attack.open_mfa import OPENMFA
from tests.attack.runner import FULL, Result, Runner, Size
from tests.attack.tables import POLICIES

Flavour = Literal["javax", "jakarta"]
CONTEXT: dict[Flavour, str] = {"javax": "", "jakarta": "/ci"}


def in_standin(flavour: Flavour, seed: int, size: Size, names: list[str]) -> Result:
    with started(flavour, CONTEXT[flavour]) as jenkins:
        runner = Runner(Bench(InStandIn(jenkins, CONTEXT[flavour])), flavour, seed)
        return runner.run([one for one in POLICIES if not names or one.name in names], size)


def in_openmfa(seed: int, size: Size, url: str | None = None) -> Result:
    """A Jenkins with OpenMFA, its settings as desired and changed by hand: the one at the URL, or a stand-in."""
    drifts: dict[str, dict[str, Any]] = {"as desired": {}, "drifted": {"required": False, "users": ["carol"], "groups": ["authenticated"]}}
    total = Result()
    for name, drift in drifts.items():
        with open_mfa.RealOpenMfa(url, *account()) if url else open_mfa.started("/ci") as jenkins:
            attack = open_mfa.Attack(jenkins, "/ci", seed, name)
            attack.enforce(**drift)
            result = attack.run(size.plain, size.odd // len(open_mfa.PEOPLE))
        print(f"  {OPENMFA}, {name}: {result.cases:,} cases, {len(result.let_in)} let in", flush=True)
        total.add(result)
    return total


def account() -> tuple[str, str]:
    return os.environ["JENKINS_USER"], os.environ["JENKINS_TOKEN"]


def in_real(url: str, seed: int, size: Size, names: list[str]) -> Result:
    with Real(url, *account()) as jenkins:
        return Runner(Bench(jenkins), "real", seed).run([one for one in POLICIES if not names or one.name in names], size)


def told(name: str, result: Result) -> str:
    let_in, refused = len(result.let_in), len(result.refused)
    return f"{name}: {result.cases:,} cases, {let_in} let in that must not be, {refused} legitimate requests refused"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--flavour", action="append", choices=[*CONTEXT, OPENMFA], help="openmfa: that plugin, with jakarta")
    parser.add_argument("--policy", action="append", default=[])
    parser.add_argument("--odd", type=int, default=FULL.odd)
    parser.add_argument("--sequences", type=int, default=FULL.sequences)
    parser.add_argument("--steps", type=int, default=FULL.steps)
    parser.add_argument("--show", type=int, default=20, help="how many findings of each kind are printed")
    options = parser.parse_args()
    size = Size(odd=options.odd, sequences=options.sequences, steps=options.steps)
    chosen: list[str] = options.flavour or [*CONTEXT, OPENMFA]
    flavours: list[Flavour] = [one for one in CONTEXT if one in chosen]
    print(f"seed {options.seed}", flush=True)
    total = Result()
    begun = time.monotonic()
    if url := os.environ.get("JENKINS_URL"):
        with_openmfa = options.flavour == [OPENMFA]
        total.add(in_openmfa(options.seed, size, url) if with_openmfa else in_real(url, options.seed, size, options.policy))
    else:
        with ProcessPoolExecutor(2) as pool:
            running: list[tuple[str, Future[Result]]] = [
                (one, pool.submit(in_standin, one, options.seed, size, options.policy)) for one in flavours
            ]
            running += [(OPENMFA, pool.submit(in_openmfa, options.seed, size))] if OPENMFA in chosen else []
            for flavour, future in running:
                result = future.result()
                print(f"{told(flavour, result)} ({time.monotonic() - begun:.0f} s)", flush=True)
                total.add(result)
    print(told("all", total))
    for title, findings in (("let in", total.let_in), ("refused", total.refused)):
        for finding in findings[: options.show]:
            print(f"  {title}: {finding}")
    for text, count in total.grouped().most_common(200 if options.show > 20 else 0):
        print(f"  {count:5} {text}")
    return 1 if total.let_in or total.refused else 0


if __name__ == "__main__":
    sys.exit(main())
