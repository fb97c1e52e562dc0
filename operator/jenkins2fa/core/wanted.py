"""Whether 2FA is to be in force at an instance now: what makes it an alarm that it is not."""

from __future__ import annotations

from dataclasses import replace

from jenkins2fa.api.policy import PolicyMode
from jenkins2fa.core.assess import Outcome, Proof
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.plan import Plan, desired_digest

WANTING = (Mode.WRITE, Mode.REPORT_DRIFT, Mode.REPORT_ACCESS, Mode.BREAK_GLASS)


def is_wanted(outcome: Outcome) -> bool | None:
    """What the governing policy says of this instance; None = this reconcile cannot tell, so what was known before still holds.

    A Jenkins that could not be observed counts as its policy says: trouble is no reason to expect less of it."""
    policy, seen = outcome.policy, outcome.observation
    if policy is None:
        return False
    if policy.invalid:
        return None
    if policy.spec.mode is not PolicyMode.ENFORCE:
        return False
    if outcome.mode is Mode.GRACE:
        return None if seen is None else False  # grace holds only where 2FA was not on yet
    if outcome.mode is Mode.WAITING:
        return seen is None or _has_lost_it(outcome, seen)
    return outcome.mode in WANTING


def _has_lost_it(outcome: Outcome, seen: Observation) -> bool:
    """Whether a Jenkins that waits for its batch was enforced by us, and is not any more: the roll-out does not explain that."""
    mark, meta = seen.owner, outcome.instance.meta
    if mark is None or mark.instance != (meta.uid or outcome.instance.spec.url):
        return False
    if outcome.plan is not None and mark.desired == _switched_off(outcome.plan):
        return False  # the policy itself had it off, and enforces it by batches now
    return outcome.proof is Proof.BYPASSED or not _is_on(seen)


def _switched_off(plan: Plan) -> str:
    """The digest of the same desired state with ``mode: Disabled``."""
    return desired_digest(replace(plan.desired, plugin=replace(plan.desired.plugin, enabled=False), hold=None), plan.gate_code)


def _is_on(seen: Observation) -> bool:
    layers = (seen.memory, seen.disk)
    return bool(seen.live) and all(layer is not None and layer.enabled and bool(layer.factors) for layer in layers)
