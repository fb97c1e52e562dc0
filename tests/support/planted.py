"""Search for secrets wherever the operator could leak one: logs, objects, Events, metrics, process arguments, Jenkins' own log."""

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

SHORTEST = 8  # a shorter string is found by chance


def places(kube: KubeServer, operator: OperatorProcess, *jenkins: StandIn) -> dict[str, str]:
    """The content of each place. An unreadable place raises, so that it is never mistaken for a clean one."""
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


def leaks(found: dict[str, str], secrets: Iterable[str]) -> list[str]:
    """Where a secret leaked, as `place: the beginning of the secret`; empty = nowhere."""
    planted = sorted({one for one in secrets if len(one) >= SHORTEST})
    assert planted, "no secret was planted"
    return [
        f"{place}: {secret[:6]}…" for place, text in found.items() for secret in planted if any(one in text for one in spellings(secret))
    ]


def spellings(secret: str) -> set[str]:
    """The forms of a secret: plain, escaped for JSON or a URL, and inside base64 (credentials of a request)."""
    found = {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}
    for shift in range(3):  # base64 depends on the position of the bytes within a group of three
        encoded = base64.b64encode(b"x" * shift + secret.encode()).decode()
        found.add(encoded[4 if shift else 0 :].rstrip("=")[:-1])
    return found


def arguments_of_our_processes() -> str:
    """The command lines of all processes on this machine that run the operator or a stand-in; any user can read them."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended in the meantime
        if "jenkins2fa" in line or "standin" in line:
            lines.append(line)
    return "\n".join(lines)


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
