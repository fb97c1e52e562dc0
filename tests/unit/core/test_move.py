"""A controller with two plugins: what a plan switches off, when that weakens, and what the guard says about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jenkins2fa.api.instance import Provider
from jenkins2fa.core.observation import Enrolment, Observation, OtherPlugin, Plugin
from jenkins2fa.core.plan import desired_digest, moves
from jenkins2fa.core.settings import PluginSettings
from jenkins2fa.jenkins.drivers.openmfa.driver import OPEN_MFA, TESTED
from tests.support.guarded import reasons, situation
from tests.support.literals import BARE, FRESH, MANAGED, in_force, plan, spec

APP: dict[str, Any] = {"allowedFactors": ["MobileAuthenticator"], "apiTokens": "Exempt"}
ASKS = OtherPlugin("miniorange-two-factor", True, ("disk", "memory", "live"))
INACTIVE = replace(ASKS, asks=False, layers_on=())
NAMED = replace(MANAGED, provider=Provider.OPEN_MFA)
OLD = replace(MANAGED, provider=Provider.MINI_ORANGE)


def beside(other: OtherPlugin, before: Observation | None = None) -> Observation:
    """OpenMFA beside another plugin; `before`: a controller where the other plugin's policy was confirmed."""
    observation = before or in_force(spec(), OLD)
    plugin = Plugin(True, True, TESTED, "Free", others=(other,))
    off = PluginSettings(base_factors=OPEN_MFA.base_factors)
    return replace(observation, plugin=plugin, capabilities=OPEN_MFA, memory=off, disk=off, live=None)


def provider_lines(where: Any, other: OtherPlugin = ASKS, **fields: Any) -> set[tuple[str, str, str, str, bool]]:
    changes = plan(beside(other), spec(**{**APP, **fields}), where).changes
    return {(one.path, one.layer.value, one.before, one.after, one.weakens) for one in changes if one.path.partition(".")[0] == "provider"}


def test_the_plugin_that_is_not_named_is_switched_off() -> None:
    lines = {("provider.miniorange-two-factor", layer, "on", "off", False) for layer in ("disk", "memory", "live")}
    assert [provider_lines(NAMED), provider_lines(NAMED, INACTIVE), provider_lines(MANAGED)] == [lines, set(), set()]


def test_one_that_asks_the_enrolled_only_is_not_off_either() -> None:
    half = replace(ASKS, asks=False, layers_on=("memory",))
    assert provider_lines(NAMED, half) == {("provider.miniorange-two-factor", "memory", "on for enrolled users only", "off", False)}


@pytest.mark.parametrize(
    ("where", "fields", "weakens"),
    [
        (NAMED, {}, False),
        (NAMED, {"apiTokens": "Challenge"}, False),
        (NAMED, {"apiTokens": None}, True),  # the new plugin lets tokens pass by its own rule
        (NAMED, {"mode": "Disabled"}, True),
        (replace(BARE, provider=Provider.OPEN_MFA), {"apiTokens": None}, False),
    ],
)
def test_a_move_weakens_only_where_somebody_is_not_asked_any_more(where: Any, fields: dict[str, Any], weakens: bool) -> None:
    assert {line[-1] for line in provider_lines(where, **fields)} == {weakens}


def test_what_counts_as_a_move() -> None:
    def is_move(observation: Observation, where: Any = NAMED, **fields: Any) -> bool:
        return moves(observation, plan(observation, spec(**{**APP, **fields}), where))

    on = PluginSettings(enabled=True, base_factors=OPEN_MFA.base_factors)
    asking = beside(ASKS)
    assert is_move(asking)
    assert not is_move(beside(INACTIVE))
    assert not is_move(asking, mode="Disabled")
    assert not is_move(replace(asking, memory=on, disk=on)), "the named one asks already: the other one is drift"
    assert not is_move(asking, MANAGED)


def test_two_plugins_are_refused_only_where_nobody_says_which_one_counts() -> None:
    for other in (ASKS, INACTIVE):
        observation = beside(other)
        assert [reasons(observation, MANAGED, **APP)[0], "TwoPlugins" in reasons(observation, NAMED, **APP)] == ["TwoPlugins", False]
    stuck = replace(ASKS, writable=False)
    assert [reasons(beside(stuck), NAMED, **APP)[0], "TwoPlugins" in reasons(beside(replace(INACTIVE, writable=False)), NAMED, **APP)] == [
        "TwoPlugins",
        False,
    ]


def test_a_move_waits_for_those_who_have_not_enrolled() -> None:
    few, rollout = Enrolment(total=10, not_enrolled=5, administrators=1, administrators_not_enrolled=1), {"minimumEnrolled": 90}
    move = replace(beside(ASKS), enrolment=few)
    assert "EnrolmentTooLow" in reasons(move, NAMED, **APP, rollout=rollout)
    assert "NoAdministratorEnrolled" in reasons(move, NAMED, **APP)
    assert "EnrolmentTooLow" not in reasons(replace(move, enrolment=Enrolment(total=10)), NAMED, **APP, rollout=rollout)
    wanted = situation(move, NAMED, **APP, rollout=rollout).plan
    assert move.owner is not None
    again = replace(move, owner=replace(move.owner, desired=desired_digest(wanted.desired, wanted.gate_code)))
    assert "EnrolmentTooLow" not in reasons(again, NAMED, **APP, rollout=rollout), "the old one on again is drift, and corrected"


def test_a_plugin_that_asks_protects() -> None:
    assert [replace(FRESH, plugin=replace(FRESH.plugin, others=(other,))).protected for other in (ASKS, INACTIVE)] == [True, False]
