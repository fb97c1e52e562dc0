"""Fixtures for all tests: the API server, a namespace for each test, and the guard that keeps tests on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support import network
from tests.support.kube import KubeServer


def pytest_configure() -> None:
    """Install the network guard before tests are collected, so that it also sees connections made by imports."""
    network.install()
    settings.register_profile("shared-machine", deadline=None)  # on a shared machine, the time of one example means nothing
    settings.load_profile("shared-machine")


@pytest.fixture(autouse=True)
def _loopback_only() -> Iterator[None]:
    """Fail a test that tried to contact another machine, even if the code under test swallowed the error."""
    yield
    attempts = network.take_attempts()
    assert not attempts, f"connections to other machines are not allowed in tests: {attempts}"


@pytest.fixture(scope="session")
def kube() -> Iterator[KubeServer]:
    """One real API server for the session, with our CRDs."""
    with KubeServer() as server:
        server.apply_crds()
        yield server


@pytest.fixture
def namespace(kube: KubeServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """Name of a namespace that is this test's alone; it starts with the test's name and is deleted after it."""
    name = kube.namespace_for(request.node.name)
    yield name
    kube.remove_namespace(name)
