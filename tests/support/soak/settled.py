"""The state that everything must reach when all faults are over."""

from __future__ import annotations

import requests

from tests.support.protocol_model import actual_state as look_inside
from tests.support.soak.invariants import condition
from tests.support.soak.world import EXEMPT, ORDINARY, World

FALL_SILENT = "the API server does not answer"


def missing(world: World) -> list[str]:
    """What is not in that state yet; empty = all is well."""
    return [*_in_cluster(world), *_in_jenkins(world)]


def _in_cluster(world: World) -> list[str]:
    lacks = []
    for kind in ("ji", "tfp"):
        body = world.body(kind)
        if body is None:
            return [FALL_SILENT]
        ready, enforced = condition(body, "Ready"), condition(body, "Enforced")
        if (body.get("status") or {}).get("observedGeneration") != body["metadata"]["generation"]:
            lacks.append(f"{kind}: the status is about an older generation")
        if ready[0] != "True" or enforced[:2] != ("True", "Probed"):
            lacks.append(f"{kind}: Ready={ready[0]}/{ready[1]}, Enforced={enforced[0]}/{enforced[1]}: {ready[2]}")
    return lacks


def _in_jenkins(world: World) -> list[str]:
    try:
        if not world.jenkins_is_up():
            return ["Jenkins is not up"]
        inside = look_inside(world.jenkins)
        people = {name: world.jenkins.browser(name, f"{name}-pw-1").status() for name in (ORDINARY, EXEMPT)}
    except (requests.RequestException, RuntimeError, ValueError) as problem:
        return [f"Jenkins cannot be looked at: {type(problem).__name__}"]
    lacks = [] if people == {ORDINARY: 302, EXEMPT: 200} else [f"people get {people}"]
    if (world.jenkins.home / "jenkins2fa/trial.json").exists():
        lacks.append("a trial is still open")
    if not (inside.disk == inside.memory and inside.live and inside.in_chain and inside.gate == inside.stored == frozenset({"robots"})):
        lacks.append(f"inside: {inside}")
    return lacks


def needs_a_person(world: World) -> str:
    """The reason, where the operator waits for somebody who asks for another attempt, or lets it in."""
    status, reason, _ = condition(world.body("ji"), "Ready")
    return reason if status == "False" and reason in ("Flapping", "ChallengedBySecondFactor") else ""
