"""Stand-ins that many tests share: one per test worker, reset to a fresh Jenkins before each test.

It is the javax flavour. Tests of the gate, of pages and of sessions depend on the servlet API: their modules are marked `both_flavours`
and run with the jakarta flavour too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from jenkins2fa.jenkins.errors import JenkinsError
from tests.support.commands import Commands
from tests.support.kept import fresh
from tests.support.managed import Managed
from tests.support.proxy import Proxy
from tests.support.standin import PluginName, StandIn

Flavour = Literal["javax", "jakarta"]
USERS = {
    "carol": {"password": "carol-pw-1", "groups": ["Devs", "all"], "email": "carol@lab.invalid"},
    "dave": {"password": "dave-pw-1", "groups": ["Ops", "all"], "email": "dave@lab.invalid"},
}


@pytest.fixture(scope="session")
def _kept() -> Iterator[dict[str, StandIn]]:
    kept: dict[str, StandIn] = {}
    yield kept
    for one in kept.values():
        one.__exit__(None, None, None)


def shared(kept: dict[str, StandIn], flavour: Flavour, realm: Literal["own", "groups"], plugin: PluginName = "miniorange") -> StandIn:
    name = f"{flavour}/{realm}/{plugin}"
    if name in kept and not kept[name].running:
        kept.pop(name).__exit__(None, None, None)
    if name not in kept:
        kept[name] = StandIn(flavour=flavour, realm=realm, users=USERS, plugins=(plugin,), smtp_host="mail.lab.invalid").start()
    return fresh(kept[name])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the shared stand-in both flavours where the module asks for them."""
    if "shared_flavour" in metafunc.fixturenames:
        both = metafunc.definition.get_closest_marker("both_flavours") is not None
        metafunc.parametrize("shared_flavour", ["javax", "jakarta"] if both else ["javax"], scope="session")


@pytest.fixture
def standin(_kept: dict[str, StandIn], shared_flavour: Flavour) -> StandIn:
    """The shared stand-in with Jenkins' own users, fresh. Faults and restarts must be over at the end of the test."""
    return shared(_kept, shared_flavour, "own")


@pytest.fixture
def with_groups(_kept: dict[str, StandIn], shared_flavour: Flavour) -> StandIn:
    """The same with a realm that has groups: carol is in Devs and all, dave in Ops and all."""
    return shared(_kept, shared_flavour, "groups")


@pytest.fixture
def with_openmfa(_kept: dict[str, StandIn]) -> StandIn:
    """The same with OpenMFA, which has the jakarta flavour only."""
    return shared(_kept, "jakarta", "groups", "openmfa")


@pytest.fixture
def javax_standin(_kept: dict[str, StandIn]) -> StandIn:
    """The shared stand-in in the javax flavour, whatever the module is marked with."""
    return shared(_kept, "javax", "own")


@pytest.fixture
def managed(standin: StandIn) -> Managed:
    return managed_of(standin)


def managed_of(jenkins: StandIn, **more: object) -> Managed:
    return Managed(jenkins.url, "admin", jenkins.tokens["admin"], **more)


@pytest.fixture
def proxy(javax_standin: StandIn) -> Iterator[Proxy]:
    with Proxy(javax_standin.url) as started:
        yield started


def through(proxy: Proxy, jenkins: StandIn, **more: Any) -> Managed:
    return Managed(proxy.url, "admin", jenkins.tokens["admin"], **more)


@pytest.fixture
def commands(tmp_path: Path, managed: Managed, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(tmp_path, managed, monkeypatch)


def failure_of(managed: Managed) -> JenkinsError:
    """The error of one observation."""
    with pytest.raises(JenkinsError) as raised:
        managed.observe()
    return raised.value
