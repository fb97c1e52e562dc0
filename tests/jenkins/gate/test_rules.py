"""The gate: whom it lets through, by group, by token, and the operator itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from jenkins2fa.core.assess import Proof
from jenkins2fa.jenkins.probe import PROBE_HEADER
from tests.jenkins.conftest import managed_of
from tests.support.managed import Managed, policy
from tests.support.people import gets_in, logged_in
from tests.support.standin import Browser, StandIn

pytestmark = pytest.mark.both_flavours

CONTEXT = """
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
def state = context.getAttribute('jenkins2fa')
def list = hudson.util.PluginServletFilter.getInstance(context).list
def isGate = { it.toString() == 'jenkins2fa-gate' }
def isTheirs = { it.class.name.endsWith('.MoFilter') || it.class.name.startsWith('io.jenkins.servlet.FilterWrapper') }
"""


@pytest.mark.parametrize(
    ("rule", "free"),
    [
        ({}, ""),
        ({"exemptGroups": ["Devs"]}, "carol"),
        ({"exemptGroups": ["Devs", "Ops"]}, "carol dave"),
        ({"enforcedGroups": ["Devs"]}, "dave"),
        ({"enforcedGroups": ["Devs", "Ops"]}, ""),
        ({"enforcedGroups": ["Devs"], "exemptGroups": ["all"]}, "carol dave"),
        ({"enforcedGroups": ["no-such-group"]}, "carol dave"),
        ({"enforcedGroups": ["authenticated"]}, ""),
        ({"enforcedGroups": ["authenticated"], "exemptGroups": ["Ops"]}, "dave"),
    ],
)
def test_groups_of_the_realm_decide(with_groups: StandIn, rule: dict[str, object], free: str) -> None:
    managed = managed_of(with_groups)
    wanted = policy(apiTokens="Challenge", **rule)
    managed.apply(wanted)
    assert gets_in(with_groups, "alice", "carol", "dave") == free
    by_token = [name for name in ("alice", "carol", "dave") if with_groups.browser(name).status() == 200]
    assert " ".join(by_token) == free
    assert managed.probe() is Proof.CHALLENGED


def test_the_realm_decides_whether_case_matters(with_groups: StandIn) -> None:
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
        ({"enforcedGroups": ["admins"]}, ""),
        ({"exemptGroups": ["admins"]}, ""),
    ],
)
def test_users_of_jenkins_own_database_are_only_in_the_built_in_group(
    standin: StandIn, managed: Managed, rule: dict[str, object], free: str
) -> None:
    managed.apply(policy(**rule))
    assert gets_in(standin, "alice", "bob") == free


def test_a_group_is_known_once_a_member_has_logged_in(with_groups: StandIn) -> None:
    managed = managed_of(with_groups)
    wanted = policy(enforcedGroups=["Devs", "Opps"])
    managed.apply(wanted)
    assert "GroupUnverified" in managed.reasons(wanted)  # Opps is a typo
    gets_in(with_groups, "carol")
    assert managed.observe(groups=["Devs", "Opps"]).known_groups == {"Devs"}


def test_groups_of_the_plugin_are_ignored_and_reported(with_groups: StandIn) -> None:
    """The plugin stores members and never reads them, so they challenge nobody; the message and the docs say so."""
    managed, wanted = managed_of(with_groups), policy(enforcedGroups=["plugins-own"])
    manager = CONTEXT + "io.jenkins.plugins.twofactor.jenkins.GroupManager.get()"
    with_groups.groovy(manager + ".getOrCreateGroup('plugins-own').@usernames << 'carol'")
    try:
        managed.apply(wanted)
        assert [gets_in(with_groups, "carol"), "GroupUnverified" in managed.reasons(wanted)] == ["carol", True]
    finally:
        with_groups.groovy(manager + ".deleteGroup('plugins-own')")
    fields = (Path(__file__).parents[3] / "docs" / "fields.md").read_text()
    assert "the plugin's own named groups are ignored" in next(line for line in fields.splitlines() if "`spec.enforcedGroups`" in line)


def test_changed_rules_apply_to_the_next_request_of_a_session(with_groups: StandIn) -> None:
    managed = managed_of(with_groups)
    managed.apply(policy(exemptGroups=["Devs"]))
    carol = logged_in(with_groups, "carol")
    found = [carol.status()]
    for rule in ({"exemptGroups": ["Ops"]}, {"exemptGroups": ["Devs"]}):
        managed.apply(policy(**rule))
        found.append(carol.status())
    assert found == [200, 302, 200]


def test_an_exempt_user_works_without_a_second_factor(with_groups: StandIn) -> None:
    managed_of(with_groups).apply(policy(exemptGroups=["Devs"]))
    carol = logged_in(with_groups, "carol")
    assert [
        carol.status("/job/x/"),
        carol.status("/job/x/build", "POST"),
        carol.status("/job/x/build", "POST", headers=carol.crumb()),
    ] == [
        200,
        403,
        201,
    ]


@pytest.mark.parametrize(("tokens", "status"), [("Exempt", 200), ("Challenge", 302), (None, 302)])
def test_api_tokens_follow_the_policy(standin: StandIn, managed: Managed, tokens: str | None, status: int) -> None:
    managed.apply(policy(apiTokens=tokens))
    assert [standin.browser("alice").status(), gets_in(standin, "alice")] == [status, ""]


def test_the_operator_is_let_in_only_with_its_token_at_the_script_console(standin: StandIn, managed: Managed) -> None:
    standin.groovy(CONTEXT + "jenkins.authorizationStrategy.add(jenkins.ADMINISTER, new org.jenkinsci.plugins.matrixauth.PermissionEntry("
                   "org.jenkinsci.plugins.matrixauth.AuthorizationType.USER, 'bob'))")  # fmt: skip
    managed.apply(policy(apiTokens="Challenge"))

    def output_of(browser: Browser, path: str, method: str = "POST") -> str:
        return browser.call(path, method, data={"script": "print 'it ran'"} if method == "POST" else None).text

    assert output_of(standin.browser("admin"), "/scriptText") == "it ran"
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
    assert not any("it ran" in output_of(browser, path, method) for browser, path, method in ways)


def test_the_operators_request_does_not_open_its_session_to_others(standin: StandIn, managed: Managed) -> None:
    managed.apply(policy(apiTokens="Challenge"))
    jar = standin.browser("admin")
    assert jar.script("print 1").text == "1"
    found = [jar.status()]
    jar.http.auth = ("admin", "admin-pw-1")
    found.append(jar.status())
    jar.http.auth = None
    found.append(jar.status())
    assert 200 not in found


def test_the_probe_header_only_strengthens(with_groups: StandIn) -> None:
    managed = managed_of(with_groups)
    managed.apply(policy(exemptGroups=["Devs"]))
    header = {PROBE_HEADER: "challenge"}
    carol, person = logged_in(with_groups, "carol"), logged_in(with_groups, "alice")
    person.enrol()
    assert [carol.status(headers=header), carol.status()] == [302, 200]
    assert [person.status(headers=header), person.status()] == [200, 200]  # a verified user stays verified
    assert [with_groups.browser("bob").status(headers=header), with_groups.browser("bob").status()] == [302, 200]  # a token
    assert [with_groups.browser().status(headers=header), with_groups.browser().status("/login", headers=header)] == [403, 200]
    assert logged_in(with_groups, "dave").status(headers={PROBE_HEADER: "other"}) == 302
