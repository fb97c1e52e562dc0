"""``jenkins2fa plan``: what would change in running controllers. Needs no cluster, and writes nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

import click

from jenkins2fa.api.instance import KIND as INSTANCE
from jenkins2fa.api.instance import Access, JenkinsInstance
from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import KIND as POLICY
from jenkins2fa.cli.cluster import open_cluster
from jenkins2fa.cli.controllers import parallel_option, run_parallel
from jenkins2fa.cli.errors import Command, CommandError
from jenkins2fa.cli.options import (
    JenkinsOptions,
    experimental_option,
    gate_option,
    jenkins_options_beside_files,
    policy_option,
    secrets_option,
)
from jenkins2fa.cli.plan.fleet import Fleet, Idle, Row, Verdict, plan_instance, reach_of
from jenkins2fa.cli.plan.output import as_json, as_markdown, as_text
from jenkins2fa.cli.plan.sources import Sources, from_cluster, from_command_line, from_files
from jenkins2fa.core.observation import COMMAND_LINE, Observation
from jenkins2fa.core.precedence import selects
from jenkins2fa.core.rollout import batch_of
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.kube.client import KubernetesError

OUTPUTS: dict[str, Callable[[Fleet], str]] = {"text": as_text, "json": as_json, "markdown": as_markdown}
output_option = click.option(
    "-o", "--output", type=click.Choice(list(OUTPUTS)), default="text", show_default=True, help="Format of the output."
)


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="FILE|FOLDER|-...")
@jenkins_options_beside_files
@gate_option
@policy_option
@secrets_option
@click.option("--cluster", "in_cluster", is_flag=True, help="Plan for the instances of a cluster, with the current kubeconfig.")
@click.option("--kubeconfig", type=click.Path(), metavar="FILE", help="The same, with this kubeconfig.")
@click.option("--context", metavar="NAME", help="The same, with this context of the kubeconfig.")
@click.option("-n", "--namespace", metavar="NAME", help="Namespace of objects that name none. Default: the context's, or `default`.")
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
    """Show field by field what policies would change. Writes nothing.

    \b
    Choose the controllers in one of three ways:
      One controller  The files hold a policy, and may hold a JenkinsInstance.
                      --username and --token-file name the account.
      Files           --secrets: every instance and policy in the files, with
                      the accounts in these Secrets.
      A cluster       --cluster, --kubeconfig, --context or -A: the cluster as
                      it would be after the files are applied. The accounts
                      come from its Secrets, which you must be able to read.

    \b
    Examples:
      jenkins2fa plan policy.yaml --url https://ci.example.com/
      jenkins2fa plan manifests/ --secrets secrets.yaml -o markdown
      jenkins2fa plan manifests/ --cluster --prune

    \b
    Exit codes: 0 nothing would change
                1 an error, or some controller could not be read
                2 something would change
                3 something is refused or unsupported
    """
    from_a_cluster = bool(in_cluster or kubeconfig or context or everywhere)
    if from_a_cluster and secrets:
        raise CommandError("--secrets is for instances in files; in a cluster, plan reads the Secrets that the instances name")
    if (from_a_cluster or secrets) and (policy or gate):
        raise CommandError("--policy and --gate are for one controller; with --secrets or --cluster, policies select instances by label")
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


def plan_fleet(
    sources: Sources, parallel: int, only: tuple[str, Key] | None = None, *, experimental: bool = False, approval: bool = False
) -> Fleet:
    """Observe every instance, and plan for it. ``only``: kind and key of one instance, or of a policy, for the instances that it governs.

    ``approval``: the operator runs with ``--require-approval``."""
    rows = sorted((_resolved(instance, sources) for instance in sources.instances), key=lambda row: _order(row.instance))
    governed = {row.instance.meta.key: row.policy.meta.key for row in rows if row.policy}
    if only is not None:
        rows = [row for row in rows if only in ((INSTANCE, row.instance.meta.key), row.policy and (POLICY, row.policy.meta.key))]
    observed = run_parallel(rows, lambda row: _planned(row, sources, experimental), parallel, "reading")
    done = tuple(
        result or replace(row, reason="NotAsked", message="stopped before it was read")
        for result, row in zip(observed.results, rows, strict=True)
    )
    as_desired = {row.instance.meta.key for row in done if row.verdict is Verdict.NO_CHANGE}  # these are not counted in a batch
    changing = {key: policy_key for key, policy_key in governed.items() if key not in as_desired}
    done = tuple(_scheduled(row, changing, approval=approval) for row in done)
    return Fleet(done, () if only else _idle(sources, rows), sources.notes + _duplicates(done), observed.stopped, sources.hints)


def _resolved(instance: JenkinsInstance, sources: Sources) -> Row:
    now, before = sources.resolve(instance), sources.resolve_former(instance)
    return Row(instance, now.winner, tuple(policy.meta.key for policy in now.overridden), before.winner)


def _planned(row: Row, sources: Sources, experimental: bool) -> Row:
    if row.instance.spec.access is Access.PROBE_ONLY:
        return replace(row, message="access is ProbeOnly: the operator probes its canaries; nothing is read or written there")
    if row.policy is not None and row.policy.invalid:
        message = f"the policy {row.policy.meta.key} governs this instance and is invalid: nothing would be changed there"
        return replace(row, reason="Invalid", message=message)
    try:
        connection = sources.connect(row.instance)
        with contextlib.closing(driver_for(connection, provider=row.instance.spec.provider)) as driver:
            groups = (row.policy.spec.enforced_groups if row.policy else None) or frozenset()
            exempt = row.policy.spec.exempt_groups if row.policy else frozenset()
            observation = driver.observe(groups=groups, users=True, exempt=exempt)
    except JenkinsError as error:
        return replace(row, reason=error.reason, message=str(error))
    except KubernetesError as error:
        return replace(row, reason="KubernetesError", message=str(error))
    except Exception as error:  # an unexpected error costs its own row only
        return replace(row, reason="InternalError", message=type(error).__name__)
    if row.policy is None:
        return replace(row, observation=observation)
    take_over, cluster = _take_over(observation, sources), _cluster(row, observation, sources)
    plan = plan_instance(row.policy, row.instance, connection, observation, take_over, cluster, experimental=experimental)
    return replace(row, observation=observation, plan=plan, reach=reach_of(observation, plan.assessment.plan.desired))


def _cluster(row: Row, observation: Observation, sources: Sources) -> str:
    """The cluster's UID; if this user may not read it, the one in the owner record of this very instance."""
    if sources.cluster:
        return sources.cluster
    owner = observation.owner
    return owner.cluster if owner is not None and owner.instance == row.instance.meta.uid else COMMAND_LINE


