"""The conditions of an instance while its policy is suspended."""

from __future__ import annotations

from typing import Any

from jenkins2fa.api.status import Condition
from jenkins2fa.controller.instance.status import _frozen


def condition(kind: str = "Ready", status: str = "True", reason: str = "InForce", **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": "m", "observedGeneration": 1, **more}


SUSPENDED = tuple(
    Condition(kind, status, "Suspended", "m")
    for kind, status in (("Ready", "True"), ("Reconciling", "False"), ("Stalled", "False"), ("Enforced", "Unknown"), ("Drifted", "Unknown"))
)


def frozen(*before: str) -> list[str]:
    """Check the conditions of an instance before and after its policy is suspended, each as `type=status/reason`."""
    held = [condition(kind, *text.split("/")) for kind, text in (one.split("=") for one in before)]
    return [f"{one.type}={one.status}/{one.reason}" for one in _frozen({"status": {"conditions": held}}, SUSPENDED)]


def test_a_failure_before_the_suspension_stays_reported() -> None:
    stuck = ["Reconciling=False/SecretMissing", "Stalled=True/SecretMissing", "Enforced=Unknown/SecretMissing", "Drifted=Unknown/X"]
    unknown = ["Enforced=Unknown/Suspended", "Drifted=Unknown/Suspended"]
    after = ["Ready=False/Suspended", "Reconciling=False/Suspended", stuck[1], *unknown]
    assert frozen("Ready=False/SecretMissing", *stuck) == after
    assert frozen(*after) == after, "nor does a second reconcile change it"
    moving = ["Reconciling=True/Starting", "Stalled=False/Starting", "Enforced=Unknown/Starting", "Drifted=Unknown/Starting"]
    assert frozen("Ready=False/Starting", *moving)[:3] == ["Ready=False/Suspended", "Reconciling=True/Starting", "Stalled=False/Suspended"]


def test_an_instance_without_failure_becomes_suspended() -> None:
    well = ["Reconciling=False/InForce", "Stalled=False/InForce", "Enforced=True/Probed", "Drifted=False/NoDrift"]
    assert frozen("Ready=True/InForce", *well) == [
        "Ready=True/Suspended", "Reconciling=False/Suspended", "Stalled=False/Suspended",
        "Enforced=Unknown/Suspended", "Drifted=Unknown/Suspended",
    ]  # fmt: skip
    assert frozen()[3:] == ["Enforced=Unknown/Suspended", "Drifted=Unknown/Suspended"]


def test_the_message_keeps_the_state_before_the_suspension() -> None:
    held = [condition("Enforced", "True", "Probed")]
    first = next(one for one in _frozen({"status": {"conditions": held}}, SUSPENDED) if one.type == "Enforced")
    assert first.message == "m; before that, Enforced was True (Probed)"
    again = [{"type": one.type, "status": one.status, "reason": one.reason, "message": one.message} for one in (first,)]
    assert next(one for one in _frozen({"status": {"conditions": again}}, SUSPENDED) if one.type == "Enforced") == first
