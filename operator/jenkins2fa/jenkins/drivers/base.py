"""The driver: what can be done at a controller, whichever plugin it has; and what each plugin's side must implement.

The scripts are the same for every plugin: inside Jenkins they call the plugin's class in ``groovy/gate``. What differs on this side is the
form of the settings, and what an installed plugin can do. Which plugin it is shows in each observation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from jenkins2fa.api.instance import Provider
from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.core.assess import Proof
from jenkins2fa.core.desired import Desired
from jenkins2fa.core.factors.capabilities import Capabilities
from jenkins2fa.core.observation import Observation, OtherPlugin, Owner, in_operator_time, measure_clock_ahead
from jenkins2fa.core.settings import PluginSettings, gate_configuration, plugin_name
from jenkins2fa.jenkins import scripts
from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.console import Console
from jenkins2fa.jenkins.drivers.observation import ANOTHER_VERSION, read_observation, read_time
from jenkins2fa.jenkins.drivers.user_reset import UserReset, read_user_reset
from jenkins2fa.jenkins.errors import ProtocolError
from jenkins2fa.jenkins.probe import Note, probe_self

TRIAL_SECONDS = 60


class PluginSide(ABC):
    """What differs from plugin to plugin on this side. ``name``: the plugin's short name."""

    name: str

    @abstractmethod
    def settings_to_write(self, desired: PluginSettings) -> dict[str, Any]:
        """Settings as the plugin's class in the gate takes them. A key that is absent stays as it is."""

    @abstractmethod
    def read_settings(self, document: Mapping[str, Any]) -> PluginSettings:
        """The settings of one layer, from the answer of ``observe.groovy``. Raises KeyError or TypeError for another shape."""

    @abstractmethod
    def capabilities(self, observation: Observation) -> Capabilities:
        """What the plugin that was observed can do."""

    @abstractmethod
    def is_tested(self, version: str | None) -> bool:
        """Whether a version is one that may be written to."""

    @abstractmethod
    def asks_at(self, location: str) -> bool:
        """Whether a Location is one of the plugin's challenge pages."""

    @abstractmethod
    def may_pass_by_itself(self, observation: Observation) -> bool:
        """Whether the plugin may let the operator in by a rule of its own: then an unchallenged probe proves nothing."""


