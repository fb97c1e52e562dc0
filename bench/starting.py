"""How long the commands take to be there: the help text, and the operator until its first look at a Jenkins."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bench.measured import Measured, Part, repeated
from tests.support.kube import CHECKOUT, KubeServer
from tests.support.running import OperatorProcess
from tests.support.standin import free_port

LIBRARIES = "import kopf, kubernetes.client, requests"


@contextlib.contextmanager
def installed() -> Iterator[dict[str, str]]:
    """An environment in which byte code is kept, as that of an installed package is."""
    with tempfile.TemporaryDirectory() as kept:
        yield {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": kept, "PYTHONPATH": str(CHECKOUT / "operator")}


def help_text(rounds: int) -> Measured:
    with installed() as environment:

        def run(*arguments: str) -> None:
            subprocess.run([sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)

        samples = repeated(lambda: run("-m", "jenkins2fa.cli.main", "--help"), rounds)
        bare = repeated(lambda: run("-c", "pass"), rounds)
    return Measured("jenkins2fa --help", samples, (Part("a bare Python", bare),), (200.0, None))


def first_pass(kube: KubeServer, rounds: int) -> Measured:
    """From the start of the process until the first instance's pass is over, with nobody else holding the Lease."""
    with installed() as environment:
        samples = [_start(kube, environment) for _ in range(rounds + 1)][1:]
        command = [sys.executable, "-c", LIBRARIES]
        bare = repeated(lambda: subprocess.run(command, env=environment, check=True), rounds, warm_up=1)
    part = Part("a Python that imports the libraries (Kopf, Kubernetes client, requests)", bare)
    return Measured("start of the operator → first reconcile", samples, (part,), (1000.0, None))


def _start(kube: KubeServer, environment: dict[str, str]) -> float:
    port = free_port()
    operator = OperatorProcess(kube, "--metrics", f"127.0.0.1:{port}", environment=environment)
    begun = time.perf_counter()
    operator.launch()
    try:
        while not _passes(port):
            if time.perf_counter() - begun > 60 or not operator.running():
                raise SystemExit(f"the operator made no pass:\n{operator.text()[-2000:]}")
            time.sleep(0.02)  # a scrape costs the operator time, too
        return (time.perf_counter() - begun) * 1000
    finally:
        if operator.running():
            operator.terminate()
        Path(operator.log).unlink(missing_ok=True)


def _passes(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return False
    return re.search(r'^jenkins2fa_reconciles_total\{kind="instance",result="done"\} [1-9]', text, re.M) is not None
