"""``kubectl twofactor``: show and control the fleet, with the user's own kubeconfig and rights.

kubectl finds the script ``kubectl-twofactor`` on PATH. It passes on only what follows the plugin's name, so every command takes
``--namespace``, ``--context`` and ``--kubeconfig`` itself.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import click

from jenkins2fa import __version__
from jenkins2fa.api.policy import KIND as POLICY
from jenkins2fa.cli.cluster import Cluster, absence_warning, api_error, cluster_options, find_object, open_cluster
from jenkins2fa.cli.controllers import parallel_option
from jenkins2fa.cli.errors import EXIT_CODES, Command, CommandError, ExitCode, Group, code_of, code_of_all
from jenkins2fa.cli.kubectl.actions import end_break_glass as end_break_glass_now
from jenkins2fa.cli.kubectl.actions import open_break_glass, reconcile_now, set_suspend, time_of
from jenkins2fa.cli.kubectl.output import OUTPUTS, explain, fleet_rows
from jenkins2fa.cli.manifests import POLICY_KINDS
from jenkins2fa.cli.plan.command import OUTPUTS as PLAN_OUTPUTS
from jenkins2fa.cli.plan.command import output_option, plan_fleet
from jenkins2fa.cli.plan.sources import from_cluster
from jenkins2fa.core.summary import summary_of
from jenkins2fa.kube.client import Body, KubernetesError


def in_cluster(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the cluster, and turn errors of the API server into errors of the command."""

    @functools.wraps(command)
    def wrapped(*, kubeconfig: str | None, context: str | None, namespace: str | None, **parameters: Any) -> Any:
        try:
            return command(open_cluster(kubeconfig, context, namespace), **parameters)
        except KubernetesError as problem:
            raise api_error(problem) from None

    option = click.option("-n", "--namespace", metavar="NAME", help="Namespace. Default: the context's.")
    return cluster_options(option(wrapped))


def operator_is_running(cluster: Cluster, bodies: Iterable[Body]) -> bool:
    """Whether the operators that wrote these statuses still run; warns if not. True also if this user may not find out."""
    warning = absence_warning(cluster, bodies, datetime.now(UTC))
    if warning is not None:
        click.echo(warning, err=True)
    return warning is None


name_argument = click.argument("name", metavar="[policy/|ctfp/|instance/]NAME")
timeout_option = click.option("--timeout", type=click.FloatRange(0, 3600), default=60.0, show_default=True, help="Seconds to wait at most.")


