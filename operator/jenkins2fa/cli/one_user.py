"""``jenkins2fa unlock --user``: remove the second factor of one user, who enrols again at the next login."""

from __future__ import annotations

import contextlib
import math
from datetime import timedelta

import click

from jenkins2fa.cli.errors import fail, refuse
from jenkins2fa.cli.options import Target
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.drivers.user_reset import ResetOutcome, UserReset
from jenkins2fa.jenkins.errors import ChallengedBySecondFactor, JenkinsError, quote

UNTIL_ENROLLED = (
    "Until then, whoever has the password of {user} can enrol a second factor in their name. Do this while the person is on\n"
    "the line, and let them enrol at once."
)
IN_A_BROWSER = "An administrator with a second factor can also do it in a browser (docs/unlock.md)"


def unlock_user(target: Target, name: str, *, yes: bool) -> None:
    """Ends the command if the factor was not removed: exit code 1 for an error, 3 if it needs another account or is not possible."""
    with contextlib.closing(driver_for(target.connection, provider=target.instance.spec.provider)) as driver:
        try:
            before = driver.reset_user(name, perform=False)
            if _is_settled(before, target, name):
                return
            click.echo(_intention(before, target))
            if not yes and not click.confirm("\nProceed?"):
                fail("not confirmed: nothing was changed")
            after = driver.reset_user(name, perform=True)
        except ChallengedBySecondFactor:
            refuse(f"Jenkins demands a second factor from this account. {IN_A_BROWSER}")
        except JenkinsError as problem:
            refuse(f"not possible from here: {problem.reason}: {problem}")
    if after.outcome is not ResetOutcome.REMOVED:
        if not _is_settled(after, target, name):
            click.echo(f"Asked for: nothing has changed yet. {_second_person(after)}")
            refuse("waiting for another administrator")
        return
    click.echo(click.style("Removed: ", fg="yellow", bold=True) + f"{quote(after.user)} has no second factor any more. {_sessions(after)}")
    click.echo(UNTIL_ENROLLED.format(user=quote(after.user)))


def _is_settled(reset: UserReset, target: Target, name: str) -> bool:
    """Whether there is nothing to remove. Ends the command where it cannot go on."""
    match reset.outcome:
        case ResetOutcome.NO_PLUGIN:
            fail("no 2FA plugin is active at this controller, so nobody is asked for a second factor")
        case ResetOutcome.UNKNOWN_USER:
            fail(
                f"Jenkins knows no user with the id {name!r}: give the id as in the address of their page, "
                f"{target.connection.url}user/ID/. Somebody who has never logged in has no second factor"
            )
        case ResetOutcome.OPERATORS_ACCOUNT:
            refuse(
                "this is the operator's own account. The operator requires approvals here, so two administrators must run this command, "
                "each with their own account"
            )
        case ResetOutcome.WAITING:
            refuse(f"you have asked for this already. {_second_person(reset)}")
        case ResetOutcome.NO_FACTOR:
            known = " that this command knows (the premium edition may keep others)" if reset.premium else ""
            click.echo(f"{quote(reset.user)} has no second factor{known}, and enrols at the next login. Nothing was changed.")
            return True
    return False


def _intention(reset: UserReset, target: Target) -> str:
    user = quote(reset.user)
    lines = [f"This removes the second factor of {user} at {target.connection.url}: {', '.join(reset.factors)}."]
    lines += [f"{user} enrols again at the next login. {UNTIL_ENROLLED.format(user=user)}"]
    if reset.premium:
        lines += ["", "The premium edition may keep further factors of this user, which this command does not know."]
    if reset.outcome is ResetOutcome.NEEDS_SECOND:
        lines += ["", f"The operator requires approvals here: this only asks for it. {_second_person(reset)}"]
    elif reset.requested_by is not None:
        lines += ["", f"{quote(reset.requested_by)} has asked for it. This approves the request, and carries it out now."]
    return "\n".join(lines)


def _second_person(reset: UserReset) -> str:
    hours = max(1, math.ceil((reset.left or timedelta(0)) / timedelta(hours=1)))
    within = f"{hours} hours" if hours > 1 else "the hour"
    return f"Another administrator of Jenkins must run the same command with their own account within {within}"


def _sessions(reset: UserReset) -> str:
    if reset.gated:
        return "Their open sessions are not verified any more."
    return (
        "There is no gate: sessions that the plugin has verified stay so until they end. End them on the user's page in Jenkins "
        "(Security, Terminate all sessions)."
    )
