"""What one reconcile of an instance knows: the object with its policy, and what earlier reconciles remembered.

Nothing in the memory must outlive the process: a restart only costs a probe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from jenkins2fa.api.instance import JenkinsInstance, Provider
from jenkins2fa.api.meta import TAKE_OVER, Key
from jenkins2fa.api.policy import TwoFactorPolicy
from jenkins2fa.controller.cache import Body
from jenkins2fa.core.assess import Failure, Proof
from jenkins2fa.core.observation import Observation, Owner
from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.console import Runs
from jenkins2fa.jenkins.drivers.base import Driver
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.errors import (
    ChallengedBySecondFactor,
    JenkinsError,
    MultipleReplicas,
    ProtocolError,
    Redirected,
    Starting,
    Unauthorized,
    Unreachable,
)
from jenkins2fa.jenkins.probe import Note

PROBE_SECONDS = 600.0
DOUBT_SECONDS = 20.0  # how long an unexpected answer of a controller that worked before counts as a restart
ODD = (Unauthorized, Redirected, ChallengedBySecondFactor, ProtocolError)
SETTLED_OBSERVATIONS = 5  # of one process in a row, until a controller whose processes answered in turn counts as one again
WAIT = ": no action required, it is observed every second (after two minutes less often)"


@dataclass(frozen=True, slots=True)
class RememberedProof:
    """A proof that is still valid. ``session`` and ``digest``: the run of Jenkins and the desired state that it holds for; ``at``: when, in
    monotonic seconds; ``notes``: of the canaries."""

    proof: Proof
    session: str
    digest: str
    at: float
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class EventCount:
    """A count that Jenkins keeps from one start to the next: whether it has grown since the observation before.

    What the first observation finds is not new."""

    last: int | None = None
    grown: bool = False

    def note(self, count: int, known_run: bool) -> None:
        before = count if self.last is None else self.last if known_run else 0
        self.grown, self.last = count > before, count

    def take(self) -> bool:
        """Whether it has grown; each growth is returned once."""
        grown, self.grown = self.grown, False
        return grown


@dataclass(slots=True)
class GateEvents:
    """How often the gate has put itself back into the filter chain, and how often it has made someone wait after wrong answers."""

    put_back: EventCount = field(default_factory=EventCount)
    limited: EventCount = field(default_factory=EventCount)


@dataclass(slots=True)
class Memory:
    """What reconciles remember of one instance. Used by one reconcile at a time; times are monotonic seconds."""

    uid: str
    url: str = ""
    driver: Driver | None = None
    last_good: float | None = None  # when the controller was last observed
    last_script: float | None = None  # when the last observation by a script, and not by the gate, was
    odd_since: float | None = None  # the first of the consecutive answers that may come from a restart
    starting: bool = False
    protected: bool | None = None  # whether 2FA was on at the last observation; None = not observed yet
    starting_since: float | None = None  # the first of the consecutive answers that it is starting
    runs: Runs = field(default_factory=Runs)
    unsettled: int = 0  # observations to go until several processes that answered in turn count as one again
    gate_events: GateEvents = field(default_factory=GateEvents)
    proof: RememberedProof | None = None
    unwritable: tuple[str, float] | None = None  # digest and time of an owner record that could not be written
    taken_over: str | None = None  # the owner named in an annotation take-over that was processed; each is valid once
    gone_policy: tuple[str, float] | None = None  # UID of a policy that is gone, and since when we have known it

    def connect(self, connection: Connection, note: Note | None = None, provider: Provider | None = None) -> Driver:
        """The present driver, or a new one when URL, account, authority or provider changed. For another URL, nothing remembered holds."""
        if self.url != connection.url:
            self.url, self.last_good, self.odd_since = connection.url, None, None
            self.starting, self.starting_since, self.protected = False, None, None
            self.runs, self.unsettled, self.gate_events = Runs(), 0, GateEvents()
        if self.driver is None or self.driver.connection != connection or self.driver.provider is not provider:
            self.close()
            self.driver, self.last_script = driver_for(connection, note, provider=provider), None
        return self.driver

    def close(self) -> None:
        if self.driver is not None:
            self.driver.close()
        self.driver = None

    def note_observation(self, observation: Observation, now: float) -> None:
        """Record an observation. Raises MultipleReplicas when a run of Jenkins answers again that another one had replaced."""
        self.last_good, self.odd_since, self.starting, self.starting_since = now, None, False, None
        self.protected = observation.protected
        known = observation.session in self.runs
        self.gate_events.put_back.note(observation.gate.put_back, known)
        self.gate_events.limited.note(observation.gate.limited_answers, known)
        if not observation.by_gate:
            self.last_script = now
        elif not known:
            self.last_script = None  # another run of Jenkins: it has compiled nothing of ours yet
        if self.runs.note(observation.session):
            self.unsettled = SETTLED_OBSERVATIONS
        elif known:
            self.unsettled = max(0, self.unsettled - 1)
        if self.unsettled:
            raise MultipleReplicas

    def note_several_processes(self) -> None:
        """Record that a change was answered by another process than the one in which it began."""
        self.unsettled = SETTLED_OBSERVATIONS

    def is_script_due(self, now: float) -> bool:
        """Whether a script must give the next observation: on first contact, after a restart, and every ten minutes."""
        return self.last_script is None or now - self.last_script >= PROBE_SECONDS

    def interpret(self, problem: JenkinsError, now: float) -> JenkinsError:
        """What an error means after what came before: around a restart, 401, 500 and 302 prove nothing."""
        if isinstance(problem, Starting):
            self.starting, self.odd_since = True, now
            self.starting_since = now if self.starting_since is None else self.starting_since
            return problem
        if isinstance(problem, Unreachable):
            self.odd_since = now if self.last_good is not None else None
            return problem
        if isinstance(problem, ODD) and self.last_good is not None:
            self.odd_since = now if self.odd_since is None else self.odd_since
            if now - self.odd_since < DOUBT_SECONDS:
                return Starting(f"an unexpected answer of a controller that worked before, as around a restart; retrying: {problem}")
        return problem

    def proof_for(self, session: str, digest: str, now: float) -> RememberedProof | None:
        """The remembered proof while it is valid; None = a probe is due. A bypass is never remembered: someone may be repairing it."""
        proof = self.proof
        if proof is None or proof.proof is Proof.BYPASSED or (proof.session, proof.digest) != (session, digest):
            return None
        return proof if now - proof.at < PROBE_SECONDS else None


class Memories:
    """One :class:`Memory` for each instance; thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._by_key: dict[Key, Memory] = {}

    def of(self, key: Key, uid: str) -> Memory:
        """The memory of an instance; a new one when the instance was deleted and created again."""
        with self._lock:
            memory = self._by_key.get(key)
            if memory is None or memory.uid != uid:
                memory = self._by_key[key] = Memory(uid)
            return memory

    def forget(self, key: Key) -> None:
        with self._lock:
            memory = self._by_key.pop(key, None)
        if memory is not None:
            memory.close()