class FleetByDefault(Group):
    """Runs `fleet` if no command is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = ("-h", "--help", "--version")
        return super().parse_args(ctx, ["fleet", *args] if not args or (args[0].startswith("-") and args[0] not in own) else args)


@click.group(cls=FleetByDefault, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="kubectl twofactor", message="%(prog)s %(version)s")
def twofactor() -> None:
    """Show and control the 2FA of the Jenkins controllers in a cluster. Without a command: `fleet`."""


@twofactor.command(cls=Command)
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="List the instances of every namespace.")
@click.option("-o", "--output", type=click.Choice(list(OUTPUTS)), default="table", show_default=True, help="Format of the output.")
@in_cluster
def fleet(cluster: Cluster, everywhere: bool, output: str) -> None:
    """List instances, and whether 2FA is enforced.

    Shows the policy of each instance, whether enforcement is proven and, if not, why.

    \b
    Example:
      kubectl twofactor fleet -A

    \b
    Exit codes: 0 every instance is proven, and as its policy says
                1 an error
                2 every instance is proven, but some differ from their policies
                3 some are not proven, need attention, are suspended or were
                  not observed yet; there is no instance; or no operator is
                  running (a warning says so, if you may read its Lease)
    """
    bodies = cluster.instances(None if everywhere else cluster.namespace)
    rows = fleet_rows(bodies)
    where = "in the cluster" if everywhere else f"in namespace {cluster.namespace} (-A shows every namespace)"
    click.echo(OUTPUTS[output](rows) if rows or output == "json" else f"There is no JenkinsInstance {where}.")
    code = code_of_all(summary_of(body) for body in bodies)
    sys.exit(code if operator_is_running(cluster, bodies) else ExitCode.NOT_ENFORCED)


@twofactor.command(cls=Command)
@name_argument
@in_cluster
def why(cluster: Cluster, name: str) -> None:
    """Show why 2FA is not enforced, and what to do.

    \b
    Examples:
      kubectl twofactor why production
      kubectl twofactor why instance/build

    \b
    Exit codes: 0 enforcement is proven, and everything is as the policy says
                1 an error
                2 enforcement is proven, but something differs from the policy
                3 it is not proven, needs attention, is suspended or was not
                  observed yet; or no operator is running
    """
    target = find_object(cluster, name)
    click.echo(explain(cluster, target))
    sys.exit(code_of(target.summary) if operator_is_running(cluster, (target.body,)) else ExitCode.NOT_ENFORCED)


@twofactor.command(cls=Command)
@name_argument
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="For a cluster policy: include the instances of every namespace.")
@output_option
@parallel_option
@in_cluster
def plan(cluster: Cluster, name: str, everywhere: bool, output: str, parallel: int) -> None:
    """Show field by field what would change in Jenkins. Writes nothing.

    NAME is an instance, or a policy for all instances that it governs. You need the right to read their Secrets, and network access to
    Jenkins.

    \b
    Example:
      kubectl twofactor plan production

    \b
    Exit codes: 0 nothing would change
                1 an error, or some instance could not be read
                2 something would change
                3 something is refused or unsupported
    """
    target = find_object(cluster, name)
    only = (POLICY if target.kind in POLICY_KINDS else target.kind, target.key)
    planned = plan_fleet(from_cluster((), cluster, everywhere=everywhere, prune=False), parallel, only=only)
    if not planned.rows:
        raise CommandError(f"{target.label} governs no instance: kubectl twofactor why {name}")
    click.echo(PLAN_OUTPUTS[output](planned).rstrip("\n"))
    sys.exit(planned.exit_code)


@twofactor.command(cls=Command)
@click.argument("name", metavar="POLICY")
@in_cluster
def suspend(cluster: Cluster, name: str) -> None:
    """Suspend a policy.

    Until `resume`, the operator neither reads nor writes at its instances. What is in force there stays in force.

    \b
    Example:
      kubectl twofactor suspend production

    \b
    Exit codes: 0 suspended
                1 an error
    """
    click.echo(set_suspend(cluster, name, True))


@twofactor.command(cls=Command)
@click.argument("name", metavar="POLICY")
@in_cluster
def resume(cluster: Cluster, name: str) -> None:
    """Resume a suspended policy.

    \b
    Example:
      kubectl twofactor resume production

    \b
    Exit codes: 0 resumed
                1 an error
    """
    click.echo(set_suspend(cluster, name, False))


@twofactor.command(cls=Command)
@name_argument
@timeout_option
@in_cluster
def reconcile(cluster: Cluster, name: str, timeout: float) -> None:
    """Reconcile now, and wait for the result.

    NAME is an instance, or a policy for all instances that it governs. Probes are included.

    \b
    Example:
      kubectl twofactor reconcile instance/build

    \b
    Exit codes: 0 every instance is proven, and as its policy says
                1 an error, or there was no result in time
                2 every instance is proven, but some differ from their policies
                3 some are not proven, need attention or are suspended
    """
    sys.exit(reconcile_now(cluster, find_object(cluster, name), timeout, click.echo))


@twofactor.command(name="break-glass", cls=Command)
@click.argument("name", metavar="POLICY")
@click.option("--for", "length", metavar="DURATION", help="How long to switch 2FA off, such as 30m or 1h30m.")
@click.option("--until", metavar="TIME", help="End time instead of --for, such as 2026-12-01T12:00:00Z.")
@click.option(
    "--reason", required=True, metavar="TEXT", help="Why, such as an incident number. Status and Events show it. Each reason works once."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@timeout_option
@in_cluster
def break_glass(cluster: Cluster, name: str, length: str | None, until: str | None, reason: str, yes: bool, timeout: float) -> None:
    """Switch 2FA off for a limited time.

    Creates a TwoFactorBreakGlass with the policy's instanceSelector in the current namespace, and waits until 2FA is off at the instances
    that it selects. Jenkins switches 2FA on again by itself.

    \b
    Example:
      kubectl twofactor break-glass production --for 30m --reason INC-1234

    \b
    Exit codes: 0 2FA is off everywhere
                1 an error
                3 not everywhere: refused, or no result in time
    """
    moment = time_of(length, until)
    if not yes and not click.confirm(
        f"Switch two-factor authentication off until {moment:%Y-%m-%d %H:%M:%S} UTC for policy {name}?", err=True
    ):
        raise CommandError("nothing was changed")
    sys.exit(open_break_glass(cluster, name, moment, reason, timeout, click.echo))


@twofactor.command(name="end-break-glass", cls=Command)
@click.argument("name", metavar="NAME")
@timeout_option
@in_cluster
def end_break_glass(cluster: Cluster, name: str, timeout: float) -> None:
    """End a break-glass now.

    NAME is a break-glass, or a policy for every break-glass that selects one of its instances. Deletes the TwoFactorBreakGlass objects, and
    waits until 2FA is on again.

    \b
    Example:
      kubectl twofactor end-break-glass production

    \b
    Exit codes: 0 2FA is on again everywhere
                1 an error
                3 not everywhere: refused, or no result in time
    """
    sys.exit(end_break_glass_now(cluster, name, timeout, click.echo))


def main() -> None:
    """The script ``kubectl-twofactor``."""
    twofactor(prog_name="kubectl twofactor")
