"""Small literals for the pure core: an observation where the policy is in force, a policy, and the plan between them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jenkins2fa.api.break_glass import BreakGlassSpec, TwoFactorBreakGlass
from jenkins2fa.api.instance import GateMode, GateSpec, InstanceSpec, JenkinsInstance
from jenkins2fa.api.meta import LabelSelector, Metadata
from jenkins2fa.api.policy import Factor, PolicySpec
from jenkins2fa.core.desired import desired_state
from jenkins2fa.core.observation import GateState, MailServer, Observation, Owner, Plugin
from jenkins2fa.core.plan import Plan, desired_digest, make_plan
from jenkins2fa.core.settings import GateSettings, PluginSettings
from jenkins2fa.jenkins.drivers.miniorange.driver import FREE, PREMIUM_EDITION, capabilities_of
from tests.support.managed import EMAIL, policy

CODE = "c0de"
QUESTIONS = frozenset({Factor.SECURITY_QUESTIONS})
MAIL = frozenset({Factor.EMAIL_OTP})
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MANAGED = InstanceSpec(url="https://jenkins.example.com/", credentials="admin", gate=GateSpec(GateMode.MANAGED))
BARE = InstanceSpec(url="https://jenkins.example.com/", credentials="admin")
FRESH = Observation("2.541.3", "s1", "id", "admin", plugin=Plugin(True, True, "1.2.0", "Free"), capabilities=FREE,
                    live=False, memory=PluginSettings(),
                    gate=GateState(plugin_filters=1), mail_server=MailServer(True, True))  # fmt: skip
BOTH: dict[str, Any] = {"allowedFactors": ["EmailOTP", "SecurityQuestions"], "emailOTP": EMAIL}
SPECS: list[dict[str, Any]] = [
    {},
    {"mode": "Disabled"},
    BOTH,
    {"enforcedGroups": ["a", "b"]},
    {"exemptGroups": ["r"]},
    {"apiTokens": None},
    {"apiTokens": "Challenge"},
    {"requireOnBuild": {"window": "15m"}},
    {"allowedFactors": ["SecurityQuestions", "YubiKey"]},
]


def premium(observation: Observation) -> Observation:
    """The same with the premium edition, as the driver reports it."""
    return reported(replace(observation, plugin=replace(observation.plugin, edition=PREMIUM_EDITION)))


def reported(observation: Observation) -> Observation:
    """The observation with the capabilities that the driver finds in it."""
    return replace(observation, capabilities=capabilities_of(observation))


def instance(spec: InstanceSpec = MANAGED, **meta: Any) -> JenkinsInstance:
    return JenkinsInstance(Metadata("tests", "jenkins", **{"uid": "instance-uid", "generation": 3, **meta}), spec)


def break_glass(hours: float, reason: str = "INC-9", name: str = "incident", **meta: Any) -> TwoFactorBreakGlass:
    """Of every instance of the namespace tests, so many hours from NOW."""
    expires = (NOW + timedelta(hours=hours)).replace(microsecond=0)
    metadata = Metadata("tests", name, **{"uid": f"{name}-uid", "generation": 1, **meta})
    return TwoFactorBreakGlass(metadata, BreakGlassSpec(LabelSelector(), expires, reason))


def spec(**fields: Any) -> PolicySpec:
    """Only the spec of `managed.policy`."""
    return policy(**fields).spec


def in_force(policy_spec: PolicySpec, where: InstanceSpec = MANAGED) -> Observation:
    """An observation of a controller after the policy was confirmed there."""
    desired = desired_state(policy_spec, where, "admin", FREE)
    held, gate = desired.plugin, desired.gate
    state = GateState(plugin_filters=1)
    if gate is not None:
        state = GateState(1, 0, 1, True, False, CODE, gate, CODE, gate, hold=desired.hold, stored_hold=desired.hold)
    owner = Owner("cluster", "instance-uid", "policy-uid", 1, desired_digest(desired, CODE))
    return replace(
        FRESH, disk=held, memory=held, live=held.enabled, gate=state, owner=owner, known_groups=policy_spec.enforced_groups or frozenset()
    )


def plan(observation: Observation, policy_spec: PolicySpec, where: InstanceSpec = MANAGED) -> Plan:
    return make_plan(observation, desired_state(policy_spec, where, observation.user, observation.capabilities), CODE)


def differences(observation: Observation, policy_spec: PolicySpec, where: InstanceSpec = MANAGED) -> set[tuple[str, str]]:
    """Path and layer of each change."""
    return {(change.path, change.layer.value) for change in plan(observation, policy_spec, where).changes}


def weakened(before: PolicySpec, after: PolicySpec) -> set[str]:
    """The fields whose change weakens protection, for a controller where `before` is in force."""
    return {change.path for change in plan(in_force(before), after).weakening}


__all__ = [
    "BARE",
    "CODE",
    "FRESH",
    "MAIL",
    "MANAGED",
    "NOW",
    "QUESTIONS",
    "GateSettings",
    "PluginSettings",
    "break_glass",
    "differences",
    "in_force",
    "instance",
    "plan",
    "spec",
    "weakened",
]
