"""`caRef`: a controller with a certificate of a private authority that is wrong, corrected, and replaced while the operator runs."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest
import trustme

from tests.support.actions import is_off, is_on
from tests.support.proxy import Proxy, Reset
from tests.support.running import OperatorProcess
from tests.support.scene import Scene
from tests.support.standin import StandIn

HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def authorities() -> tuple[trustme.CA, trustme.CA]:
    return trustme.CA(), trustme.CA()


@pytest.fixture
def context(authorities: tuple[trustme.CA, trustme.CA]) -> ssl.SSLContext:
    """A server's TLS context with a certificate of the first authority, until a test loads another."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authorities[0].issue_cert(HERE).configure_cert(made)
    return made


@pytest.fixture
def proxy(jenkins: StandIn, context: ssl.SSLContext) -> Iterator[Proxy]:
    with Proxy(jenkins.url, context) as running:
        yield running


def name_authority(scene: Scene, kind: str, authority: trustme.CA) -> None:
    pem = authority.cert_pem.bytes().decode()
    if kind == "Secret":
        scene.secret("corporate-ca", **{"ca.crt": pem})
    else:
        body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "corporate-ca"}, "data": {"ca.crt": pem}}
        scene.kube.apply(body, namespace=scene.namespace)


@pytest.mark.parametrize("kind", ["ConfigMap", pytest.param("Secret", marks=pytest.mark.slow)])
def test_a_wrong_authority_is_corrected_and_later_replaced(
    operator: OperatorProcess,
    scene: Scene,
    jenkins: StandIn,
    proxy: Proxy,
    context: ssl.SSLContext,
    authorities: tuple[trustme.CA, trustme.CA],
    kind: str,
) -> None:
    first, second = authorities
    reference = {"kind": kind, "name": "corporate-ca", "key": "ca.crt"}
    scene.credentials(proxy.url, jenkins.tokens["admin"])
    scene.policy("baseline")
    scene.instance("build", proxy.url)  # no caRef: the system's authorities did not sign it
    scene.wait("ji", "build", Ready="False/CertificateRejected", Stalled="True/CertificateRejected", Enforced="Unknown")
    assert "name the authority in caRef" in scene.message("ji", "build")
    name_authority(scene, kind, second)
    scene.instance("build", proxy.url, caRef=reference, checkInterval="5s")
    scene.wait("ji", "build", Ready="False/CertificateRejected", Stalled="True")
    assert [proxy.seen, is_off(jenkins)] == [[], True], "nothing is sent before the certificate is accepted"

    name_authority(scene, kind, first)
    scene.wait("ji", "build", seconds=30, Ready="True/InForce", Enforced="True/Probed", Stalled="False")
    assert is_on(jenkins)

    second.issue_cert(HERE).configure_cert(context)
    proxy.fault(Reset(), times=1)  # the operator keeps its connection; a new one meets the new certificate
    scene.wait("ji", "build", seconds=30, Ready="False/CertificateRejected", Stalled="True", Enforced="Unknown")
    name_authority(scene, kind, second)
    scene.wait("ji", "build", seconds=30, Ready="True/InForce", Enforced="True/Probed", Stalled="False")


def test_only_the_authority_pinned_by_the_secret_is_trusted(
    operator: OperatorProcess, scene: Scene, jenkins: StandIn, proxy: Proxy, authorities: tuple[trustme.CA, trustme.CA]
) -> None:
    """Whoever may edit the instance cannot choose the authority for the server that gets the token."""
    first, second = authorities
    pins, token, host = ("pin", jenkins.tokens["admin"], proxy.url.split("/")[2])
    name_authority(scene, "ConfigMap", first)  # the server's authority
    scene.secret(pins, host=host, username="admin", token=token, **{"ca.crt": second.cert_pem.bytes().decode()})
    reference = {"kind": "ConfigMap", "name": "corporate-ca", "key": "ca.crt"}
    scene.instance("build", proxy.url, credentialsRef={"name": pins}, caRef=reference, checkInterval="5s")
    scene.wait("ji", "build", Ready="False/CertificateRejected", Stalled="True/CertificateRejected")
    assert "the key ca.crt of the Secret" in scene.message("ji", "build")
    assert proxy.seen == [], "nothing is sent"
    name_authority(scene, "ConfigMap", second)
    scene.secret(pins, host=host, username="admin", token=token, **{"ca.crt": first.cert_pem.bytes().decode()})
    scene.wait("ji", "build", seconds=30, Ready="True/NoPolicy")
