"""Before the first policy and after the last: files, filters, timers, properties and session attributes are the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deepdiff import DeepDiff

from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.jenkins.errors import Refused
from tests.jenkins.conftest import managed_of
from tests.support.managed import EMAIL, Managed, policy
from tests.support.people import logged_in
from tests.support.standin import StandIn

# apiTokenStats.xml is Jenkins' own: it changes with every request that carries a token.
TRACES = """
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
jenkins.legacyInstanceId // a real Jenkins has made its secret.key long ago
def files = new TreeMap()
jenkins.rootDir.eachFileRecurse(groovy.io.FileType.FILES) { file ->
    if (!(file.name in ['apiTokenStats.xml', 'standin.json'] || file.name.endsWith('.log')))
        files[file.path - jenkins.rootDir.path] =
            java.security.MessageDigest.getInstance('SHA-256').digest(file.bytes).encodeHex().toString()
}
println groovy.json.JsonOutput.toJson([
    files: files,
    filters: hudson.util.PluginServletFilter.getInstance(context).list.collect { it.class.name },
    attributes: context.attributeNames.collect { it.toString() }.findAll { it.contains('jenkins2fa') },
    timers: jenkins.util.Timer.get().queue.count { !it.cancelled },
    sessions: standin.web.Sessions.all().collectMany { one ->
        one.attributeNames.toList().findAll {
            it.contains('jenkins2fa') || it.endsWith('_SESSION_2FA_VERIFICATION') && one.getAttribute(it) != 'true'
        }
    }.sort(),
    properties: System.properties.keySet().findAll { it.toString().contains('jenkins2fa') }.collect { it.toString() },
    live: io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings,
    memory: [io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().enableTfa,
             io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get().isEnableSecurityQuestionsAuthentication()],
])"""
SAVED = """
def config = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get()
config.setEnableSecurityQuestionsAuthentication(true); config.save()"""


# The shared stand-in keeps compiled scripts from test to test; here it must be one that no operator has observed.
NEVER_SEEN = """
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
context.removeAttribute('jenkins2fa.scripts')
standin.web.Sessions.all()*.invalidate()"""


def traces(jenkins: StandIn) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(jenkins.groovy(TRACES))
    return found


@pytest.mark.parametrize("saved", [False, True], ids=["never configured", "configured before"])
def test_a_release_restores_the_state_before_the_first_policy(standin: StandIn, managed: Managed, saved: bool) -> None:
    standin.groovy(NEVER_SEEN)
    if saved:
        standin.groovy(SAVED)
    before = traces(standin)
    managed.apply(policy(allowedFactors=["SecurityQuestions", "EmailOTP"], emailOTP=EMAIL, requireOnBuild={"window": "5m"}))
    managed.apply(policy(exemptGroups=["robots"]))
    exempt = standin.browser("alice")  # by its token: apiTokens Exempt
    assert exempt.status("/") == 200
    assert DeepDiff(before, traces(standin)), "a policy changes files while it is in force"
    with managed.driver() as driver:
        driver.release(DeletionPolicy.RESTORE)
    assert DeepDiff(before, traces(standin)) == {}


@pytest.mark.parametrize("deletion", list(DeletionPolicy))
def test_a_release_removes_our_session_attributes(with_groups: StandIn, deletion: DeletionPolicy) -> None:
    """The attributes of users exempt by group or token, and the record of who has given a second factor."""
    managed = managed_of(with_groups)
    with_groups.groovy(NEVER_SEEN)
    carol, dave, token = logged_in(with_groups, "carol"), logged_in(with_groups, "dave"), with_groups.browser("dave")
    managed.apply(policy(requireOnBuild={"window": "5m"}))
    dave.enrol()
    managed.apply(policy(exemptGroups=["all"], requireOnBuild={"window": "5m"}))
    assert [carol.status(), dave.status(), token.status()] == [200, 200, 200]
    ended = logged_in(with_groups, "carol")
    assert [ended.status(), ended.place("/logout")] == [200, "/"]
    held = traces(with_groups)["sessions"]
    assert {"carol_SESSION_2FA_VERIFICATION", "dave_SESSION_2FA_VERIFICATION", "jenkins2fa.verified.dave"} <= set(held)
    with managed.driver() as driver:
        driver.release(deletion)
    assert [dave.status("/login"), token.status("/login"), traces(with_groups)["sessions"]] == [200, 200, []]


def test_a_lost_restore_point_is_not_guessed(standin: StandIn, managed: Managed) -> None:
    """If our own settings were taken for the former ones, 2FA would stay on without the gate and lock out the operator, for one."""
    managed.apply(policy())
    (standin.home / "jenkins2fa" / "state.json").unlink()
    managed.apply(policy(deletionPolicy="Restore"))
    with managed.driver() as driver, pytest.raises(Refused) as refused:
        driver.release(DeletionPolicy.RESTORE)
    assert refused.value.reason == "NothingToRestore"
    assert not refused.value.transient
    assert managed.observe().gate.installed == 1
    with managed.driver() as driver:
        driver.release(DeletionPolicy.DISABLE)
    assert not (standin.home / "jenkins2fa").exists()
