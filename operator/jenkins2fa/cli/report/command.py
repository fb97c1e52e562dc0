"""``jenkins2fa report``: for auditors, is a second factor enforced at each controller, by what proof, and what is not known."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from jenkins2fa import __version__
from jenkins2fa.cli.cluster import Cluster, api_error, cluster_options, open_cluster
from jenkins2fa.cli.controllers import parallel_option, side_by_side
from jenkins2fa.cli.errors import CannotGoOn, ExitCode, OneOnError, code_of_all, fail
from jenkins2fa.cli.manifests import POLICY_KINDS
from jenkins2fa.cli.options import jenkins_options, read_policy, read_target, secrets_option
from jenkins2fa.cli.plan.sources import Sources, from_cluster, from_files
from jenkins2fa.cli.report.html import as_html
from jenkins2fa.cli.report.instances import Asking, history_of, report_on
from jenkins2fa.cli.validate import load_manifests
from jenkins2fa.core.report.document import Gap, Happening, Report, report_digest, report_json
from jenkins2fa.kube.client import Body, Forbidden, KubernetesError
from jenkins2fa.kube.events import COMPONENT

NAMED = "This report names users: it contains personal data."
OUTPUTS: dict[str, tuple[str, Callable[[Report], str]]] = {
    "html": ("report.html", as_html),
    "json": ("report.json", report_json),
}


@click.command(cls=OneOnError)
@click.argument("files", nargs=-1, metavar="[FILE|FOLDER|-]...")
@jenkins_options
@secrets_option
@click.option("--cluster", "in_cluster", is_flag=True, help="Report on the instances of a cluster, with the current kubeconfig.")
@cluster_options
@click.option("-n", "--namespace", help="Namespace of the cluster, or of objects that name none. Default: the context's.")
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Report on the instances of every namespace of the cluster.")
@click.option("--recorded", is_flag=True, help="Connect to no controller: report what the operator recorded in the cluster.")
@click.option("--with-names", is_flag=True, help="Name the users without a second factor. The report then contains personal data.")
@parallel_option
@click.option("-o", "--output", type=click.Choice(list(OUTPUTS)), default="html", show_default=True, help="Format of the output.")
@click.option("--folder", type=click.Path(file_okay=False), help="Write report.html and report.json into this folder instead.")
def report(files: tuple[str, ...], output: str, folder: str | None, parallel: int, **given: Any) -> None:
    """Write a report for auditors: where 2FA is enforced, by what proof, who is exempt, what risk remains. Changes nothing.

    \b
    One controller: the files may hold a TwoFactorPolicy and a JenkinsInstance; without an instance,
                    --url names the controller.
    From files:     --secrets FILE: every instance and policy of the files, with accounts from the
                    Secrets in FILE.
    From a cluster: --cluster (or --context, --kubeconfig, -A). For a controller that does not answer,
                    or whose Secret you may not read, the report uses the operator's status.

    \b
    Exit codes: 0 every instance is proven, and as its policy says
                1 an error, or stopped by Ctrl-C
                2 every instance is proven, but some differ from their policies
                3 some are not proven, or need attention
    """
    asking, source = _asking(files, given)
    instances = sorted(asking.sources.instances, key=lambda one: (one.meta.namespace, one.meta.name))
    run = side_by_side(instances, lambda one: report_on(one, asking), parallel, "reading")
    if run.stopped:
        fail("stopped: a report on only some instances would mislead")
    done = tuple(one for one in run.results if one is not None)
    notes = (*asking.sources.notes, *((NAMED,) if asking.with_names else ()))
    made = Report(asking.now(), __version__, source, done, notes, asking.directly)
    if folder is None:
        click.echo(OUTPUTS[output][1](made), nl=False)
    else:
        _write(made, Path(folder))
    click.echo(f"{made.summary}. SHA-256 of the JSON: {report_digest(made)}", err=True)
    sys.exit(code_of_all(one.proof.summary for one in made.instances) if made.all_proven else ExitCode.NOT_ENFORCED)


def _asking(files: tuple[str, ...], given: Mapping[str, Any]) -> tuple[Asking, str]:
    in_cluster = given["in_cluster"] or given["kubeconfig"] or given["context"] or given["everywhere"]
    if in_cluster and given["secrets"]:
        raise CannotGoOn("--secrets is for instances in files; in a cluster, report reads the Secrets that the instances name")
    if in_cluster and files:
        raise CannotGoOn("a report of a cluster takes no files (`jenkins2fa plan` shows what files would change in a cluster)")
    if given["recorded"] and (given["with_names"] or not in_cluster):
        raise CannotGoOn("--recorded needs --cluster, and cannot name users: the cluster does not know them")
    if in_cluster:
        return _of_cluster(given)
    sources = from_files(files, given["secrets"], given["namespace"]) if given["secrets"] else _of_one(files, given)
    return Asking(
        sources, _now, gaps=(Gap("history", "there is no cluster, so there are no Events"),), with_names=given["with_names"]
    ), "files"


def _of_one(files: tuple[str, ...], given: Mapping[str, Any]) -> Sources:
    manifests = load_manifests(files) if files else []
    target = read_target(manifests, given["jenkins"])
    policies = (read_policy(manifests, None),) if any(one.kind in POLICY_KINDS for one in manifests) else ()
    return Sources((target.instance,), policies, lambda instance: target.connection)


def _of_cluster(given: Mapping[str, Any]) -> tuple[Asking, str]:
    cluster = open_cluster(given["kubeconfig"], given["context"], given["namespace"])
    sources = from_cluster((), cluster, everywhere=given["everywhere"], prune=False)
    space = None if given["everywhere"] else cluster.namespace
    try:
        bodies = {f"{body['metadata']['namespace']}/{body['metadata']['name']}": body for body in cluster.instances(space)}
    except KubernetesError as problem:
        raise api_error(problem) from None
    history, gaps = _history(cluster, space)
    asking = Asking(sources, _now, bodies, history, gaps, directly=not given["recorded"], with_names=given["with_names"])
    return asking, "cluster, all namespaces" if space is None else f"cluster, namespace {space}"


def _history(cluster: Cluster, space: str | None) -> tuple[dict[str, tuple[Happening, ...]], tuple[Gap, ...]]:
    try:
        events: list[Body] = cluster.events(space)
    except Forbidden:
        return {}, (Gap("history", "you have no right to list Events"),)
    except KubernetesError as problem:
        return {}, (Gap("history", f"Events could not be read: {problem}"),)
    return history_of(events, COMPONENT), ()


def _write(made: Report, folder: Path) -> None:
    """Readable by this user alone: where users have no second factor helps attackers."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, render in OUTPUTS.values():
            opened = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(opened, "w", encoding="utf-8", newline="\n") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(render(made))
            click.echo(str(folder / name))
    except OSError as problem:
        fail(f"{folder}: {problem.strerror}")


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
