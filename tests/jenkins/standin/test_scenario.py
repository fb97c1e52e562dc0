"""The main scenario: applied, proven, undone by somebody, detected, corrected, disabled, released.

Runs against the stand-in, or, with JENKINS_URL, JENKINS_USER and JENKINS_TOKEN set, against that very Jenkins (docs/testing.md), which it
leaves as it found it. Everything here goes through the script console and ordinary requests, so both are driven by the same lines.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from jenkins2fa.api.instance import GateSpec
from jenkins2fa.api.policy import DeletionPolicy, TwoFactorPolicy
from jenkins2fa.core.assess import Proof
from tests.jenkins.conftest import managed_of, shared
from tests.support.managed import EMAIL, Managed, layers, policy

REAL = bool(os.environ.get("JENKINS_URL"))
LIVE = "live['ENABLE_MO_TFA_AUTHENTICATION']"
STATE = """
def jenkins = jenkins.model.Jenkins.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
def ours = [new File(jenkins.rootDir, 'jenkins2fa'), new File(jenkins.rootDir, 'init.groovy.d/jenkins2fa.groovy')]*.exists()
def filters = hudson.util.PluginServletFilter.getInstance(context).list
def chain = filters*.class*.name.findAll { !it.contains('PrivateSecurityRealm') }
def file = config.configFile.file
println groovy.json.JsonOutput.toJson([memory: memory, disk: file.file ? file.text : null, chain: chain, ours: ours])
"""


@dataclass(frozen=True)
class Side:
    """What differs between the plugins. `settings`: Groovy that names them, and `memory` as a list; `drifts`: what somebody does

    `more`: what a second policy says besides; `challenges_tokens`: also without the gate."""

    factor: str
    settings: str
    drifts: Mapping[str, str]
    layers: tuple[list[bool | None], list[bool | None]]
    more: Mapping[str, Any]
    challenges_tokens: bool

    def policy(self, **spec: Any) -> TwoFactorPolicy:
        return policy(**{"allowedFactors": [self.factor], **spec})


SIDES = {
    "miniorange-two-factor": Side(
        factor="SecurityQuestions",
        settings=f"""import io.jenkins.plugins.twofactor.jenkins.*
def config = MoGlobalConfig.get(), live = MoFilter.moPluginSettings
def otp = config.otpOverEmailDto, mail = config.advancedSettingsDTO
def memory = [config.enableTfa, config.isEnableSecurityQuestionsAuthentication(), otp?.isEnabled, otp?.senderEmailAddress,
              mail?.customOTPEmailSubject, mail?.customOTPEmailTemplate, {LIVE}]
""",
        drifts={
            "live": f"{LIVE} = false",
            "memory": "config.setEnableTfa(false)",
            "disk": f"config.setEnableTfa(false); config.save(); config.setEnableTfa(true); {LIVE} = true",
            "factor": "config.setEnableSecurityQuestionsAuthentication(false)",
        },
        layers=([True, True, True], [False, False, False]),
        more={"allowedFactors": ["SecurityQuestions", "EmailOTP"], "emailOTP": EMAIL},
        challenges_tokens=True,
    ),
    "openmfa": Side(
        factor="MobileAuthenticator",
        settings="""def config = io.jenkins.plugins.openmfa.MFAGlobalConfiguration.get()
def memory = [config.requireMFA, config.exemptUsers, config.exemptRoles, config.issuer]
""",
        drifts={
            "memory": "config.setRequireMFA(false)",
            "disk": "config.setRequireMFA(false); config.save(); config.setRequireMFA(true)",
            "everyone exempt": "config.setExemptRoles('authenticated'); config.save()",
        },
        layers=([True, True, None], [False, False, None]),
        more={},
        challenges_tokens=False,
    ),
}


@dataclass(frozen=True)
class Place:
    managed: Managed
    side: Side

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.managed.console(self.side.settings + STATE))
        return found


@pytest.fixture(params=["real"] if REAL else ["javax", "jakarta", "openmfa"])
def anywhere(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A controller that nobody manages and where 2FA is off; afterwards its observation must be as before."""
    if request.param == "real":
        managed = Managed(os.environ["JENKINS_URL"], os.environ["JENKINS_USER"], os.environ["JENKINS_TOKEN"], instance="scenario-tests")
    else:
        kept = request.getfixturevalue("_kept")
        openmfa = request.param == "openmfa"
        jenkins = shared(kept, "jakarta", "groups", "openmfa") if openmfa else shared(kept, request.param, "own")
        managed = managed_of(jenkins, instance="scenario-tests")
    found = managed.observe()
    assert found.owner is None, f"this Jenkins is managed by {found.owner}: it is not touched"
    assert not found.protected, "2FA is on in this Jenkins: it is not touched"
    assert found.is_tested, f"the plugin's version {found.plugin.version} is not one that may be written to"
    place = Place(managed, SIDES[found.capabilities.plugin])
    before = place.state()
    try:
        yield place
    finally:
        leave(managed)
    after = place.state()
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


def test_applied_and_proven(anywhere: Place) -> None:
    managed, wanted = anywhere.managed, anywhere.side.policy()
    assert not challenged(managed)
    result = managed.apply(wanted)
    assert [result.proof, result.plan.changes, layers(result.observation)] == [Proof.CHALLENGED, (), anywhere.side.layers[0]]
    assert [challenged(managed), managed.differing(wanted)] == [True, {}]


def test_undone_detected_and_corrected(anywhere: Place) -> None:
    managed, side = anywhere.managed, anywhere.side
    for drift, script in side.drifts.items():
        managed.apply(side.policy())
        managed.console(side.settings + script)
        found = managed.assess(side.policy())
        assert [found.drift, found.may_write, bool(found.plan.changes)] == [True, True, True], drift
        result = managed.apply(side.policy())
        assert [result.plan.changes, challenged(managed)] == [(), True], drift
        assert len(result.observation.corrections) == len(found.plan.paths), drift
        leave(managed)  # with the corrections that Jenkins keeps


def test_changed_and_disabled(anywhere: Place) -> None:
    managed, side = anywhere.managed, anywhere.side
    managed.apply(side.policy())
    assert not managed.apply(side.policy(exemptGroups=["robots"], **side.more)).plan.changes
    result = managed.apply(side.policy(mode="Disabled"))
    assert [result.plan.changes, layers(result.observation), challenged(managed)] == [(), side.layers[1], False]


def test_an_undone_trial_leaves_nothing(anywhere: Place) -> None:
    managed, before = anywhere.managed, anywhere.state()
    trial = managed.begin(anywhere.side.policy())
    assert challenged(managed)
    assert managed.cancel(trial) == "Undone"
    assert anywhere.state() == before


def test_an_account_that_would_lock_itself_out_is_refused(anywhere: Place) -> None:
    bare = anywhere.managed.with_spec(gate=GateSpec())
    refused = "OperatorLockedOut" in bare.reasons(anywhere.side.policy(apiTokens=None))
    assert refused == anywhere.side.challenges_tokens


def test_released_again(anywhere: Place) -> None:
    managed = anywhere.managed
    managed.apply(anywhere.side.policy())
    leave(managed)
    seen = managed.observe()
    assert [seen.owner, seen.gate.installed, seen.gate.startup_code, challenged(managed)] == [None, 0, None, False]
