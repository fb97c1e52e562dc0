"""``jenkins2fa unlock``: switch 2FA off as a last resort; if that fails, print what to do on the host of Jenkins."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import click

from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.cli.errors import Command, CommandError, ExitCode, fail, refuse
from jenkins2fa.cli.one_user import unlock_user
from jenkins2fa.cli.options import JenkinsOptions, Target, jenkins_options, read_target
from jenkins2fa.core.assess import Proof
from jenkins2fa.core.observation import COMMAND_LINE, Observation
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import ChallengedBySecondFactor, JenkinsError
from jenkins2fa.jenkins.scripts import gate_code

LONGEST = 240  # minutes, as the operator's own limit


@click.command(cls=Command)
@click.argument("place", metavar="[URL]", required=False)
@jenkins_options
@click.option("--user", metavar="ID", help="Only remove the second factor of this user. 2FA stays on for everyone.")
@click.option("--minutes", type=click.IntRange(1, LONGEST), help="Only for this time: open a break-glass, which Jenkins ends by itself.")
@click.option("--reason", metavar="TEXT", help="Reason of the break-glass. Jenkins keeps it. Default: this command and the time.")
@click.option("--steps", "only_steps", is_flag=True, help="Print what to do on the host of Jenkins, and do nothing else.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
def unlock(
    place: str | None,
    jenkins: JenkinsOptions,
    user: str | None,
    minutes: int | None,
    reason: str | None,
    only_steps: bool,
    yes: bool,
) -> None:
    """Switch 2FA off at one controller, so that passwords alone are enough to log in. With --user, remove the second factor of one user,
    who then enrols again at the next login.

    Needs an account with Administer that can still log in: the gate exempts it, it can give the second factor
    (--second-factor-seed-file), or nothing challenges it (as OpenMFA
    does not challenge API tokens without the gate). Otherwise, the command prints what to do on the host of Jenkins.

    \b
    Examples:
      jenkins2fa unlock https://ci.example.com/ --minutes 30 --reason INC-1
      jenkins2fa unlock https://ci.example.com/ --user carol
      jenkins2fa unlock --steps

    \b
    Exit codes: 0 2FA is off (a probe shows it), or was off already
                1 an error, or you did not confirm
                3 not possible from here: do what is printed
    With --user: 0 the user has no second factor any more
                3 not possible from here, or another administrator must
                  run it too
    """
    if only_steps:
        click.echo(steps())
        return
    if user is not None and (minutes is not None or reason is not None):
        raise CommandError("--user removes one user's second factor: --minutes and --reason do not apply. Leave them out")
    if user is not None and not user.strip():
        raise CommandError("--user is empty: give the id of a user")
    target = read_target([], replace(jenkins, url=place) if place else jenkins)
    if user is not None:
        unlock_user(target, user, yes=yes)
        return
    try:
        observation = _observe(target)
        if not observation.protected and "layers" not in observation.damaged:
            click.echo("2FA is off already in memory, on disk and in the filter. Nothing was changed.")
            return
        click.echo(_intention(target, observation, minutes))
        if not yes and not click.confirm("\nProceed?"):
            fail("not confirmed: nothing was changed")
        _open(target, observation, minutes, reason)
        _print_result(target, minutes)
    except JenkinsError as problem:
        _cannot(problem)


def _intention(target: Target, observation: Observation, minutes: int | None) -> str:
    state = "on" if observation.effective else "on, but nobody is challenged now"
    lines = [f"Jenkins {observation.version} at {target.instance.spec.url}: 2FA is {state}."]
    if minutes is not None:
        end = "also after a restart of Jenkins" if _keeps(observation) else "or at a restart of Jenkins, if that is earlier"
        lines.append(f"This switches it off for {minutes} minutes. Jenkins switches it on again by itself, {end}.")
    else:
        lines += [
            "This switches it off in memory, on disk and in the filter, until someone switches it on again,",
            "and removes the gate, its startup file and the owner record from Jenkins. Users stay enrolled.",
        ]
    if observation.owner is not None and observation.owner.cluster != COMMAND_LINE:
        lines += [
            "",
            f"The operator of {observation.owner.name} manages this controller and would switch 2FA on again. Stop it first:",
            f"  {HOLD_THE_OPERATOR[0]}",
        ]
    if observation.managed_by_code:
        lines += ["", "Configuration-as-code sets the same fields: 2FA may be on again after its next reload or restart."]
    return "\n".join(lines)


def _open(target: Target, observation: Observation, minutes: int | None, reason: str | None) -> None:
    with contextlib.closing(driver_for(target.connection, provider=target.instance.spec.provider)) as driver:
        if minutes is None:
            driver.release(DeletionPolicy.DISABLE)
            return
        now = datetime.now(UTC)
        until = driver.open_break_glass(
            now + timedelta(minutes=minutes),
            reason or f"jenkins2fa unlock {now:%Y-%m-%dT%H:%M:%SZ}",
            timedelta(minutes=LONGEST),
            keep=_keeps(observation),
        )
    if until is None:
        refuse("this reason was used before, and its break-glass has ended: give another --reason. Nothing was changed")


def _keeps(observation: Observation) -> bool:
    """Whether our startup file is there: the break-glass then survives a restart. We add no file, and never write a mounted one."""
    return observation.gate.startup_code == gate_code()


def _print_result(target: Target, minutes: int | None) -> None:
    """Observes and probes again, through a new connection."""
    observation = _observe(target)
    with contextlib.closing(driver_for(target.connection, provider=target.instance.spec.provider)) as driver:
        proof = driver.probe()
    if observation.effective or proof is not Proof.BYPASSED or (minutes is None and observation.protected):
        _give_up("a second factor is still demanded afterwards: something may be switching it on again")
    until = f" until {observation.break_glass_until:%Y-%m-%d %H:%M:%S} UTC" if observation.break_glass_until else ""
    click.echo(click.style("Open: ", fg="yellow", bold=True) + f"no second factor is demanded{until}, and a probe got through.")


def _observe(target: Target) -> Observation:
    with contextlib.closing(driver_for(target.connection, provider=target.instance.spec.provider)) as driver:
        return driver.observe()


def _cannot(problem: JenkinsError) -> NoReturn:
    if isinstance(problem, ChallengedBySecondFactor):
        _give_up("Jenkins demands a second factor from this account. If it can pass one by itself, give --second-factor-seed-file")
    _give_up(f"{problem.reason}: {problem}")


def _give_up(why: str) -> NoReturn:
    click.echo(f"Not possible from here: {why}.", err=True)
    click.echo(steps())
    sys.exit(ExitCode.NOT_ENFORCED)


SETTINGS = "plugins/moTfaGlobalConfig/io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.xml"
OPEN_MFA = "io.jenkins.plugins.openmfa.MFAGlobalConfiguration"
OPEN_MFA_OFF = f"<{OPEN_MFA}><exemptRoles>authenticated</exemptRoles><requireMFA>false</requireMFA></{OPEN_MFA}>"
COMMANDS = (
    f'if [ -e "$JENKINS_HOME/{SETTINGS}" ]; then '
    f"sed -i.before-unlock 's|<enableTfa>true</enableTfa>|<enableTfa>false</enableTfa>|' \"$JENKINS_HOME/{SETTINGS}\"; fi",
    f'if cd "$JENKINS_HOME" && [ -e {OPEN_MFA}.xml ]; then cp {OPEN_MFA}.xml {OPEN_MFA}.xml.before-unlock; '
    f"echo '{OPEN_MFA_OFF}' > {OPEN_MFA}.xml; fi",
    'rm -f "$JENKINS_HOME/init.groovy.d/jenkins2fa.groovy"',
    'if [ -e "$JENKINS_HOME/jenkins2fa" ]; then mv "$JENKINS_HOME/jenkins2fa" "$JENKINS_HOME/jenkins2fa.before-unlock"; fi',
)
HOLD_THE_OPERATOR = (
    'kubectl patch twofactorpolicy NAME --namespace NAMESPACE --type merge --patch \'{"spec":{"suspend":true}}\'',
    "kubectl scale deployment NAME --namespace NAMESPACE --replicas=0",
)
SYSTEMD, HELM, DOCKER = "systemctl stop jenkins", "kubectl scale statefulset NAME --replicas=0", "docker stop NAME"


def steps() -> str:
    """The steps on the host that switch 2FA off, in order."""
    policy, deployment = HOLD_THE_OPERATOR
    commands = "\n".join(f"       {command}" for command in COMMANDS)
    return f"""On the host of Jenkins
  1. If an administrator can still log in by browser: do step 2, then switch it off, and save. That takes effect at once, and you are
     done. miniOrange: Manage Jenkins > 2FA Global Configurations. OpenMFA: Manage Jenkins > Security, with the exempt role authenticated.

  2. Stop whatever would switch it on again.
     An operator in a cluster: suspend the policy, or stop the operator:
       {policy}
       {deployment}
     Configuration-as-code with `moGlobalConfig`: set enableTfa: false there. With `openMFA`: exemptRoles: authenticated.

  3. Stop Jenkins.
       {SYSTEMD}          on a host
       {DOCKER}               as a container; its home is the volume
       {HELM}
                                       in Kubernetes; mount its volume in another pod for step 4

  4. In its home (JENKINS_HOME, often /var/lib/jenkins or /var/jenkins_home), as the user that Jenkins runs as:
{commands}
     If nothing can be edited while Jenkins is stopped: edit while it runs, and stop it at once afterwards.
     If init.groovy.d is mounted (gate.mode Provided), the file may stay: without 2FA the gate challenges nobody.

  5. Start Jenkins. Users log in with their passwords alone.

  6. Find the cause, then run `jenkins2fa plan` and `apply`, or start the operator again. Users are still enrolled."""
