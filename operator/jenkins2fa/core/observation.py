"""One read of a controller: settings in each layer, plugin, gate, mail server, owner record, session. And how to compare two clocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from jenkins2fa.api.policy import Factor
from jenkins2fa.core.factors.capabilities import UNKNOWN, Capabilities, Property
from jenkins2fa.core.settings import GateSettings, PluginSettings

NO_TIME = timedelta(0)
TOLERANCE = timedelta(seconds=45)  # a slow response looks like a slow clock
_NONE: Mapping[str, tuple[datetime, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class OtherPlugin:
    """A 2FA plugin beside the one that is managed. ``asks``: its own settings make it challenge users now. ``layers_on``: those of disk,
    memory and live in which it is not switched off. ``writable``: it is an edition and a version that the operator can switch off."""

    name: str
    asks: bool = False
    layers_on: tuple[str, ...] = ()
    writable: bool = True
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Plugin:
    """The installed 2FA plugin. ``missing``: classes or members that our scripts need and this version lacks. ``properties``: those beyond
    what every edition has. ``others``: other 2FA plugins that are active."""

    installed: bool = False
    active: bool = False
    version: str | None = None
    edition: str | None = None
    missing: tuple[str, ...] = ()
    properties: tuple[Property, ...] = ()
    others: tuple[OtherPlugin, ...] = ()


@dataclass(frozen=True, slots=True)
class GateState:
    """The gate as it runs (``settings``, ``code``), and as it will be after a restart (``stored``, ``startup_code``).

    Codes are SHA-256 of the resident script. ``foreign``: a filter with the gate's name that is not ours. ``hold``: the factors that the
    gate asks for, whatever the plugin's settings say, now and after a restart (``stored_hold``); None = it follows the plugin.
    Counted since Jenkins started: ``put_back``, how often the gate put itself back into the chain; ``wrong_answers``;
    ``limited_answers``, not checked because there were too many; ``without_group``, users for whom the realm reported no group.
    ``locked_out``: users whom the plugin itself does not let answer now, after wrong answers."""

    installed: int = 0
    position: int | None = None
    plugin_filters: int = 0
    before_plugin: bool | None = None
    foreign: bool = False
    code: str | None = None
    settings: GateSettings | None = None
    startup_code: str | None = None
    stored: GateSettings | None = None
    errors: int = 0
    last_error: str | None = None
    put_back: int = 0
    hold: frozenset[str] | None = None
    stored_hold: frozenset[str] | None = None
    wrong_answers: int = 0
    limited_answers: int = 0
    without_group: int = 0
    locked_out: int = 0


@dataclass(frozen=True, slots=True)
class TrialState:
    """``pending`` is the id of an open trial; ``last_outcome`` is confirmed, expired, cancelled, failed or restarted."""

    pending: str | None = None
    until: datetime | None = None
    stale: bool = False
    last: str | None = None
    last_outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner record in Jenkins: who manages it (UIDs of cluster, instance and policy, generation of the policy).

    ``desired``: the digest of the state that was last confirmed (:func:`jenkins2fa.core.plan.desired_digest`). It tells drift from a
    change of the policy. ``approvals``: the operator runs with ``--require-approval``."""

    cluster: str
    instance: str
    policy: str = ""
    generation: int = 0
    desired: str = ""
    approvals: bool = False

    @property
    def name(self) -> str:
        return f"{self.cluster}/{self.instance}"

    def same_manager(self, other: Owner) -> bool:
        return self.name == other.name


COMMAND_LINE = "command-line"  # the cluster in owner records of ``jenkins2fa apply``; an operator may replace them


