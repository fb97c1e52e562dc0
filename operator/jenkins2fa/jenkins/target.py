"""Which version of the gate ought to run at an instance."""

from __future__ import annotations

from jenkins2fa.api.instance import GateMode, InstanceSpec
from jenkins2fa.api.policy import PolicySpec
from jenkins2fa.core.desired import desired_gate
from jenkins2fa.core.settings import gate_configuration
from jenkins2fa.jenkins.scripts import gate_code


def gate_code_for(policy: PolicySpec, instance: InstanceSpec, user: str) -> str:
    """The SHA-256 of the gate's file: ours, or (gate.mode Provided) ours with this very configuration within it."""
    if instance.gate.mode is not GateMode.PROVIDED:
        return gate_code()
    gate = desired_gate(policy, instance, user)
    return gate_code(gate_configuration(gate) if gate else None)
