"""What really holds in a Jenkins, read past every tool: layers by the stand-in's control port, the effect as a user has it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import requests

from tests.support.gated import groovy
from tests.support.standin import StandIn

LOOK = """def c = MoGlobalConfig.get(), file = c.configFile.file, xml = file.file ? new XmlSlurper().parse(file) : null
def factor = { questions, mail -> questions || mail }
println groovy.json.JsonOutput.toJson([
    disk: xml?.enableTfa?.text() == 'true' && factor(xml.enableSecurityQuestionsAuthentication.text() == 'true', xml.otpOverEmailDto.isEnabled.text() == 'true'),
    memory: c.enableTfa, live: MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] == true,
    factor: factor(c.isEnableSecurityQuestionsAuthentication(), c.isEnableOtpOverEmailAuthentication()),
    filter: chain.any { it.class.name =~ /MoFilter|FilterWrapper/ },
    gate: chain.any { it.toString() == 'jenkins2fa-gate' } && new File(jenkins.rootDir, 'jenkins2fa/gate.json').file,
    settled: state?.trial == null && !new File(jenkins.rootDir, 'jenkins2fa/trial.json').file])"""  # noqa: E501
FORCE = """def c = MoGlobalConfig.get()
c.setEnableTfa(%(on)s); c.setEnableSecurityQuestionsAuthentication(true); c.save()
MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = %(on)s"""


@dataclass(frozen=True, slots=True)
class Truth:
    """Whether each layer is as it has to be with 2FA on. ``asked``: an unverified user gets the second factor, not the page; ``settled``:
    nothing is being tried."""

    disk: bool
    memory: bool
    live: bool
    factor: bool
    filter: bool
    gate: bool
    settled: bool
    asked: bool

    def wrong(self, with_gate: bool) -> tuple[str, ...]:
        """What is not as it has to be; the gate counts for who has one."""
        words = {
            "disk": self.disk, "memory": self.memory, "live flag": self.live, "factor": self.factor, "plugin's filter": self.filter,
            "gate": self.gate or not with_gate, "effect": self.asked,
        }  # fmt: skip
        return tuple(word for word, well in words.items() if not well)


class Alice:
    """An ordinary user with a password and no second factor, over one connection that stays open."""

    def __init__(self, jenkins: StandIn) -> None:
        self._browser = jenkins.browser("alice", "alice-pw-1")

    def asked(self) -> bool | None:
        """Whether `GET /` leads to the second factor; None = Jenkins is not up."""
        try:
            answer = self._browser.http.get(self._browser.url + "/", allow_redirects=False, timeout=2)
        except requests.RequestException:
            return None
        if answer.status_code == 200:
            return False
        return True if answer.status_code == 302 and "tfa" in answer.headers.get("Location", "") else None

    def until(self, asked: bool, seconds: float) -> float | None:
        """Wait until she is asked, or no longer is; returns when (seconds of the performance counter), None = not in this time."""
        end = time.perf_counter() + seconds
        while (now := time.perf_counter()) < end:
            if self.asked() is asked:
                return time.perf_counter()
            time.sleep(max(0.0, 0.005 - (time.perf_counter() - now)))
        return None


def look(jenkins: StandIn, asked: bool | None) -> Truth | None:
    """All layers, and what Alice saw; None = the plugin or Jenkins is not there."""
    try:
        return Truth(**json.loads(groovy(jenkins, LOOK)), asked=bool(asked))
    except (RuntimeError, requests.RequestException):
        return None


def force(jenkins: StandIn, on: bool) -> None:
    """Puts every layer right at once, past everybody: the bench's own hand between two measurements."""
    groovy(jenkins, FORCE % {"on": str(on).lower()})