class Driver:
    """One Jenkins controller with a 2FA plugin, over one session. Not for use by two threads at once. Every method raises JenkinsError."""

    def __init__(
        self,
        connection: Connection,
        sides: Sequence[PluginSide],
        note: Note | None = None,
        *,
        provider: Provider | None = None,
        trial_seconds: int = TRIAL_SECONDS,
    ) -> None:
        """``sides``: of every plugin; the first counts where no plugin is installed. ``provider``: the plugin that the site names, None =
        the one that is found. ``note`` is called with the evidence of each probe."""
        self.connection, self.provider, self._note = connection, provider, note
        self._sides = {side.name: side for side in sides}
        self._trial_seconds = trial_seconds
        self._console = Console(connection)
        self._observed: PluginSide | None = None
        self._may_pass, self._ahead = False, timedelta(0)

    def _side(self, name: object) -> PluginSide:
        return self._sides[name] if isinstance(name, str) and name in self._sides else next(iter(self._sides.values()))

    def _run(self, script: str, *, resident: bool = False, **values: Any) -> dict[str, Any]:
        return self._console.run(script, resident=resident, plugin=plugin_name(self.provider), **values)

    @property
    def requests(self) -> int:
        """How many requests to the script console this driver has made."""
        return self._console.requests

    @property
    def second_factor_login(self) -> bool:
        """Whether this account can answer security questions by itself; a key for one-time codes alone does not count, since it
        cannot answer those."""
        return self._console.login.answers_questions

    @property
    def logins(self) -> int:
        """How often this driver's session has answered the second factor."""
        return self._console.login.logins

    def verify_early(self) -> None:
        """Makes sure that the account is enrolled and its answers are right, before Jenkins demands them."""
        if not self.second_factor_login or self.logins:
            return
        observation = self.observe()
        if observation.enrolled is not None and observation.user:
            self._console.login.verify_early(observation.user, enrolled=observation.enrolled)

    def observe(self, *, groups: Iterable[str] = (), users: bool = False, exempt: Iterable[str] = (), by_gate: bool = False) -> Observation:
        """A full observation, in one request. ``groups``: the enforced groups, of which the non-empty ones are reported; ``users``: count
        enrolments too, with members of ``exempt`` groups apart.

        ``by_gate``: the gate may answer by itself, at a tenth of the cost for Jenkins; the observation records whether it did."""
        if by_gate and not users:
            answer, answered = self._console.observe_by_gate(groups)
        else:
            answer, answered = self._run(scripts.OBSERVE, groups=sorted(groups), users=users, exempt=sorted(exempt)), False
        if by_gate and self._is_of_another_plugin(answer):
            answer, answered = self._run(scripts.OBSERVE, groups=sorted(groups), users=False, exempt=[]), False
        side = self._side(_name_in(answer))
        observation = replace(read_observation(answer, side.read_settings), by_gate=answered)
        others = tuple(replace(other, writable=other.writable and self._is_tested(other)) for other in observation.plugin.others)
        observation = replace(observation, plugin=replace(observation.plugin, others=others))
        observation = replace(observation, capabilities=side.capabilities(observation))
        self._observed = side
        self._may_pass = side.may_pass_by_itself(observation)
        try:
            ours = self.connection.now()
            self._ahead = measure_clock_ahead(read_time(answer["jenkins"].get("now")) or ours, ours, self._ahead)
            return in_operator_time(observation, self._ahead)
        except (TypeError, ValueError, OverflowError, OSError):
            raise ProtocolError("Jenkins reports an impossible time: check its clock", transient=False) from None

    def _is_tested(self, other: OtherPlugin) -> bool:
        return other.name in self._sides and self._sides[other.name].is_tested(other.version)

    def _is_of_another_plugin(self, answer: Mapping[str, Any]) -> bool:
        """Whether it is of the plugin that the gate protects, which is not the one that the site names: a change has to move it."""
        return self.provider is not None and _name_in(answer) != plugin_name(self.provider)

    def begin(
        self,
        trial: str,
        desired: Desired,
        owner: Owner | None,
        deletion: DeletionPolicy,
        *,
        with_gate: bool,
        take_over: str | None,
        corrects: Iterable[str] = (),
    ) -> None:
        """Begins a trial: gate, memory and live flag change, disk does not. Jenkins undoes it after a minute unless it is confirmed.

        ``corrects``: the fields whose drift it corrects; Jenkins keeps count of them once it is confirmed."""
        self._run(
            scripts.BEGIN,
            resident=True,
            id=trial,
            seconds=self._trial_seconds,
            settings=self._side(desired.plugin_name).settings_to_write(desired.plugin),
            alone=desired.alone or None,
            gate=gate_configuration(desired.gate) if with_gate and desired.gate else None,
            hold=False if desired.hold is None else {"factors": sorted(desired.hold)},
            owner=asdict(owner) if owner else None,
            deletionPolicy=deletion.value,
            takeOver=take_over,
            corrects=sorted(corrects),
        )

    def confirm(self, trial: str) -> str:
        """Makes a trial last: memory and gate go to disk. Returns Confirmed, Expired or Unknown."""
        return self._end(trial, keep=True)

    def cancel(self, trial: str) -> str:
        """Undoes a trial now. Returns Undone, or Unknown when it was over."""
        return self._end(trial, keep=False)

    def _end(self, trial: str, *, keep: bool) -> str:
        outcome = self._run(scripts.CONFIRM, resident=True, id=trial, keep=keep).get("outcome")
        if not isinstance(outcome, str):
            raise ProtocolError(f"Jenkins did not report how the trial ended: {ANOTHER_VERSION}", transient=False)
        return outcome

    def release(self, deletion: DeletionPolicy) -> None:
        """Removes everything of ours from Jenkins; the plugin's settings stay, return to their former values, or are switched off."""
        self._run(scripts.RELEASE, resident=True, settings=deletion.value)

    def open_break_glass(self, until: datetime, reason: str, longest: timedelta, *, keep: bool) -> datetime | None:
        """2FA off until the earlier of ``until`` and the reason's first use + ``longest``; Jenkins ends it by itself. Returns the time,
        or None: spent.

        ``keep``: our start-up file may be written, so that it also goes on, and ends, after a restart of Jenkins."""
        milliseconds, most = int((until + self._ahead).timestamp() * 1000), int(longest.total_seconds() * 1000)
        answer = self._run(scripts.BREAK_GLASS, resident=True, until=milliseconds, reason=reason, longest=most, keep=keep)
        try:
            ends = read_time(answer["until"])
            return ends and ends - self._ahead
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            raise ProtocolError(f"Jenkins did not report how long the break-glass lasts: {ANOTHER_VERSION}", transient=False) from None

    def close_break_glass(self) -> None:
        """2FA on again now."""
        self._run(scripts.BREAK_GLASS, resident=True, until=None)

    def reset_user(self, user: str, *, perform: bool) -> UserReset:
        """What removing the second factor of the user with this id needs or, with ``perform``, how it ended.

        Where the owner record requires approvals, the first call by one account leaves a request, and a call by another one carries it
        out. Jenkins decides who asks, by its own authentication."""
        return read_user_reset(self._run(scripts.RESET_USER, resident=True, user=user, perform=perform))

    def probe(self) -> Proof:
        """Whether a request that must be challenged is, on a session of its own.

        NONE where the plugin may let our account or token in by a rule of its own: then an unchallenged request proves nothing. Raises
        ProtocolError if another plugin's page answers than that of the one observed last."""
        probed = probe_self(self.connection)
        if self._note is not None:
            self._note(probed.evidence)
        proof, reply = probed.settle(), probed.evidence.reply
        if proof is Proof.CHALLENGED and reply is not None and self._observed is not None and not self._observed.asks_at(reply.location):
            raise ProtocolError(f"another plugin than {self._observed.name} answered the probe: is that one on too?", transient=False)
        return Proof.NONE if proof is Proof.BYPASSED and self._may_pass else proof

    def close(self) -> None:
        self._console.close()


def _name_in(answer: Mapping[str, Any]) -> object:
    plugin = answer.get("plugin")
    return plugin.get("name") if isinstance(plugin, Mapping) else None
