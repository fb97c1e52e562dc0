"""What a Secret consents to: the URLs that its account may be sent to, and the authority that must have signed the server's certificate."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from hypothesis import given
from hypothesis import strategies as st

from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.parse import parse_instance
from jenkins2fa.api.references import consents, host_and_port, narrowest_consent
from jenkins2fa.jenkins.connection import Connection, Connections, Credentials
from jenkins2fa.jenkins.errors import CertificateRejected, HostNotAllowed, JenkinsError, ProtocolError, SecretMissing
from jenkins2fa.jenkins.http import Http
from jenkins2fa.jenkins.login.one_time_code import code_form
from jenkins2fa.kube.client import Connection as ClusterConnection
from jenkins2fa.kube.client import Kubernetes
from jenkins2fa.kube.secrets import ReferenceCache
from tests.support.raw_server import Asked, RawServer

# --- which URL ---


@pytest.mark.parametrize(
    ("url", "host", "place"),
    [
        ("https://jenkins.example.com/ci/", "jenkins.example.com", "jenkins.example.com/ci"),
        ("https://jenkins.example.com:443/", "jenkins.example.com", "jenkins.example.com"),
        ("https://jenkins.example.com:8443/", "jenkins.example.com:8443", "jenkins.example.com:8443"),
        ("http://127.0.0.1:8080/a/b/", "127.0.0.1:8080", "127.0.0.1:8080/a/b"),
        ("http://[::1]:8080/", "[::1]:8080", "[::1]:8080"),
        ("https://[2001:db8::1]/", "[2001:db8::1]", "[2001:db8::1]"),
    ],
)
def test_consent_names_host_port_and_path(url: str, host: str, place: str) -> None:
    assert [host_and_port(url), narrowest_consent(url)] == [host, place]
    assert consents(host, url)
    assert consents(place, url)


@pytest.mark.parametrize("path", ["ci/", "ci/team/", "ci/a.b-c_d~e/"])
def test_consent_for_a_path_covers_the_paths_below(path: str) -> None:
    for host in ("jenkins.example.com/ci", "JENKINS.example.com/ci/", " jenkins.example.com/ci\n"):
        assert consents(host, f"https://jenkins.example.com/{path}")


@pytest.mark.parametrize(
    "path",
    [
        "", "c/", "cid/", "CI/", "other/", "other/ci/",
        "ci/../other/", "ci/./", "ci/..", "./ci/", "ci//", "/ci/", "ci/..;/other/", "ci;x/", "ci/;/", "ci\\..\\other/",
        "ci/%2e%2e/other/", "ci/.%2E/other/", "ci%2f..%2fother/", "%63i/", "ci/%252e%252e/other/", "ci/%5c..%5cother/", "ci/\u00e9/",
        "ci/\uff0e\uff0e/other/",
    ],
)  # fmt: skip
def test_consent_for_a_path_covers_no_other_path(path: str) -> None:
    assert not consents("jenkins.example.com/ci", f"https://jenkins.example.com/{path}")
    assert consents("jenkins.example.com", f"https://jenkins.example.com/{path}"), "without a path the whole host is meant"


@pytest.mark.parametrize(
    "host", ["", "/", "/ci", "https://jenkins.example.com/ci", "jenkins.example.com:8443", "example.com", "jenkins.example.com/ci/.."]
)
def test_invalid_consent_is_refused(host: str) -> None:
    assert not consents(host, "https://jenkins.example.com/ci/")


TRICKY = st.lists(
    st.sampled_from(["ci", "other", "..", ".", "", "%2e%2e", "%2E.", "..;", "%2f", "%5c", "\\", ";a", "%252e%252e", "..%2f", "%00", "x"]),
    max_size=5,
)


@given(TRICKY)
def test_requests_stay_below_the_path_of_the_consent(segments: list[str]) -> None:
    url = "https://jenkins.example.com/" + "/".join(segments) + "/"
    if consents("jenkins.example.com/ci", url):
        sent = requests.Request("GET", url + "scriptText").prepare().url or ""
        assert sent.startswith("https://jenkins.example.com/ci/")
        assert "%" not in sent


# --- no reply of Jenkins leads outside that path ---


@pytest.mark.parametrize("path", ["../other/", "a/../../other/", "%2e%2e/other/", "a/%2E%2e/.%2e/other/"])
def test_a_path_outside_the_consent_is_not_requested(path: str) -> None:
    asked: list[Asked] = []
    with RawServer(lambda one: asked.append(one) or ok({})) as server, closing(Http(Connection(f"{server.url}ci/", None))) as http:
        with pytest.raises(ProtocolError, match=r"outside spec\.url: nothing was sent"):
            http.get(path)
        http.get("a/../b")
    assert [one.head.split()[1] for one in asked] == ["/ci/b"]


@pytest.mark.parametrize("action", ["/other/", "../../other", "/ci/%2e%2e/other", "/ci/..%2fother", "/ci/..;/other", "/ci/%5c../other"])
def test_a_code_form_that_leads_outside_the_consent_is_ignored(action: str) -> None:
    page = f'<form method=post action="{action}"><input name=otp autocomplete=one-time-code></form>'
    assert code_form(page, "https://jenkins.example.com/ci/", "tfaUserAuth/") is None


# --- Secrets ---

HOST = "jenkins.example.com/ci"


@contextmanager
def secrets(tmp_path: Path, objects: dict[str, dict[str, str]]) -> Iterator[tuple[Connections, list[str]]]:
    """Connections from Secrets of a fake API server; the list has the names of the objects that were read."""
    read: list[str] = []

    def answer(asked: Asked) -> bytes:
        kind, name = asked.head.split()[1].split("/")[-2:]
        read.append(name)
        data = objects[name]
        return ok({"data": data if kind == "configmaps" else {key: base64.b64encode(one.encode()).decode() for key, one in data.items()}})

    with RawServer(answer) as server:
        entries = {"clusters": {"cluster": {"server": server.url.rstrip("/")}}, "users": {"user": {"token": "t"}},
                   "contexts": {"context": {"cluster": "c", "user": "c"}}}  # fmt: skip
        named = {kind: [{"name": "c", **entry}] for kind, entry in entries.items()}
        (tmp_path / "config").write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", **named}))
        yield Connections(ReferenceCache(Kubernetes(ClusterConnection(str(tmp_path / "config"))), lambda: 0.0), lambda: 0.0), read


def ok(body: Any) -> bytes:
    text = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text


def instance(url: str = "https://jenkins.example.com/ci/", **spec: Any) -> JenkinsInstance:
    whole = {"url": url, "credentialsRef": {"name": "account"}, "gate": {"mode": "None"}, **spec}
    return parse_instance({"metadata": {"name": "build", "namespace": "tests", "uid": "u", "generation": 1}, "spec": whole})


ACCOUNT = {"host": HOST, "username": "admin", "token": "t0ken-that-must-not-show"}


def test_another_path_of_a_shared_host_gets_no_credentials(tmp_path: Path) -> None:
    with secrets(tmp_path, {"account": ACCOUNT}) as (store, _), pytest.raises(HostNotAllowed) as found:
        store.connection(instance("https://jenkins.example.com/other/"))
    assert "Set its key host to jenkins.example.com/other, or correct spec.url" in str(found.value)
    assert HOST not in str(found.value)
    assert "t0ken" not in str(found.value)


def test_an_ambiguous_path_is_reported_as_the_fault(tmp_path: Path) -> None:
    with secrets(tmp_path, {"account": ACCOUNT}) as (store, _), pytest.raises(HostNotAllowed, match="without dot segments"):
        store.connection(instance("https://jenkins.example.com/ci/%2e%2e/other/"))


def test_a_pinned_authority_wins_and_ca_ref_is_not_read(tmp_path: Path) -> None:
    objects = {"account": {**ACCOUNT, "ca.crt": "pinned"}, "corporate-ca": {"ca.crt": "named"}}
    with secrets(tmp_path, objects) as (store, read):
        connection = store.connection(instance(caRef={"name": "corporate-ca"}))
    assert [connection.trusted, read] == ["pinned", ["account"]]


def test_ca_ref_is_used_without_a_pinned_authority(tmp_path: Path) -> None:
    with secrets(tmp_path, {"account": ACCOUNT, "corporate-ca": {"ca.crt": "named"}}) as (store, _):
        assert store.connection(instance(caRef={"name": "corporate-ca"})).trusted == "named"


def test_a_canary_uses_the_authority_pinned_by_its_own_secret(tmp_path: Path) -> None:
    objects = {"account": ACCOUNT, "canary": {**ACCOUNT, "ca.crt": "pinned"}, "corporate-ca": {"ca.crt": "named"}}
    with secrets(tmp_path, objects) as (store, read):
        one = instance(caRef={"name": "corporate-ca"})
        canary = store.canary(one, "canary")
        assert store.bare_connection(one, [canary]).authority is None
        assert read == ["canary"]
        assert Connection("https://j/", canary, "named").trusted == "pinned"


def test_an_empty_pin_is_an_error(tmp_path: Path) -> None:
    with secrets(tmp_path, {"account": {**ACCOUNT, "ca.crt": " \n"}}) as (store, _), pytest.raises(SecretMissing) as found:
        store.connection(instance())
    assert "the key ca.crt of the Secret account is empty" in str(found.value)


# --- the pin, on the wire ---


@contextmanager
def tls_server(authority: trustme.CA) -> Iterator[tuple[str, list[str]]]:
    """A loopback server with a certificate of that authority; the list holds the requested paths."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}/", asked
        server.shutdown()


def pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


def test_the_token_is_sent_only_to_a_server_of_the_pinned_authority() -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    with tls_server(theirs) as (url, asked):
        pinned = Connection(url, Credentials("admin", "token", authority=pem(ours)), pem(theirs))
        with closing(Http(pinned)) as http_session, pytest.raises(CertificateRejected, match=r"the key ca\.crt of the Secret: correct"):
            http_session.get()
        assert asked == []
    with tls_server(ours) as (url, asked):
        pinned = Connection(url, Credentials("admin", "token", authority=pem(ours)), pem(theirs))
        with closing(Http(pinned)) as http_session:
            assert [http_session.get().status, asked] == [200, ["/"]]


def test_a_pin_that_is_no_certificate_is_reported() -> None:
    with pytest.raises(JenkinsError, match=r"the key ca\.crt of the Secret does not hold a certificate in PEM form"):
        Http(Connection("https://j/", Credentials("admin", "token", authority="no certificate")))
