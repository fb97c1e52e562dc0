"""The changes from an observation to the desired settings, layer by layer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from jenkins2fa.api.fields import format_duration
from jenkins2fa.api.policy import ApiTokens, Factor
from jenkins2fa.api.status import clip
from jenkins2fa.core.desired import Desired, Unsupported
from jenkins2fa.core.factors.properties import differences
from jenkins2fa.core.observation import GateState, Observation
from jenkins2fa.core.settings import HELD_FACTORS, GateSettings, PluginSettings, canonical, gate_configuration, settings_document

HOLD = "gate.hold"
LONGEST_DIFF = 10
NO_GATE = GateSettings()  # the plugin alone asks everyone, including API tokens, with exceptions of its own


class Layer(StrEnum):
    """Where a value is kept (jenkins-contract, five layers), and the two places of the gate."""

    DISK = "disk"
    MEMORY = "memory"
    LIVE = "live"
    GATE = "gate"
    STARTUP = "start-up"


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs from the policy in one layer. The texts of mails are never shown, only that they differ.

    ``weakens``: after the change, somebody who is asked now is no longer asked. ``laxer``: Jenkins now lets somebody pass, or allows a
    factor, that the policy does not name. A change can be both, if one set replaces another."""

    path: str
    layer: Layer
    before: str
    after: str
    weakens: bool = False
    laxer: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """``changes`` empty = the instance is as desired."""

    changes: tuple[Change, ...]
    unsupported: tuple[Unsupported, ...]
    desired: Desired
    gate_code: str

    @property
    def weakening(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.weakens)

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields that differ in any layer, each once, in order."""
        return tuple(dict.fromkeys(change.path for change in self.changes))

    @property
    def digest(self) -> str:
        """Identifies the plan: twelve hexadecimal digits."""
        rows = [[change.path, change.layer, change.before, change.after] for change in self.changes]
        return _digest([desired_digest(self.desired, self.gate_code), rows])


def desired_digest(desired: Desired, gate_code: str) -> str:
    """Identifies a desired state, including the version of the gate: twelve hexadecimal digits."""
    gate = [gate_configuration(desired.gate), gate_code] if desired.gate else None
    return _digest([settings_document(desired.plugin), gate, None if desired.hold is None else sorted(desired.hold)])


def describe(changes: tuple[Change, ...]) -> str:
    """At most ten differences in one line, each with the layers that hold it."""
    layers: dict[tuple[str, str, str], list[str]] = {}
    for change in changes:
        layers.setdefault((change.path, change.before, change.after), []).append(change.layer)
    shown = [f"{path} is {before} ({', '.join(where)}), should be {after}" for (path, before, after), where in layers.items()]
    rest = f"; and {len(shown) - LONGEST_DIFF} more" if len(shown) > LONGEST_DIFF else ""
    return clip("; ".join(shown[:LONGEST_DIFF]) + rest)


def was_confirmed(observation: Observation, plan: Plan) -> bool:
    """Whether the state that was last confirmed there is the desired state."""
    confirmed = observation.owner.desired if observation.owner else None
    return confirmed == desired_digest(plan.desired, plan.gate_code)


def is_drift(observation: Observation, plan: Plan) -> bool:
    """Whether the differences are drift: the desired state was confirmed there before, so no change of the policy explains them."""
    return bool(plan.changes) and was_confirmed(observation, plan)


def _digest(document: object) -> str:
    return hashlib.sha256(canonical(document).encode()).hexdigest()[:12]


def make_plan(observation: Observation, desired: Desired, gate_code: str) -> Plan:
    """Compare every layer with the desired state. ``gate_code``: SHA-256 of the resident script that this operator brings."""
    changes = (
        *_plugin_changes(observation, desired.plugin),
        *_property_changes(observation, desired.plugin),
        *_filter_changes(observation, desired),
        *_gate_changes(observation, desired, gate_code),
        *_hold_changes(observation, desired),
    )
    if not observation.switched_on:  # nothing can weaken what asks nobody; a gate that holds still asks
        held = (Layer.GATE, Layer.STARTUP) if observation.protected else ()
        some = any(layer is not None and layer.enrolled_only for layer in (observation.memory, observation.disk))
        changes = tuple(
            replace(change, weakens=change.weakens and (change.layer in held or (some and change.path == "mode"))) for change in changes
        )
    changes = (*changes, *_other_plugin_changes(observation, desired))
    return Plan(tuple(changes), desired.unsupported, desired, gate_code)


@dataclass(frozen=True, slots=True)
class _PluginField:
    path: str
    read: Callable[[PluginSettings], object]
    show: Callable[[Any], str]
    weakens: Callable[[Any, Any], bool] = lambda before, after: False  # with swapped arguments: Jenkins is laxer
    only_when: Callable[[PluginSettings], bool] = lambda desired: True


def _on(value: object) -> str:
    return "on" if value else "off"


def _text(value: object) -> str:
    return "not set" if value is None else str(value)


def _hidden(value: object) -> str:
    return "the plugin's own text" if value is None else f"a text of {len(str(value))} characters"


def _switched_off(before: object, after: object) -> bool:
    return bool(before) and not after


def _is_laxer(one: _PluginField, current: object, desired: object) -> bool:
    """Laxer means off instead of on; for a factor the reverse, since each factor is one more way to pass."""
    return one.weakens(current, desired) if one.path.startswith("allowedFactors.") else one.weakens(desired, current)


_ASKED = ("off", "on for enrolled users only", "on")


def _asked(settings: PluginSettings) -> int:
    """Who is asked, as an index of ``_ASKED``."""
    return 2 if settings.enabled else int(settings.enrolled_only)


def _base_factor(factor: Factor) -> _PluginField:
    return _PluginField(f"allowedFactors.{factor.value}", lambda s: factor in s.base_factors, _on, _switched_off)


_PLUGIN_FIELDS = (
    _PluginField("mode", _asked, lambda asked: _ASKED[asked], lambda before, after: before > after),
    *(_base_factor(factor) for factor in HELD_FACTORS),
    _PluginField("emailOTP.senderAddress", lambda s: s.sender, _text, only_when=lambda desired: Factor.EMAIL_OTP in desired.base_factors),
    _PluginField("emailOTP.subject", lambda s: s.subject, _hidden, only_when=lambda desired: desired.subject is not None),
    _PluginField("emailOTP.template", lambda s: s.template, _hidden, only_when=lambda desired: desired.template is not None),
)


def _plugin_changes(observation: Observation, desired: PluginSettings) -> Iterator[Change]:
    layers = ((Layer.DISK, observation.disk or PluginSettings()), (Layer.MEMORY, observation.memory or PluginSettings()))
    for one in _PLUGIN_FIELDS:
        if one.only_when(desired):
            for layer, current in layers:
                before, after = one.read(current), one.read(desired)
                if before != after:
                    shown = _differing(one, before, after)
                    yield Change(one.path, layer, one.show(before), shown, one.weakens(before, after), _is_laxer(one, before, after))
        if one.path == "mode" and observation.capabilities.has_live_flag and bool(observation.live) != desired.enabled:
            weakens = bool(observation.live)
            yield Change(one.path, Layer.LIVE, _on(observation.live), _on(desired.enabled), weakens, laxer=not weakens)


def _property_changes(observation: Observation, desired: PluginSettings) -> Iterator[Change]:
    layers = ((Layer.DISK, observation.disk or PluginSettings()), (Layer.MEMORY, observation.memory or PluginSettings()))
    for layer, current in layers:
        for difference in differences(desired.properties, current.properties, observation.plugin.properties, stored=layer is Layer.DISK):
            path, before, after, weakens, laxer = difference
            yield Change(path, layer, before, after, weakens, laxer)


def _differing(one: _PluginField, before: object, after: object) -> str:
    shown = one.show(after)
    return shown if shown != one.show(before) else f"another {shown.removeprefix('a ')}"


def _other_plugin_changes(observation: Observation, desired: Desired) -> Iterator[Change]:
    """Switching another plugin off weakens if nobody asks afterwards, or if the one that is chosen now lets API tokens pass by its own
    rule."""
    gate, former = desired.gate, observation.gate.settings
    frees_tokens = observation.capabilities.tokens_pass and gate is not None and gate.api_tokens is None and gate != former
    for other in observation.plugin.others if desired.alone else ():
        before = _ASKED[2 if other.asks else 1]
        for layer in other.layers_on:
            yield Change(f"provider.{other.name}", Layer(layer), before, "off", other.asks and (not desired.enforcing or frees_tokens))


def moves(observation: Observation, plan: Plan) -> bool:
    """Whether the plan moves the controller from another plugin, which asks, to the one that the instance names, which does not yet."""
    return (
        plan.desired.alone
        and plan.desired.enforcing
        and observation.another_asks
        and not observation.effective
        and not was_confirmed(observation, plan)
    )


def lacks_filter(observation: Observation) -> bool:
    """Whether the plugin is active without its filter in the filter chain: then it asks nobody, whatever its settings say."""
    return observation.plugin.active and observation.gate.plugin_filters == 0 and "gate" not in observation.damaged


def _filter_changes(observation: Observation, desired: Desired) -> Iterator[Change]:
    if desired.enforcing and lacks_filter(observation):
        yield Change("mode", Layer.LIVE, "without the plugin's filter", "with it", laxer=True)


def _gate_changes(observation: Observation, desired: Desired, code: str) -> Iterator[Change]:
    if desired.gate is None or not desired.gate_counts:
        return
    state = observation.gate
    if not _in_place(state, code):
        yield Change("gate", Layer.GATE, _place(state, code), "first in the chain", laxer=True)
    yield from _rule_changes(Layer.GATE, state.settings, desired.gate)
    if state.startup_code != code:
        yield Change("gate", Layer.STARTUP, "absent" if state.startup_code is None else "another version", "this version", laxer=True)
    if not desired.gate_provided and (state.stored != state.settings or state.settings != desired.gate):
        yield from _rule_changes(Layer.STARTUP, state.stored, desired.gate)


def _hold_changes(observation: Observation, desired: Desired) -> Iterator[Change]:
    """Giving up the hold weakens if nothing else asks users. Other factors are reported as changes of ``allowedFactors``.

    A provided gate may run in a read-only home, which cannot store the hold: a missing one is no difference there."""
    hold = desired.hold
    for layer, current in ((Layer.GATE, observation.gate.hold), (Layer.STARTUP, observation.gate.stored_hold)):
        if current != hold and not (current is None and desired.gate_provided):
            laxer = hold is not None and (current is None or not current <= hold)
            weakens = current is not None and hold is None and not observation.effective
            yield Change(HOLD, layer, _held(current), _held(hold), weakens, laxer)


def _held(factors: frozenset[str] | None) -> str:
    return "follows the plugin's settings" if factors is None else f"asks by {', '.join(sorted(factors)) or 'whatever factor is on'}"


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


def _rule_changes(layer: Layer, current: GateSettings | None, desired: GateSettings) -> Iterator[Change]:
    before = current or NO_GATE
    for one in _GATE_FIELDS:
        if one.read(before) != one.read(desired):
            shown = one.show(one.read(desired))
            yield Change(one.path, layer, one.show(one.read(before)), shown, one.weakens(before, desired), one.is_laxer(before, desired))


@dataclass(frozen=True, slots=True)
class _GateField:
    path: str
    read: Callable[[GateSettings], object]
    show: Callable[[Any], str]
    weakens: Callable[[GateSettings, GateSettings], bool]
    laxer: Callable[[GateSettings, GateSettings], bool] | None = None

    def is_laxer(self, current: GateSettings, desired: GateSettings) -> bool:
        """Whether a change from the desired to the current settings would weaken."""
        return self.laxer(current, desired) if self.laxer else self.weakens(desired, current)


def _groups(groups: frozenset[str] | None) -> str:
    return "everyone" if groups is None else ", ".join(sorted(groups)) or "nobody"


def _fewer_enforced(before: GateSettings, after: GateSettings) -> bool:
    if after.enforced_groups is None:
        return False
    return before.enforced_groups is None or not before.enforced_groups <= after.enforced_groups


def _longer_window(before: GateSettings, after: GateSettings) -> bool:
    return before.build_window is not None and (after.build_window is None or after.build_window > before.build_window)


_GATE_FIELDS = (
    _GateField("enforcedGroups", lambda g: g.enforced_groups, _groups, _fewer_enforced),
    _GateField("exemptGroups", lambda g: g.exempt_groups, _groups, lambda before, after: not after.exempt_groups <= before.exempt_groups),
    _GateField(
        "apiTokens",
        lambda g: g.api_tokens,
        lambda value: value.value if value else "the plugin's own rule",
        lambda before, after: after.api_tokens is ApiTokens.EXEMPT,
    ),
    _GateField(
        "requireOnBuild.window", lambda g: g.build_window, lambda value: format_duration(value) if value else "not asked", _longer_window
    ),
    _GateField(
        "gate.plugin",
        lambda g: g.plugin,
        lambda value: value or "the one that is found",
        weakens=lambda before, after: False,
    ),
    _GateField(
        "gate.operator",
        lambda g: g.operator,
        lambda value: "an account" if value else "nobody",
        weakens=lambda before, after: False,
        laxer=lambda current, desired: current.operator is not None,
    ),
)
