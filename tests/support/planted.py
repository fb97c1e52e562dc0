"""Looks for secrets wherever the operator could have told one: logs, objects, Events, metrics, process arguments, Jenkins' own log."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from tests.support.kube import KubeServer
from tests.support.running import OperatorProcess
from tests.support.standin import StandIn

SHORTEST = 8  # a shorter text is found by chance


def places(kube: KubeServer, operator: OperatorProcess, *jenkins: StandIn) -> dict[str, str]:
    """Text by place. What it cannot look at fails, so that an empty place is never taken for a clean one."""
    found = {"the operator's log": operator.text(), "process arguments": arguments_of_our_processes()}
    assert found["the operator's log"]
    assert "jenkins2fa.cli.main" in found["process arguments"]
    found["objects"] = kube.kubectl("get", "ji,tfp,leases.coordination.k8s.io", "-A", "-o", "json", "--show-managed-fields")
    found["Events"] = kube.kubectl("get", "events.events.k8s.io", "-A", "-o", "json")
    assert json.loads(found["objects"])["items"]
    if operator.metrics is not None:
        found["metrics"] = page(f"http://{operator.metrics}/metrics")
        assert "jenkins2fa_" in found["metrics"]
        found["health"] = page(f"http://{operator.metrics}/healthz")
    for number, one in enumerate(jenkins):
        found[f"the log of Jenkins {number}"] = one.log()
    return found


def told(found: dict[str, str], secrets: Iterable[str]) -> list[str]:
    """Where a secret was told: `place: the secret's beginning` each; empty = nowhere."""
    wanted = sorted({one for one in secrets if len(one) >= SHORTEST})
    assert wanted, "no secret was planted"
    return [
        f"{place}: {secret[:6]}…" for place, text in found.items() for secret in wanted if any(one in text for one in spellings(secret))
    ]


def spellings(secret: str) -> set[str]:
    """How a secret may be written: as it is, escaped for JSON or a URL, and within anything in base64 (credentials of a request)."""
    found = {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}
    for shift in range(3):  # the same bytes look different by where they begin in a group of three
        encoded = base64.b64encode(b"x" * shift + secret.encode()).decode()
        found.add(encoded[4 if shift else 0 :].rstrip("=")[:-1])
    return found


def arguments_of_our_processes() -> str:
    """The command lines of all processes of this machine that run the operator or a stand-in, as everybody there may read them."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        if "jenkins2fa" in line or "standin" in line:
            lines.append(line)
    return "\n".join(lines)


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
