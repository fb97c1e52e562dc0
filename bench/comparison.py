"""Three ways to keep 2FA as it is wanted, side by side in one run: writes docs/benchmarks/comparison.md and its pictures.

    make bench-comparison                   (or: python bench/comparison.py [--rounds 8] [--output FOLDER])

This operator, configuration-as-code as the chart's sidecar reloads it, and a Groovy script by the clock (inside Jenkins with and without
the flag that the filter reads, and from outside). Each has a Jenkins stand-in of its own; API server and operator are real. Less than six
minutes. What is modelled and not run is said in the page.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "operator")]

from bench.changing import prepare  # noqa: E402
from bench.cluster import INSTANCES, Cluster, Watcher  # noqa: E402
from bench.compared.drifts import DRIFTS, PASSWORD, PERSON  # noqa: E402
from bench.compared.found import Found  # noqa: E402
from bench.compared.measure import change, door, restarted, settle, trouble  # noqa: E402
from bench.compared.page import render  # noqa: E402
from bench.compared.picture import draw_changes, draw_drifts  # noqa: E402
from bench.compared.scripts import section  # noqa: E402
from bench.compared.ways import EVERY, CodeAsConfiguration, Operator, ScriptInside, ScriptOutside, Way  # noqa: E402
from bench.measured import step  # noqa: E402
from tests.support.kube import KubeServer  # noqa: E402
from tests.support.running import OperatorProcess  # noqa: E402
from tests.support.standin import StandIn  # noqa: E402

NAME = NAMESPACE = "comparison"
USERS = {PERSON: {"password": PASSWORD, "admin": True}}
SCRIPT: dict[str, Any] = {"data": {"script": "println(6 * 7)"}}
Request = tuple[str, str, str, dict[str, Any]]
RELOAD: Request = ("admin", "POST", "/configuration-as-code/reload", {})
ANY_SCRIPT: Request = ("admin", "POST", "/scriptText", SCRIPT)
BUILD: Request = ("bob", "POST", "/job/x/build", {})


@contextlib.contextmanager
def all_ways(log: Path | None) -> Iterator[list[Way]]:
    """Five Jenkins controllers, and who manages each of them; everything is off. ``log``: where the operator's is kept."""
    with contextlib.ExitStack() as stack:
        kube = stack.enter_context(KubeServer())
        made = {name: StandIn(users=USERS) for name in ("operator", "setters", "flag", "outside")}
        ScriptInside.install(made["setters"], live=False)
        ScriptInside.install(made["flag"], live=True)
        file = stack.enter_context(_yaml())
        made["code"] = StandIn(users=USERS, casc=file)
        for jenkins in made.values():
            stack.enter_context(jenkins)
        scene = prepare(kube, made["operator"], NAMESPACE, EVERY)
        watcher = stack.enter_context(Watcher(Cluster(kube.kubeconfig, NAMESPACE), INSTANCES))
        operator = OperatorProcess(kube)
        if log is not None:
            stack.callback(lambda: shutil.copyfile(operator.log, log))
        stack.enter_context(operator)
        scene.wait("ji", "build", Ready="True")
        outside = ScriptOutside("script from outside, flag too", made["outside"])
        stack.enter_context(outside.at_work())
        yield [
            Operator("this operator", made["operator"], scene, watcher),
            CodeAsConfiguration("configuration-as-code, sidecar modelled", made["code"], kube, NAMESPACE, file),
            ScriptInside("script in Jenkins, setters", made["setters"], live=False),
            ScriptInside("script in Jenkins, flag too", made["flag"], live=True),
            outside,
        ]


@contextlib.contextmanager
def _yaml() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "two-factor.yaml"
        file.write_text(section(False))
        yield file


def side_by_side(ways: Sequence[Way], work: Callable[[Way], None]) -> None:
    with ThreadPoolExecutor(len(ways)) as pool:
        list(pool.map(work, ways))


def measure(ways: Sequence[Way], rounds: int, seed: int) -> list[Found]:
    """Changes first: the operator alone, since its are measured in milliseconds, then those that mostly wait, beside each other."""
    found = {way.name: Found(way.name, way.usual, not way.with_gate) for way in ways}

    def changes(way: Way, times: int) -> None:
        chance = random.Random(f"{seed} {way.name}")
        made = [change(way, on, chance) for _ in range(times) for on in (True, False)]
        found[way.name].changes = made

    def troubles(way: Way) -> None:
        chance = random.Random(f"{seed} {way.name} drifts")
        way.ask(True)
        settle(way)
        own = RELOAD if isinstance(way, CodeAsConfiguration) else ANY_SCRIPT
        found[way.name].doors = [door(way, name, method, path, **more) for name, method, path, more in (own, BUILD)]
        found[way.name].restart = restarted(way)
        for drift in DRIFTS:
            if way.with_gate or not drift.with_gate:
                found[way.name].troubles.append(trouble(way, drift, chance))

    ours, others = ways[0], ways[1:]
    step("changes, the operator", lambda: changes(ours, rounds + 1))
    found[ours.name].changes = found[ours.name].changes[2:]  # nothing was compiled yet
    step("changes, the others", lambda: side_by_side(others, lambda way: changes(way, max(2, rounds // 2))))
    step("drifts", lambda: side_by_side(ways, troubles))
    for way in ways:
        if isinstance(way, ScriptOutside):
            found[way.name].sent = len(way.runs), sum(status == 302 for _, status, _ in way.runs)
    return [found[way.name] for way in ways]


def write(folder: Path, found: Sequence[Found]) -> Path:
    """The page and its pictures; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    draw_changes(folder / f"{NAME}.svg", found)
    draw_drifts(folder / f"{NAME}-drifts.svg", found)
    page = folder / f"{NAME}.md"
    page.write_text(render(found))
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8, help="rounds of the operator's change (default 8); the others half of it")
    parser.add_argument("--seed", type=int, default=20261126, help="of the moments between two looks at which things happen")
    parser.add_argument("--output", type=Path, default=CHECKOUT / "docs" / "benchmarks", help="folder of the page and its pictures")
    parser.add_argument("--operator-log", type=Path, help="keep what the operator logged in this file")
    arguments = parser.parse_args()
    begun = time.monotonic()
    with all_ways(arguments.operator_log) as ways:
        found = measure(ways, arguments.rounds, arguments.seed)
    page = write(arguments.output, found)
    print(f"{page} is written, after {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
