"""How long people wait, and what waiting costs: writes docs/benchmarks/latency.md and its pictures.

    make bench                              (or: python bench/latency.py [--rounds 30] [--output FOLDER])

Runs the API server, the Jenkins stand-in and the operator as the end-to-end tests do, in less than five minutes. Beside each time stands
what cannot be avoided, measured bare in the same run (requests to the same servers, a bare Python): the ratio means something anywhere.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "operator")]

from bench.changing import INSTANCE, POLICY, Changes, prepare  # noqa: E402
from bench.cluster import POLICIES, Cluster, Watcher  # noqa: E402
from bench.idle import Idle, measure_idle  # noqa: E402
from bench.measured import Measured, step  # noqa: E402
from bench.page import write_page  # noqa: E402
from bench.starting import first_pass, help_text  # noqa: E402
from tests.support.kube import KubeServer  # noqa: E402
from tests.support.running import OperatorProcess  # noqa: E402
from tests.support.standin import StandIn  # noqa: E402

NAMESPACE = "bench"
CHECK_SECONDS = 5.0


def measure(kube: KubeServer, jenkins: StandIn, rounds: int) -> tuple[list[Measured], Idle]:
    """Everything, in one order: the first change while Jenkins is cold, the costs of doing nothing once nobody else works."""
    scene = prepare(kube, jenkins, NAMESPACE, CHECK_SECONDS)
    cluster = Cluster(kube.kubeconfig, NAMESPACE)
    with Watcher(cluster, POLICIES) as watcher:
        changes = Changes(cluster, jenkins, watcher)
        with OperatorProcess(kube):
            scene.wait("ji", INSTANCE, Ready="True")
            found = [step("the first change", changes.first)]
            found.append(step("apply", lambda: changes.applied(rounds)))
            found.append(step("corrections on request", lambda: changes.corrected_when_asked(max(3, rounds // 3))))
            found.append(step("corrections", lambda: changes.corrected(max(3, rounds // 5), CHECK_SECONDS)))
            cluster.patch(POLICIES, POLICY, mode="Enforce")
            scene.wait("tfp", POLICY, Enforced="True/Probed")
        found.append(step("start-up", lambda: first_pass(kube, max(3, rounds // 5))))
        found.append(step("help text", lambda: help_text(rounds)))
        idle = step("idle passes", lambda: measure_idle(kube.kubeconfig, NAMESPACE, INSTANCE, jenkins, rounds * 10))
    return [*found, idle.passed], idle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="how often a change is measured (default 30); the rest follows from it")
    parser.add_argument("--output", type=Path, default=CHECKOUT / "docs" / "benchmarks", help="folder of the page and its pictures")
    arguments = parser.parse_args()
    begun = time.monotonic()
    with KubeServer() as kube, StandIn(smtp_host="mail.lab.invalid") as jenkins:
        found, idle = measure(kube, jenkins, arguments.rounds)
    page = write_page(arguments.output, found, idle)
    for one in found:
        print(f"{one.name:<50} p50 {one.p50:8.1f}  p99 {one.p99:8.1f} ms  n {len(one.samples):4}  ratio {one.ratio or 0:5.2f}")
    print(f"{page} is written, after {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
