"""The one place that chooses the driver for a Jenkins controller."""

from __future__ import annotations

from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.drivers.base import TRIAL_SECONDS, Driver
from jenkins2fa.jenkins.drivers.miniorange.driver import MiniOrange
from jenkins2fa.jenkins.probe import Note


def driver_for(connection: Connection, note: Note | None = None, *, trial_seconds: int = TRIAL_SECONDS) -> Driver:
    """A driver over a new session; the caller closes it. ``note`` hears of the evidence of each probe."""
    return MiniOrange(connection, note, trial_seconds=trial_seconds)
