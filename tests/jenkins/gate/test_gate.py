"""Installing, updating and removing the gate, and what it does when something is wrong with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.jenkins import scripts
from jenkins2fa.jenkins.connection import Credentials
from jenkins2fa.jenkins.errors import ChallengedBySecondFactor
from tests.jenkins.conftest import managed_of
from tests.support.commands import Commands
from tests.support.managed import Managed, policy
from tests.support.people import gets_in, logged_in
from tests.support.standin import StandIn
from tests.support.waiting import wait_until

pytestmark = pytest.mark.both_flavours

SEED = "the-seed-of-these-tests-only-0123456789"
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
JUDGE = "String judge(Visit visit, response) {"


def test_installing_again_leaves_one_gate(standin: StandIn, managed: Managed) -> None:
    for groups in (["a"], ["b"], ["a", "b"]):
        managed.apply(policy(exemptGroups=groups))
    seen = managed.observe().gate
    assert [seen.installed, seen.position, seen.before_plugin, seen.foreign, seen.errors] == [1, 0, True, False, 0]


def test_exemptions_of_a_removed_gate_end_at_once(with_groups: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    managed = managed_of(with_groups)
    managed.apply(policy(exemptGroups=["Devs"]))
    carol, robot = logged_in(with_groups, "carol"), with_groups.browser("dave")
    assert [carol.status(), robot.status()] == [200, 200]
    ended = Commands(tmp_path, managed, monkeypatch).run("gate", "remove", "--force", "-y")
    assert [ended.code, carol.status(), robot.status()] == [0, 302, 302]


def test_a_code_update_causes_no_wrong_reply(with_groups: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_code_that_fails_its_rehearsal_is_not_installed(standin: StandIn, managed: Managed, monkeypatch: pytest.MonkeyPatch) -> None:
    managed.apply(policy())
    before = managed.observe().gate
    with monkeypatch.context() as patch:
        patch.setattr(scripts, "script", versioned(0, JUDGE, f"{JUDGE}\n nonsense()\n"))
        with pytest.raises(Exception, match="rehearsal"):
            managed.begin(policy(exemptGroups=["a"]))
    assert managed.observe().gate == before
    assert managed.observe().trial.pending is None


def test_the_gate_is_back_before_the_first_request_after_a_restart(standin: StandIn, managed: Managed) -> None:
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
    """Each client requests the first page continuously; the list collects unexpected results."""
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


@pytest.mark.parametrize("error", ["IllegalStateException", "StackOverflowError", "NoClassDefFoundError"])
def test_a_fault_exempts_nobody_and_breaks_no_request(with_groups: StandIn, error: str) -> None:
    managed_of(with_groups).apply(policy(exemptGroups=["Devs"]))
    carol = logged_in(with_groups, "carol")
    assert carol.status() == 200
    with_groups.groovy(
        CONTEXT
        + f"def boom = new HashSet() {{ boolean contains(Object o) {{ throw new {error}('lab') }} ; boolean isEmpty() {{ false }} }}\n"
        "boom.add('x')\n"
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


@pytest.mark.parametrize("left", ['{"exemptGroups": ["De', None])
def test_a_damaged_configuration_on_disk_exempts_nobody_and_jenkins_starts(with_groups: StandIn, left: str | None) -> None:
    """A missing one too: what was confirmed last is in state.json."""
    managed = managed_of(with_groups)
    managed.apply(policy(exemptGroups=["Devs"]))
    file = with_groups.home / "jenkins2fa" / "gate.json"
    file.unlink() if left is None else file.write_text(left)
    with_groups.restart()
    assert [gets_in(with_groups, "alice", "carol", "admin"), with_groups.browser().status("/login")] == ["", 200]
    assert [with_groups.browser(name).status() for name in ("admin", "bob")] == [302, 302]  # not even a token, except at the script console
    found = managed.assess(policy(exemptGroups=["Devs"]))
    assert [found.drift, found.refused] == [True, None]
    assert not managed.apply(policy(exemptGroups=["Devs"])).plan.changes  # the operator gets in and repairs it
    assert gets_in(with_groups, "alice", "carol") == "carol"


def test_nobody_gets_in_if_both_files_are_damaged(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    for name in ("gate", "state"):
        (standin.home / "jenkins2fa" / f"{name}.json").write_text("{")
    standin.restart()
    assert [standin.browser("admin").script("print 1").status_code, standin.browser().status("/login")] == [302, 200]


def test_a_damaged_configuration_is_repaired_while_jenkins_runs(standin: StandIn, managed: Managed) -> None:
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
def test_a_misplaced_gate_is_drift_and_is_moved_back(standin: StandIn, script: str, said: str) -> None:
    managed = managed_of(standin)
    wanted = policy()
    managed.apply(wanted)
    # the gate does not move itself back, and the operator gets in while it is away
    live = "io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings"
    standin.groovy(CONTEXT + f"state.watch.end(); {script}; {live}['ENABLE_MO_TFA_AUTHENTICATION'] = false")
    found = managed.assess(wanted)
    assert [found.drift, [change.before for change in found.plan.changes if change.path == "gate"]] == [True, [said]]
    assert not managed.apply(wanted).plan.changes
    seen = managed.observe().gate
    assert [seen.installed, seen.position, seen.foreign] == [1, 0, False]


def place_of_gate(jenkins: StandIn) -> int:
    return int(jenkins.groovy(CONTEXT + "println list.findIndexOf(isGate)"))


def test_a_gate_moved_behind_the_plugins_filter_moves_itself_back(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    standin.groovy(CONTEXT + "list.add(list.remove((int) list.findIndexOf(isGate)))")
    wait_until(lambda: place_of_gate(standin) == 0, seconds=10, what="the gate is first again")
    assert [managed.differing(policy()), managed.observe().gate.installed] == [{}, 1]


def test_a_removed_gate_does_not_return_if_nobody_is_challenged_or_after_release(standin: StandIn, managed: Managed) -> None:
    """Then the operator gets in without it, and corrects or reports the missing gate."""
    managed.apply(policy(mode="Disabled", apiTokens="Challenge"))
    assert standin.groovy(CONTEXT + "list.removeAll(list.findAll(isGate)); state.watch.look(); println list.any(isGate)") == "false"
    managed.apply(policy())
    standin.groovy(CONTEXT + "context.setAttribute('tests.watch', state.watch)")
    with managed.driver() as driver:
        driver.release(DeletionPolicy.RETAIN)
    over = "def watch = context.getAttribute('tests.watch'); context.removeAttribute('tests.watch'); watch.look(); "
    assert standin.groovy(CONTEXT + over + "println([list.any(isGate), watch.timer.cancelled, state])") == "[false, true, null]"


def test_a_gate_removed_while_users_are_challenged(standin: StandIn) -> None:
    """It puts itself back; after the third time within an hour it stays out. The operator is asked then too. By a second way in it puts
    the gate back; without one a restart of Jenkins does, as the message says."""
    managed, wanted = managed_of(standin), policy()
    managed.apply(wanted)
    for times in (1, 2, 3):
        standin.groovy(CONTEXT + "list.removeAll(list.findAll(isGate))")
        wait_until(lambda: place_of_gate(standin) == 0, seconds=10, what="the gate is back")
        seen = managed.observe()
        assert [seen.gate.put_back, seen.gate.foreign, len(seen.corrections["gate"])] == [times, False, times]
        assert [managed.differing(wanted), gets_in(standin, "alice")] == [{}, ""]
    standin.groovy(CONTEXT + "list.removeAll(list.findAll(isGate)); state.watch.look()")
    with pytest.raises(ChallengedBySecondFactor) as challenged:
        managed.observe()
    assert "restart Jenkins" in str(challenged.value)
    assert "secondFactorSeed" in str(challenged.value)
    assert "set gate.mode: Managed" not in str(challenged.value)

    seeded = managed_of(standin)
    seeded.connection = replace(seeded.connection, credentials=Credentials("admin", standin.tokens["admin"], SEED))
    found = seeded.assess(wanted)
    assert [found.drift, [change.before for change in found.plan.changes if change.path == "gate"]] == [True, ["absent"]]
    assert not seeded.apply(wanted).plan.changes
    assert [managed.observe().gate.installed, gets_in(standin, "alice")] == [1, ""]

    standin.groovy(CONTEXT + "list.removeAll(list.findAll(isGate))")
    with pytest.raises(ChallengedBySecondFactor):
        managed.observe()
    standin.restart()
    assert [managed.differing(wanted), managed.observe().gate.before_plugin, gets_in(standin, "alice")] == [{}, True, ""]


def test_a_missing_plugin_filter_is_drift_that_needs_a_restart(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    standin.groovy(CONTEXT + "list.removeAll(list.findAll(isTheirs))")
    found = managed.assess(policy())
    assert [found.drift, found.plan.paths, found.refused and found.refused.reason] == [True, ("mode",), "PluginFilterMissing"]
    standin.restart()
    assert not managed.differing(policy())