@dataclass(frozen=True, slots=True)
class MailServer:
    installed: bool = False
    configured: bool = False


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Counts of users who are asked for a second factor, never names. ``by_factor``: those enrolled in each factor of the plugin.

    Not counted: the operator's account, users who are ``exempt`` through their groups, and users whom the security realm does not know
    (``unknown``). Not ``complete``: a slow realm has not been asked about every user yet. The others count as asked, the counts of
    administrators may be too low, and the next observation continues. ``with_api_token`` None = not reported."""

    total: int = 0
    not_enrolled: int = 0
    without_address: int = 0
    administrators: int = 0
    administrators_not_enrolled: int = 0
    complete: bool = True
    exempt: int = 0
    unknown: int = 0
    with_api_token: int | None = None
    by_factor: Mapping[Factor, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Observation:
    """``session`` changes at every restart. ``identity`` tells one Jenkins from another behind the same URL.

    ``capabilities``: what this plugin supports, according to the driver.
    ``enrolled``: the operator's own account has security questions (None = unknown).
    ``live`` None = the flag is not set, or the plugin has none.
    ``deletion``: the deletion policy in the owner record.
    ``managed_by_code``: configuration-as-code sets the plugin's fields (None = unknown).
    ``anonymous_administers``: users who are not logged in may administer (None = unknown).
    ``break_glass_used``: the reason of the last break-glass, open or over.
    ``break_glass_times``: begin and end (planned, if it is open) of each in the last days.
    ``corrections``: when the drift of each field was corrected within the last hour.
    ``known_groups``: those of the requested groups that have at least one known member.
    ``clock_ahead``: how far the clock of Jenkins is ahead of ours. All times here are ours.
    ``damaged``: parts that could not be read.
    ``by_gate``: the gate made this observation, not a script. Both run the same code."""

    version: str
    session: str
    identity: str
    user: str
    plugin: Plugin = Plugin()
    capabilities: Capabilities = UNKNOWN
    enrolled: bool | None = None
    disk: PluginSettings | None = None
    memory: PluginSettings | None = None
    live: bool | None = None
    gate: GateState = GateState()
    trial: TrialState = TrialState()
    owner: Owner | None = None
    deletion: str | None = None
    mail_server: MailServer = MailServer()
    managed_by_code: bool | None = False
    anonymous_administers: bool | None = False
    break_glass_until: datetime | None = None
    break_glass_used: str | None = None
    break_glass_times: tuple[tuple[datetime, datetime], ...] = ()
    corrections: Mapping[str, tuple[datetime, ...]] = field(default_factory=lambda: _NONE)
    known_groups: frozenset[str] = frozenset()
    enrolment: Enrolment | None = None
    clock_ahead: timedelta = timedelta(0)
    damaged: tuple[str, ...] = field(default=())
    by_gate: bool = field(default=False, compare=False)

    @property
    def is_tested(self) -> bool:
        """Whether the plugin is a version that we may write to."""
        return not self.plugin.missing and self.plugin.version in self.capabilities.tested_versions

    def break_glass_open(self, now: datetime) -> bool:
        return self.break_glass_until is not None and self.break_glass_until > now

    @property
    def filter_on(self) -> bool:
        """Whether the plugin's filter is on: by its live flag or, if the plugin has none, by the settings in memory and no break-glass."""
        if self.capabilities.has_live_flag:
            return bool(self.live)
        return self.memory is not None and self.memory.enabled and self.break_glass_until is None

    @property
    def effective(self) -> bool:
        """Whether the plugin challenges users now: its filter is on, and a factor is enabled in memory."""
        return self.filter_on and self.memory is not None and bool(self.memory.factors)

    @property
    def gated(self) -> bool:
        """Whether our gate runs. The plan compares its place and settings."""
        return self.gate.installed > 0 and not self.gate.foreign and self.gate.settings is not None

    @property
    def switched_on(self) -> bool:
        """Whether 2FA is on in any layer of the plugin's settings."""
        return self.filter_on or any(layer is not None and layer.enabled for layer in (self.memory, self.disk))

    @property
    def protected(self) -> bool:
        """Whether 2FA is on in any layer, the gate holds it, or another plugin challenges users."""
        return self.switched_on or self.gate.hold is not None or self.another_asks

    @property
    def another_asks(self) -> bool:
        """Whether another 2FA plugin challenges users."""
        return any(other.asks for other in self.plugin.others)


def measure_clock_ahead(theirs: datetime, ours: datetime, previous: timedelta = NO_TIME) -> timedelta:
    """How far the clock of Jenkins is ahead of ours, in whole minutes. A ``previous`` value that is nearly right stays, so that the times
    in a status do not change all the time."""
    measured = theirs - ours
    return previous if abs(measured - previous) < TOLERANCE else timedelta(minutes=round(measured / timedelta(minutes=1)))


def in_operator_time(observation: Observation, ahead: timedelta) -> Observation:
    """The observation with its times converted from the clock of Jenkins to ours."""
    if not ahead:
        return observation
    until, trial = observation.break_glass_until, observation.trial
    return replace(
        observation,
        clock_ahead=ahead,
        break_glass_until=until and until - ahead,
        break_glass_times=tuple((begun - ahead, ended - ahead) for begun, ended in observation.break_glass_times),
        trial=replace(trial, until=trial.until and trial.until - ahead),
        corrections={path: tuple(time - ahead for time in times) for path, times in observation.corrections.items()},
    )
