"""Argo CD and Flux derive the health of our custom resources from their conditions, whatever the operator's reasons and messages are."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.support.health import GITOPS, argo, flux

KINDS = ("TwoFactorPolicy", "JenkinsInstance")
Conditions = dict[str, str]
FINE: Conditions = {"Ready": "True/InForce", "Reconciling": "False/InForce", "Stalled": "False/InForce", "Enforced": "True/Probed"}

CASES: dict[str, tuple[Conditions, str, str, str]] = {
    "in force": ({**FINE, "Drifted": "False/NoDrift"}, "Healthy", "text of Ready", "Current"),
    "reported only": ({**FINE, "Ready": "True/Reported", "Drifted": "True/Differs"}, "Healthy", "differs: text of Drifted", "Current"),
    "nothing to prove it by": ({**FINE, "Enforced": "Unknown/Unverified"}, "Healthy", "text of Ready", "Current"),
    "without a gate": ({**FINE, "Ready": "True/PluginAlone", "Enforced": "False/PluginAlone"}, "Healthy", "text of Ready", "Current"),
    "anybody may administer": (
        {"Ready": "False/AnonymousAdministers", "Stalled": "True/AnonymousAdministers", "Enforced": "False/AnonymousAdministers"},
        "Degraded", "AnonymousAdministers: text of Stalled", "Failed",
    ),
    "being applied": (
        {"Ready": "False/Progressing", "Reconciling": "True/Progressing"},
        "Progressing", "Progressing: text of Ready", "InProgress",
    ),
    "unreachable": (
        {"Ready": "False/Unreachable", "Reconciling": "True/Unreachable", "Stalled": "False/Unreachable"},
        "Progressing", "Unreachable: text of Ready", "InProgress",
    ),
    "not known yet": ({"Ready": "Unknown/Starting"}, "Progressing", "Starting: text of Ready", "InProgress"),
    "needs attention": (
        {"Ready": "False/Unauthorized", "Reconciling": "False/Unauthorized", "Stalled": "True/Unauthorized"},
        "Degraded", "Unauthorized: text of Stalled", "Failed",
    ),
    "suspended": ({**FINE, "Ready": "True/Suspended"}, "Suspended", "text of Ready", "Current"),
    "break-glass": ({**FINE, "Ready": "True/BreakGlass", "Enforced": "False/BreakGlass"}, "Suspended", "text of Ready", "Current"),
    "no conditions": ({}, "Progressing", "waiting for the operator", "InProgress"),
}  # fmt: skip


def body(kind: str, conditions: Conditions, *, observed: int = 3, **metadata: Any) -> dict[str, Any]:
    listed = []
    for name, value in conditions.items():
        status, reason = value.split("/")
        listed.append({"type": name, "status": status, "reason": reason, "message": f"text of {name}", "observedGeneration": observed})
    meta = {"name": "x", "namespace": "team", "generation": 3, **metadata}
    document = {"observedGeneration": observed, "conditions": listed}
    return {"apiVersion": "jenkins2fa.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": {}, "status": document}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_health_follows_the_conditions(kind: str, name: str) -> None:
    conditions, health, message, state = CASES[name]
    assert argo(body(kind, conditions)) == (health, message)
    assert flux(body(kind, conditions)) == state


@pytest.mark.parametrize("kind", KINDS)
def test_a_status_about_an_older_generation_is_in_progress(kind: str) -> None:
    assert argo(body(kind, FINE, observed=2)) == ("Progressing", "waiting for the operator")
    assert flux(body(kind, FINE, observed=2)) == "InProgress"
    stalled = {"Ready": "False/Invalid", "Stalled": "True/Invalid"}
    assert argo(body(kind, stalled, observed=2))[0] == "Progressing"
    assert flux(body(kind, stalled, observed=2)) == "InProgress"


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_without_a_status_is_in_progress(kind: str) -> None:
    new = {name: value for name, value in body(kind, {}).items() if name != "status"}
    assert argo(new) == ("Progressing", "waiting for the operator")
    assert flux(new) == "InProgress"


def test_an_object_being_deleted_is_in_progress() -> None:
    assert argo(body(KINDS[0], FINE, deletionTimestamp="2026-01-01T00:00:00Z")) == ("Progressing", "being deleted")


def test_argo_cd_gets_the_same_check_for_every_kind() -> None:
    made = yaml.safe_load((GITOPS / "argocd" / "kustomization.yaml").read_text())["configMapGenerator"][0]["files"]
    assert made == [f"resource.customizations.health.jenkins2fa.dev_{kind}=health.lua" for kind in KINDS]


def test_lua_uses_only_libraries_that_argo_cd_opens() -> None:
    """Argo CD opens only the base library by default."""
    text = (GITOPS / "argocd" / "health.lua").read_text()
    assert not [name for name in ("os.", "io.", "string.", "table.", "math.", "require", "dofile") if name in text]
