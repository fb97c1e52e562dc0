"""What one reconcile of an instance knows: the object with its policy, and what earlier reconciles remembered.

Nothing in the memory must outlive the process: a restart only costs a probe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from jenkins2fa.api.instance import JenkinsInstance
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
DOUBT_SECONDS = 20.0  # how long an odd answer of a Jenkins that worked before is taken for a restart
ODD = (Unauthorized, Redirected, ChallengedBySecondFactor, ProtocolError)
CALM_LOOKS = 5
WAIT = ": wait, it is looked at every second (after two minutes less often)"


@dataclass(frozen=True, slots=True)
class RememberedProof:
    """``at``: seconds of the clock; ``session`` and ``digest``: the run of Jenkins and the desired state that it holds for;
    ``notes``: of the canaries."""

    proof: Proof
    session: str
    digest: str
    at: float
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Counted:
    """What one run of Jenkins counts: whether there is more of it since the observation before. Of what was there at the first
    observation nothing is said."""

    last: int | None = None
    anew: bool = False

    def note(self, count: int, known_run: bool) -> None:
        before = count if self.last is None else self.last if known_run else 0
        self.anew, self.last = count > before, count

    def take(self) -> bool:
        """True once."""
        anew, self.anew = self.anew, False
        return anew


@dataclass(slots=True)
class GateNews:
    """How often the gate has put itself back into the chain, and has made somebody wait after wrong answers."""

    put_back: Counted = field(default_factory=Counted)
    limited: Counted = field(default_factory=Counted)


@dataclass(slots=True)
class Memory:
    """For one instance, by one reconcile at a time. Times are seconds of the clock."""

    uid: str
    url: str = ""
    driver: Driver | None = None
    last_good: float | None = None
    last_script: float | None = None  # when a script, and not the gate, gave the observation
    odd_since: float | None = None
    starting: bool = False
    protected: bool | None = None  # whether 2FA was on at the last observation; None = not observed yet
    starting_since: float | None = None  # the first of the answers in a row that said so
    runs: Runs = field(default_factory=Runs)
    in_turns: int = 0  # looks to go until several processes that answered in turn count as one again
    gate_news: GateNews = field(default_factory=GateNews)
    proof: RememberedProof | None = None
    unmarked: tuple[str, float] | None = None  # what for, and when the owner record could not be written
    taken_over: str | None = None  # the owner that a person let us take over from; that word is good for once
    gone_policy: tuple[str, float] | None = None  # UID of a policy that is gone, and since when we know

    def connect(self, connection: Connection, note: Note | None = None) -> Driver:
        """The kept driver, or a new one when URL, account or authority changed. Behind another URL nothing counts that was seen before."""
        if self.url != connection.url:
            self.url, self.last_good, self.odd_since, self.starting, self.runs, self.in_turns = connection.url, None, None, False, Runs(), 0
            self.starting_since, self.gate_news, self.protected = None, GateNews(), None
        if self.driver is None or self.driver.connection != connection:
            self.close()
            self.driver, self.last_script = driver_for(connection, note), None
        return self.driver

    def close(self) -> None:
        if self.driver is not None:
            self.driver.close()
        self.driver = None

    def note_answer(self, seen: Observation, now: float) -> None:
        """Take note of a good answer. Raises MultipleReplicas when a run of Jenkins comes back that another had replaced."""
        self.last_good, self.odd_since, self.starting, self.starting_since = now, None, False, None
        self.protected = seen.protected
        known = seen.session in self.runs
        self.gate_news.put_back.note(seen.gate.put_back, known)
        self.gate_news.limited.note(seen.gate.limited_answers, known)
        if not seen.by_gate:
            self.last_script = now
        elif not known:
            self.last_script = None  # another run of Jenkins: it has compiled nothing of ours yet
        if self.runs.note(seen.session):
            self.in_turns = CALM_LOOKS
        elif known:
            self.in_turns = max(0, self.in_turns - 1)
        if self.in_turns:
            raise MultipleReplicas

    def note_several(self) -> None:
        """Take note that a change has met another process than the one that it began in: so do the next observations, wherever they
        lead."""
        self.in_turns = CALM_LOOKS

    def is_script_due(self, now: float) -> bool:
        """Whether the next observation is to be a script's: on first contact, after a restart, and once in ten minutes."""
        return self.last_script is None or now - self.last_script >= PROBE_SECONDS

    def interpret(self, problem: JenkinsError, now: float) -> JenkinsError:
        """What an error means in the light of what was before: around a restart 401, 500 and 302 prove nothing (jenkins-contract)."""
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
                return Starting(f"an odd answer of a Jenkins that worked before, as around a restart; looking again: {problem}")
        return problem

    def proof_for(self, session: str, digest: str, now: float) -> RememberedProof | None:
        """The remembered proof while it holds; None = it is time for a probe (after a bypass in every reconcile: somebody may be
        mending it)."""
        held = self.proof
        if held is None or held.proof is Proof.BYPASSED or (held.session, held.digest) != (session, digest):
            return None
        return held if now - held.at < PROBE_SECONDS else None


class Memories:
    """One :class:`Memory` an instance; thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._by_key: dict[Key, Memory] = {}

    def of(self, key: Key, uid: str) -> Memory:
        """The memory of an instance; a re-created one starts without."""
        with self._lock:
            held = self._by_key.get(key)
            if held is None or held.uid != uid:
                held = self._by_key[key] = Memory(uid)
            return held

    def forget(self, key: Key) -> None:
        with self._lock:
            held = self._by_key.pop(key, None)
        if held is not None:
            held.close()


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
