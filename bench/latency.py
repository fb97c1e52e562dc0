"""How long a change takes, on this machine: `kubectl apply` to Enforced=True/Probed, and a change in Jenkins to its correction.

    python bench/latency.py [--rounds 20]

Runs the API server, the stand-in and the operator as the end-to-end tests do; prints a table in milliseconds. The parts that cannot be
avoided (requests to Jenkins of one change: two looks, begin, probe, confirm, a last look) are measured in the same run, so that the ratio
means something on any machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "operator")]

from jenkins2fa.jenkins.drivers.miniorange import MiniOrange  # noqa: E402
from jenkins2fa.jenkins.http import Connection, Credentials  # noqa: E402
from tests.support.actions import is_on, switch_off  # noqa: E402
from tests.support.kube import KubeServer  # noqa: E402
from tests.support.running import OperatorProcess, grant  # noqa: E402
from tests.support.scene import Scene  # noqa: E402
from tests.support.standin import StandIn  # noqa: E402

NAMESPACE = "bench"
CHECK_SECONDS = 5


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def until(done: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise SystemExit("it did not come about in time")
        time.sleep(0.005)


def applied(scene: Scene, generation: int) -> bool:
    status = scene.get("tfp", "baseline").get("status") or {}
    fresh = status.get("observedGeneration") == generation
    return fresh and scene.conditions("tfp", "baseline").get("Enforced") == "True/Probed"


def apply_to_enforced(scene: Scene, rounds: int) -> list[float]:
    found = []
    for number in range(rounds):
        scene.policy("baseline", enforcement="Off")
        until(lambda: scene.conditions("tfp", "baseline").get("Enforced") == "False/Off")
        time.sleep(1.1)  # a policy's status is gathered at most once a second
        scene.policy("baseline", priority=number)
        generation = scene.get("tfp", "baseline")["metadata"]["generation"]
        found.append(milliseconds(lambda now=generation: until(lambda: applied(scene, now))))
    return found


def drift_to_corrected(jenkins: StandIn, rounds: int) -> list[float]:
    found = []
    for _ in range(rounds):
        switch_off(jenkins)
        found.append(milliseconds(lambda: until(lambda: is_on(jenkins))))
        time.sleep(0.2)
    return found


def unavoidable(jenkins: StandIn, rounds: int) -> list[float]:
    """Six requests to the script console, as one change needs."""
    driver = MiniOrange(Connection(jenkins.url + "/", Credentials("admin", jenkins.tokens["admin"])))
    driver.observe()
    found = [milliseconds(lambda: [driver.observe() for _ in range(6)]) for _ in range(rounds)]
    driver.close()
    return found


def row(name: str, found: list[float]) -> str:
    ordered = sorted(found)
    return f"{name:<44} {statistics.median(ordered):9.0f} {ordered[max(0, int(len(ordered) * 0.99) - 1)]:9.0f} {len(ordered):5}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="how often each is measured (default 20)")
    rounds = parser.parse_args().rounds
    with KubeServer() as kube, StandIn() as jenkins:
        kube.apply_crds()
        grant(kube)
        kube.new_namespace(NAMESPACE)
        scene = Scene(kube, NAMESPACE)
        scene.credentials(jenkins.url, jenkins.tokens["admin"])
        with OperatorProcess(kube):
            scene.instance("build", jenkins.url, checkInterval=f"{CHECK_SECONDS}s")
            scene.policy("baseline")
            scene.wait("tfp", "baseline", Enforced="True/Probed")
            parts = unavoidable(jenkins, rounds)
            enforced = apply_to_enforced(scene, rounds)
            corrected = drift_to_corrected(jenkins, 2)  # a third correction within an hour would be Flapping
    print(f"{'milliseconds':<44} {'p50':>9} {'p99':>9} {'n':>5}")
    print(row("six requests to Jenkins (unavoidable)", parts))
    print(row("kubectl apply -> Enforced=True/Probed", enforced))
    print(row(f"changed in Jenkins -> corrected (every {CHECK_SECONDS} s)", corrected))
    print(f"ratio of apply to its unavoidable part: {statistics.median(enforced) / statistics.median(parts):.1f}")


if __name__ == "__main__":
    main()