class Outdated(Exception):
    """The objects have changed during the reconcile, so it starts again."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a reconcile of an instance works from.

    ``body``: the object, read for this reconcile or, if not ``live``, from the watch cache; ``requested``: someone requested a full
    observation with probes."""

    body: Body
    instance: JenkinsInstance
    policy: TwoFactorPolicy | None
    memory: Memory
    requested: bool = False
    live: bool = True

    def without_processed_take_over(self) -> Subject:
        """The same, without an annotation take-over that was processed before.

        Otherwise two owners that were each allowed to take over would take the controller from each other for ever."""
        annotations = self.instance.meta.annotations
        if self.memory.taken_over is None or annotations.get(TAKE_OVER) != self.memory.taken_over:
            self.memory.taken_over = None
            return self
        meta = replace(self.instance.meta, annotations={name: value for name, value in annotations.items() if name != TAKE_OVER})
        return replace(self, instance=replace(self.instance, meta=meta))

    def took_over_from(self, owner: Owner | None) -> None:
        """Record that a change is confirmed in a controller that had the owner record of ``owner`` before."""
        if owner is not None and owner.name == self.instance.meta.annotations.get(TAKE_OVER):
            self.memory.taken_over = owner.name

    @property
    def key(self) -> Key:
        return self.instance.meta.key

    def failure(self, error: JenkinsError, now: float) -> Failure:
        """An error at the controller as a failure, interpreted by what came before. The next reconcile opens a new connection."""
        problem = self.memory.interpret(error, now)
        self.memory.close()
        wait = WAIT if isinstance(problem, Starting) and self.memory.starting else ""
        return Failure(problem.reason, f"{problem}{wait}", problem.transient)
