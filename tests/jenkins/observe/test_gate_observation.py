"""The gate answers the operator's observation: with the script's result, without side effects, and for nobody else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from jenkins2fa.jenkins import scripts
from jenkins2fa.jenkins.console import FRAME, GATE_FRAME, OBSERVE_HEADER
from tests.jenkins.conftest import managed_of
from tests.jenkins.gate.test_gate import versioned
from tests.support.gated import gate, groovy
from tests.support.managed import EMAIL, Managed, policy
from tests.support.people import logged_in
from tests.support.standin import StandIn

CLASSES = "println java.lang.management.ManagementFactory.classLoadingMXBean.loadedClassCount"
GROUPS = ("authenticated", "Devs", "nobody-is-in-this", "Übergäste")
NONCE = "0123456789abcdef"
Prepare = Callable[[StandIn, Managed], Any]


def in_groovy(text: str) -> Prepare:
    return lambda jenkins, _managed: groovy(jenkins, text)


def by_operator(**spec: Any) -> Prepare:
    return lambda _jenkins, managed: managed.apply(policy(**spec))


def trial_running(_jenkins: StandIn, managed: Managed) -> None:
    managed.begin(policy(exemptGroups=["robots"], emailOTP=EMAIL, allowedFactors=["EmailOTP"]))


def break_glass(_jenkins: StandIn, managed: Managed) -> None:
    with managed.driver() as driver:
        assert driver.open_break_glass(datetime.now(UTC) + timedelta(hours=1), "INC-1", timedelta(hours=2), keep=True)


STATES: dict[str, Prepare] = {
    "as wanted": lambda _jenkins, _managed: None,
    "every field set": by_operator(
        emailOTP=EMAIL, allowedFactors=["EmailOTP", "SecurityQuestions"], exemptGroups=["robots"], requireOnBuild={"window": "15m"}
    ),
    "enforced groups": by_operator(enforcedGroups=list(GROUPS)),
    "switched off in memory": in_groovy("MoGlobalConfig.get().setEnableTfa(false)"),
    "live flag off": in_groovy("MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false"),
    "live flag unset": in_groovy("MoFilter.moPluginSettings.remove('ENABLE_MO_TFA_AUTHENTICATION')"),
    "a sender on disk, another in memory": in_groovy(
        "def c = MoGlobalConfig.get(); c.@otpOverEmailDto = new dto.MoOtpOverEmailDto(true, 'a@lab.invalid'); c.save()\n"
        "c.@otpOverEmailDto = new dto.MoOtpOverEmailDto(false, 'ü@lab.invalid')"
    ),
    "settings file broken": in_groovy("MoGlobalConfig.get().configFile.file.text = '<not xml'"),
    "settings file gone": in_groovy("MoGlobalConfig.get().configFile.file.delete()"),
    "notes broken": in_groovy("['state', 'trial', 'gate'].each { new File(jenkins.rootDir, \"jenkins2fa/${it}.json\").text = '{' }"),
    "start-up file gone": in_groovy("new File(jenkins.rootDir, 'init.groovy.d/jenkins2fa.groovy').delete()"),
    "plugin's filter gone": in_groovy("chain.removeAll(chain.findAll { it.class.name =~ /MoFilter|FilterWrapper/ })"),
    "plugin's filter before ours, and off": in_groovy(
        "def gate = chain.remove(0); chain.add(gate); MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false"
    ),
    "a second gate": in_groovy("chain.add(chain[0])"),
    "the gate has failed once": in_groovy("state.gateErrors = 1; state.gateError = 'java.lang.IllegalStateException: x'"),
    "quieting down": in_groovy("jenkins.doQuietDown()"),
    "no mail server": in_groovy("jenkins.getDescriptor('hudson.tasks.Mailer').setSmtpHost(null)"),
    "a trial running": trial_running,
    "break-glass": break_glass,
}


@pytest.mark.parametrize("state", STATES)
def test_the_gate_observes_what_the_script_observes(standin: StandIn, managed: Managed, state: str) -> None:
    managed.apply(policy())
    with chain_kept(standin), managed.driver() as driver:
        STATES[state](standin, managed)
        rules = driver.observe().gate.settings
        wanted = sorted((rules.enforced_groups if rules else None) or ())
        before = driver.requests
        by_script = driver._console.run(scripts.OBSERVE, groups=wanted, users=False)
        by_gate, answered = driver._console.observe_by_gate(wanted)
        assert answered
        assert driver.requests - before == 2
    assert timeless(by_gate) == timeless(by_script)


@contextlib.contextmanager
def chain_kept(jenkins: StandIn) -> Iterator[None]:
    """The plugin's filters exist as long as Jenkins runs, so they are restored after the test."""
    groovy(jenkins, "context.setAttribute('tests.chain', new ArrayList(chain))")
    try:
        yield
    finally:
        groovy(jenkins, "chain.clear(); chain.addAll(context.getAttribute('tests.chain'))")


