"""Sends the cases and judges what they have brought about: what was shown, run, built, changed, and whom it lets in."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

from tests.attack.bench import MARKER, Bench, State
from tests.attack.cases import BATCH, Case, Sequence, legitimate, sequences, table, walk
from tests.attack.rule import Answer, expected, is_in
from tests.attack.session import Session
from tests.attack.tables import ENROLMENT, OTHER, POLICIES, WHAT, Answers, Factor, Kind, Policy, Way, What, Who

ENOUGH = 60
Effects = frozenset[str]
SEEN = frozenset({"content", "verified"})


@dataclass(frozen=True, slots=True)
class Finding:
    """A case that was let in and must not be, or was refused and must not be."""

    flavour: str
    policy: str
    text: str
    effects: Effects
    kind: str

    def __str__(self) -> str:
        return f"{self.flavour} | {self.policy} | {self.text}  =>  {', '.join(sorted(self.effects)) or 'nothing'}"


@dataclass(slots=True)
class Result:
    cases: int = 0
    let_in: list[Finding] = field(default_factory=list)
    refused: list[Finding] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, other: Result) -> None:
        self.cases += other.cases
        self.let_in += other.let_in
        self.refused += other.refused
        self.seconds |= other.seconds

    def grouped(self) -> Counter[str]:
        return Counter(f"{one.policy} | {one.text.split(' | ')[0]} | {one.kind} => {', '.join(sorted(one.effects))}" for one in self.let_in)


@dataclass(frozen=True, slots=True)
class Size:
    """How many cases of each kind for one policy; `plain`: which share of what people may and may not do, plainly written."""

    plain: float = 1.0
    odd: int = 700
    sequences: int = 40
    steps: int = 240


FULL = Size()


def allowed(who: Who, what: What, policy: Policy) -> Effects:
    """What this request may bring about."""
    if expected(who, what, policy) is not Answer.MAY:
        return frozenset()
    match what.kind:
        case Kind.OPEN:
            return frozenset({"answered"})
        case Kind.ANSWER:
            return frozenset({"answered", "verified", "own EmailOTP"} if what.factor is Factor.MAIL else {"answered", "verified"})
        case Kind.FACTOR:
            return frozenset({what.effect, "verified", "answered"})
        case Kind.READ:
            return frozenset({"content", "answered", "token"})
        case Kind.BUILD:
            return frozenset({"build", "answered"})
    return frozenset({"script", "job", "settings", "quiet", "token", "content", "answered"})


def powers(who: Who, policy: Policy) -> Effects:
    """What this person may bring about by some request or other: in whichever way, it is no hole."""
    if who.user is None and not policy.public:
        return frozenset()
    if policy.asks and not is_in(who, policy) and not policy.public:
        return frozenset()
    kinds = [what for what in WHAT if what.kind not in (Kind.OPEN, Kind.ANSWER) and (who.crumb or what.method == "GET")]
    seen = SEEN if is_in(who, policy) or not policy.asks else frozenset()
    return seen.union(*(allowed(who, what, policy) for what in kinds))


def changed(before: State, after: State, who: Who, bench: Bench) -> Effects:
    """Which of the things that a state tells have changed, as effects of what this person did."""
    found = {key for key in ("script", "build", "job", "quiet", "settings", "token") if before[key] != after[key]}
    for person in bench.people:
        for factor in Factor:
            one, other = (state["factors"][bench.id(person)][factor.value] for state in (before, after))
            if one != other:
                found.add(f"own {factor.value}" if person == who.user else f"other {factor.value}")
    return frozenset(found)


class Runner:
    """One Jenkins; `let_in` and `refused` grow."""

    def __init__(self, bench: Bench, flavour: str, seed: int) -> None:
        self.bench, self.flavour, self.chance = bench, flavour, Random(seed)
        self.result = Result()
        self._looks: Session | None = None
        self._before = 0  # let-ins under the policies before this one

    def run(self, policies: Iterable[Policy] = POLICIES, size: Size = FULL) -> Result:
        self.enrol()
        for policy in policies:
            if policy.needs <= self.bench.jenkins.offers:
                begun = time.monotonic()
                self.bench.enforce(policy)
                self._policy(policy, size)
                self.result.seconds[f"{self.flavour} {policy.name}"] = time.monotonic() - begun
                self.progress(policy, time.monotonic() - begun)
        return self.result

    def progress(self, policy: Policy, seconds: float) -> None:
        found = f"{len(self.result.let_in)} let in, {len(self.result.refused)} refused"
        print(f"  {self.flavour}, {policy.name}: {self.result.cases:,} cases, {found}, {seconds:.1f} s", flush=True)

    def _policy(self, policy: Policy, size: Size) -> None:
        place, self._before = self.bench.place, len(self.result.let_in)
        share, odd = size.plain * policy.weight, round(size.odd * policy.weight)
        for case in self._here(legitimate(policy, place)):
            if self.chance.random() < share:
                self._promise(case)
        self._attack(self._here(table(policy, place, self.chance, share, odd)))
        if policy.asks:
            self._attack(walk(place, self.chance, round(size.steps * policy.weight)))
            for sequence in sequences(policy, place, self.chance, round(size.sequences * policy.weight)):
                self._sequence(sequence)

    def _here(self, cases: Iterable[Case]) -> Iterator[Case]:
        """Those by people whom this Jenkins has."""
        return (case for case in cases if case.who.user is None or case.who.user in self.bench.people)

    def enrol(self) -> None:
        """Everybody as the table says, while nobody is asked yet."""
        self.bench.prepare()
        self.bench.enforce(Policy("before", asks=False))
        for name, person in self.bench.people.items():
            if Factor.QUESTIONS in person.factors:
                session = Session(self.bench, Who(name, name, Way.FORM))
                body = ENROLMENT.replace("b1", "a1").replace("b2", "a2").replace("b3", "a3").encode()
                session.post(f"/user/{self.bench.id(name)}/securityQuestionConfig/saveSecurityQuestion".encode(), body)
        self.bench.call("enrolByMail", [self.bench.id(name) for name, one in self.bench.people.items() if Factor.MAIL in one.factors])
        self.bench.baseline = self.bench.call("keep")
        known = self.bench.baseline["factors"].items()
        stored = {name: {Factor(key) for key, value in one.items() if value != "none"} for name, one in known}
        assert stored == {self.bench.id(name): set(one.factors) for name, one in self.bench.people.items()}, stored

    # --- what must work ---

    def _promise(self, case: Case) -> None:
        self.result.cases += 1
        looks = case.what.method == "GET"  # changes nothing
        effects = self._shown(self._looking(case.who), case) if looks else self._alone(case)
        if case.what.effect not in effects:
            self.result.refused.append(self._finding(case, effects))
        self._judge(case, effects)

    def _looking(self, who: Who) -> Session:
        """A session in which one thing after the other is looked at."""
        if self._looks is None or self._looks.who != who or self._looks.policy != self.bench.policy:
            self._looks = Session(self.bench, who)
        return self._looks

    # --- what must not ---

    def _attack(self, cases: Iterable[Case]) -> None:
        for batch in batches(cases):
            self.result.cases += len(batch)
            suspects = self._together(batch)
            if suspects:
                self.bench.reset()
            for case in suspects:
                if len(self.result.let_in) - self._before < ENOUGH:
                    self._judge(case, self._alone(case))
                else:
                    self.result.let_in.append(self._finding(case, frozenset({"not looked at by itself any more"})))

    def _together(self, batch: list[Case]) -> list[Case]:
        """The cases one after the other in one session; those that have to be looked at one by one."""
        session, suspects = Session(self.bench, batch[0].who), []
        expects_in = self._in(batch[0].who)
        for case in batch:
            effects = self._shown(session, case)
            protected = session.protected() if case.who.user else None
            inside = protected is not None and MARKER in protected.body
            if effects - {"answered"} - powers(case.who, self.bench.policy) or (inside and not expects_in):
                suspects.append(case)
            lost = protected is not None and (not inside if expects_in else protected.status != 302)
            if lost or not case.who.crumb:
                session = Session(self.bench, case.who)
        who = batch[0].who
        differs = changed(self.bench.baseline, self.bench.state(), who, self.bench)
        if differs - powers(who, self.bench.policy) or (not expects_in and self._reenters(who)):
            return batch
        if differs:
            self.bench.reset()
        return suspects

    def _in(self, who: Who) -> bool:
        policy = self.bench.policy
        return not policy.asks or is_in(who, policy)

    def _reenters(self, who: Who) -> bool:
        """Whether the password alone is enough afterwards."""
        return who.user is not None and Session(self.bench, Who("again", who.user, Way.BASIC)).sees()

    def _alone(self, case: Case) -> Effects:
        """Everything that the case brings about, from the state at the beginning, to which it goes back."""
        session = Session(self.bench, case.who)
        effects = self._effects(session, case)
        if effects - {"answered"}:
            self.bench.reset()
        return effects

    def _effects(self, session: Session, case: Case) -> Effects:
        effects = self._shown(session, case)
        effects |= changed(self.bench.baseline, self.bench.state(), case.who, self.bench)
        if case.who.user is not None and session.sees():
            effects |= {"verified"}
        if not self._in(case.who) and self._reenters(case.who):
            effects |= {"password alone"}
        return effects

    def _shown(self, session: Session, case: Case) -> Effects:
        """What the answer itself shows."""
        answer = session.request(case.what, case.target, case.method)
        found = {"content"} if MARKER in answer.body else set()
        found |= {"script"} if "it ran" in answer.body else set()
        found |= {"build"} if answer.status == 201 else set()
        found |= {"answered"} if answer.status == 200 else set()
        return frozenset(found)

    def _judge(self, case: Case, effects: Effects) -> None:
        policy = self.bench.policy
        excess = effects - {"answered"} - allowed(case.who, case.what, policy) - powers(case.who, policy)
        if excess:
            self.result.let_in.append(self._finding(case, excess))

    def _finding(self, case: Case, effects: Effects) -> Finding:
        return Finding(self.flavour, self.bench.policy.name, case.text, effects, case.what.kind.name)

    # --- sequences ---

    def _sequence(self, sequence: Sequence) -> None:
        """Each step is judged by the rules, with what the steps before it have rightly changed."""
        self.result.cases += 1
        policy = self.bench.policy
        now = {case.who.name: case.who for case in sequence.steps}
        sessions: dict[str, Session] = {}
        before = self.bench.baseline
        for case in sequence.steps:
            name = case.who.name
            who = now[name]
            if name not in sessions:
                sessions[name] = Session(self.bench, who)
            session, was_in = sessions[name], sessions[name].sees()
            session.who = who
            shown, before, earlier = self._shown(session, case), self.bench.state(), before
            effects = shown | changed(earlier, before, who, self.bench)
            if session.sees() and not was_in:
                effects |= {"verified"}
            excess = effects - {"answered"} - allowed(who, case.what, policy) - powers(who, policy)
            if excess:
                self.result.let_in.append(Finding(self.flavour, policy.name, sequence.text, excess, "SEQUENCE"))
                break
            now = {key: after(one, who, replace(case, who=who), effects) for key, one in now.items()}
        self.bench.reset()


def after(one: Who, actor: Who, case: Case, effects: Effects) -> Who:
    """What has changed about one of the persons by a rightful step of one of them (perhaps the same)."""
    what = case.what
    same_user, same_session = one.user == actor.user, one.name == actor.name
    if same_session and "verified" in effects:
        one = replace(one, verified=True, fresh=True)
    if (what.path.endswith("/resendOtp") or what.asks) and same_user:
        one = replace(one, mailed=same_session)
    for factor in Factor:
        touched = (f"own {factor.value}" in effects and same_user) or (f"other {factor.value}" in effects and one.user == OTHER)
        if touched and what.enrols:
            one = replace(one, factors=one.factors | {factor}, answers=Answers.SECOND if factor is Factor.QUESTIONS else one.answers)
        elif touched and what.kind is Kind.FACTOR:
            one = replace(one, factors=one.factors - {factor})
        elif touched:
            one = replace(one, factors=one.factors | {factor})
    if what.answers is Answers.CODE and "verified" in effects and same_user:
        one = replace(one, mailed=False)
    return one


def batches(cases: Iterable[Case]) -> Iterator[list[Case]]:
    """Of one person each."""
    batch: list[Case] = []
    for case in cases:
        if batch and (len(batch) == BATCH or case.who != batch[0].who):
            yield batch
            batch = []
        batch.append(case)
    if batch:
        yield batch
