"""Whom a change reaches: counts of people, never names. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from jenkins2fa.core.desired import Desired
from jenkins2fa.core.observation import Observation
from jenkins2fa.core.plan import lacks_filter
from jenkins2fa.core.settings import GateSettings


@dataclass(frozen=True, slots=True)
class Reach:
    """``newly``: people who would be asked for a second factor and are not now; ``no_longer``: the reverse.

    ``at_most``: groups limit it, and Jenkins does not tell how many people are in them. ``to_enrol``: users without a second factor yet."""

    newly: int = 0
    no_longer: int = 0
    at_most: bool = False
    to_enrol: int = 0
    administrators_to_enrol: int = 0

    @property
    def text(self) -> str:
        """For people; empty when nobody is concerned."""
        some = "at most " if self.at_most else ""
        parts = [f"{some}{self.newly} newly asked ({self._without})"] if self.newly else []
        parts += [f"{some}{self.no_longer} no longer asked"] if self.no_longer else []
        return ", ".join(parts)

    @property
    def _without(self) -> str:
        administrators = f", {self.administrators_to_enrol} of them administrators" if self.administrators_to_enrol else ""
        return f"{self.to_enrol} must enrol first{administrators}"


def reach_of(seen: Observation, desired: Desired) -> Reach | None:
    """None where Jenkins could not count its users."""
    users = seen.enrolment
    if users is None:
        return None
    now = seen.effective and not lacks_filter(seen)
    then = desired.enforcing and bool(desired.plugin.factors)
    before, after = _rules(seen), desired.gate or _rules(seen)
    total, limited = users.total, _limits(after)
    if then and not now:
        return Reach(total, 0, limited, users.not_enrolled, users.administrators_not_enrolled)
    if now and not then:
        return Reach(0, total, _limits(before))
    if not then:
        return Reach()
    wider, narrower = _reaches_more(before, after), _reaches_more(after, before)
    return Reach(
        total if wider else 0,
        total if narrower else 0,
        wider or narrower,
        users.not_enrolled if wider else 0,
        users.administrators_not_enrolled if wider else 0,
    )


def _rules(seen: Observation) -> GateSettings:
    """Without a gate the plugin asks everyone."""
    return seen.gate.settings if seen.gate.installed and seen.gate.settings else GateSettings()


def _limits(rules: GateSettings) -> bool:
    return rules.enforced_groups is not None or bool(rules.exempt_groups)


def _reaches_more(before: GateSettings, after: GateSettings) -> bool:
    """Whether ``after`` asks somebody whom ``before`` does not."""
    if before.exempt_groups - after.exempt_groups:
        return True
    if before.enforced_groups is None:
        return False
    return after.enforced_groups is None or bool(after.enforced_groups - before.enforced_groups)
