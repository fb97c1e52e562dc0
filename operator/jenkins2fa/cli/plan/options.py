"""The options by which ``jenkins2fa plan`` looks at many instances."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from jenkins2fa.cli.errors import CannotGoOn
from jenkins2fa.cli.parallel import parallel_option


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """``credentials`` None = the instances and accounts of a cluster."""

    credentials: str | None
    kubeconfig: str | None
    context: str | None
    namespace: str | None
    everywhere: bool
    policy_namespace: str | None
    prune: bool
    approval: bool
    parallel: int


def fleet_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; the command gets ``fleet``: None when none of them asks for many instances."""

    @functools.wraps(command)
    def with_fleet(**given: Any) -> Any:
        cluster = given.pop("cluster")
        names = ("credentials", "kubeconfig", "context", "namespace", "everywhere", "policy_namespace", "prune", "approval", "parallel")
        options = FleetOptions(**{name: given.pop(name) for name in names})
        in_cluster = bool(cluster or options.kubeconfig or options.context or options.everywhere)
        if in_cluster and options.credentials:
            raise CannotGoOn("--credentials is for instances in files; in a cluster the Secrets are read that the instances name")
        return command(fleet=options if in_cluster or options.credentials else None, **given)

    options = (
        click.option("--credentials", type=click.Path(), help="YAML file that names the account of each instance in the files."),
        click.option("--cluster", is_flag=True, help="Look at the instances of a cluster, with the current kubeconfig."),
        click.option("--kubeconfig", type=click.Path(), help="The same with this kubeconfig."),
        click.option("--context", help="The same with this context."),
        click.option("-n", "--namespace", help="Namespace of objects that name none; default: the context's."),
        click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Also the instances of namespaces that the files lack."),
        click.option("--policy-namespace", help="The operator's policy namespace, as it was started with."),
        click.option("--prune", is_flag=True, help="The files are all: policies of the cluster that they lack are taken as deleted."),
        click.option("--require-approval", "approval", is_flag=True, help="The operator was started with it: say what waits for approval."),
        parallel_option,
    )
    wrapped: Callable[..., Any] = with_fleet
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped
