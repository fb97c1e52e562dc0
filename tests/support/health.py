"""The health of an object in Argo CD and Flux: our health checks, run by real Lua and real CEL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import celpy
import lupa.lua51
import yaml
from celpy.adapter import json_to_cel

from tests.support.kube import CHECKOUT

GITOPS = CHECKOUT / "examples" / "gitops"
ORDER = {"inProgress": "InProgress", "failed": "Failed", "current": "Current"}
Body = Mapping[str, Any]


def argo(body: Body) -> tuple[str, str]:
    """Status and message by health.lua, run as Argo CD runs it: Lua 5.1, the object as global `obj`."""
    lua = lupa.lua51.LuaRuntime(unpack_returned_tuples=True, register_eval=False)
    lua.globals()["obj"] = lua.table_from(body, recursive=True)
    found = lua.execute((GITOPS / "argocd" / "health.lua").read_text())
    return str(found["status"]), str(found["message"])


def flux(body: Body) -> str:
    """InProgress, Failed or Current by healthCheckExprs; AssertionError unless exactly one expression holds.

    An expression that fails because `status` is not there yet keeps Flux waiting: InProgress."""
    checks = yaml.safe_load((GITOPS / "flux" / "fleet.yaml").read_text())["spec"]["healthCheckExprs"]
    check = next(one for one in checks if (one["apiVersion"], one["kind"]) == (body["apiVersion"], body["kind"]))
    if "status" not in body:
        return "InProgress"
    holding = [state for name, state in ORDER.items() if _holds(check[name], body)]
    assert len(holding) == 1, f"{holding} at once"
    return holding[0]


def _holds(expression: str, body: Body) -> bool:
    environment = celpy.Environment()
    program = environment.program(environment.compile(expression))
    return bool(program.evaluate({name: json_to_cel(value) for name, value in body.items()}))
