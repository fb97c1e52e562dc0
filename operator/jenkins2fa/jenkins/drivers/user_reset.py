"""The answer of ``reset_user.groovy`` as data: whether the second factor of one user can be removed, or was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from jenkins2fa.core.shape import misfit
from jenkins2fa.jenkins.drivers.observation import ANOTHER_VERSION
from jenkins2fa.jenkins.errors import ProtocolError


class ResetOutcome(StrEnum):
    """What stands in the way, what the next call would do, or what this one has done."""

    NO_PLUGIN = "NoPlugin"
    UNKNOWN_USER = "UnknownUser"
    NO_FACTOR = "NoFactor"
    OPERATORS_ACCOUNT = "OperatorsAccount"  # asks where two persons are required, and is nobody's own
    REMOVABLE = "Removable"
    REMOVED = "Removed"
    NEEDS_SECOND = "NeedsSecond"  # a call by this account would leave a request
    REQUESTED = "Requested"
    WAITING = "Waiting"  # this account has asked already


@dataclass(frozen=True, slots=True)
class UserReset:
    """``user``: the id as Jenkins has it; ``factors``: in which the user was enrolled before. ``gated``: whether the gate runs, which then
    ends the user's verified sessions. ``premium``: the plugin's edition may keep factors that nobody but itself can remove.
    ``requested_by``, ``left``: who asked first, and how long that is valid."""

    outcome: ResetOutcome
    user: str = ""
    factors: tuple[str, ...] = ()
    gated: bool = False
    premium: bool = False
    requested_by: str | None = None
    left: timedelta | None = None


def read_user_reset(answer: Mapping[str, Any]) -> UserReset:
    """Raises ProtocolError for an answer of another shape."""
    try:
        left = answer.get("left")
        result = UserReset(
            ResetOutcome(answer["outcome"]),
            answer.get("user", ""),
            tuple(answer.get("factors", ())),
            answer.get("gated", False),
            answer.get("premium", False),
            answer.get("by"),
            None if left is None else timedelta(milliseconds=left),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ProtocolError(f"Jenkins did not report what happened to the user: {ANOTHER_VERSION}", transient=False) from None
    wrong = misfit(result, UserReset)
    if wrong is not None:
        raise ProtocolError(f"the answer about the user has an unexpected form: {wrong}: {ANOTHER_VERSION}", transient=False)
    return result
