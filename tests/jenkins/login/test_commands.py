"""`jenkins2fa plan` and `apply` without a gate: the seed comes from a file or the environment, and is never shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jenkins2fa.cli.main import main
from tests.support.standin import StandIn

SEED = "the-seed-of-these-tests-only-0123456789"
POLICY = """
apiVersion: jenkins2fa.dev/v1alpha1
kind: TwoFactorPolicy
metadata: {name: baseline}
spec:
  instanceSelector: {}
  mode: Enforce
  allowedFactors: [{type: SecurityQuestions}]
"""


@pytest.fixture(scope="module")
def jenkins() -> Iterator[StandIn]:
    with StandIn(flavour="javax") as started:
        yield started


@pytest.fixture
def run(jenkins: StandIn, tmp_path: Path) -> Run:
    return Run(jenkins, tmp_path)


class Run:
    """The command line against a stand-in; everything that it prints is searched for the seed."""

    def __init__(self, jenkins: StandIn, folder: Path) -> None:
        self.jenkins, self.policy, self.seed = jenkins, folder / "policy.yaml", folder / "seed"
        self.policy.write_text(POLICY)
        self.seed.write_text(SEED + "\n")

    def __call__(self, *arguments: str, text: str | None = None, **environment: str) -> Result:
        account = {"JENKINS_URL": self.jenkins.url, "JENKINS_USER": "admin", "JENKINS_TOKEN": self.jenkins.tokens["admin"]}
        result = CliRunner().invoke(main, [*arguments], input=text, env=account | environment)
        assert SEED not in result.output
        return result


def test_a_missing_seed_is_refused_with_a_message(run: Run) -> None:
    result = run("plan", str(run.policy))
    assert result.exit_code == 3
    assert "Refused  OperatorLockedOut" in result.output
    assert "secondFactorSeed" in result.output


@pytest.mark.parametrize("seed", ["w3ak", "nineteen-characters"])
def test_a_weak_seed_is_refused_with_what_to_do(run: Run, seed: str) -> None:
    for more in ({"JENKINS_SECOND_FACTOR_SEED": seed}, {}):
        run.seed.write_text(seed)
        result = run("plan", str(run.policy), *(() if more else ("--second-factor-seed-file", str(run.seed))), **more)
        assert result.exit_code == 1
        assert "openssl rand" in result.output
        assert seed not in result.output


def test_a_missing_seed_file_is_named(run: Run) -> None:
    result = run("plan", str(run.policy), "--second-factor-seed-file", "/nowhere/seed")
    assert (result.exit_code, "--second-factor-seed-file /nowhere/seed: No such file" in result.output) == (1, True)


def test_an_empty_seed_file_is_an_error(run: Run) -> None:
    run.seed.write_text("\n")
    result = run("plan", str(run.policy), "--second-factor-seed-file", str(run.seed))
    assert (result.exit_code, "seed of the second factor" in result.output) == (1, True)


def test_apply_plan_and_gate_status_with_a_seed(run: Run) -> None:
    seed = ("--second-factor-seed-file", str(run.seed))
    applied = run("apply", str(run.policy), "--yes", *seed)
    assert applied.exit_code == 3, applied.output
    assert "Not enforced (Enforced=False/PluginAlone)" in applied.output
    assert run.jenkins.browser("admin").status("/") == 302
    assert "Nothing would change" in run("plan", str(run.policy), *seed).output
    assert "Nothing would change" in run("plan", str(run.policy), JENKINS_SECOND_FACTOR_SEED=SEED).output
    assert "Nothing would change" in run("plan", str(run.policy), "--second-factor-seed-file", "-", text=SEED).output
    assert "gate: absent" in run("gate", "status", *seed).output
    without = run("plan", str(run.policy))
    assert without.exit_code == 1
    assert "ChallengedBySecondFactor" in without.output
