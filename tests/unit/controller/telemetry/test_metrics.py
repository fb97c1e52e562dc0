"""What is counted from a pass, when the process counts as ill, and what is served."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jenkins2fa.controller.queue import Depth
from jenkins2fa.controller.telemetry.metrics import Metrics, ProcessMetrics
from jenkins2fa.controller.telemetry.object_metrics import InstanceMetrics, PolicyMetrics
from jenkins2fa.controller.telemetry.server import QUEUE_SECONDS, WATCH_SECONDS, Health, Server, parse_place, problems, readiness
from jenkins2fa.core.assess import Assessment, Failure, Outcome, Proof
from jenkins2fa.kube.client import IN_CLUSTER
from tests.support.literals import in_force, plan, policy
from tests.support.literals import instance as make_instance

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
IDLE, BUSY = Depth(0, 3, 0, 0.0), Depth(5, 3, 1, QUEUE_SECONDS + 60)
WELL = Health(watches_idle=0.5, reconciles_idle=1.0, depth=IDLE, leading=True, synced=True)
NAMED = {"jenkins_namespace": "team", "jenkins": "build"}


@pytest.mark.parametrize(
    ("health", "word"),
    [
        (WELL, None),
        (replace(WELL, reconciles_idle=9999.0), None),  # nothing is due
        (replace(WELL, reconciles_idle=QUEUE_SECONDS + 1, depth=BUSY), "no reconcile"),
        (replace(WELL, reconciles_idle=QUEUE_SECONDS + 1, depth=BUSY, leading=False), None),  # it waits for the Lease, as it should
        (replace(WELL, reconciles_idle=2.0, depth=BUSY), None),  # slow, but it moves
        (replace(WELL, watches_idle=WATCH_SECONDS + 1), "watches"),
        (replace(WELL, ended_threads=("lease",)), "lease"),
    ],
)
def test_a_process_that_is_stuck_is_unhealthy(health: Health, word: str | None) -> None:
    found = problems(health)
    assert len(found) == (0 if word is None else 1)
    assert word is None or word in found[0]


def test_it_is_ready_once_everything_is_listed() -> None:
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
def test_without_a_host_it_is_loopback_outside_a_pod(
    monkeypatch: pytest.MonkeyPatch, text: str, in_pod: bool, place: tuple[str, int]
) -> None:
    monkeypatch.delenv(IN_CLUSTER, raising=False)
    if in_pod:
        monkeypatch.setenv(IN_CLUSTER, "10.0.0.1")
    assert parse_place(text) == place


@pytest.mark.parametrize("text", ["", "host", "host:", "a:70000", "a:-1"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_place(text)


def fetch(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_what_is_served_follows_the_health() -> None:
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
        assert "jenkins2fa_queue_oldest_wait_seconds 0.0" in fetch(server.port, "/metrics")[1], "a replica that waits is not late"
        assert fetch(server.port, "/")[0] == 404
    finally:
        server.stop()


def test_steps_of_a_change_are_timed_one_after_the_other_also_when_it_breaks_off() -> None:
    times = iter([0.0, 1.0, 1.0, 4.0])
    metrics = Metrics(lambda: next(times))

    def breaks_off() -> None:
        with metrics.change() as announce:
            announce("begin")
            announce("probe")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        breaks_off()
    value: Callable[..., float | None] = metrics.registry.get_sample_value
    assert value("jenkins2fa_step_duration_seconds_sum", {"step": "change-begin"}) == 1.0
    assert value("jenkins2fa_step_duration_seconds_sum", {"step": "change-probe"}) == 3.0


def body(uid: str, **status: object) -> dict[str, object]:
    return {"metadata": {"namespace": "team", "name": "build", "uid": uid}, "status": status}


def test_series_are_those_of_objects_that_are_there_and_of_the_leader_alone() -> None:
    instance = make_instance()
    uid = instance.meta.uid
    metrics, leading = Metrics(), [True]
    named = {"jenkins_namespace": instance.meta.namespace, "jenkins": instance.meta.name}
    bodies = [{"metadata": {"namespace": instance.meta.namespace, "name": instance.meta.name, "uid": uid}}]
    metrics.watch(InstanceMetrics(lambda: list(bodies), metrics.tally, lambda: leading[0]))
    metrics.tally.note(Outcome(instance, failure=Failure("ChangeUndone", "…", transient=True)), NOW)
    value = metrics.registry.get_sample_value
    assert value("jenkins2fa_instance_changes_undone_total", named) == 1.0
    assert value("jenkins2fa_instance_last_reconcile_timestamp_seconds", named) == NOW.timestamp()
    assert value("jenkins2fa_failures_total", {"reason": "ChangeUndone"}) == 1.0
    leading[0] = False
    assert value("jenkins2fa_instance_changes_undone_total", named) is None
    leading[0] = True
    bodies[0] = body("another")
    assert value("jenkins2fa_instance_changes_undone_total", named) is None, "a re-created object starts anew"
    bodies.clear()
    assert value("jenkins2fa_instance_last_reconcile_timestamp_seconds", named) is None


def test_gauges_say_what_the_status_says() -> None:
    conditions = [
        {"type": "Enforced", "status": "False", "reason": "NotActive"},
        {"type": "Drifted", "status": "True", "reason": "Differs", "lastTransitionTime": "2026-11-24T12:00:00Z"},
        {"type": "Reconciling", "status": "True", "reason": "Progressing"},
    ]
    metrics = Metrics()
    held = [body("1", conditions=conditions, policy={"namespace": "platform", "name": "baseline"})]
    metrics.watch(InstanceMetrics(lambda: held, metrics.tally, lambda: True))
    value = metrics.registry.get_sample_value
    governed = {**NAMED, "policy_namespace": "platform", "policy": "baseline"}
    assert value("jenkins2fa_instance_enforced", governed) == 0.0
    assert value("jenkins2fa_instance_drift_since_timestamp_seconds", NAMED) == NOW.timestamp()
    assert value("jenkins2fa_instance_condition", {**NAMED, "type": "Enforced", "status": "False", "reason": "NotActive"}) == 1.0
    assert value("jenkins2fa_instances", {"jenkins_namespace": "team", "managed": "true"}) == 1.0
    conditions[0] = {"type": "Enforced", "status": "Unknown", "reason": "Unreachable"}
    assert value("jenkins2fa_instance_enforced", governed) == -1.0
    del held[0]["status"]
    assert value("jenkins2fa_instances", {"jenkins_namespace": "team", "managed": "false"}) == 1.0


def test_a_policys_conditions_are_series_of_the_leader() -> None:
    stopped = {"type": "Ready", "status": "False", "reason": "RolloutStopped", "message": "m"}
    metrics, leading = Metrics(), [True]
    above = {"metadata": {"name": "floor"}, "status": {"conditions": [stopped]}}
    metrics.watch(PolicyMetrics(lambda: [body("1", conditions=[stopped]), body("2"), above], lambda: leading[0]))
    said = {"policy_namespace": "team", "policy": "build", "type": "Ready", "status": "False", "reason": "RolloutStopped"}
    assert metrics.registry.get_sample_value("jenkins2fa_policy_condition", said) == 1.0
    assert metrics.registry.get_sample_value("jenkins2fa_policy_condition", {**said, "policy_namespace": "", "policy": "floor"}) == 1.0
    leading[0] = False
    assert metrics.registry.get_sample_value("jenkins2fa_policy_condition", said) is None


def test_drift_counts_once_from_found_to_gone_and_a_proof_is_remembered() -> None:
    wanted, metrics, instance = policy(), Metrics(), make_instance()
    good = in_force(wanted.spec)
    bad = replace(good, live=False)
    calm = Outcome(instance, wanted, Assessment(good, plan(good, wanted.spec)), proof=Proof.CHALLENGED)
    drifting = Outcome(instance, wanted, Assessment(bad, plan(bad, wanted.spec), drift=True))
    corrected = replace(calm, corrected=("mode",))
    seen = []
    for at, outcome in enumerate((calm, drifting, drifting, corrected, calm, corrected, calm)):
        metrics.tally.note(outcome, NOW + timedelta(seconds=at))
        facts = metrics.tally.of(instance.meta.key, instance.meta.uid or "")
        assert facts is not None
        seen.append((facts.drifting, facts.drift_found, facts.drift_corrected, facts.verified_at))
    start = NOW.timestamp()
    assert [one[:3] for one in seen] == [
        (False, 0, 0),
        (True, 1, 0),
        (True, 1, 0),
        (False, 1, 1),
        (False, 1, 1),
        (False, 2, 2),
        (False, 2, 2),
    ]
    assert [one[3] for one in seen] == [start, start, start, start + 3, start + 4, start + 5, start + 6]
    assert facts.enforcement_desired
    metrics.tally.note(Outcome(instance, wanted, failure=Failure("Unreachable", "", transient=True)), NOW)
    assert facts.enforcement_desired, "a Jenkins that is away is still to be enforced"
    assert facts.verified_at == start + 6


def test_wrong_answers_add_up_over_restarts_of_jenkins() -> None:
    wanted, metrics, instance = policy(), Metrics(), make_instance()
    good = in_force(wanted.spec)
    totals = []
    for run, wrong, limited in (("a", 2, 0), ("a", 5, 1), ("a", 5, 1), ("b", 1, 1), ("b", 0, 0)):
        seen = replace(good, session=run, gate=replace(good.gate, wrong_answers=wrong, limited_answers=limited))
        metrics.tally.note(Outcome(instance, wanted, Assessment(seen, plan(seen, wanted.spec))), NOW)
        facts = metrics.tally.of(instance.meta.key, instance.meta.uid or "")
        assert facts is not None
        totals.append((facts.wrong_answers, facts.limited_answers))
    assert totals == [(2, 0), (5, 1), (5, 1), (6, 2), (6, 2)]
