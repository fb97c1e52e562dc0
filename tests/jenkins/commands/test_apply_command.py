"""`jenkins2fa apply` on the command line."""

from __future__ import annotations

import pytest

from tests.support.actions import is_off, is_on
from tests.support.commands import Commands
from tests.support.managed import Managed, policy
from tests.support.standin import StandIn

SEED = "the-seed-of-these-tests-only-0123456789"


def test_the_command_applies_and_proves_a_policy(commands: Commands, standin: StandIn) -> None:
    ended = commands.run("apply", commands.policy(), "--gate", "Managed", text="y\n")
    assert [ended.code, is_on(standin)] == [0, True]
    assert ended.out.rstrip().endswith(
        "Enforced (Enforced=True/Probed): disk, memory, live flag and factors agree, and a probe was challenged"
    )
    again = commands.run("apply", commands.policy(), "--gate", "Managed")
    assert [again.code, "Nothing would change." in again.out, "Enforced (" in again.out] == [0, True, True]
    off = commands.run("apply", commands.policy(mode="Disabled"), "--gate", "Managed", "-y")
    assert [off.code, "Disabled: nobody is asked" in off.out, is_off(standin)] == [0, True, True]


def test_the_command_asks_for_confirmation(commands: Commands, standin: StandIn) -> None:
    ended = commands.run("apply", commands.policy(), "--gate", "Managed", text="n\n")
    assert [ended.code, "nothing was changed" in ended.err, is_off(standin)] == [1, True, True]


def test_the_command_reports_unsupported_fields_and_applies_the_rest(commands: Commands, standin: StandIn) -> None:
    file = commands.policy(allowedFactors=["SecurityQuestions", "WebAuthn"], rememberDevice="12h")
    ended = commands.run("apply", file, "--gate", "Managed", "-y")
    assert [ended.code, ended.out.count(" Unsupported: "), is_on(standin)] == [3, 2, True]
    assert "Enforced (Enforced=True/Probed)" in ended.out
    assert "Ready=False/Unsupported: " in ended.out


def test_a_group_without_members_is_not_enforced(commands: Commands, standin: StandIn) -> None:
    """Users without any group are challenged, since they might be in it; still, the policy is not proven."""
    file = commands.policy(enforcedGroups=["a-typo"])
    for options in (["-y"], []):  # after a change; and with nothing left to change
        ended = commands.run("apply", file, "--gate", "Managed", *options)
        assert [ended.code, "Enforced (" in ended.out, is_on(standin)] == [3, False, True]
        assert "Not proven (Enforced=Unknown/GroupUnverified): nobody is known to be in a-typo" in ended.out


def test_without_a_gate_the_policy_is_not_enforced(commands: Commands, standin: StandIn) -> None:
    files = [commands.policy(apiTokens=None), commands.instance(gate={"mode": "None"})]
    ended = commands.run("apply", *files, "-y", environment={"JENKINS_SECOND_FACTOR_SEED": SEED})
    assert [ended.code, "Not enforced (Enforced=False/PluginAlone): " in ended.out, is_on(standin)] == [3, True, True]


@pytest.mark.parametrize(
    ("spec", "options", "said"),
    [
        ({}, [], "OperatorLockedOut: nothing was changed"),
        ({"mode": "Audit"}, ["--gate", "Managed"], "mode is Audit"),
        ({"suspend": True}, ["--gate", "Managed"], "the policy is suspended"),
        ({"allowedFactors": ["WebAuthn"]}, ["--gate", "Managed"], "NoFactor: nothing was changed"),
        ({}, ["--gate", "Provided"], "GateNotProvided: nothing was changed"),
    ],
)
def test_the_command_refuses_and_changes_nothing(
    commands: Commands, standin: StandIn, spec: dict[str, object], options: list[str], said: str
) -> None:
    ended = commands.run("apply", commands.policy(**spec), *options, "-y")
    assert [ended.code, said in ended.err, is_off(standin), (standin.home / "jenkins2fa").exists()] == [3, True, True, False]


def test_a_refusal_names_an_option_of_this_command(commands: Commands) -> None:
    for command in (["plan"], ["apply", "-y"]):
        assert "--gate Managed" in commands.run(*command, commands.policy()).out


def test_the_command_takes_over_a_named_owner(commands: Commands, managed: Managed) -> None:
    managed.apply(policy())
    refused = commands.run("apply", commands.policy(mode="Disabled"), "--gate", "Managed", "-y")
    assert [refused.code, "OwnedElsewhere" in refused.err] == [3, True]
    owner = managed.observe().owner
    assert owner is not None
    assert commands.run("apply", commands.policy(mode="Disabled"), "--gate", "Managed", "-y", "--take-over", owner.name).code == 0
    assert managed.reasons(policy()) == ["ApiTokensExempt"]  # an operator may take over from the command line
