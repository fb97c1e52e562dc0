"""The driver for the miniOrange plugin; editions other than the free one are written by the properties found in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jenkins2fa.core.factors.capabilities import Capabilities
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.settings import PluginSettings, plugin_document, read_plugin_document
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.drivers.miniorange.editions import capabilities_of, may_pass_by_itself


class MiniOrange(Driver):
    """The plugin miniorange-two-factor."""

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

    def may_pass_by_itself(self, observation: Observation) -> bool:
        capabilities = observation.capabilities
        return capabilities.exempts_by_itself and may_pass_by_itself(capabilities.held)