def _take_over(observation: Observation, sources: Sources) -> str | None:
    """Files have no UIDs, so the plan assumes that the present owner is the operator that will apply them."""
    if sources.cluster is None and observation.owner is not None:
        return observation.owner.name
    return sources.take_over


def _scheduled(row: Row, changing: Mapping[Key, Key], *, approval: bool) -> Row:
    """Add when the change comes: the batch of the roll-out, and whether it waits for approval.

    ``changing``: instance to policy, for the instances that may change."""
    if row.policy is None or row.verdict is not Verdict.CHANGES:
        return row
    policy = row.policy
    batch = batch_of(policy.spec.rollout, row.instance.meta.key, [key for key, by in changing.items() if by == policy.meta.key])
    return replace(row, batch=batch, awaits_approval=approval and bool(row.weakened))


def _idle(sources: Sources, rows: list[Row]) -> tuple[Idle, ...]:
    governing = {row.policy.meta.key for row in rows if row.policy}
    idle = []
    for policy in sorted(sources.policies, key=lambda policy: (policy.meta.namespace, policy.meta.name)):
        if policy.meta.key in governing:
            continue
        selected = [row for row in rows if selects(policy, row.instance, sources.labels)]
        idle.append(Idle(policy.meta.key, tuple(dict.fromkeys(row.policy.meta.key for row in selected if row.policy))))
    return tuple(idle)


def _duplicates(rows: tuple[Row, ...]) -> tuple[str, ...]:
    """Notes on instances that reach the same controller, by its identity: only one may manage it."""
    by_identity: dict[str, list[str]] = {}
    for row in rows:
        if row.observation is not None and row.observation.identity:
            by_identity.setdefault(row.observation.identity, []).append(row.name)
    return tuple(
        f"{' and '.join(names)} reach the same controller: the holder of its owner record manages it, the other reports DuplicateInstance"
        for names in by_identity.values()
        if len(names) > 1
    )


def _order(instance: JenkinsInstance) -> tuple[str, str]:
    return instance.meta.namespace, instance.meta.name
