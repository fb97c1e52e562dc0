"""Metrics: which series there are, and what they count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jenkins2fa.controller.queue import Depth
from jenkins2fa.controller.telemetry.metrics import Metrics
from jenkins2fa.controller.telemetry.object_metrics import InstanceMetrics, PolicyMetrics
from jenkins2fa.controller.telemetry.server import QUEUE_SECONDS
from jenkins2fa.core.assess import Assessment, Failure, Outcome, Proof
from tests.support.literals import in_force, plan, policy
from tests.support.literals import instance as make_instance

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
IDLE, BUSY = Depth(0, 3, 0, 0.0), Depth(5, 3, 1, QUEUE_SECONDS + 60)
NAMED = {"jenkins_namespace": "team", "jenkins": "build"}


def test_steps_of_a_change_are_timed_separately_even_if_it_fails() -> None:
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


def test_only_the_leader_has_series_and_only_for_existing_objects() -> None:
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


def test_gauges_follow_the_status() -> None:
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


def test_drift_is_counted_once_until_it_is_gone_and_a_proof_is_remembered() -> None:
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
    assert facts.enforcement_desired, "an unreachable controller is still to be enforced"
    assert facts.verified_at == start + 6


def test_wrong_answers_are_summed_across_restarts_of_jenkins() -> None:
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


def test_locked_out_users_are_those_of_the_last_observation() -> None:
    wanted, metrics, instance = policy(), Metrics(), make_instance()
    meta = {"namespace": instance.meta.namespace, "name": instance.meta.name, "uid": instance.meta.uid}
    metrics.watch(InstanceMetrics(lambda: [{"metadata": meta}], metrics.tally, lambda: True))
    good = in_force(wanted.spec)
    counts = []
    for locked_out, damaged in ((2, ()), (0, ()), (0, ("gate",))):
        seen = replace(good, gate=replace(good.gate, locked_out=locked_out), damaged=damaged)
        metrics.tally.note(Outcome(instance, wanted, Assessment(seen, plan(seen, wanted.spec))), NOW)
        names = {"jenkins_namespace": instance.meta.namespace, "jenkins": instance.meta.name}
        counts.append(metrics.registry.get_sample_value("jenkins2fa_instance_locked_out_users", names))
    assert counts == [2.0, 0.0, None]
