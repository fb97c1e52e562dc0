"""``jenkins2fa unlock``: gets people back in when all else fails; where it cannot, it says what to do on Jenkins' side."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import click

from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.cli.errors import ExitCode, OneOnError, fail, refuse
from jenkins2fa.cli.options import JenkinsOptions, jenkins_options
from jenkins2fa.cli.target import Target, read_target
from jenkins2fa.core.assess import Proof
from jenkins2fa.core.observation import COMMAND_LINE, Observation
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import ChallengedBySecondFactor, JenkinsError
from jenkins2fa.jenkins.scripts import gate_code

LONGEST = 240  # minutes, as the operator's own limit


@click.command(cls=OneOnError)
@click.argument("place", metavar="[URL]", required=False)
@jenkins_options
@click.option("--minutes", type=click.IntRange(1, LONGEST), help="Only for so long: break-glass, which Jenkins ends by itself.")
@click.option("--reason", help="Kept in Jenkins with the break-glass. Default: this command and the time.")
@click.option("--steps", "only_steps", is_flag=True, help="Ask nobody, change nothing: print what to do on Jenkins' side.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def unlock(
    place: str | None,
    jenkins: JenkinsOptions,
    minutes: int | None,
    reason: str | None,
    only_steps: bool,
    yes: bool,
) -> None:
    """Let everybody into a Jenkins without a second factor.

    Needs an account with Administer that still gets through: because the gate lets it in, because it passes the second factor by itself
    (--second-factor-seed-file), or because nobody challenges it. Where it does not, the steps on Jenkins' side are printed.

    \b
    Exit codes: 0 nobody is asked for a second factor any more, and that was looked at
                1 an error, or nothing was changed
                3 it could not be done from here: the steps are printed
    """
    if only_steps:
        click.echo(steps())
        return
    target = read_target([], replace(jenkins, url=place) if place else jenkins)
    try:
        seen = _observe(target)
        if not seen.protected and "layers" not in seen.damaged:
            click.echo("Nobody is asked for a second factor there: 2FA is off in memory, on disk and in the filter. Nothing was changed.")
            return
        click.echo(_intention(target, seen, minutes))
        if not yes and not click.confirm("\nDo it?"):
            fail("nothing was changed")
        _open(target, seen, minutes, reason)
        _tell(target, minutes)
    except JenkinsError as problem:
        _cannot(problem)


def _intention(target: Target, seen: Observation, minutes: int | None) -> str:
    state = "in force" if seen.effective else "on, though nobody is challenged now"
    lines = [f"Jenkins {seen.version} at {target.instance.spec.url}: 2FA is {state}."]
    if minutes is not None:
        end = "also after a restart of Jenkins" if _keeps(seen) else "at the latest, and already at a restart of Jenkins"
        lines.append(f"This switches it off for {minutes} minutes. Jenkins switches it on again by itself then, {end}.")
    else:
        lines += [
            "This switches it off in memory, on disk and in the filter, until somebody switches it on again,",
            "and takes the gate, its start-up file and the owner mark out of Jenkins. The enrolment of users stays.",
        ]
    if seen.owner is not None and seen.owner.cluster != COMMAND_LINE:
        lines += [
            "",
            f"The operator of {seen.owner.name} manages this Jenkins and switches 2FA on again at its next look. Hold it first:",
            f"  {HOLD_THE_OPERATOR[0]}",
        ]
    if seen.managed_by_code:
        lines += ["", "Configuration-as-code sets the same fields: at its next reload or restart 2FA may be on again."]
    return "\n".join(lines)


def _open(target: Target, seen: Observation, minutes: int | None, reason: str | None) -> None:
    with contextlib.closing(driver_for(target.connection)) as driver:
        if minutes is None:
            driver.release(DeletionPolicy.DISABLE)
            return
        now = datetime.now(UTC)
        until = driver.open_break_glass(
            now + timedelta(minutes=minutes),
            reason or f"jenkins2fa unlock {now:%Y-%m-%dT%H:%M:%SZ}",
            timedelta(minutes=LONGEST),
            keep=_keeps(seen),
        )
    if until is None:
        refuse("this reason was used before, and its time is over: give another --reason. Nothing was changed")


def _keeps(seen: Observation) -> bool:
    """Whether our start-up file is there already; none is left in a Jenkins that had none, and a mounted one is not ours to write."""
    return seen.gate.startup_code == gate_code()


def _tell(target: Target, minutes: int | None) -> None:
    """Looks again, through a new connection, at what is so now."""
    seen = _observe(target)
    with contextlib.closing(driver_for(target.connection)) as driver:
        proof = driver.probe()
    if seen.effective or proof is not Proof.BYPASSED or (minutes is None and seen.protected):
        _give_up("a second factor is still demanded afterwards: is somebody switching it on again?")
    until = f" until {seen.break_glass_until:%Y-%m-%d %H:%M:%S} UTC" if seen.break_glass_until else ""
    click.echo(click.style("Open: ", fg="yellow", bold=True) + f"nobody is asked for a second factor{until}, and a probe got through.")


def _observe(target: Target) -> Observation:
    with contextlib.closing(driver_for(target.connection)) as driver:
        return driver.observe()


def _cannot(problem: JenkinsError) -> NoReturn:
    if isinstance(problem, ChallengedBySecondFactor):
        _give_up("Jenkins asks this account itself for a second factor. Does it pass one by itself? Then give --second-factor-seed-file")
    _give_up(f"{problem.reason}: {problem}")


def _give_up(why: str) -> NoReturn:
    click.echo(f"It cannot be done from here: {why}.", err=True)
    click.echo(steps())
    sys.exit(ExitCode.NOT_ENFORCED)


SETTINGS = "plugins/moTfaGlobalConfig/io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.xml"
COMMANDS = (
    f"sed -i.before-unlock 's|<enableTfa>true</enableTfa>|<enableTfa>false</enableTfa>|' \"$JENKINS_HOME/{SETTINGS}\"",
    'rm -f "$JENKINS_HOME/init.groovy.d/jenkins2fa.groovy"',
    'if [ -e "$JENKINS_HOME/jenkins2fa" ]; then mv "$JENKINS_HOME/jenkins2fa" "$JENKINS_HOME/jenkins2fa.before-unlock"; fi',
)
HOLD_THE_OPERATOR = (
    'kubectl patch twofactorpolicy NAME --namespace NAMESPACE --type merge --patch \'{"spec":{"suspend":true}}\'',
    "kubectl scale deployment NAME --namespace NAMESPACE --replicas=0",
)
SYSTEMD, HELM, DOCKER = "systemctl stop jenkins", "kubectl scale statefulset NAME --replicas=0", "docker stop NAME"


def steps() -> str:
    """The way back in, in the order in which it is done."""
    policy, deployment = HOLD_THE_OPERATOR
    commands = "\n".join(f"       {command}" for command in COMMANDS)
    return f"""On Jenkins' side
  1. If an administrator still gets in by browser: Manage Jenkins > 2FA Global Configurations, switch it off, save. That takes
     effect at once; do step 2 first, and you are done.

  2. Hold whatever would switch it on again.
     An operator in a cluster: suspend the policy, or stop the operator itself:
       {policy}
       {deployment}
     Configuration-as-code with `moGlobalConfig`: set enableTfa: false there.

  3. Stop Jenkins.
       {SYSTEMD}          on a host
       {DOCKER}               as a container; its home is the volume
       {HELM}
                                       in Kubernetes, by chart or by hand; mount its volume in a pod of your own for step 4

  4. In its home (JENKINS_HOME, often /var/lib/jenkins or /var/jenkins_home), as the user that Jenkins runs as:
{commands}
     Where nothing can be edited while it is stopped: do it while it runs, and stop it at once afterwards.
     Where init.groovy.d is mounted (gate.mode Provided) the file may stay: without 2FA the gate challenges nobody.

  5. Start Jenkins. People get in with their passwords alone.

  6. Find out what went wrong, then `jenkins2fa plan` and `apply`, or let the operator go on. The enrolment of users is still there."""
