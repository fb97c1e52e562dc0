"""``jenkins2fa plan``: what would change in running controllers. Needs no cluster, and writes nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from jenkins2fa.cli.cluster import open_cluster
from jenkins2fa.cli.errors import CannotGoOn, OneOnError
from jenkins2fa.cli.options import JenkinsOptions, experimental_option, gate_option, jenkins_options, policy_option, secrets_option
from jenkins2fa.cli.parallel import parallel_option
from jenkins2fa.cli.plan.fleet import Fleet, plan_fleet
from jenkins2fa.cli.plan.markdown import as_markdown
from jenkins2fa.cli.plan.output import as_json, as_text
from jenkins2fa.cli.plan.sources import Sources, from_cluster, from_command_line, from_files

OUTPUTS: dict[str, Callable[[Fleet], str]] = {"text": as_text, "json": as_json, "markdown": as_markdown}
output_option = click.option(
    "-o", "--output", type=click.Choice(list(OUTPUTS)), default="text", show_default=True, help="Format of the output."
)


@click.command(cls=OneOnError)
@click.argument("files", nargs=-1, required=True, metavar="FILE|FOLDER|-...")
@jenkins_options
@gate_option
@policy_option
@secrets_option
@click.option("--cluster", "in_cluster", is_flag=True, help="Plan for the instances of a cluster, with the current kubeconfig.")
@click.option("--kubeconfig", type=click.Path(), help="Plan for a cluster, with this kubeconfig.")
@click.option("--context", help="Plan for a cluster, with this context of the kubeconfig.")
@click.option("-n", "--namespace", help="Namespace of objects that name none. Default: the context's, or `default`.")
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Plan for the instances of every namespace of the cluster.")
@click.option("--prune", is_flag=True, help="Treat policies of the cluster that are not in the files as deleted.")
@click.option(
    "--require-approval", "approval", is_flag=True, help="Show what would wait for approval. Use it if the operator runs with this option."
)
@experimental_option
@parallel_option
@output_option
def plan(
    files: tuple[str, ...],
    jenkins: JenkinsOptions,
    gate: str | None,
    policy: str | None,
    secrets: tuple[str, ...],
    in_cluster: bool,
    kubeconfig: str | None,
    context: str | None,
    namespace: str | None,
    everywhere: bool,
    prune: bool,
    approval: bool,
    experimental: bool,
    parallel: int,
    output: str,
) -> None:
    """Show field by field what policies would change in running controllers. Writes nothing.

    \b
    One controller: the files hold a TwoFactorPolicy and may hold a JenkinsInstance. The account comes
                    from --username and --token-file. --url replaces the instance's URL.
    From files:     --secrets FILE: every instance and policy of the files, with accounts from the
                    Secrets in FILE.
    From a cluster: --cluster (or --context, --kubeconfig, -A): the cluster as it would be after the
                    files were applied, with accounts from the Secrets that you may read there.

    \b
    Exit codes: 0 nothing would change
                1 an error, or some controller could not be read
                2 something would change
                3 something is refused or unsupported
    """
    from_a_cluster = bool(in_cluster or kubeconfig or context or everywhere)
    if from_a_cluster and secrets:
        raise CannotGoOn("--secrets is for instances in files; in a cluster, plan reads the Secrets that the instances name")
    if (from_a_cluster or secrets) and (policy or gate):
        raise CannotGoOn("--policy and --gate are for one controller; with --secrets or --cluster, policies select instances by label")
    sources: Sources
    if from_a_cluster:
        cluster = open_cluster(kubeconfig, context, namespace)
        sources = from_cluster(files, cluster, everywhere=everywhere, prune=prune)
    elif secrets:
        sources = from_files(files, secrets, namespace)
    else:
        sources = from_command_line(files, jenkins, gate, policy)
    fleet = plan_fleet(sources, parallel, experimental=experimental, approval=approval)
    click.echo(OUTPUTS[output](fleet).rstrip("\n"))
    if fleet.stopped:
        click.echo("Stopped: some controllers were not read.", err=True)
    sys.exit(fleet.exit_code)
