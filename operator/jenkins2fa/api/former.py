"""Fields of drafts of the API, each with what to write instead. They are only recognised, never read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jenkins2fa.api.fields import Fields

MODES = {"Enforce": "Enforce", "Report": "Audit", "Off": "Disabled", "False": "Disabled"}
STAGES = {
    "Report": "write mode: Audit in spec instead",
    "Grace": "leave it out: with graceUntil the first enforcement waits",
    "Enforce": "leave it out: without graceUntil the policy is enforced at once",
}


def note_former_policy(fields: Fields) -> None:
    """Note the former fields in a policy's spec as problems."""
    for name, message in _policy(fields.values):
        fields.fail_former(name, message)
    rollout = fields.values.get("rollout")
    if isinstance(rollout, Mapping) and rollout.get("stage") is not None:
        fields.fail_former("rollout.stage", STAGES.get(str(rollout["stage"]), "use mode: Audit in spec, or graceUntil, instead"))


def note_former_instance(fields: Fields) -> None:
    """Note the former fields in an instance's spec as problems."""
    for name, message in _instance(fields.values):
        fields.fail_former(name, message)


def _policy(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "enforcement" in spec:
        yield "enforcement", f"write mode: {MODES.get(str(spec['enforcement']), 'Enforce, Audit or Disabled')} instead"
    if "drift" in spec:
        drift = spec["drift"]
        policy = drift.get("mode") if isinstance(drift, Mapping) else None
        yield "drift", f"write driftPolicy: {policy if policy in ('Correct', 'Report') else 'Correct or Report'} instead"
    for name, factor in (("emailOTP", "EmailOTP"), ("smsOTP", "SMSOTP")):
        if name in spec:
            yield name, f"move it into the entry of allowedFactors whose type is {factor}"


def _instance(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "probes" in spec:
        yield "probes", "write canaries: [{name: person, expect: Challenged, secretRef: {name: canary}}] instead"
    if "acknowledgeCompetingManager" in spec:
        manager = "Override" if spec["acknowledgeCompetingManager"] else "Refuse"
        yield "acknowledgeCompetingManager", f"write competingManager: {manager} instead"
