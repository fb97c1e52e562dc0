"""``jenkins2fa apply``: enforce a policy at one controller, without a cluster, and prove it."""

from __future__ import annotations

import secrets
import sys
from datetime import UTC, datetime

import click

from jenkins2fa.api.instance import GateMode
from jenkins2fa.api.status import FALSE, TRUE, UNKNOWN
from jenkins2fa.cli.errors import Command, ExitCode, code_of, fail, refuse
from jenkins2fa.cli.evidence import evidence_options, open_recording
from jenkins2fa.cli.options import JenkinsOptions, experimental_option, gate_option, jenkins_options_beside_files, policy_option
from jenkins2fa.cli.plan.command import plan_fleet
from jenkins2fa.cli.plan.fleet import InstancePlan, plan_instance
from jenkins2fa.cli.plan.output import as_text
from jenkins2fa.cli.plan.sources import from_command_line
from jenkins2fa.core.assess import Outcome, Proof
from jenkins2fa.core.conditions import judge_drifted, judge_ready, judge_stalled
from jenkins2fa.core.enforced import judge_enforced
from jenkins2fa.core.mode import Mode
from jenkins2fa.core.reasons import Reason
from jenkins2fa.core.summary import summarize
from jenkins2fa.jenkins.change import Order, Result, Step, carry_out
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.probe import Note

STEPS = {
    Step.BEGIN: "begin a trial (Jenkins undoes it after 60 s unless it is confirmed)",
    Step.READ_BACK: "read it back through a new connection",
    Step.PROBE: "probe: is a request that must be challenged challenged?",
    Step.CONFIRM: "confirm: write it to disk",
    Step.VERIFY: "read every layer again",
}

WORDS = {TRUE: ("Enforced", "green"), UNKNOWN: ("Not proven", "yellow"), FALSE: ("Not enforced", "red")}  # for condition Enforced


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="FILE|FOLDER|-...")
@jenkins_options_beside_files
@gate_option
@policy_option
@experimental_option
@click.option("--take-over", metavar="OWNER", help="Take the controller over from OWNER, which the refusal names.")
@evidence_options
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
def apply(
    files: tuple[str, ...],
    jenkins: JenkinsOptions,
    gate: str | None,
    policy: str | None,
    experimental: bool,
    take_over: str | None,
    evidence: str | None,
    evidence_key: str | None,
    yes: bool,
) -> None:
    """Enforce a policy at one controller, and prove it. Needs no cluster.

    Shows the plan and asks for confirmation. The change is then tried with a time limit and probed, and written to disk only if it works.
    If anything fails before that, Jenkins undoes it within a minute.

    The last lines are the conditions Enforced and Ready, as the operator would set them (docs/troubleshooting.md).

    \b
    Example:
      jenkins2fa apply policy.yaml --url https://ci.example.com/ --gate Managed

    \b
    Exit codes: 0 Enforced is True, or the policy switches 2FA off and it is off
                1 an error, the change was undone, or you did not confirm
                3 refused, unsupported, or Enforced is not True
    """
    note = open_recording(evidence, evidence_key)
    fleet = plan_fleet(from_command_line(files, jenkins, gate, policy, take_over), 1, experimental=experimental)
    (row,) = fleet.rows
    if row.plan is None:
        fail(f"{row.reason}: {row.message}")
    click.echo(as_text(fleet))
    plan = row.plan
    assessment = plan.assessment
    if assessment.refused:
        refuse(f"{assessment.refused.reason}: nothing was changed")
    if assessment.mode is not Mode.WRITE:
        refuse(f"{assessment.mode.sentence}: nothing was changed")
    if assessment.plan.changes:
        if not yes and not click.confirm("\nApply this?"):
            fail("nothing was changed")
        plan, proof = _carry_out(plan, experimental, take_over, note)
    else:
        proof = _prove(plan, note)
    _print_result(plan, proof)


def _carry_out(plan: InstancePlan, experimental: bool, take_over: str | None, note: Note | None) -> tuple[InstancePlan, Proof]:
    order = Order(
        trial=secrets.token_hex(6),
        desired=plan.assessment.plan.desired,
        gate_code=plan.assessment.plan.gate_code,
        owner=plan.assessment.owner,
        deletion=plan.policy.spec.deletion_policy,
        with_gate=plan.instance.spec.gate.mode is GateMode.MANAGED,
        take_over=take_over,
        groups=plan.policy.spec.enforced_groups or frozenset(),
    )
    try:
        result: Result = carry_out(
            lambda: driver_for(plan.connection, note, provider=plan.instance.spec.provider),
            order,
            lambda step: click.echo(f"  {step.value:<10} {STEPS[step]}"),
        )
    except JenkinsError as problem:
        fail(f"{problem.reason}: {problem}")
    after = plan_instance(plan.policy, plan.instance, plan.connection, result.observation, take_over, experimental=experimental)
    return after, result.proof


def _prove(plan: InstancePlan, note: Note | None) -> Proof:
    if not plan.assessment.plan.desired.enforcing:
        return Proof.NONE
    driver = driver_for(plan.connection, note, provider=plan.instance.spec.provider)
    try:
        driver.observe()  # the plugin's own rules may exempt this account; a probe then proves nothing
        return driver.probe()
    except JenkinsError as problem:
        fail(f"{problem.reason}: {problem}")
    finally:
        driver.close()


def _print_result(plan: InstancePlan, proof: Proof) -> None:
    """Prints the conditions that the operator would set (``core.conditions``), and ends with the code that --help names."""
    assessment = plan.assessment
    if assessment.plan.changes:
        fail(f"still differing afterwards: {', '.join(assessment.plan.paths)}")
    outcome = Outcome(plan.instance, plan.policy, assessment, proof=proof)
    enforced = judge_enforced(outcome, datetime.now(UTC))
    ready = judge_ready(outcome, enforced)
    off = enforced.reason == Reason.DISABLED
    word, colour = (Reason.DISABLED.value, None) if off else WORDS[enforced.status]
    click.echo(f"{click.style(word, fg=colour, bold=True)} (Enforced={enforced.status}/{enforced.reason}): {enforced.message}")
    if ready.status == FALSE and ready.reason != enforced.reason:
        click.echo(f"Ready={ready.status}/{ready.reason}: {ready.message}")
    if off and not plan.observation.effective and ready.status == TRUE:
        sys.exit(ExitCode.AS_DESIRED)
    sys.exit(code_of(summarize(ready, enforced, judge_drifted(outcome), stalled=judge_stalled(outcome, ready).status == TRUE)))
