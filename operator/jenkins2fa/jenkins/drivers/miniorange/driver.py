"""The driver for the miniOrange plugin, and what each edition of it can do.

The premium edition was never observed: only names of its properties are known (docs/support-matrix.md). So the driver uses a property only
where it was found, is writable and has the type that its use needs. Only this module and ``groovy/premium.groovy`` know that edition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jenkins2fa.api.instance import Provider
from jenkins2fa.api.policy import Factor
from jenkins2fa.core.factors.capabilities import Capabilities, Experiment
from jenkins2fa.core.factors.properties import ENFORCED, EXEMPT, REST, TOKENS
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.settings import PLUGIN_NAMES, PluginSettings, Value
from jenkins2fa.jenkins.drivers.base import PluginSide
from jenkins2fa.jenkins.drivers.miniorange.challenge import is_challenge
from jenkins2fa.jenkins.drivers.miniorange.settings import plugin_document, read_plugin_document

PLUGIN = PLUGIN_NAMES[Provider.MINI_ORANGE]
PREMIUM_EDITION = "Premium"
FREE = Capabilities(
    plugin=PLUGIN,
    name="free edition",
    tested_versions=("1.2.0",),
    base_factors=frozenset({Factor.EMAIL_OTP, Factor.SECURITY_QUESTIONS}),
    code_key="moGlobalConfig",
)
PREMIUM = replace(
    FREE,
    name="premium edition",
    gate_knows_pages=False,
    writes_properties=True,
    exempts_by_itself=True,
    counts_all_factors=False,
    experiment=Experiment(
        warning="the premium edition was not available to test against: its settings are written by their names and read back, what they "
        "do is shown by probes alone (a canary with a password and expect: Challenged is the best one)",
        way_in="The switch --enable-experimental-premium lets it be written to, at your own risk (docs/support-matrix.md)",
    ),
)


def capabilities_of(observation: Observation) -> Capabilities:
    """The capabilities that one observation shows."""
    plugin = observation.plugin
    held = observation.memory.properties if observation.memory else {}
    if plugin.edition == PREMIUM_EDITION:
        return replace(PREMIUM, properties=plugin.properties, held=held)
    known = plugin.version is None or (plugin.version in FREE.tested_versions and not plugin.missing)
    return replace(FREE, name=FREE.name if known else f"version {plugin.version}", properties=plugin.properties, held=held)


def may_pass_by_itself(held: Mapping[str, Value]) -> bool:
    """Whether the premium edition may let the operator in by a rule of its own (tokens, groups): then a probe proves nothing."""
    return any(held.get(role) for role in (TOKENS, ENFORCED, EXEMPT)) or (REST in held and not held[REST])


class MiniOrange(PluginSide):
    """The plugin miniorange-two-factor."""

    name = PLUGIN

    def settings_to_write(self, desired: PluginSettings) -> dict[str, Any]:
        """Mail texts that the policy does not name stay as they are."""
        document = plugin_document(desired)
        if document["mail"] is None:
            del document["mail"]
        if document["emailOTP"] is None:
            document["emailOTP"] = {"enabled": False, "sender": ""}
        return document

    def read_settings(self, document: Mapping[str, Any]) -> PluginSettings:
        return read_plugin_document(document)

    def capabilities(self, observation: Observation) -> Capabilities:
        return capabilities_of(observation)

    def is_tested(self, version: str | None) -> bool:
        return version in FREE.tested_versions

    def asks_at(self, location: str) -> bool:
        return is_challenge(location)

    def may_pass_by_itself(self, observation: Observation) -> bool:
        capabilities = observation.capabilities
        return capabilities.exempts_by_itself and may_pass_by_itself(capabilities.held)