@pytest.mark.parametrize("edition", ["premium", "premium-half"])
def test_the_gate_observes_the_premium_edition(edition: Any) -> None:
    with StandIn(edition=edition, smtp_host="mail.lab.invalid") as jenkins:
        managed = managed_of(jenkins)
        gate(jenkins)
        with managed.driver() as driver:
            by_script = driver._console.run(scripts.OBSERVE, groups=[], users=False)
            by_gate, answered = driver._console.observe_by_gate([])
    assert answered
    assert by_gate["plugin"]["foundProperties"]
    assert timeless(by_gate) == timeless(by_script)


def timeless(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "jenkins": {**answer["jenkins"], "now": None}}


@pytest.mark.timeout(300)
def test_many_observations_leak_no_class_and_cost_one_request_each(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy(enforcedGroups=["authenticated"]))
    with managed.driver() as driver:
        for _ in range(100):  # until the JVM has generated its own classes for frequent calls
            driver.observe(groups=["authenticated"], by_gate=True)
        requests_before, classes = driver.requests, int(standin.groovy(CLASSES))
        seen = [driver.observe(groups=["authenticated"], by_gate=True).by_gate for _ in range(300)]
        assert driver.requests - requests_before == len(seen)
    assert all(seen)
    assert int(standin.groovy(CLASSES)) - classes <= 20  # this test's own two scripts, and nothing that grows with the observations


def test_an_observation_changes_nothing_and_its_header_serves_no_other_request(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy(apiTokens="Challenge"))
    with session(standin, "admin", standin.tokens["admin"]) as operator:
        assert ask(operator, managed).text.startswith(GATE_FRAME)
        operator.auth = None
        assert operator.get(standin.url + "/", allow_redirects=False, timeout=30).status_code in (302, 403)
        assert ask(operator, managed).status_code in (302, 403)
    assert managed.observe().gate.errors == 0


# --- if the gate does not answer, the script does, in the same request ---

ELSEWHERE: dict[str, Prepare] = {
    "no gate": in_groovy("chain.remove(0); MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false"),
    "another plugin's filter behind the gate": in_groovy(
        "def type = chain[0].class.interfaces[0]\n"
        "def handler = { proxy, method, args -> if (method.name == 'doFilter') args[2].doFilter(args[0], args[1])\n"
        "    method.name == 'equals' ? proxy.is(args[0]) : method.name == 'hashCode' ? 1 : null } as java.lang.reflect.InvocationHandler\n"
        "chain.add(java.lang.reflect.Proxy.newProxyInstance(new GroovyClassLoader(type.classLoader), [type] as Class[], handler))"
    ),
    "another plugin's handler behind Jenkins' filter": in_groovy(
        "def text = 'class Other extends jenkins.util.HttpServletFilter {' +\n"
        '    " boolean handle(${chain[0].class.interfaces[0].package.name}.http.HttpServletRequest q, " +\n'
        '    "${chain[0].class.interfaces[0].package.name}.http.HttpServletResponse r) { false } }"\n'
        "hudson.ExtensionList.lookup(jenkins.util.HttpServletFilter).add(new GroovyClassLoader(jenkins.class.classLoader)"
        ".parseClass(text).newInstance())"
    ),
    "other groups in the gate": by_operator(enforcedGroups=["Devs"]),
    "another operator's account in the gate": in_groovy("state.config = state.config + [operator: 'alice']"),
}
TIDY = """
hudson.ExtensionList.lookup(jenkins.util.HttpServletFilter).clear()
chain.removeAll(chain.findAll { it.class.classLoader instanceof GroovyClassLoader })
"""


