"""``kubectl twofactor``: the fleet, and what a person does to it, with that person's kubeconfig and rights.

kubectl finds the script ``kubectl-twofactor`` on PATH. It passes on what stands behind the plugin's name only, so every command
takes ``--namespace``, ``--context`` and ``--kubeconfig`` itself.
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
from jenkins2fa.cli.cluster import Cluster, api_error, cluster_options, open_cluster
from jenkins2fa.cli.errors import EXIT_CODES, CannotGoOn, ExitCode, GroupOneOnError, OneOnError, code_of, code_of_all
from jenkins2fa.cli.kubectl.actions import end_break_glass as end_named
from jenkins2fa.cli.kubectl.actions import open_break_glass, reconcile_named, set_suspend, time_of
from jenkins2fa.cli.kubectl.find import POLICY_KINDS, find_named
from jenkins2fa.cli.kubectl.lease import silence
from jenkins2fa.cli.kubectl.table import OUTPUTS, fleet_rows
from jenkins2fa.cli.kubectl.why import explain
from jenkins2fa.cli.parallel import parallel_option
from jenkins2fa.cli.plan.command import OUTPUTS as PLAN_OUTPUTS
from jenkins2fa.cli.plan.command import output_option
from jenkins2fa.cli.plan.fleet import plan_fleet
from jenkins2fa.cli.plan.sources import from_cluster
from jenkins2fa.core.summary import summary_of
from jenkins2fa.kube.client import Body, KubernetesError


def in_cluster(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the cluster, and takes the API server's errors as its own."""

    @functools.wraps(command)
    def wrapped(*, kubeconfig: str | None, context: str | None, namespace: str | None, **given: Any) -> Any:
        try:
            return command(open_cluster(kubeconfig, context, namespace), **given)
        except KubernetesError as problem:
            raise api_error(problem) from None

    option = click.option("-n", "--namespace", help="Namespace; default: the context's.")
    return cluster_options(option(wrapped))


def operator_lives(cluster: Cluster, bodies: Iterable[Body]) -> bool:
    """Warns when no operator stands behind these statuses any more. True also where that cannot be known."""
    warning = silence(cluster, bodies, datetime.now(UTC))
    if warning is not None:
        click.echo(warning, err=True)
    return warning is None


name_argument = click.argument("name", metavar="[policy/|ctfp/|instance/]NAME")
timeout_option = click.option("--timeout", type=click.FloatRange(0, 3600), default=60.0, show_default=True, help="Seconds to wait at most.")


