"""Everything that can go wrong between the operator and a Jenkins: one test a row of docs/troubleshooting.md, at the driver."""

from __future__ import annotations

import contextlib
import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from jenkins2fa.core.conditions import Outcome, Proof, Trouble, judge
from jenkins2fa.jenkins.change import Step
from jenkins2fa.jenkins.drivers import miniorange
from jenkins2fa.jenkins.drivers.miniorange import read_observation
from jenkins2fa.jenkins.errors import (
    CertificateRejected,
    ChallengedBySecondFactor,
    ChangeUndone,
    Forbidden,
    JenkinsError,
    ProtocolError,
    Redirected,
    ScriptFailed,
    Starting,
    Unauthorized,
    Unreachable,
)
from jenkins2fa.jenkins.probe import session_of
from jenkins2fa.jenkins.scripts import OBSERVE
from tests.jenkins.conftest import managed_of
from tests.support.actions import is_off, is_on
from tests.support.managed import EMAIL, Managed, layers, policy
from tests.support.proxy import Cut, Late, Lose, Proxy, Reset, Say
from tests.support.standin import StandIn, free_port
from tests.support.waiting import wait_until

PLANTED = "planted-token-11c0ffee"
WEB_PAGE = "<!DOCTYPE html><html><body>Please log in</body></html>"


@pytest.fixture
def proxy(one: StandIn) -> Iterator[Proxy]:
    with Proxy(one.url) as started:
        yield started


def through(proxy: Proxy, jenkins: StandIn, **more: Any) -> Managed:
    return Managed(proxy.url, "admin", jenkins.tokens["admin"], **more)


def trouble(managed: Managed) -> JenkinsError:
    """What one look ends with."""
    with pytest.raises(JenkinsError) as raised:
        managed.observe()
    return raised.value


# --- who we are ---


def test_a_wrong_token(standin: StandIn) -> None:
    found = trouble(Managed(standin.url, "admin", PLANTED))
    assert [type(found), found.transient] == [Unauthorized, False]
    assert "renew the token" in str(found)
    assert PLANTED not in repr(found)


def test_no_administer(standin: StandIn) -> None:
    found = trouble(Managed(standin.url, "alice", standin.tokens["alice"]))
    assert [type(found), found.transient, "Administer" in str(found)] == [Forbidden, False, True]


# --- the way there ---


def test_nobody_listens() -> None:
    found = trouble(Managed(f"http://127.0.0.1:{free_port()}", "admin", PLANTED))
    assert [type(found), found.transient, "connection refused" in str(found)] == [Unreachable, True, True]


def test_an_unknown_host_name() -> None:
    found = trouble(Managed("http://no-such-host.invalid", "admin", PLANTED))
    assert [type(found), found.transient, "unknown host name" in str(found)] == [Unreachable, True, True]


def test_no_answer_in_time(one: StandIn, proxy: Proxy) -> None:
    proxy.fault(Late(1.5))
    found = trouble(through(proxy, one, read_seconds=0.4))
    assert isinstance(found, Unreachable)
    assert [found.timed_out, "no answer within 0.4 s" in str(found)] == [True, True]


def test_a_reset_connection(one: StandIn, proxy: Proxy) -> None:
    proxy.fault(Reset())
    found = trouble(through(proxy, one))
    assert [type(found), found.transient] == [Unreachable, True]
    assert "connection" in str(found)


def test_a_connection_closed_without_an_answer(one: StandIn, proxy: Proxy) -> None:
    proxy.fault(Lose())
    assert isinstance(trouble(through(proxy, one)), Unreachable)


@pytest.mark.parametrize("after", [0, 1, 5, 30, 300])
def test_an_answer_cut_short(one: StandIn, proxy: Proxy, after: int) -> None:
    proxy.fault(Cut(after))
    found = trouble(through(proxy, one))
    assert [found.transient, isinstance(found, ProtocolError | Unreachable)] == [True, True]


def test_an_answer_cut_short_by_something_that_hides_it(one: StandIn, proxy: Proxy) -> None:
    """A proxy that sends on what it has, as if it were all."""
    with Proxy(one.url) as honest:
        managed = through(honest, one)
        managed.observe()
    nonce_line = '@@2FA 0123456789abcdef {"ok":true,"jenk'
    proxy.fault(Say(200, nonce_line))
    found = trouble(through(proxy, one))
    assert [type(found), found.transient, "cut short" in str(found)] == [ProtocolError, True, True]


# --- TLS ---


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


