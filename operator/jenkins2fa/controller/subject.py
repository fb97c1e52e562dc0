"""What one pass of an instance is about."""

from __future__ import annotations

from dataclasses import dataclass

from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import Key
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.controller.kubernetes import Body
from jenkins2fa.controller.memory import Memory
from jenkins2fa.core.conditions import Trouble
from jenkins2fa.jenkins.errors import JenkinsError, MultipleReplicas


class Outdated(Exception):
    """What the pass worked from is not what is there now: it begins again."""


@dataclass(frozen=True, slots=True)
class Subject:
    """``body`` is the live object; ``asked``: somebody wants a full look, probes included."""

    body: Body
    instance: JenkinsInstance
    policy: TwoFactorPolicy | None
    memory: Memory
    asked: bool = False

    @property
    def key(self) -> Key:
        return self.instance.meta.key

    def trouble(self, error: JenkinsError, now: float) -> Trouble:
        """An error of the Jenkins as an outcome, in the light of what was before; the next pass begins with a new connection."""
        problem = self.memory.interpret(error, now)
        if not isinstance(error, MultipleReplicas):
            self.memory.close()
        return Trouble(problem.reason, str(problem), problem.transient)
