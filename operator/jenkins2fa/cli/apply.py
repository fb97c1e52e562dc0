"""``jenkins2fa apply``: put a policy into force in a running Jenkins, without a cluster, and prove it."""

from __future__ import annotations

import secrets
import sys
from datetime import UTC, datetime

import click

from jenkins2fa.api.instance import GateMode
from jenkins2fa.api.status import FALSE, TRUE, UNKNOWN
from jenkins2fa.cli.errors import ExitCode, OneOnError, code_of, fail, refuse
from jenkins2fa.cli.evidence import evidence_options, open_recording
from jenkins2fa.cli.observe import Look, Question, look_at, look_through, question_options
from jenkins2fa.cli.plan.command import as_text
from jenkins2fa.core.conditions import Outcome, Proof, judge_drifted, judge_enforced, judge_ready, judge_stalled
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.summary import summarize
from jenkins2fa.jenkins.change import Order, Result, Step, carry_out
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.probe import Note

STEPS = {
    Step.BEGIN: "begin a trial (Jenkins undoes it by itself after 60 s unless it is confirmed)",
    Step.READ_BACK: "read it back through a new connection",
    Step.PROBE: "probe: is a request that must be challenged challenged?",
    Step.CONFIRM: "confirm: write it to disk",
    Step.VERIFY: "look again at every layer",
}

WORDS = {TRUE: ("In force", "green"), UNKNOWN: ("Not proven", "yellow"), FALSE: ("Not in force", "red")}  # for condition Enforced


@click.command(cls=OneOnError)
@question_options
@click.option("--take-over", metavar="OWNER", help="Take over a Jenkins that OWNER (as the refusal names it) manages.")
@evidence_options
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def apply(question: Question, take_over: str | None, evidence: str | None, evidence_key: str | None, yes: bool) -> None:
    """Put a policy into force in a running Jenkins, and prove it. Needs no cluster.

    Shows the plan, asks, tries the change with a time limit, probes, and only then writes it to disk. Whatever goes wrong before that,
    Jenkins is as before within a minute.

    At the end it says condition Enforced as the operator would (docs/troubleshooting.md), and Ready where something is left to be done.

    \b
    Exit codes: 0 Enforced is True (or the policy says Off, and it is off), whether or not there was something to do
                1 an error, the change was undone, or you said no
                3 refused; or done as far as possible, but Enforced is not True, or something is unsupported
    """
    note = open_recording(evidence, evidence_key)
    look = look_at(question, take_over)
    click.echo(as_text(look))
    found = look.assessment
    if found.refused:
        refuse(f"{found.refused.reason}: nothing was changed")
    if found.mode is not Mode.WRITE:
        refuse(f"{found.mode.said}: nothing was changed")
    if found.plan.changes:
        if not yes and not click.confirm("\nApply this?"):
            fail("nothing was changed")
        look, proof = _carry_out(look, question.premium, take_over, note)
    else:
        proof = _prove(look, note)
    _tell(look, proof)


def _carry_out(look: Look, premium: bool, take_over: str | None, note: Note | None) -> tuple[Look, Proof]:
    order = Order(
        trial=secrets.token_hex(6),
        desired=look.assessment.plan.desired,
        gate_code=look.assessment.plan.gate_code,
        owner=look.assessment.owner,
        deletion=look.policy.spec.deletion_policy,
        with_gate=look.target.instance.spec.gate.mode is GateMode.MANAGED,
        take_over=take_over,
        groups=look.policy.spec.enforced_groups or frozenset(),
    )
    try:
        result: Result = carry_out(
            lambda: driver_for(look.target.connection, note), order, lambda step: click.echo(f"  {step.value:<10} {STEPS[step]}")
        )
    except JenkinsError as problem:
        fail(f"{problem.reason}: {problem}")
    return look_through(look.policy, look.target, result.observation, take_over, premium=premium), result.proof


def _prove(look: Look, note: Note | None) -> Proof:
    if not look.assessment.plan.desired.enforcing:
        return Proof.NONE
    driver = driver_for(look.target.connection, note)
    try:
        driver.observe()  # by its own rules the plugin may let us pass; then the probe shows nothing
        return driver.probe()
    except JenkinsError as problem:
        fail(f"{problem.reason}: {problem}")
    finally:
        driver.close()


def _tell(look: Look, proof: Proof) -> None:
    """Says what the operator would say of the same state (``core.conditions``), and ends with the code that --help names."""
    found = look.assessment
    if found.plan.changes:
        fail(f"still differing afterwards: {', '.join(found.plan.paths)}")
    outcome = Outcome(look.target.instance, look.policy, look.observation, found.plan, found.findings, found.mode, found.drift, proof=proof)
    enforced = judge_enforced(outcome, datetime.now(UTC))
    ready = judge_ready(outcome, enforced)
    off = enforced.reason == "Off"
    word, colour = ("Off", None) if off else WORDS[enforced.status]
    click.echo(f"{click.style(word, fg=colour, bold=True)} (Enforced={enforced.status}/{enforced.reason}): {enforced.message}")
    if ready.status == FALSE and ready.reason != enforced.reason:
        click.echo(f"Ready={ready.status}/{ready.reason}: {ready.message}")
    if off and not look.observation.effective and ready.status == TRUE:
        sys.exit(ExitCode.AS_DESIRED)
    sys.exit(code_of(summarize(ready, enforced, judge_drifted(outcome), stalled=judge_stalled(outcome, ready).status == TRUE)))
