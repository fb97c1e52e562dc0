"""Every failure between operator and controller, at the driver: one test per row of docs/troubleshooting.md."""

from __future__ import annotations

import datetime
import ssl

import pytest
import trustme

from jenkins2fa.jenkins.errors import (
    CertificateRejected,
    ChallengedBySecondFactor,
    Forbidden,
    JenkinsError,
    ProtocolError,
    Redirected,
    ScriptFailed,
    Starting,
    Unauthorized,
    Unreachable,
)
from tests.jenkins.conftest import failure_of, managed_of, through
from tests.support.managed import Managed
from tests.support.proxy import Cut, Late, Lose, Proxy, Reset, Say
from tests.support.standin import StandIn, free_port

PLANTED = "planted-token-11c0ffee"
WEB_PAGE = "<!DOCTYPE html><html><body>Please log in</body></html>"


def test_a_wrong_token(standin: StandIn) -> None:
    found = failure_of(Managed(standin.url, "admin", PLANTED))
    assert [type(found), found.transient] == [Unauthorized, False]
    assert "renew the token" in str(found)
    assert PLANTED not in repr(found)


def test_a_missing_administer_permission(standin: StandIn) -> None:
    found = failure_of(Managed(standin.url, "alice", standin.tokens["alice"]))
    assert [type(found), found.transient, "Administer" in str(found)] == [Forbidden, False, True]


def test_a_port_without_a_listener() -> None:
    found = failure_of(Managed(f"http://127.0.0.1:{free_port()}", "admin", PLANTED))
    assert [type(found), found.transient, "connection refused" in str(found)] == [Unreachable, True, True]


def test_an_unknown_host_name() -> None:
    found = failure_of(Managed("http://no-such-host.invalid", "admin", PLANTED))
    assert [type(found), found.transient, "unknown host name" in str(found)] == [Unreachable, True, True]


def test_a_reply_after_the_time_limit(javax_standin: StandIn, proxy: Proxy) -> None:
    proxy.fault(Late(1.5))
    found = failure_of(through(proxy, javax_standin, read_seconds=0.4))
    assert isinstance(found, Unreachable)
    assert [found.timed_out, "no answer within 0.4 s" in str(found)] == [True, True]


def test_a_reset_connection(javax_standin: StandIn, proxy: Proxy) -> None:
    proxy.fault(Reset())
    found = failure_of(through(proxy, javax_standin))
    assert [type(found), found.transient] == [Unreachable, True]
    assert "connection" in str(found)


def test_a_connection_closed_without_a_reply(javax_standin: StandIn, proxy: Proxy) -> None:
    proxy.fault(Lose())
    assert isinstance(failure_of(through(proxy, javax_standin)), Unreachable)


@pytest.mark.parametrize("after", [0, 1, 5, 30, 300])
def test_a_truncated_reply(javax_standin: StandIn, proxy: Proxy, after: int) -> None:
    proxy.fault(Cut(after))
    found = failure_of(through(proxy, javax_standin))
    assert [found.transient, isinstance(found, ProtocolError | Unreachable)] == [True, True]


def test_a_truncated_reply_that_looks_complete(javax_standin: StandIn, proxy: Proxy) -> None:
    """A proxy forwards the part that it has as if it were complete."""
    with Proxy(javax_standin.url) as honest:
        managed = through(honest, javax_standin)
        managed.observe()
    nonce_line = '@@2FA 0123456789abcdef {"ok":true,"jenk'
    proxy.fault(Say(200, nonce_line))
    found = failure_of(through(proxy, javax_standin))
    assert [type(found), found.transient, "cut short" in str(found)] == [ProtocolError, True, True]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


def test_a_configured_authority_is_trusted(javax_standin: StandIn, authority: trustme.CA) -> None:
    with Proxy(javax_standin.url, serving(authority.issue_cert("127.0.0.1"))) as proxy:
        assert through(proxy, javax_standin, authority=pem(authority)).observe().user == "admin"


@pytest.mark.parametrize(
    ("name", "trusted", "said"),
    [
        ("127.0.0.1", "another", "not signed by a known authority: name the authority in caRef"),
        ("127.0.0.1", "none", "not signed by a known authority"),
        ("jenkins.example.com", "this", "its certificate is for another name"),
        ("expired", "this", "its certificate has expired"),
        ("127.0.0.1", "no PEM", "caRef does not hold a certificate in PEM form"),
    ],
)
def test_an_invalid_certificate(javax_standin: StandIn, authority: trustme.CA, name: str, trusted: str, said: str) -> None:
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    expired = {"not_before": yesterday - datetime.timedelta(days=1), "not_after": yesterday}
    certificate = authority.issue_cert("127.0.0.1", **expired) if name == "expired" else authority.issue_cert(name)
    pems = {"this": pem(authority), "another": pem(trustme.CA()), "none": None, "no PEM": "no certificate"}
    with Proxy(javax_standin.url, serving(certificate)) as proxy:
        found = failure_of_opening(proxy, javax_standin, pems[trusted])
        assert [type(found), found.transient] == [CertificateRejected, False]
        assert said in str(found)
        assert proxy.seen == []  # nothing was sent