def test_an_authority_that_was_named_is_trusted(one: StandIn, authority: trustme.CA) -> None:
    with Proxy(one.url, serving(authority.issue_cert("127.0.0.1"))) as proxy:
        assert through(proxy, one, authority=pem(authority)).observe().user == "admin"


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
def test_a_certificate_that_does_not_do(one: StandIn, authority: trustme.CA, name: str, trusted: str, said: str) -> None:
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    expired = {"not_before": yesterday - datetime.timedelta(days=1), "not_after": yesterday}
    certificate = authority.issue_cert("127.0.0.1", **expired) if name == "expired" else authority.issue_cert(name)
    pems = {"this": pem(authority), "another": pem(trustme.CA()), "none": None, "no PEM": "no certificate"}
    with Proxy(one.url, serving(certificate)) as proxy:
        found = trouble_of_opening(proxy, one, pems[trusted])
        assert [type(found), found.transient] == [CertificateRejected, False]
        assert said in str(found)
        assert proxy.seen == []  # nothing was sent


def trouble_of_opening(proxy: Proxy, jenkins: StandIn, authority: str | None) -> JenkinsError:
    with pytest.raises(JenkinsError) as raised:
        through(proxy, jenkins, authority=authority).observe()
    return raised.value


def test_plain_http_where_tls_was_expected(one: StandIn) -> None:
    found = trouble(Managed(one.url.replace("http:", "https:"), "admin", PLANTED))
    assert [type(found), "does this port speak https?" in str(found)] == [CertificateRejected, True]


# --- answers that are not ours ---


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
            "sso.example.com",
        ),
        (Say(302, headers={"Location": f"/elsewhere?{PLANTED}"}), Redirected, False, "another page of the same host"),
        (Say(301, headers={"Location": "https://jenkins.example.com/"}), Redirected, False, "jenkins.example.com (301)"),
        (Say(503, WEB_PAGE), Starting, True, "starting or restarting"),
        (Say(502, WEB_PAGE), ProtocolError, True, "answered 502"),
        (Say(500, WEB_PAGE), ProtocolError, True, "answered 500"),
        (Say(404, WEB_PAGE), ProtocolError, False, "context path"),
        (Say(403, WEB_PAGE), Forbidden, False, "in front of it"),
        (Say(401, WEB_PAGE), Unauthorized, False, "renew the token"),
        (Say(200, "groovy.lang.MissingPropertyException: No such property: x\n\tat Script1"), ScriptFailed, False, "No such property"),
        (Say(200, "@@2FA 0123456789abcdef [1]"), ProtocolError, True, "another request"),
    ],
)
def test_an_answer_that_is_not_ours(one: StandIn, proxy: Proxy, answer: Say, kind: type[JenkinsError], transient: bool, said: str) -> None:
    proxy.fault(answer)
    found = trouble(through(proxy, one))
    assert [type(found), found.transient] == [kind, transient]
    assert said in str(found)
    assert PLANTED not in str(found)


def test_a_probe_answered_by_something_else_proves_nothing(one: StandIn, proxy: Proxy) -> None:
    proxy.fault(Say(200, WEB_PAGE))
    with pytest.raises(ProtocolError, match="not Jenkins"):
        through(proxy, one).probe()


def test_an_answer_without_end_is_cut_off(one: StandIn, proxy: Proxy) -> None:
    proxy.fault(Say(200, "x" * (9 * 1024 * 1024)))
    assert "larger than 8 MiB" in str(trouble(through(proxy, one)))


def test_a_script_that_fails_inside_jenkins_is_told_with_its_exception(one: StandIn) -> None:
    """The plugin's class is there, but what our script calls is not: as after an update that nobody tested."""
    with (
        managed_of(one).driver() as driver,
        pytest.raises(ScriptFailed, match="MissingPropertyException|NullPointerException|Cannot invoke") as raised,
    ):
        driver._console.run("confirm", id="x", keep=True)  # without the resident classes that it needs
    assert [raised.value.transient, bool(raised.value.type)] == [False, True]


# --- restarts ---


def test_503_while_jenkins_starts_and_well_again_after_it(standin: StandIn, managed: Managed) -> None:
    session = managed.observe().session
    standin.faults(unavailableSeconds=0.8)
    assert isinstance(trouble(managed), Starting)
    with pytest.raises(Starting):
        session_of(managed.connection)
    wait_until(lambda: not isinstance(caught(managed), Starting), seconds=5)
    assert session_of(managed.connection) == session == managed.observe().session


