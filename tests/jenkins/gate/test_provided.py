"""A provided gate, which the site mounts itself, and the commands `jenkins2fa gate ...`."""

from __future__ import annotations

import pytest

from jenkins2fa.core.assess import Proof
from tests.jenkins.conftest import managed_of
from tests.support.commands import Commands
from tests.support.managed import Managed, layers, policy
from tests.support.people import gets_in
from tests.support.standin import StandIn

pytestmark = pytest.mark.both_flavours

CONTEXT = """
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
def state = context.getAttribute('jenkins2fa')
def list = hudson.util.PluginServletFilter.getInstance(context).list
def isGate = { it.toString() == 'jenkins2fa-gate' }
def isTheirs = { it.class.name.endsWith('.MoFilter') || it.class.name.startsWith('io.jenkins.servlet.FilterWrapper') }
"""


def test_a_provided_gate_is_verified_and_never_written(commands: Commands, standin: StandIn, managed: Managed) -> None:
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
    off = policy(exemptGroups=["others"], mode="Disabled")
    assert provided.reasons(off) == ["ApiTokensExempt"]
    assert [provided.apply(off).plan.changes, gets_in(standin, "alice"), file.read_bytes()] == [(), "alice", mounted]


def test_render_prints_what_the_operator_installs(commands: Commands, standin: StandIn, managed: Managed) -> None:
    text = commands.run("gate", "render").out
    managed.apply(policy())
    assert (standin.home / "init.groovy.d" / "jenkins2fa.groovy").read_text() == text
    assert text.startswith("// jenkins-2fa-operator ")
    assert "jenkins2fa gate remove" in text


def test_status_shows_where_the_gate_is(commands: Commands, standin: StandIn, managed: Managed) -> None:
    absent = commands.run("gate", "status")
    assert [absent.code, absent.out.splitlines()[0]] == [3, "gate: absent"]
    managed.apply(policy())
    there = commands.run("gate", "status")
    assert there.code == 0
    assert there.out.splitlines()[0] == "gate: first in the chain, before the plugin's filter"
    assert "owner: cluster-of-the-tests/instance-uid" in there.out
    assert commands.run("gate", "status", environment={"JENKINS_TOKEN": "x"}).code == 1


def test_remove_deletes_everything_of_ours(commands: Commands, standin: StandIn, managed: Managed) -> None:
    managed.apply(policy())
    refused = commands.run("gate", "remove", "-y")
    assert [refused.code, "2FA would stay on" in refused.err, managed.observe().gate.installed] == [3, True, 1]
    asked = commands.run("gate", "remove", "--settings", "Disable", text="n\n")
    assert [asked.code, managed.observe().gate.installed] == [1, 1]
    assert commands.run("gate", "remove", "--settings", "Disable", "-y").code == 0
    seen = managed.observe()
    assert [layers(seen), seen.gate.installed, seen.gate.startup_code, seen.owner] == [[False, False, False], 0, None, None]
    assert not (standin.home / "jenkins2fa").exists()
    assert standin.groovy(CONTEXT + "print([state, context.getAttribute('jenkins2fa.scripts')?.keySet()])") in (
        "[null, null]",
        "[null, [bootstrap, observe]]",
    )


def test_remove_can_restore_the_former_settings(commands: Commands, standin: StandIn, managed: Managed) -> None:
    before = "config.setEnableSecurityQuestionsAuthentication(true); "
    before += "config.@otpOverEmailDto = new dto.MoOtpOverEmailDto(true, 'a@b'); config.save()"
    standin.groovy(f"import io.jenkins.plugins.twofactor.jenkins.*\ndef config = MoGlobalConfig.get(); {before}")
    seen = managed.observe()
    managed.apply(policy())
    assert commands.run("gate", "remove", "--settings", "Restore", "-y").code == 0
    after = managed.observe()
    assert [after.disk, after.memory, after.live] == [seen.disk, seen.memory, seen.live]