@pytest.mark.parametrize("state", ELSEWHERE)
def test_the_script_answers_if_the_gate_cannot(standin: StandIn, managed: Managed, state: str) -> None:
    managed.apply(policy(apiTokens="Exempt"))
    with managed.driver() as driver:
        driver.observe()
        assert driver.observe(by_gate=True).by_gate
        before = driver.requests
        ELSEWHERE[state](standin, managed)
        try:
            seen = driver.observe(by_gate=True)
        finally:
            groovy(standin, TIDY)
        assert [seen.by_gate, seen.user, driver.requests - before] == [False, "admin", 1]


@pytest.mark.parametrize(
    ("at", "change"), [("static final String SCRIPT = '", "x"), ("    Map take() {\n", "throw new StackOverflowError('x')\n")]
)
def test_another_or_a_broken_version_leaves_the_observation_to_the_script(
    standin: StandIn, managed: Managed, monkeypatch: pytest.MonkeyPatch, at: str, change: str
) -> None:
    """A version with another observation, and one whose observation fails: no request fails, and the gate counts no error."""
    with monkeypatch.context() as patch:
        patch.setattr(scripts, "script", versioned(0, at, at + change))
        managed.confirm(managed.begin(policy()))
    with managed.driver() as driver:
        seen = driver.observe(by_gate=True)
    assert [seen.by_gate, seen.gate.installed, seen.gate.errors] == [False, 1, 0]


def test_users_are_always_counted_by_the_script(managed: Managed) -> None:
    managed.apply(policy())
    with managed.driver() as driver:
        seen = driver.observe(users=True, by_gate=True)
    assert seen.enrolment is not None
    assert not seen.by_gate


# --- everybody else ---


@contextlib.contextmanager
def session(jenkins: StandIn, name: str | None = None, secret: str | None = None) -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False
        opened.auth = (name, secret) if name and secret else None
        yield opened


def header(nonce: str = NONCE, groups: tuple[str, ...] = ()) -> str:
    return f"{nonce} {scripts.observation_digests(groups)}"


def ask(
    client: requests.Session, managed: Managed, value: str = "", path: str = "scriptText", method: str = "POST", **headers: str
) -> requests.Response:
    """The reply to a client that sends the operator's header with another script, whose output differs from the gate's answer."""
    named = {OBSERVE_HEADER: value or header(), **{name.replace("_", "-"): text for name, text in headers.items()}}
    data = {"script": "print 'the script'"} if method == "POST" else None
    return client.request(method, managed.connection.url + path, data=data, headers=named, allow_redirects=False, timeout=30)


