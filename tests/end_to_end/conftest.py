"""The real API server, the operator as a process with its own rights, and a Jenkins stand-in: one of each per test worker.

A test is marked `own_jenkins` if it changes its Jenkins in ways that the reset does not undo."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.evidence import KeptEvidence
from tests.support.kept import Kept
from tests.support.kube import KubeServer
from tests.support.running import OperatorProcess, grant
from tests.support.scene import Scene
from tests.support.standin import StandIn, free_port


@pytest.fixture(scope="session")
def kube() -> Iterator[KubeServer]:
    """An API server for this folder alone: its operator serves every namespace there, so other tests' operators need
    another one."""
    with KubeServer() as server:
        server.apply_crds()
        yield server


@pytest.fixture(scope="session")
def granted(kube: KubeServer) -> KubeServer:
    """The API server with the operator's service account and rights."""
    grant(kube)
    return kube


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> KeptEvidence:
    """Where the shared operator keeps signed evidence of its probes."""
    return KeptEvidence.prepare(tmp_path_factory.mktemp("evidence"))


@pytest.fixture(scope="session")
def shared_operator(granted: KubeServer, evidence: KeptEvidence) -> Iterator[OperatorProcess]:
    options = ("-v", "--metrics", f"127.0.0.1:{free_port()}", *evidence.options)
    with OperatorProcess(granted, *options) as running:
        yield running


@pytest.fixture
def operator(shared_operator: OperatorProcess) -> Iterator[OperatorProcess]:
    """One operator for all tests; a failed test shows what it logged meanwhile."""
    before = len(shared_operator.text())
    yield shared_operator
    print(shared_operator.text()[before:])


@pytest.fixture(scope="session")
def _kept_jenkins() -> Iterator[Kept]:
    kept = Kept()
    yield kept
    kept.close()


@pytest.fixture
def jenkins(_kept_jenkins: Kept, request: pytest.FixtureRequest) -> Iterator[StandIn]:
    """A controller as after its first start."""
    if request.node.get_closest_marker("own_jenkins") is None:
        yield _kept_jenkins.fresh(request.session.testsfailed)
        return
    with StandIn() as running:
        yield running


@pytest.fixture
def scene(kube: KubeServer, namespace: str, jenkins: StandIn) -> Scene:
    """A namespace with the Secret `admin` for the stand-in."""
    made = Scene(kube, namespace)
    made.credentials(jenkins.url, jenkins.tokens["admin"])
    return made
