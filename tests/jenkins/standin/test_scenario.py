"""The main scenario: applied, proven, undone by somebody, detected, corrected, disabled, released.

Runs against the stand-in, or, with JENKINS_URL, JENKINS_USER and JENKINS_TOKEN set, against that very Jenkins (docs/testing.md), which it
leaves as it found it. Everything here goes through the script console and ordinary requests, so both are driven by the same lines.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
import requests

from jenkins2fa.api.instance import GateSpec
from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.core.assess import Proof
from tests.jenkins.conftest import managed_of, shared
from tests.support.managed import EMAIL, Managed, layers, policy

REAL = bool(os.environ.get("JENKINS_URL"))
SETTINGS = "import io.jenkins.plugins.twofactor.jenkins.*\ndef config = MoGlobalConfig.get(); def live = MoFilter.moPluginSettings\n"
LIVE = "'ENABLE_MO_TFA_AUTHENTICATION'"
STATE = (
    SETTINGS
    + f"""
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
def ours = [new File(jenkins.rootDir, 'jenkins2fa'), new File(jenkins.rootDir, 'init.groovy.d/jenkins2fa.groovy')]*.exists()
def filters = hudson.util.PluginServletFilter.getInstance(context).list
def chain = filters*.class*.name.findAll {{ !it.contains('PrivateSecurityRealm') }}
def otp = config.otpOverEmailDto, mail = config.advancedSettingsDTO, file = config.configFile.file
println groovy.json.JsonOutput.toJson([
    memory: [config.enableTfa, config.isEnableSecurityQuestionsAuthentication(), otp?.isEnabled, otp?.senderEmailAddress,
             mail?.customOTPEmailSubject, mail?.customOTPEmailTemplate],
    live: live[{LIVE}], disk: file.file ? file.text : null, chain: chain, ours: ours])
"""
)
DRIFTS = {
    "live": f"live[{LIVE}] = false",
    "memory": "config.setEnableTfa(false)",
    "disk": f"config.setEnableTfa(false); config.save(); config.setEnableTfa(true); live[{LIVE}] = true",
    "factor": "config.setEnableSecurityQuestionsAuthentication(false)",
}


@pytest.fixture(params=["real"] if REAL else ["javax", "jakarta"])
def anywhere(request: pytest.FixtureRequest) -> Iterator[Managed]:
    """A controller that nobody manages and where 2FA is off; afterwards its observation must be as before."""
    if request.param == "real":
        managed = Managed(os.environ["JENKINS_URL"], os.environ["JENKINS_USER"], os.environ["JENKINS_TOKEN"], instance="scenario-tests")
    else:
        managed = managed_of(shared(request.getfixturevalue("_kept"), request.param, "own"), instance="scenario-tests")
    found = managed.observe()
    assert found.owner is None, f"this Jenkins is managed by {found.owner}: it is not touched"
    assert not found.protected, "2FA is on in this Jenkins: it is not touched"
    assert found.is_tested, f"the plugin's version {found.plugin.version} is not one that may be written to"
    before = json.loads(managed.console(STATE))
    try:
        yield managed
    finally:
        leave(managed)
    after = json.loads(managed.console(STATE))
    if before["disk"] is None:  # Jenkins has a file from then on, with the content of memory
        after["disk"] = None
    assert after == before


def leave(managed: Managed) -> None:
    """Clean up after any test: the former settings, and nothing of ours."""
    with managed.driver() as driver:
        if driver.observe().owner is not None:
            driver.release(DeletionPolicy.RESTORE)


def challenged(managed: Managed) -> bool:
    """Whether the account itself is asked for a second factor where the gate does not let it in."""
    answer = requests.get(
        managed.connection.url, auth=managed.account, headers={"X-Jenkins2fa-Probe": "challenge"}, timeout=30, allow_redirects=False
    )
    assert answer.status_code in (200, 302), answer.status_code
    return answer.status_code == 302


def test_applied_and_proven(anywhere: Managed) -> None:
    assert not challenged(anywhere)
    result = anywhere.apply(policy())
    assert [result.proof, result.plan.changes, layers(result.observation)] == [Proof.CHALLENGED, (), [True, True, True]]
    assert [challenged(anywhere), anywhere.differing(policy())] == [True, {}]


@pytest.mark.parametrize("drift", DRIFTS)
def test_undone_detected_and_corrected(anywhere: Managed, drift: str) -> None:
    anywhere.apply(policy())
    anywhere.console(SETTINGS + DRIFTS[drift])
    found = anywhere.assess(policy())
    assert [found.drift, found.may_write, bool(found.plan.changes)] == [True, True, True]
    result = anywhere.apply(policy())
    assert [result.plan.changes, challenged(anywhere)] == [(), True]
    assert len(result.observation.corrections) == len(found.plan.paths)


def test_changed_and_disabled(anywhere: Managed) -> None:
    anywhere.apply(policy())
    richer = policy(allowedFactors=["SecurityQuestions", "EmailOTP"], emailOTP=EMAIL, exemptGroups=["robots"])
    assert not anywhere.apply(richer).plan.changes
    result = anywhere.apply(policy(mode="Disabled"))
    assert [result.plan.changes, layers(result.observation), challenged(anywhere)] == [(), [False, False, False], False]


def test_an_undone_trial_leaves_nothing(anywhere: Managed) -> None:
    before = json.loads(anywhere.console(STATE))
    trial = anywhere.begin(policy())
    assert challenged(anywhere)
    assert anywhere.cancel(trial) == "Undone"
    assert json.loads(anywhere.console(STATE)) == before


def test_an_account_that_would_lock_itself_out_is_refused(anywhere: Managed) -> None:
    bare = anywhere.with_spec(gate=GateSpec())
    assert bare.reasons(policy(apiTokens=None))[0] == "OperatorLockedOut"


def test_released_again(anywhere: Managed) -> None:
    anywhere.apply(policy())
    leave(anywhere)
    seen = anywhere.observe()
    assert [seen.owner, seen.gate.installed, seen.gate.startup_code, challenged(anywhere)] == [None, 0, None, False]