def outcome(answer: requests.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.headers.get("Location", ""), answer.text if answer.status_code == 200 else ""


def test_the_operator_is_answered_by_the_gate(standin: StandIn, managed: Managed) -> None:
    """The tests below are compared with this one."""
    managed.apply(policy(apiTokens="Challenge"))
    with session(standin, "admin", standin.tokens["admin"]) as operator:
        answer = ask(operator, managed)
    assert answer.text.startswith(f"{GATE_FRAME} {NONCE} ")
    assert answer.headers["Content-Type"].replace(" ", "").lower() == "text/plain;charset=utf-8"


@pytest.mark.parametrize("tokens", ["Exempt", "Challenge"])
@pytest.mark.parametrize(
    ("name", "secret"),
    [("alice", "token"), ("bob", "token"), ("admin", "password"), ("bob", "password"), (None, None), ("admin", "wrong")],
)
def test_nobody_else_is_answered_by_the_gate(javax_standin: StandIn, tokens: str, name: str | None, secret: str | None) -> None:
    """Other accounts (alice is an administrator too), the operator's without its token, nobody, and wrong credentials get what they get
    without the header."""
    standin, managed = javax_standin, managed_of(javax_standin)
    managed.apply(policy(apiTokens=tokens))
    with as_administrator(standin, "alice"):
        given = {"token": standin.tokens.get(name or "", ""), "password": f"{name}-pw-1", "wrong": "wrong"}.get(secret or "")
        answers = []
        for value in (header(), "nothing that the gate knows"):
            with session(standin, name, given) as client:
                answers.append(outcome(ask(client, managed, value)))
    assert answers[0] == answers[1]
    assert not answers[0][2].startswith(FRAME)


@contextlib.contextmanager
def as_administrator(jenkins: StandIn, name: str) -> Iterator[None]:
    entry = f"new org.jenkinsci.plugins.matrixauth.PermissionEntry(org.jenkinsci.plugins.matrixauth.AuthorizationType.USER, '{name}')"
    granted = "jenkins.authorizationStrategy.grantedPermissionEntries[jenkins.ADMINISTER]"
    groovy(jenkins, f"{granted}.add({entry})")
    try:
        yield
    finally:
        groovy(jenkins, f"{granted}.removeAll {{ it.sid == '{name}' }}")


def test_no_browser_session_is_answered_by_the_gate(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy(apiTokens="Challenge"))
    browser = logged_in(standin, "admin")
    browser.enrol()
    crumb = browser.crumb()
    assert outcome(ask(browser.http, managed, **crumb)) == (200, "", "the script")
    browser.http.auth = ("admin", standin.tokens["admin"])  # on a session of the same user, Jenkins does not check the token
    assert outcome(ask(browser.http, managed, **crumb)) == (200, "", "the script")


def test_an_operator_without_administer_is_not_answered_by_the_gate(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    with as_administrator(standin, "alice"), session(standin, "alice", standin.tokens["alice"]) as client:
        groovy(standin, "state.config = state.config + [operator: 'alice']")
        assert ask(client, managed).text.startswith(GATE_FRAME)
    with session(standin, "alice", standin.tokens["alice"]) as client:
        answer = ask(client, managed)
    assert [answer.status_code, answer.headers.get("X-Required-Permission")] == [403, "hudson.model.Hudson.Administer"]


@pytest.mark.parametrize(
    "value",
    [
        "",
        NONCE,
        header("short"),
        header(NONCE.upper()),
        header() + " more",
        header().replace(" ", "  "),
        header().replace(" ", ","),
        header(groups=("Devs",)),
        f"{NONCE} {'0' * 64} {'0' * 64}",
        header(NONCE + "0"),
        "'; println 1; '",
    ],
)
def test_an_invalid_header_is_ignored(javax_standin: StandIn, value: str) -> None:
    managed = managed_of(javax_standin)
    managed.apply(policy())
    with session(javax_standin, "admin", javax_standin.tokens["admin"]) as operator:
        assert outcome(ask(operator, managed, value or "x")) == (200, "", "the script")


@pytest.mark.parametrize(("path", "method"), [("scriptText", "GET"), ("scriptText", "PUT"), ("script", "POST"), ("", "GET"), ("", "POST")])
def test_only_the_script_console_honours_the_header(standin: StandIn, managed: Managed, path: str, method: str) -> None:
    managed.apply(policy())
    answers = []
    for value in (header(), "x"):
        with session(standin, "admin", standin.tokens["admin"]) as operator:
            answers.append(ask(operator, managed, value, path, method))
    assert outcome(answers[0])[:2] == outcome(answers[1])[:2]
    assert GATE_FRAME not in answers[0].text


def test_a_request_with_the_probe_header_is_challenged(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    with session(standin, "admin", standin.tokens["admin"]) as operator:
        assert ask(operator, managed, X_Jenkins2fa_Probe="challenge").status_code == 302
