"""From what canaries met to the conditions of an instance with ``access: ProbeOnly``: nothing was read, so nothing is said of settings."""

from __future__ import annotations

from dataclasses import dataclass

from jenkins2fa.api.policy import Enforcement, TwoFactorPolicy
from jenkins2fa.api.status import DRIFTED, ENFORCED, FALSE, READY, RECONCILING, STALLED, TRUE, UNKNOWN, Condition
from jenkins2fa.core.conditions import Proof, Trouble

NOT_READ = "access is ProbeOnly: disk, memory, live flag and factors were not read"


@dataclass(frozen=True, slots=True)
class CanaryLook:
    """What the canaries met. ``exempt`` None = there is no such canary. ``trouble``: why one of them proved nothing.

    ``version`` and ``session`` are Jenkins' own, empty when the answer did not tell (a challenge does not)."""

    challenged: Proof = Proof.NONE
    exempt: Proof | None = None
    trouble: Trouble | None = None
    version: str = ""
    session: str = ""


def judge_canaries(policy: TwoFactorPolicy | None, look: CanaryLook) -> tuple[Condition, ...]:
    """The five conditions. Without a policy it is said all the same whether a second factor is demanded."""
    enforced = judge_enforced(policy, look)
    ready = _judge_ready(look, enforced)
    transient = ready.status == FALSE and look.trouble is not None and look.trouble.reason == ready.reason and look.trouble.transient
    return (
        ready,
        Condition(RECONCILING, TRUE, ready.reason, f"trying again: {ready.message}")
        if transient
        else Condition(RECONCILING, FALSE, ready.reason, "nothing is in progress"),
        Condition(STALLED, TRUE, ready.reason, ready.message)
        if ready.status == FALSE and not transient
        else Condition(STALLED, FALSE, ready.reason, "nothing needs a person"),
        enforced,
        Condition(DRIFTED, UNKNOWN, "NotObserved", NOT_READ),
    )


def judge_enforced(policy: TwoFactorPolicy | None, look: CanaryLook) -> Condition:
    """Enforced, by what was met alone. A canary that got through counts, whatever the other one met."""
    if policy is not None and policy.spec.enforcement is Enforcement.OFF:
        return _judge_off(look)
    if look.challenged is Proof.BYPASSED:
        return Condition(
            ENFORCED,
            FALSE,
            "Bypassed",
            "the canary that must be challenged got through (is its account exempt, or does it use an API token where those are exempt?)",
        )
    if look.trouble is not None:
        return Condition(ENFORCED, UNKNOWN, look.trouble.reason, look.trouble.message)
    if look.challenged is not Proof.CHALLENGED:
        return Condition(ENFORCED, UNKNOWN, "Unverified", "no probe was possible")
    if look.exempt is Proof.CHALLENGED:
        return Condition(
            ENFORCED, UNKNOWN, "ExemptChallenged", "the canary that must not be challenged was challenged too: exemptions are not in force"
        )
    return Condition(ENFORCED, TRUE, "Probed", f"a canary was challenged; {NOT_READ}, and so not what holds after a restart")


def _judge_off(look: CanaryLook) -> Condition:
    met = {Proof.CHALLENGED: ", but a canary is still asked for a second factor", Proof.BYPASSED: "; a canary got through"}
    return Condition(ENFORCED, FALSE, "Off", f"the policy says Off{met.get(look.challenged, '')}")


def _judge_ready(look: CanaryLook, enforced: Condition) -> Condition:
    trouble = look.trouble
    if enforced.reason in ("Bypassed", "ExemptChallenged"):
        return Condition(READY, FALSE, enforced.reason, enforced.message)
    if trouble is not None:
        return Condition(READY, FALSE, trouble.reason, trouble.message)
    if enforced.reason == "Off" and look.challenged is Proof.CHALLENGED:
        return Condition(READY, FALSE, "StillChallenged", f"{enforced.message}; with access: ProbeOnly nothing can be changed")
    return Condition(READY, TRUE, "InForce" if enforced.status == TRUE else enforced.reason, enforced.message)
