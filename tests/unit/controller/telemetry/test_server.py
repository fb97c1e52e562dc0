"""The pages /metrics, /healthz and /readyz, and where they are served."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from jenkins2fa.controller.queue import Depth
from jenkins2fa.controller.telemetry.metrics import Metrics, ProcessMetrics
from jenkins2fa.controller.telemetry.server import QUEUE_SECONDS, WATCH_SECONDS, Health, Server, parse_place, problems, readiness
from jenkins2fa.kube.client import IN_CLUSTER

IDLE, BUSY = Depth(0, 3, 0, 0.0), Depth(5, 3, 1, QUEUE_SECONDS + 60)

WELL = Health(watches_idle=0.5, reconciles_idle=1.0, depth=IDLE, leading=True, synced=True)


@pytest.mark.parametrize(
    ("health", "word"),
    [
        (WELL, None),
        (replace(WELL, reconciles_idle=9999.0), None),  # nothing is due
        (replace(WELL, reconciles_idle=QUEUE_SECONDS + 1, depth=BUSY), "no reconcile"),
        (replace(WELL, reconciles_idle=QUEUE_SECONDS + 1, depth=BUSY, leading=False), None),  # it waits for the Lease, as it should
        (replace(WELL, reconciles_idle=2.0, depth=BUSY), None),  # slow, but not stuck
        (replace(WELL, watches_idle=WATCH_SECONDS + 1), "watches"),
        (replace(WELL, ended_threads=("lease",)), "lease"),
    ],
)
def test_a_stuck_process_is_unhealthy(health: Health, word: str | None) -> None:
    found = problems(health)
    assert len(found) == (0 if word is None else 1)
    assert word is None or word in found[0]


def test_the_operator_is_ready_once_everything_is_listed() -> None:
    assert readiness(replace(WELL, synced=False))[0] is False
    assert readiness(WELL) == (True, "leads")
    assert readiness(replace(WELL, leading=False)) == (True, "waits for the Lease")


@pytest.mark.parametrize(
    ("text", "in_pod", "place"),
    [
        ("8080", False, ("127.0.0.1", 8080)),
        (":8080", False, ("127.0.0.1", 8080)),
        ("8080", True, ("", 8080)),
        ("0.0.0.0:8080", False, ("0.0.0.0", 8080)),
        ("[::1]:9", True, ("::1", 9)),
    ],
)
def test_the_default_host_outside_a_pod_is_loopback(
    monkeypatch: pytest.MonkeyPatch, text: str, in_pod: bool, place: tuple[str, int]
) -> None:
    monkeypatch.delenv(IN_CLUSTER, raising=False)
    if in_pod:
        monkeypatch.setenv(IN_CLUSTER, "10.0.0.1")
    assert parse_place(text) == place


@pytest.mark.parametrize("text", ["", "host", "host:", "a:70000", "a:-1"])
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_place(text)


def fetch(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_pages_follow_the_health() -> None:
    signs = [WELL]
    metrics = Metrics()
    metrics.watch(ProcessMetrics(lambda: BUSY, lambda: signs[0].leading, lambda: True))
    server = Server(("127.0.0.1", 0), metrics.registry, lambda: signs[0])
    server.start()
    try:
        assert fetch(server.port, "/healthz") == (200, "ok\n")
        assert fetch(server.port, "/readyz?verbose") == (200, "leads\n")
        assert "jenkins2fa_leader 1.0" in fetch(server.port, "/metrics")[1]
        signs[0] = replace(WELL, watches_idle=500.0, synced=False, leading=False)
        assert fetch(server.port, "/healthz")[0] == 500
        assert fetch(server.port, "/readyz")[0] == 503
        assert "jenkins2fa_leader 0.0" in fetch(server.port, "/metrics")[1]
        assert "jenkins2fa_queue_oldest_wait_seconds 0.0" in fetch(server.port, "/metrics")[1], "a waiting replica is not late"
        assert fetch(server.port, "/")[0] == 404
    finally:
        server.stop()
