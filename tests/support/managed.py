"""One controller as the operator manages it: policies as mappings, and one method for each step of a reconcile."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import requests

from jenkins2fa.api.instance import GateMode, GateSpec, InstanceSpec, JenkinsInstance
from jenkins2fa.api.meta import Metadata
from jenkins2fa.api.parse import parse_policy
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.core.assess import Assessment, Proof, assess
from jenkins2fa.core.observation import Observation, Owner
from jenkins2fa.jenkins.change import Order, Result, Step, carry_out
from jenkins2fa.jenkins.connection import Connection, Credentials
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.scripts import gate_code_for
from tests.support.specs import spelled_out

Spec = dict[str, Any]
CLUSTER = "cluster-of-the-tests"
QUESTIONS: Spec = {"instanceSelector": {}, "mode": "Enforce", "allowedFactors": [{"type": "SecurityQuestions"}], "apiTokens": "Exempt"}
EMAIL: Spec = {
    "senderAddress": "jenkins@lab.invalid",
    "subject": "Käse-Code",
    "template": "Grüß Gott $username, <b>Ihr Code</b> ist $otp & 'gut' \"so\"",
}


def policy(**spec: Any) -> TwoFactorPolicy:
    """`QUESTIONS` with the given fields instead; a field that is None is left out."""
    wanted = {key: value for key, value in {**QUESTIONS, **spec}.items() if value is not None}
    metadata = {"namespace": "tests", "name": "policy", "uid": "policy-uid", "generation": 1}
    return parse_policy({"metadata": metadata, "spec": spelled_out(wanted)})


class Managed:
    """The operator's side of one controller. `instance`: the instance's UID in the owner record; another UID is another owner.

    `trial_seconds`: the time limit of its trials."""

    trial_seconds = 60

    def __init__(
        self,
        url: str,
        username: str,
        token: str,
        *,
        gate: str = "Managed",
        instance: str = "instance-uid",
        **connection: Any,
    ) -> None:
        """`connection`: more fields of Connection (authority, read_seconds, connect_seconds).

        It waits longer for replies than the operator: a JVM that has just started compiles our scripts slowly on a busy machine."""
        more = {"read_seconds": 30.0, **connection}
        self.connection = Connection(url.rstrip("/") + "/", Credentials(username, token), **more)
        spec = InstanceSpec(url=self.connection.url, credentials="admin", gate=GateSpec(GateMode(gate)))
        self.instance = JenkinsInstance(Metadata("tests", "jenkins", uid=instance), spec)

    def with_spec(self, **changes: Any) -> Managed:
        """The same controller with other fields of InstanceSpec."""
        other = Managed(self.connection.url, "", "")
        other.connection, other.instance = self.connection, replace(self.instance, spec=replace(self.instance.spec, **changes))
        return other

    def _connect(self) -> Driver:
        return driver_for(self.connection, provider=self.instance.spec.provider, trial_seconds=self.trial_seconds)

    @contextlib.contextmanager
    def driver(self) -> Iterator[Driver]:
        """A new connection."""
        with contextlib.closing(self._connect()) as opened:
            yield opened

    def observe(self, **more: Any) -> Observation:
        with self.driver() as driver:
            return driver.observe(**more)

    def assess(self, wanted: TwoFactorPolicy, seen: Observation | None = None, **more: Any) -> Assessment:
        """`more`: take_over, second_factor_login and the like."""
        seen = seen or self.observe(groups=wanted.spec.enforced_groups or (), users=True)
        code = gate_code_for(wanted.spec, self.instance.spec, seen.user)
        return assess(wanted, self.instance, seen, code, cluster=CLUSTER, now=datetime.now(UTC), **more)

    def order(self, wanted: TwoFactorPolicy, take_over: str | None = None) -> Order:
        found = self.assess(wanted, take_over=take_over)
        return Order(
            trial=secrets.token_hex(6),
            desired=found.plan.desired,
            gate_code=found.plan.gate_code,
            owner=found.owner,
            deletion=wanted.spec.deletion_policy,
            with_gate=self.instance.spec.gate.mode is GateMode.MANAGED,
            take_over=take_over,
            groups=wanted.spec.enforced_groups or frozenset(),
            corrects=found.plan.paths if found.drift else (),
        )

    def apply(self, wanted: TwoFactorPolicy, announce: Callable[[Step], None] = lambda step: None, take_over: str | None = None) -> Result:
        """Carry out the whole change; raises what carry_out raises."""
        return carry_out(self._connect, self.order(wanted, take_over), announce)

    def begin(self, wanted: TwoFactorPolicy) -> str:
        """Begin a trial, and no more; returns its id."""
        order = self.order(wanted)
        with self.driver() as driver:
            driver.begin(order.trial, order.desired, order.owner, order.deletion, with_gate=order.with_gate, take_over=order.take_over)
        return order.trial

    def confirm(self, trial: str) -> str:
        with self.driver() as driver:
            return driver.confirm(trial)

    def cancel(self, trial: str) -> str:
        with self.driver() as driver:
            return driver.cancel(trial)

    def probe(self) -> Proof:
        with self.driver() as driver:
            return driver.probe()

    def differing(self, wanted: TwoFactorPolicy) -> dict[str, set[str]]:
        """The differences that a plan finds now: path to layers."""
        found: dict[str, set[str]] = {}
        for change in self.assess(wanted).plan.changes:
            found.setdefault(change.path, set()).add(change.layer.value)
        return found

    def reasons(self, wanted: TwoFactorPolicy, **more: Any) -> list[str]:
        """Reasons of all findings, refusals first, except that the tests' administrator is not enrolled."""
        return [one.reason for one in self.assess(wanted, **more).findings if one.reason != "NoAdministratorEnrolled"]

    def console(self, text: str) -> str:
        """The output of a script in the script console, run with the operator's token, so the gate must exempt it."""
        answer = requests.post(
            self.connection.url + "scriptText", data={"script": text}, auth=self.account, timeout=30, allow_redirects=False
        )
        assert answer.status_code == 200, f"{answer.status_code} {answer.headers.get('Location', '')}"
        answer.encoding = "utf-8"
        return answer.text.strip()

    @property
    def account(self) -> tuple[str, str]:
        assert self.connection.credentials is not None
        return self.connection.credentials.username, self.connection.credentials.secret


def layers(seen: Observation) -> list[bool | None]:
    """Whether 2FA is on: disk, memory, live."""
    return [seen.disk.enabled if seen.disk else None, seen.memory.enabled if seen.memory else None, seen.live]


def as_json(text: str) -> Any:
    return json.loads(text)


OTHER = Owner("another-cluster", "another-instance")
