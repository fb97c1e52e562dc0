"""The summary of an object's conditions, used by ``kubectl twofactor``, reports, metrics and exit codes alike.

The state of an object is the reason of its condition Ready: ``InForce``, ``Suspended``, ``BreakGlass``, ``Reported`` (differences are only
reported), ``PluginAlone``, or the reason of a refusal or failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jenkins2fa.api.status import DRIFTED, ENFORCED, READY, STALLED, TRUE, UNKNOWN, Condition, condition_of
from jenkins2fa.core.reasons import Reason

NOT_RECONCILED = "the operator has not reconciled its newest generation yet"


@dataclass(frozen=True, slots=True)
class Summary:
    """``enforced``, ``drifted`` and ``ready``: True, False or Unknown, for the newest generation. ``stalled``: it needs attention.
    ``reason``: the state in one word. ``message``: why, and what to do."""

    enforced: str
    drifted: str
    ready: str
    stalled: bool
    reason: str
    message: str

    @property
    def proven(self) -> bool:
        """Whether it is enforced by proof."""
        return self.enforced == TRUE

    @property
    def as_desired(self) -> bool:
        """Whether it is enforced by proof, and nothing is left to do."""
        return self.proven and self.ready == TRUE and self.drifted != TRUE


def summarize(ready: Condition | None, enforced: Condition | None, drifted: Condition | None, *, stalled: bool = False) -> Summary:
    """From conditions about the newest generation; None = the condition was never set."""
    decisive = ready or enforced or Condition(READY, UNKNOWN, Reason.NOT_RECONCILED, NOT_RECONCILED)
    return Summary(_status(enforced), _status(drifted), _status(ready), stalled, decisive.reason, decisive.message)


def summary_of(body: Mapping[str, Any]) -> Summary:
    """The summary of an object from the API server. Conditions about an older generation do not count."""
    status = body.get("status") or {}
    if not status.get("conditions") or status.get("observedGeneration") != body["metadata"].get("generation"):
        return summarize(None, None, None)
    ready, enforced, drifted, stalled = (condition_of(body, kind) for kind in (READY, ENFORCED, DRIFTED, STALLED))
    return summarize(ready, enforced, drifted, stalled=stalled is not None and stalled.status == TRUE)


def _status(condition: Condition | None) -> str:
    return condition.status if condition is not None else UNKNOWN
