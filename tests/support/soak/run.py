"""Carries out rounds of faults on a world, waits until all is well again, and counts."""

from __future__ import annotations

import heapq
import itertools
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.support.soak import faults_cluster, faults_jenkins  # noqa: F401 - they register their faults
from tests.support.soak.faults import FAULTS, Area, Heal
from tests.support.soak.invariants import Moment, found_secrets, read_everything
from tests.support.soak.plan import Blow, Round, write_round
from tests.support.soak.settled import missing, needs_a_person
from tests.support.soak.watch import Broken, Watch
from tests.support.soak.world import World

HEALED_WITHIN = 150.0  # seconds: a pause after an outage has at most 72, a lost trial 60
PATIENCE = 4.0  # seconds before a person helps the operator
POSTPONED = 0.5
DISTURBING = frozenset({Area.OPERATOR, Area.API, Area.LEASE, Area.REPLICA})
LET_IN = """io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION'] = false"""


@dataclass(slots=True)
class Tally:
    """The counts of one fault. Seconds: from the heal of a round's last fault until all was well again."""

    count: int = 0
    longest_alone: float = 0.0
    longest: float = 0.0


@dataclass(slots=True)
class Soak:
    """``folder``: for the plan, broken promises, and the times of each round."""

    world: World
    folder: Path
    tallies: dict[str, Tally] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    persons: dict[str, int] = field(default_factory=dict)
    number: int = 0  # of the round that is on
    rounds: int = 0  # that are over
    active: dict[str, Blow] = field(default_factory=dict)
    of_round: set[str] = field(default_factory=set)
    disturbed: float = 0.0

    def watch(self) -> Watch:
        """The watch on this world."""
        return Watch(self.world, self.moment, self.tell)

    def moment(self) -> Moment:
        kinds = [FAULTS[name] for name in self.of_round]
        disturbing = any(FAULTS[name].area in DISTURBING for name in self.active)
        return Moment(
            quiet=0.0 if disturbing else time.monotonic() - self.disturbed,
            wire=any(kind.area in (Area.WIRE, Area.JENKINS, Area.SECRET) for kind in kinds),
            gate_opened=any(kind.opens_gate for kind in kinds),
            disk_edited=any(kind.edits_disk for kind in kinds),
            suspended=any(kind.suspends for kind in kinds),
        )

    def tell(self, broken: Broken) -> None:
        self.broken.append(broken)
        self.note("broken", asdict(broken))

    def note(self, what: str, facts: dict[str, object]) -> None:
        """Write one line to the terminal and to the folder."""
        line = {"time": time.strftime("%H:%M:%S"), "what": what, "round": self.number, **facts}
        with (self.folder / "soak.jsonl").open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        if what != "round" or sys.stdout.isatty():
            print(json.dumps(line), flush=True)

    def carry_out(self, made: Round, watch: Watch) -> None:
        """Run the faults of a round, their heals, and the quiet phase."""
        write_round(self.folder / "plan.jsonl", made)
        self.number = made.number
        self.of_round = {blow.fault for blow in made.blows}
        struck = self._strike(made)
        seconds = self._wait_until_well()
        watch.all_at_once()
        self.look_for_secrets(watch)
        self.of_round = set()
        self.rounds += 1
        for name in struck:
            tally = self.tallies.setdefault(name, Tally())
            tally.count += 1
            tally.longest = max(tally.longest, seconds)
            if len(made.blows) == 1:
                tally.longest_alone = max(tally.longest_alone, seconds)
        self.note("round", {"faults": sorted(struck), "seconds": round(seconds, 1)})
        if watch.trouble is not None:
            raise RuntimeError("the watch has stopped") from watch.trouble

    def _strike(self, made: Round) -> list[str]:
        """Run each fault at its time; one that needs an absent API server or Jenkins waits for it. Returns the faults that struck."""
        begun, order, struck = time.monotonic(), itertools.count(), []
        agenda: list[tuple[float, int, Blow, Heal | None]] = [(blow.at, next(order), blow, None) for blow in made.blows]
        heapq.heapify(agenda)
        while agenda:
            due, _, blow, heal = heapq.heappop(agenda)
            time.sleep(max(0.0, begun + due - time.monotonic()))
            if not self._is_possible(blow):
                heapq.heappush(agenda, (time.monotonic() - begun + POSTPONED, next(order), blow, heal))
            elif heal is None:
                self.active[blow.fault] = blow
                done = self._do(blow)
                if done is not None:
                    struck.append(blow.fault)
                    heapq.heappush(agenda, (time.monotonic() - begun + blow.seconds, next(order), blow, done))
                else:
                    self._over(blow)
            else:
                heal()
                self._over(blow)
        return struck

    def _is_possible(self, blow: Blow) -> bool:
        kind = FAULTS[blow.fault]
        return (self.world.served or not kind.needs_kube) and (not kind.needs_jenkins or self.world.jenkins_is_up())

    def _do(self, blow: Blow) -> Heal | None:
        """None if another fault of this round prevented it (such as a read-only disk)."""
        try:
            return FAULTS[blow.fault].strike(self.world, blow.share)
        except OSError as problem:
            self.note("did not strike", {"fault": blow.fault, "why": type(problem).__name__})
            return None

    def _over(self, blow: Blow) -> None:
        self.active.pop(blow.fault, None)
        if FAULTS[blow.fault].area in DISTURBING:
            self.disturbed = time.monotonic()

    def _wait_until_well(self) -> float:
        """Seconds until all was well, confirmed by one more reconcile on request."""
        begun = asked = time.monotonic()
        well: float | None = None
        request = ""
        while time.monotonic() - begun < HEALED_WITHIN:
            self.world.launch_operator()  # one that began while there was no API server has ended: a kubelet would start it again
            lacks, now = missing(self.world), time.monotonic()
            if not lacks:
                well = well or now
                request = request or self.world.ask()
                if self.world.handled() == request:
                    return well - begun
            else:
                well = None
                reason = needs_a_person(self.world)
                if reason and now - asked > PATIENCE:
                    asked = now
                    self._person(reason)
            time.sleep(0.2)
        what = "; ".join(missing(self.world)) or "nobody answers a request to look again"
        self.tell(Broken(round(begun, 1), "Heals", f"after {HEALED_WITHIN:g} s of {sorted(self.of_round)}: {what}"))
        self._rescue()
        return HEALED_WITHIN

    def _person(self, reason: str) -> None:
        """Do what the documentation recommends for this reason."""
        if reason == "ChallengedBySecondFactor" and not self.moment().gate_opened:
            return  # nobody has removed the gate, so the operator must recover by itself
        self.persons[reason] = self.persons.get(reason, 0) + 1
        if reason == "ChallengedBySecondFactor":
            self.world.groovy(LET_IN)
        if reason != "ChallengedBySecondFactor":
            self.world.ask()

    def _rescue(self) -> None:
        """Repair everything, so that the next round begins well; the failure was already reported."""
        end = time.monotonic() + HEALED_WITHIN
        self.world.calm()
        self.world.launch_operator()
        self.world.groovy(LET_IN)
        self.world.ask()
        while lacks := missing(self.world):
            if time.monotonic() > end:
                raise RuntimeError(f"it does not come back: {'; '.join(lacks)}")
            time.sleep(1)

    def look_for_secrets(self, watch: Watch) -> None:
        """Secrets in everything that others may read."""
        for where, text in read_everything(self.world):
            for what in found_secrets(where, text, self.world.secrets):
                self.tell(Broken(round(time.monotonic() - watch.begun, 1), "Secrets", what))

    def carry_out_all(self, rounds: Iterable[Round], watch: Watch) -> None:
        """Run all rounds; all must be well at the start."""
        self._wait_until_well()
        for made in rounds:
            self.carry_out(made, watch)
