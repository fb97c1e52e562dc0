"""``jenkins2fa report``: for auditors, is a second factor enforced at each controller, by what proof, and what is not known."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from jenkins2fa import __version__
from jenkins2fa.cli.cluster import Cluster, api_error, cluster_options, open_cluster
from jenkins2fa.cli.controllers import parallel_option, run_parallel
from jenkins2fa.cli.errors import Command, CommandError, ExitCode, code_of_all, fail
from jenkins2fa.cli.manifests import POLICY_KINDS
from jenkins2fa.cli.options import jenkins_options_beside_files, read_policy, read_target, secrets_option
from jenkins2fa.cli.plan.sources import Sources, from_cluster, from_files
from jenkins2fa.cli.report.html import as_html
from jenkins2fa.cli.report.instances import ReportContext, history_of, report_on
from jenkins2fa.cli.validate import load_manifests
from jenkins2fa.core.report.break_glass import break_glass_reports
from jenkins2fa.core.report.document import BreakGlassReport, Gap, PastEvent, Report
from jenkins2fa.core.report.serialize import report_digest, report_json
from jenkins2fa.kube.client import Body, Forbidden, KubernetesError
from jenkins2fa.kube.events import COMPONENT

PERSONAL_DATA = "This report names users: it contains personal data."
OUTPUTS: dict[str, tuple[str, Callable[[Report], str]]] = {
    "html": ("report.html", as_html),
    "json": ("report.json", report_json),
}


@click.command(cls=Command)
@click.argument("files", nargs=-1, metavar="[FILE|FOLDER|-]...")
@jenkins_options_beside_files
@secrets_option
@click.option("--cluster", "in_cluster", is_flag=True, help="Report on the instances of a cluster, with the current kubeconfig.")
@cluster_options
@click.option("-n", "--namespace", metavar="NAME", help="Namespace of the cluster, or of objects that name none. Default: the context's.")
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Report on the instances of every namespace of the cluster.")
@click.option("--recorded", is_flag=True, help="Connect to no controller: report what the operator recorded in the cluster.")
@click.option("--with-names", is_flag=True, help="Name the users without a second factor. The report then contains personal data.")
@parallel_option
@click.option("-o", "--output", type=click.Choice(list(OUTPUTS)), default="html", show_default=True, help="Format of the output.")
@click.option("--folder", type=click.Path(file_okay=False), help="Write report.html and report.json into this folder instead.")
def report(files: tuple[str, ...], output: str, folder: str | None, parallel: int, **options: Any) -> None:
    """Write a report for auditors. Changes nothing.

    It shows where 2FA is enforced and by what proof, who is exempt, which break-glasses there were, and what risk remains.

    \b
    Choose the controllers in one of three ways:
      One controller  --url, or a JenkinsInstance in the files. The files may
                      also hold a policy.
      Files           --secrets: every instance and policy in the files, with
                      the accounts in these Secrets.
      A cluster       --cluster, --kubeconfig, --context or -A. The operator's
                      status stands in for a controller that does not answer,
                      or whose Secret you may not read.

    \b
    Examples:
      jenkins2fa report --cluster -A --folder audit-2026-11
      jenkins2fa report --cluster --recorded -o json
      jenkins2fa report policy.yaml --url https://ci.example.com/

    \b
    Exit codes: 0 every instance is proven, and as its policy says
                1 an error, or stopped by Ctrl-C
                2 every instance is proven, but some differ from their policies
                3 some are not proven, or need attention
    """
    context, source = _context(files, options)
    instances = sorted(context.sources.instances, key=lambda instance: (instance.meta.namespace, instance.meta.name))
    run = run_parallel(instances, lambda instance: report_on(instance, context), parallel, "reading")
    if run.stopped:
        fail("stopped: a report on only some instances would mislead")
    done = tuple(result for result in run.results if result is not None)
    notes = (*context.sources.notes, *((PERSONAL_DATA,) if context.with_names else ()))
    document = Report(context.now(), __version__, source, done, notes, context.directly, context.break_glasses)
    if folder is None:
        click.echo(OUTPUTS[output][1](document), nl=False)
    else:
        _write(document, Path(folder))
    click.echo(f"{document.summary}. SHA-256 of the JSON: {report_digest(document)}", err=True)
    sys.exit(code_of_all(instance.proof.summary for instance in document.instances) if document.all_proven else ExitCode.NOT_ENFORCED)


def _context(files: tuple[str, ...], options: Mapping[str, Any]) -> tuple[ReportContext, str]:
    in_cluster = options["in_cluster"] or options["kubeconfig"] or options["context"] or options["everywhere"]
    if in_cluster and options["secrets"]:
        raise CommandError("--secrets is for instances in files; in a cluster, report reads the Secrets that the instances name")
    if in_cluster and files:
        raise CommandError("a report of a cluster takes no files (`jenkins2fa plan` shows what files would change in a cluster)")
    if options["recorded"] and (options["with_names"] or not in_cluster):
        raise CommandError("--recorded needs --cluster, and cannot name users: the cluster does not know them")
    if in_cluster:
        return _of_cluster(options)
    sources = from_files(files, options["secrets"], options["namespace"]) if options["secrets"] else _of_one(files, options)
    return ReportContext(
        sources, _now, gaps=(Gap("history", "there is no cluster, so there are no Events"),), with_names=options["with_names"]
    ), "files"


def _of_one(files: tuple[str, ...], options: Mapping[str, Any]) -> Sources:
    manifests = load_manifests(files) if files else []
    target = read_target(manifests, options["jenkins"])
    policies = (read_policy(manifests, None),) if any(manifest.kind in POLICY_KINDS for manifest in manifests) else ()
    return Sources((target.instance,), policies, lambda instance: target.connection)


def _of_cluster(options: Mapping[str, Any]) -> tuple[ReportContext, str]:
    cluster = open_cluster(options["kubeconfig"], options["context"], options["namespace"])
    sources = from_cluster((), cluster, everywhere=options["everywhere"], prune=False)
    namespace = None if options["everywhere"] else cluster.namespace
    try:
        bodies = {f"{body['metadata']['namespace']}/{body['metadata']['name']}": body for body in cluster.instances(namespace)}
    except KubernetesError as problem:
        raise api_error(problem) from None
    break_glasses, notes = _break_glasses(cluster, namespace, sources)
    history, gaps = _history(cluster, namespace)
    sources = replace(sources, notes=(*sources.notes, *notes))
    context = ReportContext(
        sources, _now, bodies, history, gaps, break_glasses, directly=not options["recorded"], with_names=options["with_names"]
    )
    return context, "cluster, all namespaces" if namespace is None else f"cluster, namespace {namespace}"


def _break_glasses(
    cluster: Cluster, namespace: str | None, sources: Sources
) -> tuple[tuple[BreakGlassReport, ...] | None, tuple[str, ...]]:
    """The break-glasses, or None if they cannot be read; and notes for the report."""
    try:
        bodies = cluster.break_glasses(namespace)
    except Forbidden:
        return None, ("you have no right to list TwoFactorBreakGlass objects, so the report leaves them out",)
    except KubernetesError as problem:
        return None, (f"TwoFactorBreakGlass objects could not be read: {problem}",)
    return break_glass_reports(bodies, [instance.meta for instance in sources.instances], _now())


def _history(cluster: Cluster, namespace: str | None) -> tuple[dict[str, tuple[PastEvent, ...]], tuple[Gap, ...]]:
    try:
        events: list[Body] = cluster.events(namespace)
    except Forbidden:
        return {}, (Gap("history", "you have no right to list Events"),)
    except KubernetesError as problem:
        return {}, (Gap("history", f"Events could not be read: {problem}"),)
    return history_of(events, COMPONENT), ()


def _write(document: Report, folder: Path) -> None:
    """Write all formats, readable by this user alone: attackers would like to know who has no second factor."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, render in OUTPUTS.values():
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(render(document))
            click.echo(str(folder / name))
    except OSError as problem:
        fail(f"{folder}: {problem.strerror}")


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
