"""Settings as documents for the scripts: they survive a round trip, and damaged ones differ from every desired state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jenkins2fa.core.desired import desired_state
from jenkins2fa.core.settings import GateSettings, gate_configuration, read_gate_configuration
from jenkins2fa.jenkins.drivers.miniorange.driver import FREE
from jenkins2fa.jenkins.drivers.miniorange.settings import plugin_document, read_plugin_document
from tests.support.literals import MANAGED, SPECS, spec


@pytest.mark.parametrize("fields", SPECS)
def test_documents_survive_a_round_trip(fields: dict[str, Any]) -> None:
    desired = desired_state(spec(**fields), MANAGED, "admin", FREE)
    assert desired.gate is not None
    assert read_gate_configuration(gate_configuration(desired.gate)) == desired.gate
    assert read_plugin_document(plugin_document(desired.plugin)) == desired.plugin


@pytest.mark.parametrize(
    "odd", [{}, {"exemptGroups": 5}, {"build": {}}, {"build": 5}, {"enforcedGroups": 7}, {"error": {"type": "x"}}, {"operator": None}]
)
def test_a_damaged_configuration_differs_from_every_desired_state(odd: dict[str, Any]) -> None:
    held = read_gate_configuration(odd)
    assert all(held != desired_state(spec(**fields), MANAGED, "admin", FREE).gate for fields in SPECS)


def test_the_build_window_is_stored_in_whole_seconds() -> None:
    assert gate_configuration(GateSettings(build_window=timedelta(minutes=15)))["build"] == {"windowSeconds": 900}
