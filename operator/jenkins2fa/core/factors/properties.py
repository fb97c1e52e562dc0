"""From a policy to the properties that were found in the plugin. What they cannot express is reported as unsupported.

Only values whose meaning follows from the property's name are written. Words with an unknown spelling (the unit of a duration, a gateway)
are never made up: the operator uses those that it finds.

With a gate, the plugin asks everybody and only the gate exempts. So one place decides, it is the tested one, and a probe can show that the
plugin asks, because the gate does not exempt probes. Without a gate, the plugin itself keeps the rules for groups and tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from jenkins2fa.api.policy import ApiTokens, PolicySpec, SMSGateway
from jenkins2fa.core.factors.capabilities import Capabilities, Property, PropertyKind
from jenkins2fa.core.settings import FACTOR_ROLES, GROUP_SEPARATOR, Value

ENFORCED, EXEMPT = "enableTfaForGroups", "skipTfaForGroups"
REST, TOKENS = "enforceRestApi2fa", "skipRestApi2faForTokens"
BUILD, REMEMBER, DURATION, UNIT, GATEWAY = "enableTfaOnBuild", "enableRememberMe", "rememberDuration", "rememberUnit", "smsGateway"
UNITS = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}

PATHS = {
    ENFORCED: "enforcedGroups",
    EXEMPT: "exemptGroups",
    REST: "apiTokens",
    TOKENS: "apiTokens",
    BUILD: "requireOnBuild",
    REMEMBER: "rememberDevice",
    DURATION: "rememberDevice",
    GATEWAY: "smsOTP",
    **{role: f"allowedFactors.{factor.value}" for factor, role in FACTOR_ROLES.items()},
}

Problem = tuple[str, str]


def native(capabilities: Capabilities, path: str) -> bool:
    """Whether the plugin itself supports this field of a policy."""
    switch, text = PropertyKind.SWITCH, PropertyKind.TEXT
    match path:
        case "enforcedGroups":
            return capabilities.has(ENFORCED, text)
        case "exemptGroups":
            return capabilities.has(EXEMPT, text)
        case "apiTokens":
            return capabilities.has(REST, switch) and capabilities.has(TOKENS, switch)
        case "requireOnBuild":
            return capabilities.has(BUILD, switch)
    return False


def property_values(policy: PolicySpec, capabilities: Capabilities, *, gated: bool) -> dict[str, Value]:
    """The values to write, by role. Other roles keep theirs. ``gated``: there is a gate that exempts."""
    if not capabilities.writes_properties:
        return {}
    values: dict[str, Value] = {
        role: factor in policy.allowed_factors for factor, role in FACTOR_ROLES.items() if capabilities.has(role, PropertyKind.SWITCH)
    }
    values |= _groups(policy, capabilities, gated) | _tokens(policy.api_tokens, capabilities, gated)
    if native(capabilities, "requireOnBuild"):
        values[BUILD] = policy.build_window is not None
    return {**values, **_remember(policy.remember_device, capabilities), **_gateway(policy.sms_gateway, capabilities)}


def _groups(policy: PolicySpec, capabilities: Capabilities, gated: bool) -> dict[str, Value]:
    rules = ((ENFORCED, "enforcedGroups", policy.enforced_groups), (EXEMPT, "exemptGroups", policy.exempt_groups))
    return {
        role: "" if gated else _joined(groups)
        for role, path, groups in rules
        if native(capabilities, path) and (gated or not _unjoinable(groups))
    }


def _tokens(rule: ApiTokens | None, capabilities: Capabilities, gated: bool) -> dict[str, Value]:
    if rule is None:
        return {}
    if gated:
        strictest = {REST: True, TOKENS: False}
        return {role: value for role, value in strictest.items() if capabilities.has(role, PropertyKind.SWITCH)}
    if not native(capabilities, "apiTokens"):
        return {}
    return {TOKENS: True} if rule is ApiTokens.EXEMPT else {REST: True, TOKENS: False}


def property_problems(policy: PolicySpec, capabilities: Capabilities, *, gated: bool) -> Iterator[Problem]:
    """The fields that neither the common settings nor the properties that were found can express, each with the reason."""
    if policy.sms_gateway is not None and not _is_gateway(policy.sms_gateway, capabilities):
        yield "smsOTP", _why_no_gateway(capabilities)
    if policy.remember_device is not None and not _remember(policy.remember_device, capabilities).get(REMEMBER):
        yield "rememberDevice", _why_not_remembered(policy.remember_device, capabilities)
    if policy.build_window is not None and gated and not capabilities.gate_knows_pages and not native(capabilities, "requireOnBuild"):
        yield "requireOnBuild", f"{capabilities.lacks(BUILD)} (the gate's own second factor for builds knows the free edition's pages only)"
    for path, groups in (("enforcedGroups", policy.enforced_groups), ("exemptGroups", policy.exempt_groups)):
        if not gated and native(capabilities, path) and _unjoinable(groups):
            yield path, f"a group's name holds '{GROUP_SEPARATOR}', by which this edition joins the names of groups: rename it"


def _joined(groups: frozenset[str] | None) -> str:
    return GROUP_SEPARATOR.join(sorted(groups or ()))


def _unjoinable(groups: frozenset[str] | None) -> bool:
    return any(GROUP_SEPARATOR in group for group in groups or ())


def _remember(desired: timedelta | None, capabilities: Capabilities) -> dict[str, Value]:
    """The switch, and the duration in the unit that is set in Jenkins. Empty = not supported."""
    if not capabilities.has(REMEMBER, PropertyKind.SWITCH):
        return {}
    if desired is None:
        return {REMEMBER: False}
    unit = _unit(capabilities)
    if not capabilities.has(DURATION, PropertyKind.NUMBER) or unit is None or desired % unit:
        return {REMEMBER: False}
    return {REMEMBER: True, DURATION: desired // unit}


def _unit(capabilities: Capabilities) -> timedelta | None:
    held = str(capabilities.held.get(UNIT) or "").lower()
    return UNITS.get(held.removesuffix("s"))


def _why_not_remembered(desired: timedelta, capabilities: Capabilities) -> str:
    if not capabilities.has(REMEMBER, PropertyKind.SWITCH):
        return capabilities.lacks(REMEMBER)
    off = "browsers are not remembered"
    if not capabilities.has(DURATION, PropertyKind.NUMBER):
        return f"the installed plugin can remember browsers, but no property for how long was found, so {off}: leave it out"
    unit = _unit(capabilities)
    if unit is None:
        return f"the unit of the plugin's duration was not found, or is a word that this operator does not know, so {off}: leave it out"
    held = capabilities.held.get(UNIT)
    return f"{int(desired.total_seconds())} s is no whole number of {held}, the unit that is set in Jenkins, so {off}: choose one that is"


def _gateway(desired: SMSGateway | None, capabilities: Capabilities) -> dict[str, Value]:
    gateway = capabilities.find(GATEWAY)
    if desired is None or gateway is None or not gateway.writable or gateway.kind is not PropertyKind.CHOICE:
        return {}
    chosen = next((choice for choice in gateway.choices if _plain(choice) == _plain(desired.value)), None)
    return {} if chosen is None else {GATEWAY: chosen}


def _is_gateway(desired: SMSGateway, capabilities: Capabilities) -> bool:
    return bool(_gateway(desired, capabilities)) or _plain(str(capabilities.held.get(GATEWAY) or "")) == _plain(desired.value)


def _why_no_gateway(capabilities: Capabilities) -> str:
    if capabilities.find(GATEWAY) is None:
        return capabilities.lacks(GATEWAY)
    return "another gateway is set in Jenkins, and how the plugin spells this one is not known: choose it on the plugin's page in Jenkins"


def _plain(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())


Difference = tuple[str, str, str, bool, bool]


def differences(
    desired: Mapping[str, Value], held: Mapping[str, Value], properties: tuple[Property, ...], *, stored: bool
) -> Iterator[Difference]:
    """Path, before, after, whether the change weakens, and whether the layer is laxer now, for each value that differs in a layer.

    ``stored``: the layer is the disk, which does not keep all properties."""
    names = {one.role: one.name for one in properties if one.stored or not stored}
    known = {one.role for one in properties}
    for role, after in desired.items():
        if role in known and role not in names:
            continue
        before = held.get(role)
        if role not in known:
            yield PATHS[role], "gone from the plugin", _show(role, role, after), False, True
        elif _comparable(role, before) != _comparable(role, after):
            shown = _show(role, names[role], before), _show(role, names[role], after)
            yield PATHS[role], *shown, _weakens(role, before, after), _is_laxer(role, before, after)


def _comparable(role: str, value: Value) -> object:
    """Names of groups in any order. A value that is not set equals off, empty or zero."""
    return _names(value) if role in (ENFORCED, EXEMPT) else value or None


def _names(value: Value) -> frozenset[str]:
    return frozenset(name for part in str(value or "").split(GROUP_SEPARATOR) if (name := part.strip()))


def _show(role: str, name: str, value: Value) -> str:
    if role in (ENFORCED, EXEMPT):
        return ", ".join(sorted(_names(value))) or ("everyone" if role == ENFORCED else "nobody")
    shown = str(value) if role in (DURATION, GATEWAY) else "on" if value else "off"
    return shown if role in FACTOR_ROLES.values() or role == BUILD else f"{name} {shown}"


def _weakens(role: str, before: Value, after: Value) -> bool:
    if role == ENFORCED:
        return bool(_names(after)) and not (_names(before) and _names(before) <= _names(after))
    if role == EXEMPT:
        return not _names(after) <= _names(before)
    if role == DURATION:
        return int(after or 0) > int(before or 0)
    return bool(after) and not before if role in (TOKENS, REMEMBER) else bool(before) and not after and role != GATEWAY


def _is_laxer(role: str, held: Value, desired: Value) -> bool:
    """Whether the reverse change would weaken. A factor is laxer if it is on, since each one is one more way to pass."""
    return bool(held) if role in FACTOR_ROLES.values() else _weakens(role, desired, held)
