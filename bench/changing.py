"""From a change to its effect: a policy that is applied, and a Jenkins that somebody has changed."""

from __future__ import annotations

import time
from collections.abc import Callable

import requests

from bench.cluster import INSTANCES, POLICIES, Cluster, Watcher, condition
from bench.measured import Measured, Part, repeated
from tests.support.gated import groovy
from tests.support.kube import KubeServer
from tests.support.running import grant
from tests.support.scene import Scene
from tests.support.standin import StandIn

POLICY, INSTANCE = "baseline", "build"
REST_SECONDS = 1.2  # so that no round is held back by the one before: a policy's status is gathered at most once a second
OFF = "MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false"
IS_ON = "print MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] == true && state.trial == null"
FORGET_CORRECTIONS = """
def note = new File(jenkins.rootDir, 'jenkins2fa/state.json')
def kept = new groovy.json.JsonSlurperClassic().parse(note); kept.remove('corrections'); note.text = groovy.json.JsonOutput.toJson(kept)
"""


def prepare(kube: KubeServer, jenkins: StandIn, namespace: str, check_seconds: float) -> Scene:
    """One instance with our gate, one policy that is off, and one that selects nothing."""
    kube.apply_crds()
    grant(kube)
    kube.new_namespace(namespace)
    scene = Scene(kube, namespace)
    scene.credentials(jenkins.url, jenkins.tokens["admin"])
    scene.instance(INSTANCE, jenkins.url, checkInterval=f"{check_seconds:g}s")
    scene.policy(POLICY, mode="Disabled")
    scene.policy("unused", instanceSelector={"matchLabels": {"nobody": "has-this"}})
    return scene


class Changes:
    """Measures changes at an operator that runs with one policy and one instance."""

    def __init__(self, cluster: Cluster, jenkins: StandIn, watcher: Watcher) -> None:
        self._cluster, self._jenkins, self._watcher = cluster, jenkins, watcher

    def applied(self, rounds: int) -> Measured:
        """From the request that changes the policy until a watch has told Enforced=True/Probed for that generation."""
        samples = [self._apply() for _ in range(rounds + 2)][2:]  # the first two find nothing compiled yet
        return Measured("apply → Enforced=True/Probed", samples, self._bare_change(rounds), (300.0, 1000.0), "from Off, a probe included")

    def first(self) -> Measured:
        """The same for the very first change at a Jenkins that has compiled nothing of ours."""
        return Measured("the first change after a start of Jenkins", [self._apply()])

    def _apply(self) -> float:
        self._cluster.patch(POLICIES, POLICY, mode="Disabled")
        self._watcher.until(POLICY, lambda body: condition(body, "Enforced") == "False/Disabled")
        time.sleep(REST_SECONDS)
        begun = time.perf_counter()
        generation = self._cluster.patch(POLICIES, POLICY, mode="Enforce")
        return (self._watcher.until(POLICY, _enforced(generation)) - begun) * 1000

    def _bare_change(self, rounds: int) -> tuple[Part, ...]:
        """What no operator with these safeguards can do without: two ways over the API server, six requests to Jenkins in a row."""
        return (
            Part("API server: a write until a watch reports it (the user's, the policy's status)", self._heard(rounds), 2),
            Part("API server: a status write (the instance's)", repeated(self._write_status, rounds), 1),
            Part("Jenkins: a minimal script (observe, begin, read back, confirm, observe again)", bare_scripts(self._jenkins, rounds), 5),
            Part("Jenkins: a page (the probe)", bare_pages(self._jenkins, rounds), 1),
        )

    def _heard(self, rounds: int) -> list[float]:
        return [self._write_and_hear(number) for number in range(rounds)]

    def _write_and_hear(self, number: int) -> float:
        """A priority changes nothing in Jenkins."""
        begun = time.perf_counter()
        generation = self._cluster.patch(POLICIES, POLICY, priority=number % 2 + 1)
        return (self._watcher.until(POLICY, lambda body: body["metadata"]["generation"] == generation) - begun) * 1000

    def _write_status(self) -> None:
        self._cluster.patch_status(POLICIES, "unused", {"summary": {"scope": str(time.perf_counter_ns())[-12:]}})

    def corrected(self, rounds: int, interval: float) -> Measured:
        """From a change behind the operator's back until it is undone and confirmed; it is noticed at the next look."""
        samples = [self._drift(lambda: None) for _ in range(rounds)]
        return Measured(f"changed in Jenkins → corrected (checkInterval {interval:g} s)", samples, aim=(None, interval * 1100 + 1000))

    def corrected_when_asked(self, rounds: int) -> Measured:
        """The same, but the look is asked for at once: what the correction itself takes."""

        def ask() -> None:
            self._cluster.annotate(INSTANCES, INSTANCE, str(time.time_ns()))

        return Measured("the same correction, on request", [self._drift(ask) for _ in range(rounds)], self._bare_change(rounds))

    def _drift(self, then: Callable[[], None]) -> float:
        groovy(self._jenkins, FORGET_CORRECTIONS)  # a third correction within an hour would be Flapping
        time.sleep(REST_SECONDS)
        groovy(self._jenkins, OFF)
        begun = time.perf_counter()
        then()
        while groovy(self._jenkins, IS_ON) != "true":
            time.sleep(0.005)
        return (time.perf_counter() - begun) * 1000


def _enforced(generation: int) -> Callable[[dict[str, object]], bool]:
    def reached(body: dict[str, object]) -> bool:
        return body["metadata"]["generation"] == generation and condition(body, "Enforced") == "True/Probed"  # type: ignore[index]

    return reached


def bare_scripts(jenkins: StandIn, rounds: int) -> list[float]:
    """The smallest text on the script console, as the stand-in's administrator, over one connection that stays open."""
    with _session(jenkins) as http:

        def call() -> None:
            answer = http.post(jenkins.url + "/scriptText", data={"script": "println(1)"}, allow_redirects=False, timeout=30)
            if answer.text.strip() != "1":
                raise SystemExit(f"the script console answered {answer.status_code}")

        return repeated(call, rounds, warm_up=10)


def bare_pages(jenkins: StandIn, rounds: int) -> list[float]:
    with _session(jenkins) as http:
        return repeated(lambda: http.get(jenkins.url + "/api/json", allow_redirects=False, timeout=30), rounds, warm_up=10)


def _session(jenkins: StandIn) -> requests.Session:
    http = requests.Session()
    http.trust_env = False
    http.auth = ("admin", jenkins.tokens["admin"])
    return http
