"""Record what an operator tells while things happen: `python3 monitoring/record.py RECORDING` (100 s; the file is what picture.py draws).

Six Jenkins stand-ins, one for each thing that a dashboard is looked at for. What happens when is in `HAPPENS`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import requests

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "operator")]

from tests.support.actions import switch_off  # noqa: E402 - of the checkout
from tests.support.kube import KubeServer  # noqa: E402
from tests.support.running import OperatorProcess, grant  # noqa: E402
from tests.support.scene import QUESTIONS, Scene  # noqa: E402
from tests.support.standin import StandIn, free_port  # noqa: E402

SECONDS = 100
MAIL = {"allowedFactors": ["EmailOTP"], "emailOTP": {"senderAddress": "jenkins@lab.invalid"}}
POLICIES = {
    "baseline": {},
    "watched": {"drift": {"mode": "Report"}},
    "by-mail": MAIL,  # there is no mail server: refused
    "with-care": {"rollout": {"minimumEnrolled": 95}},
}
JENKINSES = {"build": "baseline", "release": "baseline", "docs": "watched", "mobile": "by-mail", "tools": "with-care", "attic": None}


@dataclass
class Bench:
    """Everything that runs."""

    scene: Scene
    jenkins: dict[str, StandIn] = field(default_factory=dict)

    def drift(self, name: str) -> None:
        switch_off(self.jenkins[name])

    def policy(self, name: str, **changes: object) -> None:
        selector = {"matchLabels": {"policy": name}}
        self.scene.policy(name, {**QUESTIONS, "instanceSelector": selector, **POLICIES[name], **changes})


HAPPENS: dict[int, Callable[[Bench], None]] = {
    15: lambda bench: bench.drift("build"),
    30: lambda bench: bench.drift("docs"),  # only reported
    45: lambda bench: bench.policy("baseline", exemptGroups=["robots"]),
    60: lambda bench: bench.drift("release"),
    75: lambda bench: bench.jenkins["release"].kill(),
}


def main() -> None:
    with ExitStack() as stack, Path(sys.argv[1]).open("w") as recording:
        kube = stack.enter_context(KubeServer())
        kube.apply_crds()
        grant(kube)
        bench = Bench(Scene(kube, kube.new_namespace("ci")))
        for name, policy in JENKINSES.items():
            running = bench.jenkins[name] = stack.enter_context(StandIn())
            bench.scene.credentials(running.url, running.tokens["admin"], name=name)
            labels = {"policy": policy} if policy else {}
            bench.scene.instance(name, running.url, labels=labels, credentialsRef={"name": name})
        for name in POLICIES:
            bench.policy(name)
        address = f"127.0.0.1:{free_port()}"
        stack.enter_context(OperatorProcess(kube, "--metrics", address))
        for name in ("baseline", "watched"):
            bench.scene.wait("tfp", name, seconds=60, Enforced="True/Probed")
        _record(bench, f"http://{address}/metrics", recording.write)


def _record(bench: Bench, url: str, write: Callable[[str], object]) -> None:
    """A scrape a second; what happens meanwhile does not hold it up."""
    begun = time.monotonic()
    for second in range(SECONDS):
        time.sleep(max(0.0, begun + second - time.monotonic()))
        if second in HAPPENS:
            threading.Thread(target=HAPPENS[second], args=(bench,)).start()
        write(json.dumps({"t": time.time(), "text": requests.get(url, timeout=5).text}) + "\n")
        sys.stderr.write(f"\r{second + 1} of {SECONDS} s" + "\n" * (second + 1 == SECONDS))


if __name__ == "__main__":
    main()
