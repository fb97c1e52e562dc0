"""One observation of a controller: every layer is right, nothing is written, nothing is left behind."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from jenkins2fa.core.settings import PluginSettings
from jenkins2fa.jenkins import scripts
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.errors import JenkinsError
from tests.jenkins.conftest import managed_of
from tests.support.actions import ANONYMOUS_ADMINISTERS, ANONYMOUS_DOES_NOT
from tests.support.literals import MAIL, QUESTIONS
from tests.support.managed import EMAIL, Managed, layers, policy
from tests.support.standin import StandIn

Flavour = Literal["javax", "jakarta"]
CONFIG = "import io.jenkins.plugins.twofactor.jenkins.*\ndef config = MoGlobalConfig.get(); def live = MoFilter.moPluginSettings\n"
LIVE = "'ENABLE_MO_TFA_AUTHENTICATION'"
FINGERPRINT = """
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
def files = new TreeMap()
jenkins.rootDir.eachFileRecurse(groovy.io.FileType.FILES) { file ->
    def path = file.path - jenkins.rootDir.path
    if (!(path =~ /apiTokenStats|standin/)) files[path] = file.lastModified() + ':' + file.text.hashCode()
}
def chain = hudson.util.PluginServletFilter.getInstance(context).list.collect { System.identityHashCode(it) }
def shown = { key, value -> key in ['config', 'lastTrial'] ? value.toString() : System.identityHashCode(value) }
def state = context.getAttribute('jenkins2fa')?.collectEntries { key, value -> [key, shown(key, value)] }
def live = io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings
def config = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get()
def memory = [config.enableTfa, config.otpOverEmailDto?.senderEmailAddress]
println groovy.json.JsonOutput.toJson([files: files, chain: chain, state: state, live: live, memory: memory])
"""
CLASSES = "println java.lang.management.ManagementFactory.classLoadingMXBean.loadedClassCount"


def test_a_fresh_controller_has_nothing_enabled_and_nothing_of_ours(managed: Managed) -> None:
    seen = managed.observe(users=True)
    assert layers(seen) == [None, False, False]
    assert [seen.damaged, seen.user, seen.owner, seen.gate.installed, seen.trial.pending] == [(), "admin", None, 0, None]
    assert seen.is_tested
    assert [seen.plugin.edition, seen.plugin.version] == ["Free", "1.2.0"]
    assert seen.mail_server.configured
    assert seen.enrolment is not None
    assert [seen.enrolment.total, seen.enrolment.not_enrolled, seen.enrolment.without_address] == [4, 4, 1]  # not the operator
    assert [seen.enrolment.complete, seen.enrolment.with_api_token] == [True, 4]


def test_only_users_who_would_be_challenged_are_counted(with_groups: StandIn) -> None:
    """Not exempt users, not the operator, and no records of users who cannot log in: Jenkins keeps one for each commit author."""
    managed = managed_of(with_groups)
    with_groups.groovy("(0..<30).each { hudson.model.User.getById('author' + it, true) }")
    try:
        with_groups.browser("carol", "carol-pw-1").enrol()

        def counted(**groups: list[str]) -> list[int]:
            found = managed.observe(users=True, **groups).enrolment
            assert found is not None
            assert found.complete
            return [found.total, found.not_enrolled, found.exempt, found.unknown]

        assert counted() == [4, 3, 0, 30]
        assert counted(exempt=["ops"]) == [3, 2, 1, 30]
        assert counted(groups=["Devs"]) == [1, 0, 3, 30]
        assert counted(groups=["all"], exempt=["Devs", "Ops"]) == [0, 0, 4, 30]
    finally:
        with_groups.groovy("hudson.model.User.getAll().findAll { it.id.startsWith('author') }*.delete()")


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("config.setEnableTfa(true)", [None, True, False]),
        ("config.setEnableTfa(true); config.save()", [True, True, False]),
        (f"live[{LIVE}] = true", [None, False, True]),
        (f"config.setEnableTfa(true); config.save(); config.setEnableTfa(false); live[{LIVE}] = true", [True, False, True]),
        (f"config.save(); config.setEnableTfa(true); live[{LIVE}] = true", [False, True, True]),
        (f"live.remove({LIVE})", [None, False, None]),
    ],
)
def test_each_layer_is_read_separately(standin: StandIn, managed: Managed, script: str, wanted: list[bool | None]) -> None:
    standin.groovy(CONFIG + script)
    assert layers(managed.observe()) == wanted


def test_factors_and_mail_texts_are_read_from_disk_and_from_memory(standin: StandIn, managed: Managed) -> None:
    texts = "'Käse', '''<b>\\n'\"&amp; \\$otp</b> ünï €'''"
    standin.groovy(
        CONFIG + "config.@otpOverEmailDto = new dto.MoOtpOverEmailDto(true, 'a@lab.invalid')\n"
        f"config.@moAdvancedSettingsDTO = new dto.MoAdvanceSettingsDTO({texts}); config.save()\n"
        "config.setEnableSecurityQuestionsAuthentication(true); config.@otpOverEmailDto = new dto.MoOtpOverEmailDto(false, 'b@lab.invalid')"
    )
    seen = managed.observe()
    template = "<b>\n'\"&amp; $otp</b> ünï €"
    assert seen.disk == PluginSettings(False, MAIL, "a@lab.invalid", "Käse", template)
    assert seen.memory == PluginSettings(False, QUESTIONS, "b@lab.invalid", "Käse", template)


JENKINS = "def there = jenkins.model.Jenkins.get(); "
UNSECURED = """
import hudson.security.*
def acl = new ACL() { boolean hasPermission2(org.springframework.security.core.Authentication who, Permission what) { true } }
jenkins.model.Jenkins.get().authorizationStrategy = new AuthorizationStrategy() { ACL getRootACL() { acl } }
"""


def test_anonymous_administration_is_detected(javax_standin: StandIn) -> None:
    managed = managed_of(javax_standin)
    assert managed.observe().anonymous_administers is False
    javax_standin.groovy(ANONYMOUS_ADMINISTERS)
    assert managed.observe().anonymous_administers is True
    javax_standin.groovy(ANONYMOUS_DOES_NOT)
    assert managed.observe().anonymous_administers is False
    javax_standin.groovy(JENKINS + "there.servletContext.setAttribute('test.strategy', there.authorizationStrategy)")
    javax_standin.groovy(UNSECURED)
    try:
        assert managed.observe().anonymous_administers is True
        managed.apply(policy())
        assert managed.observe(by_gate=True).anonymous_administers is True
    finally:
        javax_standin.groovy(JENKINS + "there.authorizationStrategy = there.servletContext.getAttribute('test.strategy')")


@pytest.mark.parametrize("state", ["fresh", "managed", "damaged"])
def test_observing_changes_nothing(standin: StandIn, managed: Managed, state: str) -> None:
    if state != "fresh":
        managed.apply(policy(emailOTP=EMAIL, allowedFactors=["EmailOTP", "SecurityQuestions"]))
    if state == "damaged":
        for name in ("gate", "state", "trial"):
            (standin.home / "jenkins2fa" / f"{name}.json").write_text("{")
    managed.observe(users=True)
    before = json.loads(standin.groovy(FINGERPRINT))
    for _ in range(3):
        managed.observe(users=True, groups=["Devs", "authenticated"])
    assert json.loads(standin.groovy(FINGERPRINT)) == before


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ("config.configFile.file.text = '<not xml'", "layers"),
        ("new File(jenkins.model.Jenkins.get().rootDir, 'jenkins2fa/state.json').text = '{'", "state"),
        ("new File(jenkins.model.Jenkins.get().rootDir, 'jenkins2fa/trial.json').text = '[1]'", "trial"),
    ],
)
def test_a_damaged_part_is_reported_and_the_rest_is_read(standin: StandIn, managed: Managed, script: str, part: str) -> None:
    managed.apply(policy())
    standin.groovy(CONFIG + script)
    seen = managed.observe()
    assert seen.damaged == (part,)
    assert [seen.user, seen.gate.installed] == ["admin", 1]
    found = managed.assess(policy(exemptGroups=["robots"]))
    assert [found.refused and found.refused.reason, found.may_write] == ["ObservationDamaged", False]
    with pytest.raises(JenkinsError):
        managed.apply(policy(exemptGroups=["robots"]))


def test_a_damaged_break_glass_record_ends_at_the_next_start(javax_standin: StandIn) -> None:
    managed = Managed(javax_standin.url, "admin", javax_standin.tokens["admin"])
    managed.apply(policy())
    with managed.driver() as driver:
        driver.open_break_glass(datetime.now(UTC) + timedelta(hours=1), "INC-1", timedelta(hours=2), keep=True)
    assert managed.observe().live is False
    (javax_standin.home / "jenkins2fa" / "break-glass.json").write_text("{")
    assert managed.observe().damaged == ("breakGlass",)
    javax_standin.restart()
    assert [managed.observe().damaged, layers(managed.observe())] == [(), [True, True, True]]


@pytest.mark.parametrize("flavour", [pytest.param("javax", marks=pytest.mark.slow), "jakarta"])
@pytest.mark.parametrize(("context_path", "root_url"), [("/ci", None), ("/ci/deep", "https://jenkins.example.com/x/"), ("", None)])
def test_context_path_and_root_url_do_not_matter(flavour: Flavour, context_path: str, root_url: str | None) -> None:
    with StandIn(flavour=flavour, context_path=context_path, root_url=root_url) as jenkins:
        managed = Managed(jenkins.url, "admin", jenkins.tokens["admin"])
        result = managed.apply(policy())
        assert [result.proof, result.plan.changes, layers(result.observation)] == ["Challenged", (), [True, True, True]]
        assert [jenkins.browser("alice", "alice-pw-1").status(), jenkins.browser("alice").status()] == [302, 200]


def test_observing_costs_one_request_and_leaks_at_most_one_class(standin: StandIn, managed: Managed) -> None:
    looks = 200
    managed.apply(policy())
    with managed.driver() as driver:
        for _ in range(50):  # until the JVM has generated its own classes for frequent calls
            driver.observe()
        requests, classes = driver.requests, int(standin.groovy(CLASSES))
        for _ in range(looks):
            driver.observe()
        assert driver.requests - requests == looks
    assert int(standin.groovy(CLASSES)) - classes <= looks + 10  # this test's own script adds some too


def test_scripts_are_compiled_again_after_a_restart(standin: StandIn, managed: Managed) -> None:
    with managed.driver() as driver:
        driver.observe()
        before, session = driver.requests, driver.observe().session
        standin.restart()
        assert driver.observe().session != session
        driver.observe()
    assert driver.requests - before == 1 + 2 + 1  # as before, compiled again, as before


def test_two_operator_versions_do_not_disturb_each_other(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old and a new version run side by side during an upgrade: each runs its own script."""
    ours = scripts.script
    with contextlib.ExitStack() as stack:
        old, new = (stack.enter_context(Managed(standin.url, "admin", standin.tokens["admin"]).driver()) for _ in range(2))
        for turn in range(3):
            assert read_number(old, 0, monkeypatch, ours) == 0
            assert read_number(new, 1 + turn, monkeypatch, ours) == 1 + turn


def read_number(driver: Driver, number: int, monkeypatch: pytest.MonkeyPatch, ours: object) -> int:
    """The number returned by this driver's version of the observation script."""

    def other(name: str) -> scripts.Script:
        found = ours(name)  # type: ignore[operator]
        if name != scripts.OBSERVE:
            return found  # type: ignore[no-any-return]
        text = found.text.replace("self: [id", f"self: [version: {number}, id")
        return scripts.Script(name, text, scripts._sha256(text))

    monkeypatch.setattr(scripts, "script", other)
    return int(driver._console.run(scripts.OBSERVE)["self"]["version"])
