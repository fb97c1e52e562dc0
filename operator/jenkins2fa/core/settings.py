"""The normalised 2FA settings of a controller: those of the plugin, and those of the gate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from jenkins2fa.api.instance import Provider
from jenkins2fa.api.policy import ApiTokens, Factor
from jenkins2fa.core.shape import misfit

Value = bool | int | str | None
PLUGIN_NAMES: Mapping[Provider, str] = MappingProxyType({Provider.MINI_ORANGE: "miniorange-two-factor", Provider.OPEN_MFA: "openmfa"})
"""The plugins' short names in Jenkins."""
GROUP_SEPARATOR = ";"
FACTOR_ROLES: Mapping[Factor, str] = MappingProxyType(
    {
        Factor.MOBILE_AUTHENTICATOR: "enableMobileAuthenticator",
        Factor.DUO_PUSH: "enableDuoPush",
        Factor.SMS_OTP: "enableOtpOverSms",
        Factor.BACKUP_CODES: "backupCodes",
        Factor.WEB_AUTHN: "webAuthn",
        Factor.YUBI_KEY: "yubiKey",
    }
)
HELD_FACTORS: Mapping[Factor, str] = MappingProxyType(
    {
        Factor.SECURITY_QUESTIONS: "securityQuestions",
        Factor.EMAIL_OTP: "emailOTP",
        Factor.MOBILE_AUTHENTICATOR: "mobileAuthenticator",
    }
)
"""The factors whose pages the gate knows, with their names in the gate and the scripts."""


def plugin_name(provider: Provider | None) -> str | None:
    """The short name of the plugin that a site names; None = it names none."""
    return PLUGIN_NAMES[provider] if provider else None


def _nothing() -> Mapping[str, Value]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """The settings in one layer (disk or memory), for any plugin.

    ``base_factors``: the enabled ones among the factors of every edition. ``subject`` and ``template`` None = the plugin's own texts.
    ``properties``: values of properties that only some editions have, by role; in a desired state, only those to write.
    ``enrolled_only``: not enabled, but the plugin still challenges enrolled users. ``spared``: users and groups that the plugin exempts
    by lists of its own, which the operator never writes."""

    enabled: bool = False
    base_factors: frozenset[Factor] = frozenset()
    sender: str | None = None
    subject: str | None = None
    template: str | None = None
    properties: Mapping[str, Value] = field(default_factory=_nothing)
    enrolled_only: bool = False
    spared: frozenset[str] = frozenset()

    @property
    def factors(self) -> frozenset[Factor]:
        return self.base_factors | {factor for factor, role in FACTOR_ROLES.items() if self.properties.get(role)}


@dataclass(frozen=True, slots=True)
class GateSettings:
    """The rules of the gate. ``operator``: the user id that may use the script console with its token.
    ``enforced_groups`` None = everyone. ``build_window`` None = no second factor for builds.
    ``plugin``: the short name of the plugin that the gate protects; None = the one that it finds."""

    operator: str | None = None
    enforced_groups: frozenset[str] | None = None
    exempt_groups: frozenset[str] = frozenset()
    api_tokens: ApiTokens | None = None
    build_window: timedelta | None = None
    plugin: str | None = None


def gate_configuration(gate: GateSettings) -> dict[str, Any]:
    """The gate's configuration as the resident script reads it. Lists are sorted, so that equal settings give equal JSON."""
    configuration: dict[str, Any] = {
        "operator": gate.operator,
        "exemptGroups": sorted(gate.exempt_groups),
        "exemptTokens": gate.api_tokens is ApiTokens.EXEMPT,
    }
    if gate.plugin is not None:
        configuration["plugin"] = gate.plugin
    if gate.enforced_groups is not None:
        configuration["enforcedGroups"] = sorted(gate.enforced_groups)
    if gate.api_tokens is ApiTokens.CHALLENGE:
        configuration["challengeTokens"] = True
    if gate.build_window is not None:
        configuration["build"] = {"windowSeconds": int(gate.build_window.total_seconds())}
    return configuration


def read_gate_configuration(configuration: Mapping[str, Any]) -> GateSettings:
    """The reverse of :func:`gate_configuration`. A damaged or foreign configuration reads as a gate without an operator, which differs
    from every desired one."""
    try:
        enforced = configuration.get("enforcedGroups")
        build = configuration.get("build")
        tokens = ApiTokens.CHALLENGE if configuration.get("challengeTokens") else None
        read = GateSettings(
            operator=configuration.get("operator"),
            plugin=configuration.get("plugin"),
            enforced_groups=None if enforced is None else frozenset(enforced),
            exempt_groups=frozenset(configuration.get("exemptGroups") or ()),
            api_tokens=ApiTokens.EXEMPT if configuration.get("exemptTokens") else tokens,
            build_window=timedelta(seconds=build["windowSeconds"]) if build else None,
        )
    except (AttributeError, KeyError, TypeError, OverflowError, ValueError):
        return GateSettings()
    return read if misfit(read, GateSettings) is None else GateSettings()


def settings_document(settings: PluginSettings) -> dict[str, Any]:
    """The plugin's settings for digests; no plugin reads or writes them in this form."""
    return {
        "enabled": settings.enabled,
        "enrolledOnly": settings.enrolled_only,
        "factors": sorted(settings.base_factors),
        "mail": [settings.sender, settings.subject, settings.template],
        "properties": dict(settings.properties),
    }


def canonical(document: Any) -> str:
    """JSON with sorted keys and no spaces, for digests and comparison."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
