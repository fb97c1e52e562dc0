"""The gate: whom it lets through, how it comes and goes, and what it does when something is wrong with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jenkins2fa.core.conditions import Proof
from jenkins2fa.jenkins import scripts
from jenkins2fa.jenkins.errors import ChallengedBySecondFactor
from jenkins2fa.jenkins.probe import PROBE_HEADER
from tests.jenkins.conftest import managed_of
from tests.support.commands import Commands
from tests.support.managed import Managed, layers, policy
from tests.support.standin import Browser, StandIn

CONTEXT = """
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
def state = context.getAttribute('jenkins2fa')
def list = hudson.util.PluginServletFilter.getInstance(context).list
def isGate = { it.toString() == 'jenkins2fa-gate' }
def isTheirs = { it.class.name.endsWith('.MoFilter') || it.class.name.startsWith('io.jenkins.servlet.FilterWrapper') }
"""
FOREIGN = """
def type = list.find(isGate).class.interfaces[0]
def handler = { proxy, method, args ->
    if (method.name == 'toString') return 'jenkins2fa-gate'
    if (method.name == 'equals') return proxy.is(args[0])
    if (method.name == 'hashCode') return 7
    if (method.name == 'doFilter') args[2].doFilter(args[0], args[1])
    null
} as java.lang.reflect.InvocationHandler
def foreign = java.lang.reflect.Proxy.newProxyInstance(type.classLoader, [type] as Class[], handler)
"""


@pytest.fixture
def commands(tmp_path: Path, managed: Managed, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(tmp_path, managed, monkeypatch)


def gets_in(jenkins: StandIn, *names: str) -> str:
    """Who of them sees the first page with a password and no second factor, in a fresh session each."""
    return " ".join(name for name in names if jenkins.browser(name, f"{name}-pw-1").status() == 200)


def logged_in(jenkins: StandIn, name: str) -> Browser:
    browser = jenkins.browser(name)
    browser.login(f"{name}-pw-1")
    return browser


# --- groups ---


@pytest.mark.parametrize(
    ("rule", "free"),
    [
        ({}, ""),
        ({"exemptGroups": ["Devs"]}, "carol"),
        ({"exemptGroups": ["Devs", "Ops"]}, "carol dave"),
        ({"enforcedGroups": ["Devs"]}, "alice dave"),
        ({"enforcedGroups": ["Devs", "Ops"]}, "alice"),
        ({"enforcedGroups": ["Devs"], "exemptGroups": ["all"]}, "alice carol dave"),
        ({"enforcedGroups": ["no-such-group"]}, "alice carol dave"),
        ({"enforcedGroups": ["authenticated"]}, ""),
        ({"enforcedGroups": ["authenticated"], "exemptGroups": ["Ops"]}, "dave"),
    ],
)
def test_groups_of_a_realm_that_has_them(with_groups: StandIn, rule: dict[str, object], free: str) -> None:
    managed = managed_of(with_groups)
    wanted = policy(apiTokens="Challenge", **rule)
    managed.apply(wanted)
    assert gets_in(with_groups, "alice", "carol", "dave") == free
    by_token = [name for name in ("alice", "carol", "dave") if with_groups.browser(name).status() == 200]
    assert " ".join(by_token) == free
    assert managed.probe() is Proof.CHALLENGED


def test_whether_case_matters_is_the_realms_to_say(with_groups: StandIn) -> None:
    same = (
        with_groups.groovy("def s = jenkins.model.Jenkins.get().securityRealm.groupIdStrategy; print s.keyFor('DEVS') == s.keyFor('Devs')")
        == "true"
    )
    managed_of(with_groups).apply(policy(exemptGroups=["DEVS"]))
    assert (gets_in(with_groups, "carol") == "carol") is same


@pytest.mark.parametrize(
    ("rule", "free"),
    [
        ({}, ""),
        ({"enforcedGroups": ["authenticated"]}, ""),
        ({"enforcedGroups": ["admins"]}, "alice bob"),
        ({"exemptGroups": ["admins"]}, ""),
    ],
)
def test_jenkins_own_users_are_in_no_group_but_the_built_in_one(
    standin: StandIn, managed: Managed, rule: dict[str, object], free: str
) -> None:
    managed.apply(policy(**rule))
    assert gets_in(standin, "alice", "bob") == free


def test_a_group_counts_as_known_once_a_member_was_seen(with_groups: StandIn) -> None:
    managed = managed_of(with_groups)
    wanted = policy(enforcedGroups=["Devs", "Opps"])
    managed.apply(wanted)
    assert "GroupUnverified" in managed.reasons(wanted)  # Opps is a typing error
    gets_in(with_groups, "carol")
    assert managed.observe(groups=["Devs", "Opps"]).known_groups == {"Devs"}


def test_a_session_feels_a_change_of_the_rules_at_its_next_request(with_groups: StandIn) -> None:
    managed = managed_of(with_groups)
    managed.apply(policy(exemptGroups=["Devs"]))
    carol = logged_in(with_groups, "carol")
    found = [carol.status()]
    for rule in ({"exemptGroups": ["Ops"]}, {"exemptGroups": ["Devs"]}):
        managed.apply(policy(**rule))
        found.append(carol.status())
    assert found == [200, 302, 200]


def test_an_exempt_person_works_as_without_a_second_factor(with_groups: StandIn) -> None:
    managed_of(with_groups).apply(policy(exemptGroups=["Devs"]))
    carol = logged_in(with_groups, "carol")
    assert [carol.status("/job/x/"), carol.status("/job/x/build", "POST"), carol.status("/job/x/build", "POST", headers=carol.crumb())] == [
        200,
        403,
        201,
    ]


# --- tokens and the operator's way in ---


@pytest.mark.parametrize(("tokens", "status"), [("Exempt", 200), ("Challenge", 302), (None, 302)])
def test_api_tokens_as_the_policy_says(standin: StandIn, managed: Managed, tokens: str | None, status: int) -> None:
    managed.apply(policy(apiTokens=tokens))
    assert [standin.browser("alice").status(), gets_in(standin, "alice")] == [status, ""]


def test_the_operators_way_in_is_its_token_and_the_script_console_only(standin: StandIn, managed: Managed) -> None:
    standin.groovy(CONTEXT + "jenkins.authorizationStrategy.add(jenkins.ADMINISTER, new org.jenkinsci.plugins.matrixauth.PermissionEntry("
                   "org.jenkinsci.plugins.matrixauth.AuthorizationType.USER, 'bob'))")  # fmt: skip
    managed.apply(policy(apiTokens="Challenge"))

    def told(browser: Browser, path: str, method: str = "POST") -> str:
        return browser.call(path, method, data={"script": "print 'it ran'"} if method == "POST" else None).text

    assert told(standin.browser("admin"), "/scriptText") == "it ran"
    ways = [
        (standin.browser("admin", "admin-pw-1"), "/scriptText", "POST"),
        (standin.browser("bob"), "/scriptText", "POST"),
        (standin.browser("admin"), "/script", "POST"),
        (standin.browser("admin"), "/scriptText/x", "POST"),
        (standin.browser("admin"), "/", "GET"),
        (standin.browser("admin"), "/scriptText", "GET"),
        (standin.browser("admin"), "/api/json", "GET"),
    ]
    assert [
        (path, method) for browser, path, method in ways if browser.status(path, method, data={"script": "print 'it ran'"}) == 200
    ] == []
    assert not any("it ran" in told(browser, path, method) for browser, path, method in ways)


def test_the_operators_request_opens_nothing_for_others_on_its_session(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy(apiTokens="Challenge"))
    jar = standin.browser("admin")
    assert jar.script("print 1").text == "1"
    found = [jar.status()]
    jar.http.auth = ("admin", "admin-pw-1")
    found.append(jar.status())
    jar.http.auth = None
    found.append(jar.status())
    assert 200 not in found


def test_the_probes_header_only_strengthens(with_groups: StandIn) -> None:
    managed = managed_of(with_groups)
    managed.apply(policy(exemptGroups=["Devs"]))
    header = {PROBE_HEADER: "challenge"}
    carol, person = logged_in(with_groups, "carol"), logged_in(with_groups, "alice")
    person.enrol()
    assert [carol.status(headers=header), carol.status()] == [302, 200]
    assert [person.status(headers=header), person.status()] == [200, 200]  # who is verified stays so
    assert [with_groups.browser("bob").status(headers=header), with_groups.browser("bob").status()] == [302, 200]  # a token
    assert [with_groups.browser().status(headers=header), with_groups.browser().status("/login", headers=header)] == [403, 200]
    assert logged_in(with_groups, "dave").status(headers={PROBE_HEADER: "other"}) == 302


# --- coming and going ---


def test_installing_again_leaves_one_gate(standin: StandIn, managed: Managed) -> None:
    for groups in (["a"], ["b"], ["a", "b"]):
        managed.apply(policy(exemptGroups=groups))
    seen = managed.observe().gate
    assert [seen.installed, seen.position, seen.before_plugin, seen.foreign, seen.errors] == [1, 0, True, False, 0]


def test_marks_of_a_removed_gate_are_void_at_once(with_groups: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    managed = managed_of(with_groups)
    managed.apply(policy(exemptGroups=["Devs"]))
    carol, robot = logged_in(with_groups, "carol"), with_groups.browser("dave")
    assert [carol.status(), robot.status()] == [200, 200]
    ended = Commands(tmp_path, managed, monkeypatch).run("gate", "remove", "--force", "-y")
    assert [ended.code, carol.status(), robot.status()] == [0, 302, 302]


def test_a_new_version_of_the_code_comes_in_without_a_wrong_answer(with_groups: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    managed = managed_of(with_groups)
    managed.apply(policy(exemptGroups=["Devs"]))
    with traffic(with_groups, {"carol": 200, "dave": 302}) as wrong:
        for turn in range(6):
            with monkeypatch.context() as patch:
                patch.setattr(scripts, "script", versioned(turn % 2))
                managed.confirm(managed.begin(policy(exemptGroups=["Devs"])))
        for turn in range(12):
            managed.confirm(managed.begin(policy(exemptGroups=["Devs", f"group-{turn}"])))
    assert wrong == []
    seen = managed.observe().gate
    assert [seen.installed, seen.errors, seen.code, seen.startup_code] == [1, 0, scripts.gate_code(), scripts.gate_code()]


def test_code_that_fails_its_rehearsal_stays_out(standin: StandIn, managed: Managed, monkeypatch: pytest.MonkeyPatch) -> None:
    managed.apply(policy())
    before = managed.observe().gate
    with monkeypatch.context() as patch:
        patch.setattr(scripts, "script", versioned(0, "boolean judge(Visit visit) {", "boolean judge(Visit visit) {\n nonsense()\n"))
        with pytest.raises(Exception, match="rehearsal"):
            managed.begin(policy(exemptGroups=["a"]))
    assert managed.observe().gate == before
    assert managed.observe().trial.pending is None


def test_it_is_back_before_the_first_request_of_the_next_run(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    runs = standin.runs()
    stop, seen = threading.Event(), set()

    def poll() -> None:
        while not stop.is_set():
            try:
                seen.add(standin.browser("alice", "alice-pw-1").status())
            except OSError:
                seen.add(0)

    poller = threading.Thread(target=poll)
    poller.start()
    try:
        standin.restart(wait=False)
        standin.wait_restarted(runs)
    finally:
        stop.set()
        poller.join()
    assert 200 not in seen
    assert 302 in seen
    assert managed.observe().gate.before_plugin is True


@contextmanager
def traffic(jenkins: StandIn, expected: dict[str, int]) -> Iterator[list[tuple[str, int]]]:
    """Each of them asks for the first page all the time; what was not as expected."""
    stop = threading.Event()
    wrong: list[tuple[str, int]] = []
    count = [0]

    def ask(name: str) -> None:
        browser = logged_in(jenkins, name)
        while not stop.is_set():
            status = browser.status()
            count[0] += 1
            if status != expected[name]:
                wrong.append((name, status))

    threads = [threading.Thread(target=ask, args=(name,)) for name in expected for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert count[0] > 50


def versioned(number: int, old: str = "", new: str = "") -> object:
    """`scripts.script` of another version of the operator."""
    ours = scripts.script

    def other(name: str) -> scripts.Script:
        found = ours(name)
        if name != scripts.RESIDENT:
            return found
        text = found.text.replace(old, new) if old else found.text
        text += f"// version {number}\n" if number else ""
        return scripts.Script(name, text, scripts._sha256(text))

    return other


# --- trouble ---


@pytest.mark.parametrize("error", ["IllegalStateException", "StackOverflowError", "NoClassDefFoundError"])
def test_a_fault_exempts_nobody_and_breaks_no_request(with_groups: StandIn, error: str) -> None:
    managed_of(with_groups, strict=False).apply(policy(exemptGroups=["Devs"]))
    carol = logged_in(with_groups, "carol")
    assert carol.status() == 200
    with_groups.groovy(
        CONTEXT
        + f"def boom = new HashSet() {{ boolean contains(Object o) {{ throw new {error}('lab') }} ; boolean isEmpty() {{ false }} }}; boom.add('x')\n"
        "state.config = state.config + [exemptGroups: boom]"
    )
    found = [
        carol.status(),
        with_groups.browser("alice", "alice-pw-1").status(),
        with_groups.browser().status("/login"),
        with_groups.browser().status(),
    ]
    assert found == [302, 302, 200, 403]
    assert int(with_groups.groovy(CONTEXT + "print state.gateErrors")) >= 2
    with_groups.restart()
    assert [logged_in(with_groups, "carol").status(), gets_in(with_groups, "alice")] == [200, ""]


def test_a_damaged_configuration_on_disk_exempts_nobody_and_jenkins_starts(with_groups: StandIn) -> None:
    managed = managed_of(with_groups)
    managed.apply(policy(exemptGroups=["Devs"]))
    (with_groups.home / "jenkins2fa" / "gate.json").write_text('{"exemptGroups": ["De')
    with_groups.restart()
    assert [gets_in(with_groups, "alice", "carol", "admin"), with_groups.browser().status("/login")] == ["", 200]
    with pytest.raises(ChallengedBySecondFactor):
        managed.observe()


def test_a_damaged_configuration_is_put_right_while_jenkins_still_runs(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    (standin.home / "jenkins2fa" / "gate.json").write_text("{")
    assert {layer for layers in managed.differing(policy()).values() for layer in layers} == {"start-up"}
    assert not managed.apply(policy()).plan.changes


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("list.add(list.remove((int) list.findIndexOf(isGate)))", "not first in the chain"),
        ("list.removeAll(list.findAll(isGate))", "absent"),
        (FOREIGN + "list[list.findIndexOf(isGate)] = foreign", "a foreign filter under its name"),
        (FOREIGN + "list.add(0, foreign)", "a foreign filter under its name"),
        ("list.add(0, list.find(isGate))", "2 times in the chain"),
        ("state.code = 'another'", "another version"),
    ],
)
def test_a_gate_out_of_its_place_is_drift_and_is_put_back(standin: StandIn, script: str, said: str) -> None:
    managed = managed_of(standin, strict=False)
    wanted = policy()
    managed.apply(wanted)
    # so that the operator stays in while its gate is away
    live = "io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings"
    standin.groovy(CONTEXT + script + f"; {live}['ENABLE_MO_TFA_AUTHENTICATION'] = false")
    found = managed.assess(wanted)
    assert [found.drift, [change.before for change in found.plan.changes if change.path == "gate"]] == [True, [said]]
    assert not managed.apply(wanted).plan.changes
    seen = managed.observe().gate
    assert [seen.installed, seen.position, seen.foreign] == [1, 0, False]


def test_the_plugins_filter_missing_is_drift_that_needs_a_restart(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    standin.groovy(CONTEXT + "list.removeAll(list.findAll(isTheirs))")
    found = managed.assess(policy())
    assert [found.drift, found.plan.paths, found.refused and found.refused.reason] == [True, ("enforcement",), "PluginFilterMissing"]
    standin.restart()
    assert not managed.differing(policy())


# --- provided by the site ---


def test_a_gate_that_the_site_mounts_is_verified_and_never_written(commands: Commands, standin: StandIn, managed: Managed) -> None:
    provided = managed_of(standin, gate="Provided")
    wanted = policy(exemptGroups=["robots"])
    assert provided.reasons(wanted)[0] == "GateNotProvided"
    file = standin.home / "init.groovy.d" / "jenkins2fa.groovy"
    file.parent.mkdir()
    file.write_text(commands.run("gate", "render", commands.policy(exemptGroups=["robots"])).out)
    assert provided.reasons(wanted)[0] == "GateNotProvided"  # not until the restart
    standin.restart()
    assert provided.reasons(wanted) == ["ApiTokensExempt"]
    mounted = file.read_bytes()
    result = provided.apply(wanted)
    assert [result.plan.changes, layers(result.observation), result.proof] == [(), [True, True, True], Proof.CHALLENGED]
    assert [file.read_bytes(), (standin.home / "jenkins2fa" / "gate.json").exists()] == [mounted, False]
    standin.restart()
    assert [provided.differing(wanted), provided.probe(), gets_in(standin, "alice")] == [{}, Proof.CHALLENGED, ""]
    other = policy(exemptGroups=["others"])
    assert provided.reasons(other)[0] == "GateNotProvided"


def test_what_render_prints_for_review_is_what_the_operator_installs(commands: Commands, standin: StandIn, managed: Managed) -> None:
    text = commands.run("gate", "render").out
    managed.apply(policy())
    assert (standin.home / "init.groovy.d" / "jenkins2fa.groovy").read_text() == text
    assert text.startswith("// jenkins-2fa-operator ")
    assert "jenkins2fa gate remove" in text


# --- the commands ---


def test_status_says_where_the_gate_is(commands: Commands, standin: StandIn, managed: Managed) -> None:
    absent = commands.run("gate", "status")
    assert [absent.code, absent.out.splitlines()[0]] == [2, "gate: absent"]
    managed.apply(policy())
    there = commands.run("gate", "status")
    assert there.code == 0
    assert there.out.splitlines()[0] == "gate: first in the chain, before the plugin's filter"
    assert "owner: cluster-of-the-tests/instance-uid" in there.out
    assert commands.run("gate", "status", environment={"JENKINS_TOKEN": "x"}).code == 1


def test_remove_takes_everything_of_ours_away(commands: Commands, standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    refused = commands.run("gate", "remove", "-y")
    assert [refused.code, "2FA is in force" in refused.err, managed.observe().gate.installed] == [1, True, 1]
    asked = commands.run("gate", "remove", "--settings", "Disable", text="n\n")
    assert [asked.code, managed.observe().gate.installed] == [1, 1]
    assert commands.run("gate", "remove", "--settings", "Disable", "-y").code == 0
    seen = managed.observe()
    assert [layers(seen), seen.gate.installed, seen.gate.startup_code, seen.owner] == [[False, False, False], 0, None, None]
    assert not (standin.home / "jenkins2fa").exists()
    assert standin.groovy(CONTEXT + "print([state, context.getAttribute('jenkins2fa.scripts')?.keySet()])") in (
        "[null, null]",
        "[null, [observe]]",
    )


def test_remove_can_put_back_what_was_before_us(commands: Commands, standin: StandIn, managed: Managed) -> None:
    before = "config.setEnableSecurityQuestionsAuthentication(true); config.@otpOverEmailDto = new dto.MoOtpOverEmailDto(true, 'old@lab.invalid'); config.save()"
    standin.groovy(f"import io.jenkins.plugins.twofactor.jenkins.*\ndef config = MoGlobalConfig.get(); {before}")
    seen = managed.observe()
    managed.apply(policy())
    assert commands.run("gate", "remove", "--settings", "Restore", "-y").code == 0
    after = managed.observe()
    assert [after.disk, after.memory, after.live] == [seen.disk, seen.memory, seen.live]
