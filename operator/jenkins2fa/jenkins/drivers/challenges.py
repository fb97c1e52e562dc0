"""The challenge pages of every driver's plugin.

Before the first observation the operator does not know which plugin a controller has, and a probe never asks, so the pages of every plugin
count.
"""

from __future__ import annotations

from typing import Protocol

from jenkins2fa.jenkins.drivers.miniorange import challenge as miniorange
from jenkins2fa.jenkins.drivers.miniorange.challenge import Challenge
from jenkins2fa.jenkins.errors import ProtocolError


class ChallengePages(Protocol):
    """What a driver's module of challenge pages offers."""

    def is_challenge(self, location: str) -> bool: ...

    def read_challenge(self, location: str) -> Challenge: ...

    def place_of(self, location: str) -> str: ...


PLUGINS: tuple[ChallengePages, ...] = (miniorange,)


def is_challenge(location: str) -> bool:
    """Whether a Location is a challenge page of one of the plugins."""
    return any(plugin.is_challenge(location) for plugin in PLUGINS)


def read_challenge(location: str) -> Challenge:
    """Which challenge a Location is. Raises ProtocolError for one that no driver knows."""
    for plugin in PLUGINS:
        if plugin.is_challenge(location):
            return plugin.read_challenge(location)
    raise ProtocolError("Jenkins redirects to a page of the second factor that this operator does not know", transient=False)


def place_of(location: str) -> str:
    """The target of a redirect for the evidence: the plugin's page without user ids, or ``elsewhere``; empty without a redirect."""
    if not location:
        return ""
    for plugin in PLUGINS:
        if place := plugin.place_of(location):
            return place
    return "elsewhere"
