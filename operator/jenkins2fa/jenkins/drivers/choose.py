"""The one place that knows which plugins there are, and creates the driver for a Jenkins controller."""

from __future__ import annotations

from jenkins2fa.api.instance import Provider
from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.drivers.base import TRIAL_SECONDS, Driver, PluginSide
from jenkins2fa.jenkins.drivers.miniorange.driver import MiniOrange
from jenkins2fa.jenkins.drivers.openmfa.driver import OpenMfa
from jenkins2fa.jenkins.probe import Note

SIDES: tuple[PluginSide, ...] = (MiniOrange(), OpenMfa())


def driver_for(
    connection: Connection, note: Note | None = None, *, provider: Provider | None = None, trial_seconds: int = TRIAL_SECONDS
) -> Driver:
    """A driver over a new session; the caller closes it. ``note`` hears of the evidence of each probe. ``provider``: the plugin that counts
    where several are installed, None = the one that is found."""
    return Driver(connection, SIDES, note, provider=provider, trial_seconds=trial_seconds)
