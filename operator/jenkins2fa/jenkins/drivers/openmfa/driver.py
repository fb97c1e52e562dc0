"""The plugin openmfa: codes of an authenticator app, for all users or none; it has no live flag, and lets API tokens pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jenkins2fa.api.instance import Provider
from jenkins2fa.api.policy import Factor
from jenkins2fa.core.factors.capabilities import Capabilities
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.settings import PLUGIN_NAMES, PluginSettings
from jenkins2fa.jenkins.drivers.base import PluginSide
from jenkins2fa.jenkins.drivers.openmfa.challenge import is_challenge

PLUGIN = PLUGIN_NAMES[Provider.OPEN_MFA]
TESTED = "111.v347db_32e7f24"
EVERYONE = "authenticated"  # the role of every user who has logged in
FACTORS = frozenset({Factor.MOBILE_AUTHENTICATOR})
OPEN_MFA = Capabilities(
    plugin=PLUGIN,
    name="OpenMFA",
    tested_versions=(TESTED,),
    base_factors=FACTORS,
    has_live_flag=False,
    exempts_by_itself=True,
    tokens_pass=True,
    code_key="openMFA",
    other_way="leave it out, or install a plugin that has it (docs/support-matrix.md)",
)


class OpenMfa(PluginSide):
    """Its one factor cannot be switched off by itself. Users are asked unless nobody has to be enrolled and everyone is exempt."""

    name = PLUGIN

    def settings_to_write(self, desired: PluginSettings) -> dict[str, Any]:
        """Who else is exempt, and the issuer's name, stay as they are."""
        return {"enabled": desired.enabled, "exemptsEveryone": not desired.enabled}

    def read_settings(self, document: Mapping[str, Any]) -> PluginSettings:
        required, exempts_everyone = bool(document["enabled"]), bool(document["exemptsEveryone"])
        return PluginSettings(
            enabled=required and not exempts_everyone,
            enrolled_only=not required and not exempts_everyone,
            base_factors=FACTORS,
            spared=(names_in(document["exemptUsers"]) | names_in(document["exemptRoles"])) - {EVERYONE},
        )

    def capabilities(self, observation: Observation) -> Capabilities:
        version = observation.plugin.version
        return replace(OPEN_MFA, tested_versions=(version,)) if version and self.is_tested(version) else OPEN_MFA

    def is_tested(self, version: str | None) -> bool:
        return version in (TESTED, TESTED.partition(".")[0])  # some builds report the first part only

    def asks_at(self, location: str) -> bool:
        return is_challenge(location)

    def may_pass_by_itself(self, observation: Observation) -> bool:
        """Without the gate it lets the operator's token pass."""
        return not observation.gated


def names_in(text: str) -> frozenset[str]:
    """The names of a list as the plugin reads it: one a line, without regard to case or surrounding space; a comma is part of a name."""
    return frozenset(name for line in text.split("\n") if (name := line.strip().lower()))