class FleetByDefault(GroupOneOnError):
    """Without a command it is `fleet`, with whatever options there are."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = ("-h", "--help", "--version")
        return super().parse_args(ctx, ["fleet", *args] if not args or (args[0].startswith("-") and args[0] not in own) else args)


@click.group(cls=FleetByDefault, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="kubectl twofactor", message="%(prog)s %(version)s")
def twofactor() -> None:
    """Two-factor authentication of the Jenkinses of a cluster. Without a command: the fleet of this namespace."""


@twofactor.command(cls=OneOnError)
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Every namespace.")
@click.option("-o", "--output", type=click.Choice(list(OUTPUTS)), default="table", show_default=True, help="How to print it.")
@in_cluster
def fleet(cluster: Cluster, everywhere: bool, output: str) -> None:
    """Every instance: its policy, whether it is enforced, and why not.

    \b
    Exit codes: 0 everywhere enforced, by proof, as the policies say
                1 an error
                2 everywhere enforced, but something differs
                3 not everywhere enforced, or something needs attention; or there is no instance, one was not seen yet
                  or is suspended, or no operator is running (said on stderr, where you may read its Lease)
    """
    bodies = cluster.instances(None if everywhere else cluster.namespace)
    rows = fleet_rows(bodies)
    where = "in the cluster" if everywhere else f"in namespace {cluster.namespace} (-A shows every namespace)"
    click.echo(OUTPUTS[output](rows) if rows or output == "json" else f"There is no JenkinsInstance {where}.")
    code = code_of_all(summary_of(body) for body in bodies)
    sys.exit(code if operator_lives(cluster, bodies) else ExitCode.NOT_ENFORCED)


@twofactor.command(cls=OneOnError)
@name_argument
@in_cluster
def why(cluster: Cluster, name: str) -> None:
    """Say why a policy or an instance is not enforced, and the way out.

    \b
    Exit codes: 0 it is enforced, by proof, as the policy says
                1 an error
                2 it is enforced, but something differs
                3 it is not enforced, or needs attention; or it was not seen yet or is suspended, or no operator is running
    """
    found = find_named(cluster, name)
    click.echo(explain(cluster, found))
    sys.exit(code_of(found.summary) if operator_lives(cluster, (found.body,)) else ExitCode.NOT_ENFORCED)


@twofactor.command(cls=OneOnError)
@name_argument
@click.option(
    "-A", "--all-namespaces", "everywhere", is_flag=True, help="Also instances of other namespaces, for a cluster policy."
)
@output_option
@parallel_option
@in_cluster
def plan(cluster: Cluster, name: str, everywhere: bool, output: str, parallel: int) -> None:
    """Say field by field what would change at an instance, or at those that a policy governs. Reads their Secrets, if you may.

    \b
    Exit codes: 0 nothing would change
                1 an error, or some instance could not be looked at
                2 something would change
                3 something is refused or unsupported
    """
    found = find_named(cluster, name)
    only = (POLICY if found.kind in POLICY_KINDS else found.kind, found.key)
    planned = plan_fleet(
        from_cluster((), cluster, everywhere=everywhere, prune=False), parallel, only=only
    )
    if not planned.rows:
        raise CannotGoOn(f"{found.label} governs no instance: kubectl twofactor why {name}")
    click.echo(PLAN_OUTPUTS[output](planned).rstrip("\n"))
    sys.exit(planned.exit_code)


@twofactor.command(cls=OneOnError)
@click.argument("name", metavar="POLICY")
@in_cluster
def suspend(cluster: Cluster, name: str) -> None:
    """Have the operator leave the instances of a policy alone: nothing is read or written until `resume`."""
    click.echo(set_suspend(cluster, name, True))


@twofactor.command(cls=OneOnError)
@click.argument("name", metavar="POLICY")
@in_cluster
def resume(cluster: Cluster, name: str) -> None:
    """End `suspend`."""
    click.echo(set_suspend(cluster, name, False))


@twofactor.command(cls=OneOnError)
@name_argument
@timeout_option
@in_cluster
def reconcile(cluster: Cluster, name: str, timeout: float) -> None:
    """Have an instance, or those of a policy, looked at now, probes included, and wait for it.

    \b
    Exit codes: 0 looked at, and enforced as the policy says
                1 an error, or the operator did not look in time
                2 enforced, but something differs
                3 not enforced, or something needs attention; or suspended, so that nobody looked
    """
    sys.exit(reconcile_named(cluster, find_named(cluster, name), timeout, click.echo))


@twofactor.command(name="break-glass", cls=OneOnError)
@click.argument("name", metavar="POLICY")
@click.option("--for", "length", metavar="DURATION", help="How long, such as 30m or 1h30m.")
@click.option("--until", metavar="TIME", help="Until when, such as 2026-12-01T12:00:00Z.")
@click.option("--reason", required=True, help="Why, such as the number of the incident. Shown in status and Events; each opens once.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@timeout_option
@in_cluster
def break_glass(cluster: Cluster, name: str, length: str | None, until: str | None, reason: str, yes: bool, timeout: float) -> None:
    """Switch 2FA off for a short time at every instance of a policy, and wait until it is. Jenkins switches it on again by itself.

    Creates a TwoFactorBreakGlass with the policy's instanceSelector in this namespace.

    \b
    Exit codes: 0 open everywhere
                1 an error
                3 not everywhere: refused, or not in time
    """
    moment = time_of(length, until)
    if not yes and not click.confirm(
        f"Switch two-factor authentication off until {moment:%Y-%m-%d %H:%M:%S} UTC for policy {name}?", err=True
    ):
        raise CannotGoOn("nothing was changed")
    sys.exit(open_break_glass(cluster, name, moment, reason, timeout, click.echo))


@twofactor.command(name="end-break-glass", cls=OneOnError)
@click.argument("name", metavar="BREAK-GLASS|POLICY")
@timeout_option
@in_cluster
def end_break_glass(cluster: Cluster, name: str, timeout: float) -> None:
    """End a break-glass now, or every one of a policy's instances, and wait until 2FA is on again. Deletes the TwoFactorBreakGlass.

    \b
    Exit codes: 0 closed everywhere
                1 an error
                3 not everywhere: refused, or not in time
    """
    sys.exit(end_named(cluster, name, timeout, click.echo))


def main() -> None:
    """The script ``kubectl-twofactor``."""
    twofactor(prog_name="kubectl twofactor")
