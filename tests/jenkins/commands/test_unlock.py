"""`jenkins2fa unlock` opens what it can and verifies it; otherwise the steps that it prints really work."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jenkins2fa.cli.unlock import COMMANDS, steps
from jenkins2fa.core.assess import Proof
from jenkins2fa.core.observation import Owner
from tests.support.actions import is_off, is_on
from tests.support.commands import Commands
from tests.support.gated import groovy, switch_on
from tests.support.managed import Managed, layers, policy
from tests.support.proxy import Proxy, Say
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[3]
SEED = "the-seed-of-these-tests-only-0123456789"
BROKEN_WRITE = Say(200, "java.io.IOException: No space left on device\n\tat somewhere")


def people_are_in(jenkins: StandIn) -> bool:
    return [jenkins.browser(name, f"{name}-pw-1").status() for name in ("admin", "alice")] == [200, 200]


def traces(jenkins: StandIn) -> list[bool]:
    return [(jenkins.home / name).exists() for name in ("jenkins2fa", "init.groovy.d/jenkins2fa.groovy")]


def follow(text: str, home: Path) -> None:
    """Run the printed commands of step 4."""
    printed = [line.strip() for line in text.splitlines()]
    wanted = [line for line in printed if "$JENKINS_HOME" in line]
    assert wanted == list(COMMANDS)
    for command in wanted:
        subprocess.run(["sh", "-euc", command], env={**os.environ, "JENKINS_HOME": str(home)}, check=True)


def test_unlock_turns_off_every_layer_and_removes_the_gate(commands: Commands, managed: Managed, standin: StandIn) -> None:
    managed.apply(policy())
    assert not people_are_in(standin)
    ended = commands.run("unlock", standin.url, text="y\n")
    assert [ended.code, "no second factor is demanded, and a probe got through" in ended.out] == [0, True]
    assert [is_off(standin), layers(managed.observe()), traces(standin)] == [True, [False] * 3, [False] * 2]
    assert people_are_in(standin)
    standin.restart()
    assert [people_are_in(standin), managed.probe()] == [True, Proof.BYPASSED]


def test_unlock_explains_itself_and_asks_for_confirmation(commands: Commands, managed: Managed, standin: StandIn) -> None:
    managed.apply(policy())
    ended = commands.run("unlock", standin.url, text="n\n")
    assert [ended.code, "nothing was changed" in ended.err, is_on(standin)] == [1, True, True]
    for said in (
        "2FA is on.",
        "off in memory, on disk and in the filter",
        f"The operator of {Owner('cluster-of-the-tests', 'instance-uid').name}",
    ):
        assert said in ended.out
    assert "kubectl patch twofactorpolicy" in ended.out


def test_unlock_for_some_minutes_is_ended_by_jenkins(commands: Commands, managed: Managed, standin: StandIn) -> None:
    managed.apply(policy())
    ended = commands.run("unlock", standin.url, "--minutes", "1", "--reason", "INC-7", "--yes")
    assert [ended.code, people_are_in(standin)] == [0, True]
    seen = managed.observe()
    assert [seen.break_glass_used, seen.disk is not None and seen.disk.enabled, seen.gate.installed] == ["INC-7", True, 1]
    assert seen.break_glass_until is not None
    assert timedelta(seconds=40) < seen.break_glass_until - datetime.now(UTC) <= timedelta(seconds=61)
    with managed.driver() as driver:  # the same, but ending in a second
        driver.open_break_glass(datetime.now(UTC) + timedelta(seconds=1), "INC-8", timedelta(hours=1), keep=True)
    wait_until(lambda: not people_are_in(standin), seconds=10, every=0.2, what="Jenkins switches 2FA on again")


def test_a_used_reason_does_not_unlock(commands: Commands, managed: Managed, standin: StandIn) -> None:
    managed.apply(policy())
    with managed.driver() as driver:
        driver.open_break_glass(datetime.now(UTC) + timedelta(seconds=0.3), "INC-9", timedelta(seconds=0.3), keep=True)
    wait_until(lambda: managed.observe().break_glass_until is None, seconds=10, every=0.2, what="the break-glass is over")
    state = standin.home / "jenkins2fa" / "state.json"
    noted = json.loads(state.read_text())
    noted["breakGlass"]["used"]["INC-9"] = int((datetime.now(UTC) - timedelta(hours=5)).timestamp() * 1000)
    state.write_text(json.dumps(noted))
    ended = commands.run("unlock", standin.url, "--minutes", "1", "--reason", "INC-9", "--yes")
    assert [ended.code, "give another --reason" in ended.err, is_on(standin)] == [3, True, True]


def test_unlock_gives_the_second_factor_without_a_gate(commands: Commands, standin: StandIn, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    seed.write_text(SEED)
    switch_on(standin)
    ended = commands.run("unlock", standin.url, "--second-factor-seed-file", seed, "--yes")
    assert [ended.code, people_are_in(standin), SEED in ended.out + ended.err] == [0, True, False]


def test_unlock_has_nothing_to_do_if_nobody_is_challenged(commands: Commands, standin: StandIn) -> None:
    ended = commands.run("unlock", standin.url)
    assert [ended.code, "Nothing was changed" in ended.out, traces(standin)] == [0, True, [False] * 2]


def test_settings_on_disk_alone_count_as_locked(commands: Commands, standin: StandIn) -> None:
    switch_on(standin)
    groovy(standin, "MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false")
    ended = commands.run("unlock", standin.url, "--yes")
    assert [ended.code, "on, but nobody is challenged now" in ended.out] == [0, True]
    standin.restart()
    assert people_are_in(standin)


def test_the_printed_steps_unlock_a_controller_that_challenges_the_account(commands: Commands, standin: StandIn) -> None:
    """No gate, no seed: its own token is challenged. Stop, edit, start."""
    switch_on(standin)
    ended = commands.run("unlock", standin.url, "--yes")
    assert [ended.code, "demands a second factor from this account" in ended.err, people_are_in(standin)] == [3, True, False]
    standin.stop()
    follow(ended.out, standin.home)
    standin.start()
    assert people_are_in(standin)
    assert commands.run("unlock", standin.url).code == 0  # and the account gets in too


def test_the_printed_steps_unlock_a_controller_with_a_gate_and_a_lost_account(
    commands: Commands, managed: Managed, standin: StandIn
) -> None:
    managed.apply(policy())
    environment = {"JENKINS_USER": "admin", "JENKINS_TOKEN": "a-token-that-was-revoked"}
    ended = commands.run("unlock", standin.url, "--yes", environment=environment)
    assert [ended.code, "Unauthorized" in ended.err, "a-token-that-was-revoked" in ended.out + ended.err] == [3, True, False]
    standin.stop()
    follow(ended.out, standin.home)
    standin.start()
    assert [people_are_in(standin), traces(standin), managed.observe().gate.installed] == [True, [False] * 2, 0]
    assert (standin.home / "jenkins2fa.before-unlock" / "state.json").exists()  # moved aside, not lost
    managed.apply(policy())  # and it can be enforced again
    assert not people_are_in(standin)


def test_the_printed_steps_end_an_open_break_glass(managed: Managed, standin: StandIn) -> None:
    """Its timer or start-up file would otherwise switch 2FA on again."""
    managed.apply(policy())
    with managed.driver() as driver:
        driver.open_break_glass(datetime.now(UTC) + timedelta(seconds=2), "INC-1", timedelta(hours=1), keep=True)
    standin.stop()
    follow(steps(), standin.home)
    standin.start()
    wait_until(lambda: datetime.now(UTC).timestamp() > 0 and people_are_in(standin), seconds=3, every=0.5, what="people are in")
    groovy(standin, "Thread.sleep(2500)")
    assert people_are_in(standin)


def test_the_printed_steps_are_harmless_without_our_files(standin: StandIn) -> None:
    switch_on(standin)
    standin.stop()
    for _ in range(2):  # and twice
        follow(steps(), standin.home)
    standin.start()
    assert people_are_in(standin)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Say(503, "starting"), "Starting"),
        (Say(403, "no"), "Forbidden"),
        (Say(302, headers={"Location": "https://sso.lab.invalid/"}), "Redirected"),
    ],
)
def test_an_obstacle_is_named_before_the_steps(commands: Commands, proxy: Proxy, answer: Say, reason: str) -> None:
    proxy.fault(answer)
    ended = commands.run("unlock", proxy.url, "--yes")
    assert [ended.code, f"Not possible from here: {reason}" in ended.err, ended.out.rstrip()] == [3, True, steps().rstrip()]


def test_a_failure_during_the_unlock_prints_the_steps(commands: Commands, managed: Managed, standin: StandIn) -> None:
    managed.apply(policy())
    with Proxy(standin.url) as proxy:
        proxy.fault(BROKEN_WRITE, script="release")
        ended = commands.run("unlock", proxy.url, "--yes")
    assert [ended.code, "ScriptFailed" in ended.err, COMMANDS[0] in ended.out] == [3, True, True]


def test_printing_the_steps_sends_no_request(commands: Commands) -> None:
    ended = commands.run("unlock", "--steps", environment={"JENKINS_TOKEN": "", "JENKINS_URL": ""})
    assert [ended.code, ended.out.rstrip()] == [0, steps().rstrip()]


def test_the_documentation_has_the_printed_commands() -> None:
    text = (CHECKOUT / "docs" / "unlock.md").read_text()
    assert [command for command in COMMANDS if command not in text] == []


def test_wrong_usage_is_exit_code_1(commands: Commands) -> None:
    assert [commands.run("unlock", "--minutes", "241").code, commands.run("unlock", "--minutes", "0").code] == [1, 1]
    assert commands.run("unlock", environment={"JENKINS_URL": ""}).code == 1
