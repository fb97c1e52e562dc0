"""One read of an instance: settings per layer, plugin, gate, mail server, owner, session hash."""

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
    """A 2FA plugin beside the one that is managed. ``asks``: its own settings make it challenge users now."""

    name: str
    asks: bool = False


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
    """The gate as it runs (``settings``, ``code``) and as the next start would find it (``stored``, ``startup_code``).

    Codes are SHA-256 of the resident script. ``foreign``: a filter that calls itself our gate, but is not the one we put there.
    ``hold``: the factors by which it asks people whatever the plugin's settings say, now and after the next start (``stored_hold``);
    None = it follows the plugin. In this run of Jenkins: ``put_back``, how often it has put itself back into the chain; ``wrong_answers``
    and ``limited_answers`` (not observed, since there were too many); ``without_group``, how many people the realm has told no group of."""

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
    """The owner record: who manages a Jenkins (UIDs of cluster, instance and policy, generation of the policy), and the digest of
    what was last confirmed there (:func:`jenkins2fa.core.plan.desired_digest`): it tells drift from a change of the policy."""

    cluster: str
    instance: str
    policy: str = ""
    generation: int = 0
    desired: str = ""

    @property
    def name(self) -> str:
        return f"{self.cluster}/{self.instance}"

    def same_manager(self, other: Owner) -> bool:
        return self.name == other.name


COMMAND_LINE = "command-line"  # the cluster name of an owner record that ``jenkins2fa apply`` leaves; an operator may take over from it


@dataclass(frozen=True, slots=True)
class MailServer:
    installed: bool = False
    configured: bool = False


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Counts of users who are asked for a second factor; never names. ``by_factor``: those enrolled in each factor that the plugin has.

    Apart from them: the account that asks, those who are ``exempt`` by their groups, and records of users whom the security realm does not
    know (``unknown``). While it is not ``complete``, not everybody was looked up in a slow realm yet: those count as asked, and the counts
    of administrators may be too low; the next observation goes on. ``with_api_token``: None = Jenkins did not tell."""

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
    """``session`` changes at every restart; ``identity`` tells one Jenkins from another behind the same URL.

    ``capabilities``: what the driver says that this plugin can do.
    ``enrolled``: whether the operator's own account has security questions (None = cannot tell). ``live`` None = the flag is not set, or
    the plugin has none.
    ``managed_by_code``: configuration-as-code sets the plugin's fields (None = cannot tell).
    ``anonymous_administers``: anybody may administer without a log-in (None = cannot tell).
    ``deletion``: the deletion policy that the owner record was left with.
    ``known_groups``: those of the groups asked for that somebody is known to be in. ``damaged``: parts that could not be read.
    ``clock_ahead``: how far Jenkins' clock is ahead of ours; all times in here are ours.
    ``break_glass_used`` is the reason of the last break-glass, open or over; ``break_glass_times`` are beginning and end of those of the
    last days, as planned for one that is open. ``corrections``: when drift of a field was corrected in the
    last hour. ``by_gate``: the gate gave the answer, not a script; both are the same code."""

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

    @property
    def filter_on(self) -> bool:
        """Whether the plugin's filter is told to challenge: by its live flag or, where the plugin has none, by the settings in memory."""
        return bool(self.live) if self.capabilities.has_live_flag else self.memory is not None and self.memory.enabled

    @property
    def effective(self) -> bool:
        """Whether the plugin challenges users now: its filter is told to, and a factor is enabled in memory."""
        return self.filter_on and self.memory is not None and bool(self.memory.factors)

    @property
    def gated(self) -> bool:
        """Whether our gate runs. Whether it is in its place, and as it should be, is for the plan to say."""
        return self.gate.installed > 0 and not self.gate.foreign and self.gate.settings is not None

    @property
    def switched_on(self) -> bool:
        """Whether any layer of the plugin's settings says that 2FA is on."""
        return self.filter_on or any(layer is not None and layer.enabled for layer in (self.memory, self.disk))

    @property
    def protected(self) -> bool:
        """Whether 2FA is on in any layer, or the gate holds it."""
        return self.switched_on or self.gate.hold is not None


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
