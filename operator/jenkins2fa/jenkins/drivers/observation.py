"""The answer of ``observe.groovy`` as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from jenkins2fa.core.factors.capabilities import Property, PropertyKind
from jenkins2fa.core.observation import (
    Enrolment,
    GateState,
    MailServer,
    Observation,
    OtherPlugin,
    Owner,
    Plugin,
    TrialState,
)
from jenkins2fa.core.settings import HELD_FACTORS, GateSettings, PluginSettings, read_gate_configuration
from jenkins2fa.core.shape import misfit
from jenkins2fa.jenkins.errors import ProtocolError

ANOTHER_VERSION = "check whether another version of the operator manages this controller"
SettingsReader = Callable[[Mapping[str, Any]], PluginSettings]


def read_observation(answer: Mapping[str, Any], read_settings: SettingsReader) -> Observation:
    """The answer as data. ``read_settings``: the driver's reading of one layer.

    Raises ProtocolError when an essential part is damaged."""
    damaged = tuple(sorted(name for name, part in answer.items() if isinstance(part, Mapping) and "error" in part))
    sound = {name: part for name, part in answer.items() if name not in damaged}
    try:
        jenkins = sound["jenkins"]
        layers, state = sound.get("layers") or {}, sound.get("state") or {}
        observation = Observation(
            version=jenkins["version"],
            session=jenkins["session"],
            identity=jenkins["identity"],
            user=sound["self"]["id"] or "",
            enrolled=(sound.get("enrolment") or {}).get("securityQuestions"),
            plugin=_plugin(sound.get("plugin") or {}),
            disk=_layer(layers.get("disk"), read_settings),
            memory=_layer(layers.get("memory"), read_settings),
            live=layers.get("live"),
            gate=_gate(sound.get("gate") or {}, state.get("hold")),
            trial=_trial(sound.get("trial") or {}),
            owner=_owner(state.get("owner")),
            deletion=state.get("deletionPolicy"),
            mail_server=_mail_server(sound.get("mailer") or {}),
            managed_by_code=None
            if "configurationAsCode" in damaged
            else (sound.get("configurationAsCode") or {"managed": False})["managed"],
            anonymous_administers=(sound.get("access") or {}).get("anonymousAdministers"),
            break_glass_until=read_time((sound.get("breakGlass") or {}).get("until")),
            break_glass_used=(state.get("breakGlass") or {}).get("reason"),
            break_glass_times=tuple(_span(*times) for times in (state.get("breakGlass") or {}).get("times") or ()),
            corrections={path: tuple(filter(None, map(read_time, times))) for path, times in (state.get("corrections") or {}).items()},
            known_groups=frozenset((sound.get("groups") or {}).get("known") or ()),
            enrolment=_enrolment(sound.get("users")),
            damaged=damaged,
        )
    except KeyError as problem:
        raise ProtocolError(f"the observation lacks {problem}: {ANOTHER_VERSION}", transient=False) from None
    except (TypeError, ValueError, AttributeError, OverflowError, OSError):
        raise ProtocolError(f"the observation has an unexpected form: {ANOTHER_VERSION}", transient=False) from None
    wrong = misfit(observation, Observation)
    if wrong is not None:
        raise ProtocolError(f"the observation has an unexpected form: {wrong}: {ANOTHER_VERSION}", transient=False)
    return observation


def _plugin(part: Mapping[str, Any]) -> Plugin:
    edition = part.get("edition")
    return Plugin(
        installed=bool(part.get("installed")),
        active=bool(part.get("active")),
        version=part.get("version"),
        edition=edition.capitalize() if edition else None,
        missing=tuple(part.get("missing") or ()),
        properties=tuple(_property(found) for found in part.get("foundProperties") or ()),
        others=tuple(_other_plugin(other) for other in part.get("others") or () if other["active"]),
    )


def _other_plugin(part: Mapping[str, Any]) -> OtherPlugin:
    return OtherPlugin(part["name"], bool(part["asks"]), tuple(part.get("on") or ()), bool(part.get("writable")), part.get("version"))


def _property(part: Mapping[str, Any]) -> Property:
    return Property(part["role"], part["name"], PropertyKind(part["kind"]), part["writable"], part["stored"], tuple(part["choices"]))


def _layer(part: Mapping[str, Any] | None, read_settings: SettingsReader) -> PluginSettings | None:
    return None if part is None else read_settings(part)


def _gate(part: Mapping[str, Any], stored_hold: Mapping[str, Any] | None) -> GateState:
    startup = part.get("startup") or {}
    return GateState(
        installed=part.get("installed") or 0,
        position=part.get("position"),
        plugin_filters=part.get("pluginFilters") or 0,
        before_plugin=part.get("beforePlugin"),
        foreign=bool(part.get("foreign")),
        code=part.get("code"),
        settings=_rules(part.get("config")),
        startup_code=startup.get("code"),
        stored=_rules(startup.get("config")),
        errors=part.get("errors") or 0,
        last_error=part.get("lastError"),
        put_back=part.get("putBack") or 0,
        hold=_hold(part.get("hold")),
        stored_hold=_hold(stored_hold),
        wrong_answers=part.get("wrongAnswers") or 0,
        limited_answers=part.get("limitedAnswers") or 0,
        without_group=part.get("unplaced") or 0,
        locked_out=part.get("lockedOut") or 0,
    )


def _hold(part: Mapping[str, Any] | None) -> frozenset[str] | None:
    return None if part is None else frozenset(part.get("factors") or ())


def _rules(configuration: Mapping[str, Any] | None) -> GateSettings | None:
    return None if configuration is None else read_gate_configuration(configuration)


def _trial(part: Mapping[str, Any]) -> TrialState:
    pending, last = part.get("pending") or {}, part.get("last") or {}
    return TrialState(pending.get("id"), read_time(pending.get("until")), bool(pending.get("stale")), last.get("id"), last.get("outcome"))


def _owner(part: Mapping[str, Any] | None) -> Owner | None:
    if part is None:
        return None
    return Owner(
        part["cluster"],
        part["instance"],
        part.get("policy", ""),
        part.get("generation", 0),
        part.get("desired", ""),
        bool(part.get("approvals", False)),
    )


def _mail_server(part: Mapping[str, Any]) -> MailServer:
    return MailServer(bool(part.get("installed")), bool(part.get("smtpHost")))


def _enrolment(part: Mapping[str, Any] | None) -> Enrolment | None:
    if part is None:
        return None
    return Enrolment(
        part["total"],
        part["notEnrolled"],
        part["withoutAddress"],
        part["administrators"],
        part["administratorsNotEnrolled"],
        part.get("complete", True),
        part.get("exempt", 0),
        part.get("unknown", 0),
        part.get("withApiToken"),
        {factor: part[name] for factor, name in HELD_FACTORS.items() if name in part},
    )


def _span(begun: int, ended: int) -> tuple[datetime, datetime]:
    return datetime.fromtimestamp(begun / 1000, UTC), datetime.fromtimestamp(ended / 1000, UTC)


def read_time(milliseconds: int | None) -> datetime | None:
    """A time by Jenkins' clock, from milliseconds since 1970."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
