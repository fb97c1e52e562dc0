"""Short specs of policies for tests: factors by name, with their settings beside the list."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]
SETTINGS = {"EmailOTP": "emailOTP", "SMSOTP": "smsOTP"}


def spelled_out(spec: Spec) -> Spec:
    """The spec as in the API: each factor is a mapping with its settings. Everything else stays."""
    if not isinstance(spec.get("allowedFactors"), list | tuple):
        return spec
    rest, factors = dict(spec), []
    for factor in spec["allowedFactors"]:
        entry = {"type": factor} if isinstance(factor, str) else dict(factor)
        name = SETTINGS.get(entry.get("type", ""))
        if name in rest:
            entry[name] = rest.pop(name)
        factors.append(entry)
    return {**rest, "allowedFactors": factors}