def failure_of_opening(proxy: Proxy, jenkins: StandIn, authority: str | None) -> JenkinsError:
    with pytest.raises(JenkinsError) as raised:
        through(proxy, jenkins, authority=authority).observe()
    return raised.value


def test_plain_http_instead_of_tls(javax_standin: StandIn) -> None:
    found = failure_of(Managed(javax_standin.url.replace("http:", "https:"), "admin", PLANTED))
    assert [type(found), "check that this port serves https" in str(found)] == [CertificateRejected, True]


@pytest.mark.parametrize(
    ("answer", "kind", "transient", "said"),
    [
        (Say(200, WEB_PAGE), ProtocolError, False, "a web page came back"),
        (Say(200, ""), ProtocolError, True, "the answer is empty"),
        (Say(200, "hello"), ProtocolError, False, "not Jenkins' script console"),
        (Say(302, headers={"Location": "http://x/ci/user/admin/tfaConfiguration/"}), ChallengedBySecondFactor, False, "second factor"),
        (Say(302, headers={"Location": "http://x/tfaUserAuth/securityQuestionAuth/"}), ChallengedBySecondFactor, False, "second factor"),
        (
            Say(302, headers={"Location": f"https://u:{PLANTED}@sso.example.com/auth?code={PLANTED}#{PLANTED}"}),
            Redirected,
            False,
            "another page (302;",
        ),
        (Say(302, headers={"Location": f"/elsewhere?{PLANTED}"}), Redirected, False, "another page (302;"),
        (Say(301, headers={"Location": "https://jenkins.example.com/"}), Redirected, False, "another page (301;"),
        (Say(503, WEB_PAGE), Starting, True, "starting or restarting"),
        (Say(502, WEB_PAGE), ProtocolError, True, "answered 502"),
        (Say(500, WEB_PAGE), ProtocolError, True, "answered 500"),
        (Say(404, WEB_PAGE), ProtocolError, False, "context path"),
        (Say(403, WEB_PAGE), Forbidden, False, "in front of it"),
        (Say(401, WEB_PAGE), Unauthorized, False, "renew the token"),
        (Say(200, f"groovy.lang.MissingPropertyException: {PLANTED}\n\tat Script1"), ScriptFailed, False, "an error of its own"),
        (Say(200, "@@2FA 0123456789abcdef [1]"), ProtocolError, True, "another request"),
    ],
)
def test_an_unframed_reply(javax_standin: StandIn, proxy: Proxy, answer: Say, kind: type[JenkinsError], transient: bool, said: str) -> None:
    proxy.fault(answer)
    found = failure_of(through(proxy, javax_standin))
    assert [type(found), found.transient] == [kind, transient]
    assert said in str(found)
    assert PLANTED not in str(found)


def test_a_probe_answered_by_another_server_proves_nothing(javax_standin: StandIn, proxy: Proxy) -> None:
    proxy.fault(Say(200, WEB_PAGE))
    with pytest.raises(ProtocolError, match="not Jenkins"):
        through(proxy, javax_standin).probe()


def test_an_endless_reply_is_cut_off(javax_standin: StandIn, proxy: Proxy) -> None:
    proxy.fault(Say(200, "x" * (9 * 1024 * 1024)))
    assert "larger than 8 MiB" in str(failure_of(through(proxy, javax_standin)))


def test_an_oversized_script_reply_is_not_parsed(javax_standin: StandIn, proxy: Proxy) -> None:
    """Parsed, small JSON objects take thirty times their size; the limit for pages of Jenkins is higher."""
    proxy.fault(Say(200, "{}," * 400_000))
    assert "larger than 1 MiB" in str(failure_of(through(proxy, javax_standin)))


def test_a_script_failure_is_reported_with_its_exception(javax_standin: StandIn) -> None:
    """The plugin's class exists, but not the method that our script calls, as after an untested update."""
    with (
        managed_of(javax_standin).driver() as driver,
        pytest.raises(ScriptFailed, match=r"MissingPropertyException|NullPointerException|Cannot invoke") as raised,
    ):
        driver._console.run("confirm", id="x", keep=True)  # without the resident classes that it needs
    assert [raised.value.transient, bool(raised.value.type)] == [False, True]
