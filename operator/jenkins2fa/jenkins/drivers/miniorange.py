"""The driver for the miniOrange plugin, and for our gate beside it; the premium edition is written to by what was found in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.core.clocks import ahead_of, in_our_time
from jenkins2fa.core.conditions import Proof
from jenkins2fa.core.desired import Desired
from jenkins2fa.core.factors.premium import may_pass_by_itself
from jenkins2fa.core.observation import (
    Edition,
    Enrolment,
    GateState,
    MailServer,
    Observation,
    Owner,
    Plugin,
    Property,
    PropertyKind,
    TrialState,
)
from jenkins2fa.core.settings import (
    GateSettings,
    PluginSettings,
    gate_configuration,
    plugin_document,
    read_gate_configuration,
    read_plugin_document,
)
from jenkins2fa.core.shape import misfit
from jenkins2fa.jenkins import scripts
from jenkins2fa.jenkins.console import Console
from jenkins2fa.jenkins.errors import ProtocolError
from jenkins2fa.jenkins.http import Connection
from jenkins2fa.jenkins.probe import Note, probe_self

TRIAL_SECONDS = 60
ANOTHER_VERSION = "is another version of the operator at work?"


class MiniOrange:
    """One Jenkins with the plugin, over one session. Not for use by two threads at once. Every method raises JenkinsError."""

    def __init__(self, connection: Connection, note: Note | None = None, *, trial_seconds: int = TRIAL_SECONDS) -> None:
        """``note`` hears of the evidence of each probe."""
        self.connection, self._note = connection, note
        self._trial_seconds = trial_seconds
        self._console = Console(connection)
        self._may_pass, self._ahead = False, timedelta(0)

    @property
    def requests(self) -> int:
        """How many requests to the script console this driver has made."""
        return self._console.requests

    @property
    def second_factor_login(self) -> bool:
        """Whether this account can answer security questions by itself; a key for one-time codes alone does not count: it is no way
        in there."""
        return self._console.login.answers_questions

    @property
    def logins(self) -> int:
        """How often this driver's session has passed the second factor."""
        return self._console.login.logins

    def verify_early(self) -> None:
        """Makes sure that the account is enrolled and that its answers are right, while nobody asks for them yet."""
        if not self.second_factor_login or self.logins:
            return
        seen = self.observe()
        if seen.enrolled is not None and seen.user:
            self._console.login.verify_early(seen.user, enrolled=seen.enrolled)

    def observe(
        self, *, groups: Iterable[str] = (), users: bool = False, exempt: Iterable[str] = (), by_gate: bool = False
    ) -> Observation:
        """Everything that there is to know, in one request. ``groups``, the enforced ones: is anybody known to be in them; ``users``:
        count enrolments too, apart from them those in ``exempt`` groups.

        ``by_gate``: our gate may answer by itself, which costs Jenkins a tenth; the observation says whether it did."""
        if by_gate and not users:
            answer, answered = self._console.look(groups)
        else:
            answer, answered = self._console.run(scripts.OBSERVE, groups=sorted(groups), users=users, exempt=sorted(exempt)), False
        seen = replace(read_observation(answer), by_gate=answered)
        self._may_pass = seen.plugin.edition is Edition.PREMIUM and may_pass_by_itself(seen.memory.premium if seen.memory else {})
        try:
            self._ahead = ahead_of(_time(answer["jenkins"].get("now")) or datetime.now(UTC), datetime.now(UTC), self._ahead)
            return in_our_time(seen, self._ahead)
        except (TypeError, ValueError, OverflowError, OSError):
            raise ProtocolError("Jenkins tells a time that cannot be: is its clock right?", transient=False) from None

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
        self._console.run(
            scripts.BEGIN,
            resident=True,
            id=trial,
            seconds=self._trial_seconds,
            settings=plugin_changes(desired.plugin),
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
        outcome = self._console.run(scripts.CONFIRM, resident=True, id=trial, keep=keep).get("outcome")
        if not isinstance(outcome, str):
            raise ProtocolError(f"Jenkins did not tell how the trial ended: {ANOTHER_VERSION}", transient=False)
        return outcome

    def release(self, deletion: DeletionPolicy) -> None:
        """Takes everything of ours out of Jenkins; the plugin's settings stay, go back to what they were before us, or are switched off."""
        self._console.run(scripts.RELEASE, resident=True, settings=deletion.value)

    def open_break_glass(self, until: datetime, reason: str, longest: timedelta, *, keep: bool) -> datetime | None:
        """2FA off until the earlier of ``until`` and the reason's first use + ``longest``; Jenkins ends it by itself. Returns the time,
        or None: spent.

        ``keep``: our start-up file may be written, so that it also goes on, and ends, after a restart of Jenkins."""
        milliseconds, most = int((until + self._ahead).timestamp() * 1000), int(longest.total_seconds() * 1000)
        answer = self._console.run(scripts.BREAK_GLASS, resident=True, until=milliseconds, reason=reason, longest=most, keep=keep)
        try:
            ends = _time(answer["until"])
            return ends and ends - self._ahead
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            raise ProtocolError(f"Jenkins did not tell how long the break-glass lasts: {ANOTHER_VERSION}", transient=False) from None

    def close_break_glass(self) -> None:
        """2FA on again now."""
        self._console.run(scripts.BREAK_GLASS, resident=True, until=None)

    def probe(self) -> Proof:
        """Whether a request that must be challenged is, on a session of its own.

        NONE where the premium edition may let our account or token pass by a rule of its own: then that it passed shows nothing."""
        probed = probe_self(self.connection)
        if self._note is not None:
            self._note(probed.evidence)
        proof = probed.settle()
        return Proof.NONE if proof is Proof.BYPASSED and self._may_pass else proof

    def close(self) -> None:
        self._console.close()


def plugin_changes(wanted: PluginSettings) -> dict[str, Any]:
    """What to write: texts that the policy does not name stay as they are."""
    document = plugin_document(wanted)
    if document["mail"] is None:
        del document["mail"]
    if document["emailOTP"] is None:
        document["emailOTP"] = {"enabled": False, "sender": ""}
    return document


def read_observation(answer: Mapping[str, Any]) -> Observation:
    """The answer of ``observe.groovy`` as data. Raises ProtocolError when the parts that everything hangs on are damaged."""
    damaged = tuple(sorted(name for name, part in answer.items() if isinstance(part, Mapping) and "error" in part))
    sound = {name: part for name, part in answer.items() if name not in damaged}
    try:
        jenkins = sound["jenkins"]
        layers, state = sound.get("layers") or {}, sound.get("state") or {}
        seen = Observation(
            version=jenkins["version"],
            session=jenkins["session"],
            identity=jenkins["identity"],
            user=sound["self"]["id"] or "",
            enrolled=(sound.get("enrolment") or {}).get("securityQuestions"),
            root_url=jenkins["rootUrl"],
            quieting_down=jenkins["quietingDown"],
            plugin=_plugin(sound.get("plugin") or {}),
            disk=_layer(layers.get("disk")),
            memory=_layer(layers.get("memory")),
            live=layers.get("live"),
            gate=_gate(sound.get("gate") or {}, state.get("hold")),
            trial=_trial(sound.get("trial") or {}),
            owner=_owner(state.get("owner")),
            deletion=state.get("deletionPolicy"),
            mail_server=_mail_server(sound.get("mailer") or {}),
            managed_by_code=None
            if "configurationAsCode" in damaged
            else (sound.get("configurationAsCode") or {"managed": False})["managed"],
            anonymous_administers=(sound.get("access") or {}).get("anonymousAdministers"),
            break_glass_until=_time((sound.get("breakGlass") or {}).get("until")),
            break_glass_used=(state.get("breakGlass") or {}).get("reason"),
            break_glass_times=tuple(_span(*one) for one in (state.get("breakGlass") or {}).get("times") or ()),
            corrections={path: tuple(filter(None, map(_time, times))) for path, times in (state.get("corrections") or {}).items()},
            known_groups=frozenset((sound.get("groups") or {}).get("known") or ()),
            enrolment=_enrolment(sound.get("users")),
            damaged=damaged,
        )
    except KeyError as problem:
        raise ProtocolError(f"the observation lacks {problem}: {ANOTHER_VERSION}", transient=False) from None
    except (TypeError, ValueError, AttributeError, OverflowError, OSError):
        raise ProtocolError(f"the observation is not as expected: {ANOTHER_VERSION}", transient=False) from None
    wrong = misfit(seen, Observation)
    if wrong is not None:
        raise ProtocolError(f"the observation is not as expected: {wrong}: {ANOTHER_VERSION}", transient=False)
    return seen


def _plugin(part: Mapping[str, Any]) -> Plugin:
    edition = part.get("edition")
    return Plugin(
        installed=bool(part.get("installed")),
        active=bool(part.get("active")),
        version=part.get("version"),
        edition=Edition(edition.capitalize()) if edition else None,
        missing=tuple(part.get("missing") or ()),
        properties=tuple(_property(one) for one in part.get("premium") or ()),
    )


def _property(part: Mapping[str, Any]) -> Property:
    return Property(part["role"], part["name"], PropertyKind(part["kind"]), part["writable"], part["stored"], tuple(part["choices"]))


def _layer(part: Mapping[str, Any] | None) -> PluginSettings | None:
    return None if part is None else read_plugin_document(part)


def _gate(part: Mapping[str, Any], stored_hold: Mapping[str, Any] | None) -> GateState:
    startup = part.get("startup") or {}
    return GateState(
        installed=part.get("installed") or 0,
        position=part.get("position"),
        plugin_filters=part.get("pluginFilters") or 0,
        before_plugin=part.get("beforePlugin"),
        foreign=bool(part.get("foreign")),
        code=part.get("code"),
        settings=_rules(part.get("config")),
        startup_code=startup.get("code"),
        stored=_rules(startup.get("config")),
        errors=part.get("errors") or 0,
        last_error=part.get("lastError"),
        put_back=part.get("putBack") or 0,
        hold=_hold(part.get("hold")),
        stored_hold=_hold(stored_hold),
        wrong_answers=part.get("wrongAnswers") or 0,
        limited_answers=part.get("limitedAnswers") or 0,
        unplaced=part.get("unplaced") or 0,
    )


def _hold(part: Mapping[str, Any] | None) -> frozenset[str] | None:
    return None if part is None else frozenset(part.get("factors") or ())


def _rules(configuration: Mapping[str, Any] | None) -> GateSettings | None:
    return None if configuration is None else read_gate_configuration(configuration)


def _trial(part: Mapping[str, Any]) -> TrialState:
    pending, last = part.get("pending") or {}, part.get("last") or {}
    return TrialState(pending.get("id"), _time(pending.get("until")), bool(pending.get("stale")), last.get("id"), last.get("outcome"))


def _owner(part: Mapping[str, Any] | None) -> Owner | None:
    if part is None:
        return None
    return Owner(part["cluster"], part["instance"], part.get("policy", ""), part.get("generation", 0), part.get("desired", ""))


def _mail_server(part: Mapping[str, Any]) -> MailServer:
    return MailServer(bool(part.get("installed")), bool(part.get("smtpHost")))


def _enrolment(part: Mapping[str, Any] | None) -> Enrolment | None:
    if part is None:
        return None
    return Enrolment(
        part["total"],
        part["securityQuestions"],
        part["emailOTP"],
        part["notEnrolled"],
        part["withoutAddress"],
        part["administrators"],
        part["administratorsNotEnrolled"],
        part.get("complete", True),
        part.get("exempt", 0),
        part.get("unknown", 0),
        part.get("withApiToken"),
    )


def _span(begun: int, ended: int) -> tuple[datetime, datetime]:
    return datetime.fromtimestamp(begun / 1000, UTC), datetime.fromtimestamp(ended / 1000, UTC)


def _time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
