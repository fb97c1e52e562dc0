"""``jenkins2fa run``: the operator itself."""

from __future__ import annotations

import os
import secrets
import socket
from datetime import timedelta
from pathlib import Path

import click

from jenkins2fa.api.fields import parse_duration
from jenkins2fa.cli.errors import Command
from jenkins2fa.cli.options import experimental_option
from jenkins2fa.controller.context import Options
from jenkins2fa.controller.main import CannotStart, run_until_signal
from jenkins2fa.controller.telemetry import logs
from jenkins2fa.controller.telemetry.server import parse_place
from jenkins2fa.jenkins.evidence import Place
from jenkins2fa.kube.client import IN_CLUSTER, Connection

SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@click.command(cls=Command)
@click.option(
    "-n",
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    help="Serve only this namespace (repeatable), without ClusterTwoFactorPolicies. Default: the whole cluster.",
)
@click.option(
    "--lease-namespace", metavar="NAME", help="Namespace of the Lease for leader election. Default: the pod's; outside a pod, `default`."
)
@click.option(
    "--workers", type=click.IntRange(1, 1024), default=64, show_default=True, help="How many instances are reconciled at the same time."
)
@click.option(
    "--longest-break-glass",
    metavar="DURATION",
    default="4h",
    show_default=True,
    help="Limit for all break-glasses of a controller within 24 hours together.",
)
@click.option(
    "--require-approval",
    is_flag=True,
    help="Let changes that weaken protection wait for approval (docs/operations.md).",
)
@experimental_option
@click.option(
    "--evidence-directory",
    type=click.Path(file_okay=False, exists=True),
    help="Keep evidence of each probe in this directory, one file per day; see `jenkins2fa verify`.",
)
@click.option(
    "--evidence-key", type=click.Path(dir_okay=False), help="Sign the evidence with this Ed25519 key (PEM, made by `openssl genpkey`)."
)
@click.option("--log-format", type=click.Choice(["plain", "json"]), default="plain", show_default=True, help="Format of the log.")
@click.option("-v", "--verbose", is_flag=True, help="Also log failed attempts, and evidence of each probe.")
@click.option(
    "--metrics",
    "--liveness",
    "metrics",
    metavar="[HOST:]PORT",
    help="Serve /metrics, /healthz and /readyz at this address. Default host: loopback; in a pod, all addresses.",
)
@click.option(
    "--allow-loopback", is_flag=True, help="In a pod, also manage a controller at a loopback or link-local address (in the same pod)."
)
@click.option(
    "--kubeconfig",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Path of the kubeconfig, outside a cluster. Default: that of kubectl. [env: KUBECONFIG]",
)
@click.option("--context", metavar="NAME", help="Context of the kubeconfig. Default: the current one.")
def run(
    namespaces: tuple[str, ...],
    lease_namespace: str | None,
    workers: int,
    longest_break_glass: str,
    require_approval: bool,
    experimental: bool,
    evidence_directory: str | None,
    evidence_key: str | None,
    log_format: str,
    verbose: bool,
    metrics: str | None,
    allow_loopback: bool,
    kubeconfig: str | None,
    context: str | None,
) -> None:
    """Run the operator until SIGTERM.

    It keeps every instance as its policy says, and records what is proven. In a pod it uses the pod's service account. Several replicas may
    run: one leads, the others wait. deploy/rbac.yaml lists the rights that it needs.

    \b
    Example:
      jenkins2fa run --context staging --namespace team-a --metrics 8080

    \b
    Exit codes: 0 stopped by a signal
                1 it could not start
    """
    logs.set_up(log_format, verbose=verbose)
    options = Options(
        namespaces=tuple(dict.fromkeys(namespaces)),
        lease_namespace=lease_namespace or _own_namespace(),
        serving=_address(metrics),
        workers=workers,
        identity=f"{socket.gethostname()}_{secrets.token_hex(4)}",
        longest_break_glass=_duration(longest_break_glass),
        require_approval=require_approval,
        experimental=experimental,
        loopback=allow_loopback or IN_CLUSTER not in os.environ,
        evidence=_evidence(evidence_directory, evidence_key),
        release_grace=_for_tests("JENKINS2FA_RELEASE_GRACE", "60s"),
        lease_duration=_for_tests("JENKINS2FA_LEASE_DURATION", "15s"),
    )
    try:
        run_until_signal(options, Connection(kubeconfig, context))
    except CannotStart as error:
        raise click.ClickException(str(error)) from error


def _address(text: str | None) -> tuple[str, int] | None:
    try:
        return parse_place(text) if text else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--metrics") from error


def _evidence(directory: str | None, key: str | None) -> Place | None:
    if directory is None and key is not None:
        raise click.UsageError("--evidence-key needs --evidence-directory")
    return Place(Path(directory), Path(key) if key else None) if directory is not None else None


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--longest-break-glass") from error


def _own_namespace() -> str:
    try:
        return SERVICE_ACCOUNT_NAMESPACE.read_text().strip() or "default"
    except OSError:
        return "default"


def _for_tests(variable: str, usual: str) -> timedelta:
    """A duration that only tests change."""
    return parse_duration(os.environ.get(variable, usual))
