"""The policy and the controller of a command line, from its files and options."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jenkins2fa.api.fields import InvalidObject
from jenkins2fa.api.instance import GateMode, GateSpec, InstanceSpec, JenkinsInstance
from jenkins2fa.api.meta import Metadata
from jenkins2fa.api.parse import parse_instance, parse_policy
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.api.rules import instance_problems
from jenkins2fa.cli.checking import check
from jenkins2fa.cli.errors import CannotGoOn
from jenkins2fa.cli.manifests import POLICY_KINDS, Failure, Manifest, UnreadableFile, find_files, is_ours, read_manifests
from jenkins2fa.cli.options import JenkinsOptions, read_ca
from jenkins2fa.jenkins.http import Connection


@dataclass(frozen=True, slots=True)
class Target:
    """The controller that a command line is about."""

    instance: JenkinsInstance
    connection: Connection


def read_policy(manifests: list[Manifest], name: str | None) -> TwoFactorPolicy:
    """The one policy that the files hold, or the one called ``name``."""
    found = [m for m in manifests if m.kind in POLICY_KINDS and name in (None, m.name)]
    if not found:
        raise CannotGoOn(f"the files hold no TwoFactorPolicy{f' called {name}' if name else ''}")
    if len(found) > 1:
        raise CannotGoOn(f"the files hold {len(found)} policies ({', '.join(m.name for m in found)}): choose one with --policy NAME")
    return parse_policy(found[0].body)


def read_target(manifests: list[Manifest], jenkins: JenkinsOptions, gate: str | None = None) -> Target:
    """The instance from the files (if they hold one) with what the options say instead."""
    instance = _instance(manifests, jenkins)
    if gate is not None:
        instance = replace(instance, spec=replace(instance.spec, gate=GateSpec(GateMode(gate))))
    return Target(instance, Connection(instance.spec.url, jenkins.credentials(), read_ca(jenkins.ca_file)))


def load_manifests(paths: tuple[str, ...]) -> list[Manifest]:
    """Our objects in the files; stops with every finding of ``jenkins2fa validate`` when there is one."""
    try:
        found = [one for file in find_files(paths) for one in read_manifests(file)]
    except UnreadableFile as error:
        raise CannotGoOn(str(error)) from None
    problems = [f"{one.file}:{one.line}: {one.message}" for one in found if isinstance(one, Failure)]
    ours = [one for one in found if isinstance(one, Manifest) and is_ours(one)]
    problems += [f"{f.file}:{f.line}: {f.path}: {f.message}" for one in ours for f in check(one)]
    if problems:
        raise CannotGoOn("\n".join(problems))
    return ours


def _instance(manifests: list[Manifest], jenkins: JenkinsOptions) -> JenkinsInstance:
    found = [m for m in manifests if m.kind == "JenkinsInstance"]
    if len(found) > 1:
        raise CannotGoOn(f"the files hold {len(found)} instances: give --secrets FILE with their accounts, or the files of one instance")
    instance = parse_instance(found[0].body) if found else None
    if instance is not None and (not jenkins.url or jenkins.url_by_environment):
        return instance
    if not jenkins.url:
        raise CannotGoOn("no controller: give --url, or a file with a JenkinsInstance")
    instance = instance or JenkinsInstance(Metadata("", ""), InstanceSpec(url="", credentials=""))
    spec = replace(instance.spec, url=jenkins.url.rstrip("/") + "/")
    problems = instance_problems(spec)
    if problems:
        raise CannotGoOn(f"--url {InvalidObject(problems).problems[0].message}")
    return replace(instance, spec=spec)