def test_401_around_a_restart_is_an_error_that_passes(standin: StandIn, managed: Managed) -> None:
    standin.faults(tokensRefusedSeconds=0.8)
    assert isinstance(trouble(managed), Unauthorized)
    wait_until(lambda: caught(managed) is None, seconds=5)


def test_a_driver_survives_a_restart(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    with managed.driver() as driver:
        before = driver.observe().session
        standin.restart()
        after = driver.observe()
        assert after.session != before
        assert driver.confirm("unknown") == "Unknown"  # the resident classes too


def caught(managed: Managed) -> JenkinsError | None:
    try:
        managed.observe()
    except JenkinsError as problem:
        return problem
    return None


# --- in the middle of a write ---


LOST = [Lose(), Late(1.6), Cut(3)]


@pytest.mark.parametrize("fault", LOST, ids=["lost", "late", "cut"])
def test_a_lost_answer_to_the_beginning_is_settled_by_looking(one: StandIn, proxy: Proxy, fault: Any) -> None:
    """It had begun: the change goes on, and is not begun twice."""
    managed = through(proxy, one, read_seconds=1.2)
    managed.observe()
    prepare(managed, one)
    proxy.seen.clear()
    proxy.fault(fault, script="begin", times=1)
    result = managed.apply(policy(exemptGroups=["robots"]))
    assert [result.plan.changes, result.proof, proxy.seen.count("begin")] == [(), Proof.CHALLENGED, 1]


@pytest.mark.parametrize("fault", [Reset(), Say(503), Say(200, WEB_PAGE)], ids=["reset", "503", "web page"])
def test_a_beginning_that_never_arrived_is_an_undone_change(one: StandIn, proxy: Proxy, fault: Any) -> None:
    managed = through(proxy, one)
    proxy.fault(fault, script="begin", times=1)
    with pytest.raises(ChangeUndone, match="did not begin"):
        managed.apply(policy())
    assert [layers(managed.observe()), is_off(one)] == [[None, False, False], True]


@pytest.mark.parametrize("fault", LOST, ids=["lost", "late", "cut"])
def test_a_lost_answer_to_the_confirmation_is_settled_by_looking(one: StandIn, proxy: Proxy, fault: Any) -> None:
    managed = through(proxy, one, read_seconds=1.2)
    prepare(managed, one)
    proxy.seen.clear()
    proxy.fault(fault, script="confirm", times=1)
    result = managed.apply(policy(exemptGroups=["robots"]))
    assert [result.plan.changes, result.observation.trial.last_outcome, proxy.seen.count("confirm")] == [(), "confirmed", 1]
    assert is_on(one)


@pytest.mark.parametrize("fault", [Reset(), Say(503)], ids=["reset", "503"])
def test_a_confirmation_that_never_arrived_is_sent_again(one: StandIn, proxy: Proxy, fault: Any) -> None:
    managed = through(proxy, one)
    proxy.fault(fault, script="confirm", times=1)
    assert not managed.apply(policy()).plan.changes
    assert is_on(one)


def test_a_network_that_goes_away_during_a_trial_leaves_jenkins_as_before(
    one: StandIn, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(miniorange, "TRIAL_SECONDS", 2)
    managed = through(proxy, one)

    def cut(step: Step) -> None:
        if step is Step.PROBE:
            proxy.fault(Reset())

    with pytest.raises(Unreachable):
        managed.apply(policy(), cut)
    assert is_on(one)  # nobody could take it back, but Jenkins will
    wait_until(lambda: is_off(one), seconds=8)
    proxy.heal()
    seen = managed.observe()
    assert [layers(seen), seen.trial.last_outcome, seen.gate.installed] == [[None, False, False], "expired", 0]


def prepare(managed: Managed, jenkins: StandIn) -> None:
    """In force already, so all scripts are compiled and times are short."""
    managed_of(jenkins).apply(policy())
    assert managed.observe().effective


# --- the plugin and what is around it ---


@pytest.mark.parametrize(
    ("options", "reason", "said"),
    [
        ({"plugin": "missing"}, "PluginMissing", "not installed"),
        ({"plugin": "disabled"}, "PluginMissing", "disabled"),
        ({"plugin_version": "9.9.9"}, "UnsupportedPluginVersion", "9.9.9"),
    ],
)
@pytest.mark.parametrize("flavour", ["javax", "jakarta"])
def test_a_plugin_that_we_must_not_write_to(flavour: Any, options: dict[str, Any], reason: str, said: str) -> None:
    with StandIn(flavour=flavour, **options) as jenkins:
        managed = managed_of(jenkins)
        seen = managed.observe(users=True)
        assert seen.damaged == ()
        found = managed.assess(policy(), seen)
        assert found.refused is not None
        assert [found.refused.reason, said in found.refused.message, found.may_change] == [reason, True, False]
        assert not managed.assess(policy(enforcement="Off"), seen).may_change


def test_no_mail_server(standin: StandIn, managed: Managed) -> None:
    standin.groovy("jenkins.model.Jenkins.get().getDescriptor('hudson.tasks.Mailer').setSmtpHost('')")
    alone = policy(allowedFactors=["EmailOTP"], emailOTP=EMAIL)
    beside = policy(allowedFactors=["EmailOTP", "SecurityQuestions"], emailOTP=EMAIL)
    refused, told = managed.assess(alone), managed.assess(beside)
    assert refused.refused is not None
    assert [refused.refused.reason, refused.may_change] == ["NoMailServer", False]
    assert ["NoMailServer" in managed.reasons(beside), told.refused, told.may_change] == [True, None, True]


@pytest.mark.parametrize("flavour", ["javax", "jakarta"])
def test_configuration_as_code_on_the_same_fields(flavour: Any, tmp_path: Path) -> None:
    yaml = tmp_path / "jenkins.yaml"
    yaml.write_text("unclassified:\n  moGlobalConfig:\n    enableTfa: false\n    enableSecurityQuestionsAuthentication: true\n")
    with StandIn(flavour=flavour, casc=yaml) as jenkins:
        managed = managed_of(jenkins)
        assert managed.observe().managed_by_code is True
        assert managed.reasons(policy())[0] == "CompetingManager"
        acknowledged = managed.with_spec(acknowledge_competing_manager=True)
        assert "CompetingManager" not in acknowledged.reasons(policy())
        assert not acknowledged.apply(policy()).plan.changes
        jenkins.restart()  # its YAML says off again
        assert acknowledged.differing(policy())["enforcement"]


def test_configuration_as_code_about_other_things_is_no_rival(tmp_path: Path) -> None:
    (tmp_path / "jenkins.yaml").write_text("jenkins:\n  systemMessage: 'moGlobalConfig: is not here'\n")
    with StandIn(casc=tmp_path) as jenkins:
        assert [managed_of(jenkins).observe().managed_by_code, managed_of(jenkins).reasons(policy())] == [False, ["ApiTokensExempt"]]


# --- damaged observations ---


@pytest.fixture
def answer(one: StandIn) -> dict[str, Any]:
    with managed_of(one).driver() as driver:
        return driver._console.run(OBSERVE, groups=["a"], users=True)


def test_every_part_may_fail_for_itself(answer: dict[str, Any]) -> None:
    parts = [name for name, part in answer.items() if isinstance(part, dict) and name not in ("jenkins", "self")]
    assert len(parts) >= 8
    for part in parts:
        seen = read_observation({**answer, part: {"error": {"type": "Boom", "message": "m"}}})
        assert seen.damaged == (part,)
    failed = read_observation({**answer, "configurationAsCode": {"error": {}}})
    assert failed.managed_by_code is None


@pytest.mark.parametrize("part", ["jenkins", "self"])
def test_without_the_parts_that_all_hangs_on_there_is_no_observation(answer: dict[str, Any], part: str) -> None:
    for damaged in ({"error": {}}, None, 5, {}, []):
        with pytest.raises(ProtocolError):
            read_observation({**answer, part: damaged})


def test_parts_of_another_shape_are_a_protocol_error_and_never_a_crash(answer: dict[str, Any]) -> None:
    for part in answer:
        for odd in (5, "x", [1], {"x": 1}, None, True):
            with contextlib.suppress(ProtocolError):
                read_observation({**answer, part: odd})


def test_each_trouble_has_its_condition(one: StandIn) -> None:
    """Transient: Reconciling; for a person: Stalled. Never both."""
    instance = managed_of(one).instance
    for kind in (Unreachable, Starting, Unauthorized, Forbidden, Redirected):
        problem = kind("what happened")
        conditions = {
            c.type: c
            for c in judge(
                Outcome(instance, policy(), trouble=Trouble(problem.reason, str(problem), problem.transient)),
                datetime.datetime.now(datetime.UTC),
            )
        }
        assert [conditions["Ready"].status, conditions["Ready"].reason] == ["False", problem.reason]
        assert [conditions["Reconciling"].status == "True", conditions["Stalled"].status == "True"] == [
            problem.transient,
            not problem.transient,
        ]
        assert conditions["Enforced"].status == "Unknown"
