"""``jenkins2fa plan`` for many instances: from options to the printed plan."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

import click

from jenkins2fa.cli.cluster import open_cluster
from jenkins2fa.cli.observe import Question
from jenkins2fa.cli.plan.fleet import Fleet, Sources, plan_fleet
from jenkins2fa.cli.plan.markdown import fleet_markdown
from jenkins2fa.cli.plan.options import FleetOptions
from jenkins2fa.cli.plan.output import fleet_document, fleet_text
from jenkins2fa.cli.plan.sources import from_cluster, from_files

OUTPUTS: dict[str, Callable[[Fleet], str]] = {"text": fleet_text, "json": fleet_document, "markdown": fleet_markdown}


def print_fleet(question: Question, options: FleetOptions, output: str) -> NoReturn:
    """Looks, prints, and ends the command."""
    fleet = plan_fleet(_sources(question.files, options), options.parallel, premium=question.premium, approval=options.approval)
    click.echo(OUTPUTS[output](fleet).rstrip("\n"))
    if fleet.stopped:
        click.echo("Stopped: not every instance was looked at.", err=True)
    sys.exit(fleet.exit_code)


def _sources(files: tuple[str, ...], options: FleetOptions) -> Sources:
    if options.credentials is not None:
        return from_files(files, options.credentials, options.namespace, options.policy_namespace)
    cluster = open_cluster(options.kubeconfig, options.context, options.namespace)
    return from_cluster(files, cluster, options.policy_namespace, everywhere=options.everywhere, prune=options.prune)
