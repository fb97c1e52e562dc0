"""What one reconcile of an instance is about."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import TAKE_OVER, Key
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.controller.cache import Body
from jenkins2fa.controller.instance.memory import Memory
from jenkins2fa.core.assess import Failure
from jenkins2fa.core.observation import Owner
from jenkins2fa.jenkins.errors import JenkinsError, Starting

WAIT = ": wait, it is looked at every second (after two minutes less often)"


class Outdated(Exception):
    """What the reconcile worked from is not what is there now: it begins again."""


@dataclass(frozen=True, slots=True)
class Subject:
    """``body`` is the object, read for this reconcile or (not ``live``) as the watch has told it last; ``asked``: somebody wants a
    full observation, probes included."""

    body: Body
    instance: JenkinsInstance
    policy: TwoFactorPolicy | None
    memory: Memory
    asked: bool = False
    live: bool = True

    def without_processed_take_over(self) -> Subject:
        """The same, without an annotation take-over that was processed before: else two owners that were each let in once would go on
        taking one Jenkins from each other for ever."""
        held = self.instance.meta.annotations
        if self.memory.taken_over is None or held.get(TAKE_OVER) != self.memory.taken_over:
            self.memory.taken_over = None
            return self
        meta = replace(self.instance.meta, annotations={name: value for name, value in held.items() if name != TAKE_OVER})
        return replace(self, instance=replace(self.instance, meta=meta))

    def took_over_from(self, owner: Owner | None) -> None:
        """Note that a change is confirmed whose Jenkins had ``owner``'s mark before."""
        if owner is not None and owner.name == self.instance.meta.annotations.get(TAKE_OVER):
            self.memory.taken_over = owner.name

    @property
    def key(self) -> Key:
        return self.instance.meta.key

    def failure(self, error: JenkinsError, now: float) -> Failure:
        """An error of the Jenkins as an outcome, in the light of what was before; the next reconcile begins with a new connection."""
        problem = self.memory.interpret(error, now)
        self.memory.close()
        wait = WAIT if isinstance(problem, Starting) and self.memory.starting else ""
        return Failure(problem.reason, f"{problem}{wait}", problem.transient)
