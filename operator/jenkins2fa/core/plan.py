"""The changes from an observation to the desired settings, layer by layer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from jenkins2fa.api.policy import ApiTokens
from jenkins2fa.api.reading import format_duration
from jenkins2fa.core.desired import Desired, Unsupported
from jenkins2fa.core.observation import GateState, Observation
from jenkins2fa.core.settings import GateSettings, PluginSettings, canonical, gate_configuration, plugin_document


class Layer(StrEnum):
    """Where a value is kept (jenkins-contract, five layers), and the two places of the gate."""

    DISK = "disk"
    MEMORY = "memory"
    LIVE = "live"
    GATE = "gate"
    STARTUP = "start-up"


@dataclass(frozen=True, slots=True)
class Change:
    """One field of the policy that one layer holds otherwise. Texts of mails are never shown, only that they differ."""

    path: str
    layer: Layer
    before: str
    after: str
    weakens: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """``changes`` empty = the instance is as the policy asks."""

    changes: tuple[Change, ...]
    unsupported: tuple[Unsupported, ...]
    desired: Desired

    @property
    def weakening(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.weakens)

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields that differ anywhere, each once, in order."""
        return tuple(dict.fromkeys(change.path for change in self.changes))

    @property
    def digest(self) -> str:
        """Tells one plan from another: twelve hexadecimal digits."""
        wanted = canonical([plugin_document(self.desired.plugin), self.desired.gate and gate_configuration(self.desired.gate)])
        rows = canonical([[change.path, change.layer, change.before, change.after] for change in self.changes])
        return hashlib.sha256((wanted + rows).encode()).hexdigest()[:12]


def make_plan(observation: Observation, desired: Desired, gate_code: str) -> Plan:
    """Compares every layer with what is desired. ``gate_code`` is the SHA-256 of the resident script that this operator brings."""
    changes = (*_plugin_changes(observation, desired.plugin), *_gate_changes(observation, desired, gate_code))
    return Plan(tuple(changes), desired.unsupported, desired)


@dataclass(frozen=True, slots=True)
class _PluginField:
    path: str
    read: Callable[[PluginSettings], object]
    show: Callable[[object], str]
    weakens: Callable[[object, object], bool] = lambda before, after: False
    only_when: Callable[[PluginSettings], bool] = lambda wanted: True


def _on(value: object) -> str:
    return "on" if value else "off"


def _text(value: object) -> str:
    return "not set" if value is None else str(value)


def _hidden(value: object) -> str:
    return "the plugin's own text" if value is None else f"a text of {len(str(value))} characters"


def _switched_off(before: object, after: object) -> bool:
    return bool(before) and not after


def _added(before: object, after: object) -> bool:
    return bool(after) and not before


_PLUGIN_FIELDS = (
    _PluginField("enforcement", lambda s: s.enabled, _on, _switched_off),
    _PluginField("allowedFactors.SecurityQuestions", lambda s: s.security_questions, _on, _switched_off),
    _PluginField("allowedFactors.EmailOTP", lambda s: s.email_otp, _on, _switched_off),
    _PluginField("emailOTP.senderAddress", lambda s: s.sender, _text, only_when=lambda wanted: wanted.email_otp),
    _PluginField("emailOTP.subject", lambda s: s.subject, _hidden, only_when=lambda wanted: wanted.subject is not None),
    _PluginField("emailOTP.template", lambda s: s.template, _hidden, only_when=lambda wanted: wanted.template is not None),
)


def _plugin_changes(observation: Observation, wanted: PluginSettings) -> Iterator[Change]:
    layers = ((Layer.DISK, observation.disk or PluginSettings()), (Layer.MEMORY, observation.memory or PluginSettings()))
    for one in _PLUGIN_FIELDS:
        if one.only_when(wanted):
            for layer, held in layers:
                before, after = one.read(held), one.read(wanted)
                if before != after:
                    yield Change(one.path, layer, one.show(before), _differing(one, before, after), one.weakens(before, after))
        if one.path == "enforcement" and bool(observation.live) != wanted.enabled:
            yield Change(one.path, Layer.LIVE, _on(observation.live), _on(wanted.enabled), _switched_off(observation.live, wanted.enabled))


def _differing(one: _PluginField, before: object, after: object) -> str:
    shown = one.show(after)
    return shown if shown != one.show(before) else f"another {shown.removeprefix('a ')}"


def _gate_changes(observation: Observation, desired: Desired, code: str) -> Iterator[Change]:
    if desired.gate is None:
        return
    state = observation.gate
    if not _in_place(state, code):
        yield Change("gate", Layer.GATE, _place(state, code), "first in the chain", False)
    yield from _rule_changes(Layer.GATE, state.settings, desired.gate)
    if state.startup_code != code:
        yield Change("gate", Layer.STARTUP, "absent" if state.startup_code is None else "another version", "this version", False)
    if state.stored != state.settings or state.settings != desired.gate:
        yield from _rule_changes(Layer.STARTUP, state.stored, desired.gate)


def _in_place(state: GateState, code: str) -> bool:
    return state.installed == 1 and state.position == 0 and not state.foreign and state.code == code


def _place(state: GateState, code: str) -> str:
    if state.installed == 0:
        return "absent"
    if state.foreign:
        return "a foreign filter under its name"
    if state.position != 0:
        return "not first in the chain"
    return "another version" if state.code != code else f"{state.installed} times in the chain"


def _rule_changes(layer: Layer, held: GateSettings | None, wanted: GateSettings) -> Iterator[Change]:
    absent = held is None
    held = held or GateSettings(strict=False)
    for path, show, weakens in _GATE_FIELDS:
        before, after = show(held), show(wanted)
        if before != after:
            yield Change(path, layer, before, after, not absent and weakens(held, wanted) or absent and path == "exemptGroups")


def _groups(groups: frozenset[str] | None) -> str:
    return "everyone" if groups is None else ", ".join(sorted(groups)) or "nobody"


def _fewer_enforced(before: GateSettings, after: GateSettings) -> bool:
    if after.enforced_groups is None:
        return False
    return before.enforced_groups is None or not before.enforced_groups <= after.enforced_groups


def _longer_window(before: GateSettings, after: GateSettings) -> bool:
    return before.build_window is not None and (after.build_window is None or after.build_window > before.build_window)


_GATE_FIELDS: tuple[tuple[str, Callable[[GateSettings], str], Callable[[GateSettings, GateSettings], bool]], ...] = (
    ("enforcedGroups", lambda g: _groups(g.enforced_groups), _fewer_enforced),
    ("exemptGroups", lambda g: _groups(g.exempt_groups), lambda before, after: not after.exempt_groups <= before.exempt_groups),
    (
        "apiTokens",
        lambda g: g.api_tokens.value if g.api_tokens else "the plugin's own rule",
        lambda before, after: after.api_tokens is ApiTokens.EXEMPT,
    ),
    ("gate.strict", lambda g: _on(g.strict), lambda before, after: before.strict and not after.strict),
    ("requireOnBuild.window", lambda g: format_duration(g.build_window) if g.build_window else "not asked", _longer_window),
    ("gate.operator", lambda g: "the operator's account" if g.operator else "nobody", lambda before, after: False),
)
