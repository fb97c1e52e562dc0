"""Writing a status: compare first, keep times, one small patch or none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jenkins2fa.controller.status import difference, transitions, with_times

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
EARLIER = "2026-05-01T00:00:00Z"


def condition(kind: str = "Ready", status: str = "True", reason: str = "InForce", **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": "m", "observedGeneration": 1, **more}


def test_the_first_status_gets_the_present_time() -> None:
    made = with_times({"conditions": [condition()]}, {}, NOW)
    assert made["conditions"][0]["lastTransitionTime"] == "2026-05-04T12:00:00Z"


def test_the_transition_time_stays_if_only_the_reason_changes() -> None:
    held = {"conditions": [condition(lastTransitionTime=EARLIER)]}
    made = with_times({"conditions": [condition(reason="Other")]}, held, NOW)
    assert made["conditions"][0]["lastTransitionTime"] == EARLIER


def test_the_transition_time_changes_with_the_status() -> None:
    held = {"conditions": [condition(lastTransitionTime=EARLIER)]}
    made = with_times({"conditions": [condition(status="False")]}, held, NOW)
    assert made["conditions"][0]["lastTransitionTime"] == "2026-05-04T12:00:00Z"


def test_an_unchanged_status_needs_no_patch() -> None:
    wanted = {"conditions": [condition()], "policy": None, "fields": [], "jenkins": {"version": "2"}}
    held = {"conditions": [condition(lastTransitionTime=EARLIER)], "jenkins": {"version": "2"}}
    assert difference(with_times(wanted, held, NOW), held) == {}


def test_a_patch_contains_only_differences() -> None:
    assert difference({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 2, "d": 4}}) == {"b": {"d": 3}}


def test_fields_set_to_none_are_removed() -> None:
    assert difference({"trial": None}, {"trial": {"id": "x"}}) == {"trial": None}
    assert difference({"policy": {"name": "a"}}, {"policy": {"name": "a", "uid": "u"}}) == {"policy": {"uid": None}}


def test_unnamed_fields_stay() -> None:
    assert difference({"a": 1}, {"a": 1, "jenkins": {"version": "2"}}) == {}


def test_only_changes_of_status_or_reason_are_transitions() -> None:
    held = {"conditions": [condition("Ready"), condition("Enforced"), condition("Drifted")]}
    wanted = {"conditions": [condition("Ready", message="other"), condition("Enforced", "False"), condition("Drifted", reason="Other")]}
    assert [one["type"] for one in transitions(wanted, held)] == ["Enforced", "Drifted"]


def test_every_condition_of_a_first_status_is_a_transition() -> None:
    assert len(transitions({"conditions": [condition("Ready"), condition("Enforced")]}, {})) == 2


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
nested = st.dictionaries(st.text(max_size=3), scalars, max_size=3)
documents = st.dictionaries(st.text(max_size=3), scalars | st.lists(st.integers(), max_size=3) | nested, max_size=5)


@given(documents, documents)
def test_a_patched_status_needs_no_further_patch(wanted: dict[str, Any], held: dict[str, Any]) -> None:
    assert difference(wanted, merged(held, difference(wanted, held))) == {}


def merged(document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7386, what the API server does with a merge patch."""
    made = dict(document)
    for name, value in patch.items():
        if value is None:
            made.pop(name, None)
        elif isinstance(value, dict):
            held = made.get(name)
            made[name] = merged(held if isinstance(held, dict) else {}, value)
        else:
            made[name] = value
    return made
