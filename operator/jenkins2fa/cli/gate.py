"""``jenkins2fa gate``: print, check or remove the gate. Needs no cluster."""

from __future__ import annotations

import contextlib
import sys

import click

from jenkins2fa.api.instance import GateMode, GateSpec, InstanceSpec
from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.cli.errors import Command, ExitCode, Group, fail, refuse
from jenkins2fa.cli.options import JenkinsOptions, Target, jenkins_options, read_policy, read_target
from jenkins2fa.cli.validate import load_manifests
from jenkins2fa.core.desired import desired_gate
from jenkins2fa.core.observation import GateState, Observation
from jenkins2fa.core.settings import gate_configuration
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.scripts import STARTUP_FILE, gate_code, resident_text


@click.group(cls=Group)
def gate() -> None:
    """Print, check or remove the gate: the operator's servlet filter inside Jenkins.

    The gate decides who has given a second factor (docs/concepts.md).
    """


@gate.command(cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE|FOLDER|-]...")
@click.option("--policy", "name", metavar="NAME", help="Name of the policy, if the files hold several.")
@click.option("--username", envvar="JENKINS_USER", metavar="NAME", help="The operator's account at that controller. [env: JENKINS_USER]")
def render(files: tuple[str, ...], name: str | None, username: str | None) -> None:
    """Print the gate's source.

    Without files: the script that the operator installs (gate.mode Managed), for review. With the files of a policy: the same script with
    the policy's rules, to be mounted as init.groovy.d/jenkins2fa.groovy (gate.mode Provided).

    \b
    Examples:
      jenkins2fa gate render
      jenkins2fa gate render policy.yaml --username operator

    \b
    Exit codes: 0 printed
                1 an error
    """
    if not files:
        click.echo(resident_text(), nl=False)
        return
    if not username:
        raise click.UsageError("--username is needed: the gate lets the operator's account in")
    policy = read_policy(load_manifests(files), name)
    instance = InstanceSpec(url="", credentials="", gate=GateSpec(GateMode.PROVIDED))
    desired = desired_gate(policy.spec, instance, username)
    assert desired is not None  # a gate that is Provided always has settings
    click.echo(resident_text(gate_configuration(desired)), nl=False)


@gate.command(cls=Command)
@jenkins_options
def status(jenkins: JenkinsOptions) -> None:
    """Show whether the gate is installed and first in the filter chain.

    Also shows its version, its startup file, its faults and the owner of the controller.

    \b
    Example:
      jenkins2fa gate status --url https://ci.example.com/

    \b
    Exit codes: 0 in place
                1 an error
                3 not installed, or not first in the filter chain
    """
    observation = _observe(read_target([], jenkins))
    click.echo("\n".join(status_lines(observation)))
    sys.exit(ExitCode.AS_DESIRED if _in_place(observation.gate) else ExitCode.NOT_ENFORCED)


@gate.command(cls=Command)
@jenkins_options
@click.option("--settings", type=click.Choice([policy.value for policy in DeletionPolicy]), default="Retain", show_default=True,
              help="The plugin's settings: keep them, restore those from before the operator, or switch 2FA off.")  # fmt: skip
@click.option("--force", is_flag=True, help="Remove it even if 2FA stays on. The operator's account is then challenged like everyone else.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
def remove(jenkins: JenkinsOptions, settings: str, force: bool, yes: bool) -> None:
    """Remove everything that the operator added to Jenkins.

    That is the gate, its startup file and its folder. Exemptions end at once.

    \b
    Example:
      jenkins2fa gate remove --url https://ci.example.com/ --settings Disable

    \b
    Exit codes: 0 removed
                1 an error, or you did not confirm
                3 refused: 2FA would stay on without the gate (see --force)
    """
    target = read_target([], jenkins)
    observation = _observe(target)
    stays_on = observation.effective and settings == DeletionPolicy.RETAIN
    if stays_on and not force:
        refuse(
            "2FA would stay on without the gate, and exempt groups, exempt tokens and this account would be challenged. Add --force, "
            "or --settings Disable"
        )
    if not yes and not click.confirm(
        f"Remove the gate and the owner record ({observation.owner.name if observation.owner else 'none'}) from {target.instance.spec.url}?"
    ):
        fail("not confirmed: nothing was changed")
    with contextlib.closing(driver_for(target.connection, provider=target.instance.spec.provider)) as driver:
        try:
            driver.release(DeletionPolicy(settings))
        except JenkinsError as problem:
            fail(f"{problem.reason}: {problem}")
    click.echo("Removed.")


def status_lines(observation: Observation) -> list[str]:
    """The state of the gate, one fact per line."""
    state = observation.gate
    if not state.installed:
        lines = ["gate: absent"]
    else:
        place = (
            "first in the chain, before the plugin's filter"
            if _in_place(state)
            else f"position {state.position}, {state.installed} time(s)"
        )
        version = "this version" if state.code == gate_code() else "another version, or rendered with its rules"
        lines = [f"gate: {place}", f"code: {version} (SHA-256 {state.code})"]
    lines.append(f"start-up file: {STARTUP_FILE if state.startup_code else 'absent'}")
    if state.startup_code and state.startup_code != state.code:
        lines.append(f"  differs from what runs (SHA-256 {state.startup_code})")
    lines.append(f"faults: {state.errors}" + (f", last: {state.last_error}" if state.errors else ""))
    lines.append(f"owner: {observation.owner.name if observation.owner else 'none'}")
    return lines


def _in_place(state: GateState) -> bool:
    return state.installed == 1 and state.position == 0 and state.before_plugin is True and not state.foreign


def _observe(target: Target) -> Observation:
    with contextlib.closing(driver_for(target.connection, provider=target.instance.spec.provider)) as driver:
        try:
            return driver.observe()
        except JenkinsError as problem:
            fail(f"{problem.reason}: {problem}")
