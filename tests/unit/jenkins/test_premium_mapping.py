"""Mapping a policy to the premium edition's properties: data in, data out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jenkins2fa.api.policy import Factor
from jenkins2fa.core.desired import desired_state
from jenkins2fa.core.factors.capabilities import Capabilities, Property, PropertyKind
from jenkins2fa.core.factors.properties import differences, property_values
from jenkins2fa.core.guard.chain import check
from jenkins2fa.core.observation import Observation, Plugin
from jenkins2fa.core.plan import desired_digest, make_plan
from jenkins2fa.core.settings import PluginSettings
from jenkins2fa.jenkins.drivers.miniorange.driver import FREE, PREMIUM, may_pass_by_itself
from jenkins2fa.jenkins.drivers.miniorange.settings import plugin_document, read_plugin_document
from tests.support.guarded import situation
from tests.support.literals import BARE, CODE, FRESH, MANAGED, QUESTIONS, in_force, premium, spec

SWITCH, TEXT, NUMBER, CHOICE, OTHER = PropertyKind
SWITCHES = (
    "enableMobileAuthenticator",
    "enableDuoPush",
    "enableOtpOverSms",
    "enableRememberMe",
    "enforceRestApi2fa",
    "skipRestApi2faForTokens",
)
FULL = (
    Property("enableTfaForGroups", "enableTfaForGroups", TEXT),
    Property("skipTfaForGroups", "skipTfaForGroups", TEXT),
    *(Property(name, name, SWITCH) for name in SWITCHES),
    Property("enableTfaOnBuild", "enableTfaOnBuild", SWITCH),
    Property("rememberDuration", "rememberMeDuration", NUMBER),
    Property("rememberUnit", "rememberMeUnit", TEXT),
)


def can(*properties: Property, **held: Any) -> Capabilities:
    return replace(PREMIUM, properties=properties, held=held)


def values(capabilities: Capabilities, gated: bool = False, **fields: Any) -> dict[str, Any]:
    return property_values(spec(**fields), capabilities, gated=gated)


def unsupported(capabilities: Capabilities, where: Any = BARE, **fields: Any) -> dict[str, str]:
    return {one.path: one.message for one in desired_state(spec(apiTokens=None, **fields), where, "admin", capabilities).unsupported}


def observation_with(*properties: Property, **held: Any) -> Observation:
    plugin = Plugin(True, True, "2.3.0", properties=properties)
    return premium(replace(FRESH, plugin=plugin, memory=PluginSettings(properties=held), disk=PluginSettings(properties=held)))


def test_the_free_edition_has_no_premium_settings() -> None:
    assert values(FREE, rememberDevice="12h") == {}
    assert FREE.factors == FREE.base_factors
    plain = desired_state(spec(), MANAGED, "admin", FREE)
    assert plugin_document(plain.plugin).keys() == {"enabled", "securityQuestions", "emailOTP", "mail"}
    assert desired_digest(plain, CODE) == desired_digest(desired_state(spec(), MANAGED, "admin", FRESH.capabilities), CODE)


def test_factors_follow_the_switches_of_the_edition() -> None:
    found = can(Property("enableDuoPush", "enableDuoPush", SWITCH), Property("webAuthn", "enableWebAuthn", SWITCH))
    assert found.factors == FREE.base_factors | {Factor.DUO_PUSH, Factor.WEB_AUTHN}
    assert values(found, allowedFactors=["DuoPush"]) == {"enableDuoPush": True, "webAuthn": False}


@pytest.mark.parametrize(
    ("unit", "desired", "written"),
    [
        ("hours", "12h", {"enableRememberMe": True, "rememberDuration": 12}),
        ("Minute", "90m", {"enableRememberMe": True, "rememberDuration": 90}),
        ("DAYS", "48h", {"enableRememberMe": True, "rememberDuration": 2}),
        ("days", "12h", {"enableRememberMe": False}),
        ("fortnights", "12h", {"enableRememberMe": False}),
        ("", "12h", {"enableRememberMe": False}),
        ("hours", None, {"enableRememberMe": False}),
    ],
)
def test_durations_use_the_unit_of_the_property(unit: str, desired: str | None, written: dict[str, Any]) -> None:
    remember = [one for one in FULL if "emember" in one.role]
    found = can(*remember, rememberUnit=unit)
    assert values(found, rememberDevice=desired) == written
    assert ("rememberDevice" in unsupported(found, rememberDevice=desired)) is (desired is not None and not written["enableRememberMe"])


@pytest.mark.parametrize(
    "found",
    [
        Property("enableDuoPush", "duo", OTHER),
        Property("enableDuoPush", "duo", SWITCH, writable=False),
        Property("enableDuoPush", "duo", TEXT),
    ],
)
def test_a_property_of_another_type_is_not_used(found: Property) -> None:
    assert values(can(found), allowedFactors=["DuoPush"]) == {}
    assert "allowedFactors" in unsupported(can(found), allowedFactors=["SecurityQuestions", "DuoPush"])
    assert Factor.DUO_PUSH not in can(found).factors


@pytest.mark.parametrize(
    ("prop", "held", "gateway", "written", "fits"),
    [
        (Property("smsGateway", "gw", CHOICE, choices=("MINI_ORANGE", "TWILIO")), "TWILIO", "MiniOrange", "MINI_ORANGE", True),
        (Property("smsGateway", "gw", CHOICE, choices=("A", "B")), "A", "Twilio", None, False),
        (Property("smsGateway", "gw", TEXT), "twilio", "Twilio", None, True),
        (Property("smsGateway", "gw", TEXT), "twilio", "MiniOrange", None, False),
    ],
)
def test_the_spelling_of_a_gateway_is_never_guessed(prop: Property, held: str, gateway: str, written: str | None, fits: bool) -> None:
    found = can(Property("enableOtpOverSms", "enableOtpOverSms", SWITCH), prop, smsGateway=held)
    fields = {"allowedFactors": ["SMSOTP"], "smsOTP": {"gateway": gateway}}
    assert values(found, **fields).get("smsGateway") == written
    assert ("smsOTP" not in unsupported(found, **fields)) is fits


def test_with_a_gate_the_plugin_challenges_everyone() -> None:
    fields = {"enforcedGroups": ["b", "a"], "exemptGroups": ["c"], "apiTokens": "Exempt"}
    alone, beside = values(can(*FULL), **fields), values(can(*FULL), True, **fields)
    roles = ("enableTfaForGroups", "skipTfaForGroups", "enforceRestApi2fa", "skipRestApi2faForTokens")
    assert [alone.get(role) for role in roles] == ["a;b", "c", None, True]
    assert [beside.get(role) for role in roles] == ["", "", True, False]


def test_documents_survive_a_round_trip() -> None:
    settings = PluginSettings(True, QUESTIONS, properties={"enableDuoPush": True, "rememberDuration": 3, "skipTfaForGroups": "a;b"})
    assert read_plugin_document(plugin_document(settings)) == settings
    assert settings.factors == {Factor.SECURITY_QUESTIONS, Factor.DUO_PUSH}


@pytest.mark.parametrize(
    ("role", "before", "after", "weakens"),
    [
        ("enableTfaForGroups", "", "a", True),
        ("enableTfaForGroups", "a", "", False),
        ("enableTfaForGroups", "a;b", "a", True),
        ("enableTfaForGroups", "a", "a;b", False),
        ("skipTfaForGroups", "", "a", True),
        ("skipTfaForGroups", "a;b", "b", False),
        ("enableDuoPush", True, False, True),
        ("enableDuoPush", False, True, False),
        ("enforceRestApi2fa", True, False, True),
        ("skipRestApi2faForTokens", False, True, True),
        ("enableTfaOnBuild", True, False, True),
        ("enableRememberMe", False, True, True),
        ("rememberDuration", 1, 2, True),
        ("rememberDuration", 2, 1, False),
    ],
)
def test_what_weakens(role: str, before: Any, after: Any, weakens: bool) -> None:
    found = list(differences({role: after}, {role: before}, FULL, stored=False))
    assert [one[3] for one in found] == [weakens]


@pytest.mark.parametrize(
    ("role", "held", "desired", "laxer"),
    [
        ("enableTfaForGroups", "a", "", True),
        ("enableTfaForGroups", "a", "b", True),
        ("enableTfaForGroups", "", "a", False),
        ("skipTfaForGroups", "a", "b", True),
        ("skipTfaForGroups", "", "b", False),
        ("enableDuoPush", True, False, True),
        ("enableDuoPush", False, True, False),
        ("enforceRestApi2fa", False, True, True),
        ("skipRestApi2faForTokens", True, False, True),
        ("enableTfaOnBuild", False, True, True),
        ("enableRememberMe", True, False, True),
        ("rememberDuration", 2, 1, True),
        ("rememberDuration", 1, 2, False),
    ],
)
def test_settings_laxer_than_the_policy(role: str, held: Any, desired: Any, laxer: bool) -> None:
    (found,) = differences({role: desired}, {role: held}, FULL, stored=False)
    assert found[4] is laxer


@pytest.mark.parametrize(
    ("role", "before", "after"),
    [("enableTfaForGroups", "b; a", "a;b"), ("skipTfaForGroups", None, ""), ("enableDuoPush", None, False), ("rememberDuration", 3, 3)],
)
def test_equivalent_settings_do_not_differ(role: str, before: Any, after: Any) -> None:
    assert not list(differences({role: after}, {role: before}, FULL, stored=False))


def test_missing_and_unstored_properties_differ_in_memory() -> None:
    desired = desired_state(
        spec(allowedFactors=["SecurityQuestions", "DuoPush"]), MANAGED, "admin", can(Property("enableDuoPush", "d", SWITCH))
    )
    gone = make_plan(observation_with(), desired, CODE)
    assert ("allowedFactors.DuoPush", "memory") in {(one.path, one.layer.value) for one in gone.changes}
    hidden = make_plan(observation_with(Property("enableDuoPush", "d", SWITCH, stored=False), enableDuoPush=False), desired, CODE)
    assert [one.layer.value for one in hidden.changes if one.path == "allowedFactors.DuoPush"] == ["memory"]


@pytest.mark.parametrize(
    ("held", "passes"),
    [
        ({"enforceRestApi2fa": True, "skipRestApi2faForTokens": False}, False),
        ({"enforceRestApi2fa": True, "skipRestApi2faForTokens": True}, True),
        ({"enforceRestApi2fa": False}, True),
        ({"enforceRestApi2fa": True, "enableTfaForGroups": "a"}, True),
        ({"enforceRestApi2fa": True, "skipTfaForGroups": "a"}, True),
        ({}, False),
    ],
)
def test_when_the_operators_own_probe_proves_nothing(held: dict[str, Any], passes: bool) -> None:
    assert may_pass_by_itself(held) is passes


def test_require_on_build_is_done_by_the_plugin_not_the_gate() -> None:
    fields = {"requireOnBuild": {"window": "15m"}}
    native = desired_state(spec(**fields), MANAGED, "admin", can(*FULL))
    assert native.gate is not None
    assert [native.gate.build_window, native.plugin.properties["enableTfaOnBuild"], native.unsupported] == [None, True, ()]
    without = desired_state(spec(**fields), MANAGED, "admin", can())
    assert [one.path for one in without.unsupported] == ["requireOnBuild"]
    assert in_force(spec(**fields)).gate.settings is not None


def test_writing_needs_the_switch_and_the_message_names_it() -> None:
    for allowed, reasons in ((False, {"UnsupportedPluginVersion"}), (True, set())):
        found = check(situation(observation_with(*FULL), BARE, {"experimental": allowed, "second_factor_login": True}))
        refused = {one.reason for one in found if one.severity.value == "Refusal"}
        assert refused == reasons
        assert ("ExperimentalPremium" in {one.reason for one in found}) is allowed
    damaged = replace(observation_with(*FULL), plugin=replace(observation_with(*FULL).plugin, missing=("MoFilter",)))
    assert "UnsupportedPluginVersion" in {one.reason for one in check(situation(damaged, more={"experimental": True}))}
