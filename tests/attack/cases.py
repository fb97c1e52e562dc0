"""Cases made from the tables: each person's each request plainly, the same in odd spellings, sequences of them, and a random walk."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from tests.attack.rule import Answer, expected, is_in
from tests.attack.spelling import in_context, spelled
from tests.attack.tables import (
    CHALLENGE_PAGES,
    ENROL,
    ENROLMENT,
    FACTOR_PAGES,
    MAILED,
    OTHER,
    PROTECTED,
    RESEND,
    STALE,
    WHAT,
    WHO,
    Answers,
    Kind,
    Policy,
    Way,
    What,
    Who,
)

BATCH = 24
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the tables' names lie in one Jenkins."""

    context: str = ""
    job: str = "x"
    style: str = "/favicon.ico"
    prefix: str = ""

    def path(self, text: str, who: Who) -> str:
        own, other = self.prefix + (who.user or "nobody"), self.prefix + OTHER
        return text.replace("{own}", own).replace("{other}", other).replace("{job}", self.job).replace("{style}", self.style)


@dataclass(frozen=True, slots=True)
class Case:
    """One request. `target` is what stands in the request line."""

    who: Who
    what: What
    target: bytes
    spelling: str = "plain"
    method: str = ""

    @property
    def text(self) -> str:
        request = f"{self.method or self.what.method} {self.target.decode(errors='replace')}"
        given = "" if self.what.answers is Answers.NONE else f" ({self.what.answers.value}{', asked for' if self.what.asks else ''})"
        return f"{self.who.name} | {request}{given} | {self.what.kind.name} | {self.spelling}"


def people(policy: Policy) -> tuple[Who, ...]:
    return (*WHO, STALE) if policy.window else WHO


def table(policy: Policy, place: Place, chance: Random, share: float, odd: int) -> Iterator[Case]:
    """What must have no effect: every person's every request plainly (or a `share` of them), and `odd` of them in other spellings."""
    plain = [(who, what) for who in people(policy) for what in WHAT if forbidden(who, what, policy)]
    for who, what in (pair for pair in plain if chance.random() < share):
        yield Case(who, what, (place.context + place.path(what.path, who)).encode())
    for who, what in sorted(chance.choices(plain, k=odd), key=lambda pair: pair[0].name) if plain else ():
        name, path = spelled(place.path(what.path, who).encode(), chance)
        method = what.method if chance.random() < 0.8 else chance.choice(METHODS)
        target = in_context(place.path(path.decode("latin-1"), who).encode("latin-1"), place.context.encode(), chance)
        yield Case(who, what, sendable(target), name, method)


def forbidden(who: Who, what: What, policy: Policy) -> bool:
    return expected(who, what, policy) is not Answer.MAY


def legitimate(policy: Policy, place: Place) -> Iterator[Case]:
    """What has to work."""
    for who in people(policy):
        for what in WHAT:
            if what.promised and is_promised(who, what, policy):
                yield Case(who, what, (place.context + place.path(what.path, who)).encode())


def is_promised(who: Who, what: What, policy: Policy) -> bool:
    """Whether what they may do has to work for them, too: not from another site, and not what nobody needs at that moment."""
    if expected(who, what, policy) is not Answer.MAY or not who.crumb:
        return False
    if what.kind is Kind.OPEN:
        return True
    if who.way is Way.NOBODY or (who is STALE and what is not PROTECTED):
        return False
    if what.kind is Kind.ANSWER:
        return policy.asks and not is_in(who, policy)
    if what.kind is Kind.FACTOR:
        return policy.asks and what.factor in policy.factors
    return is_in(who, policy) or not policy.asks


def walk(place: Place, chance: Random, length: int) -> Iterator[Case]:
    """Paths put together from the tables' segments, by people who have not given their second factor; a body with all there is."""
    paths = [what.path.partition("?")[0] for what in WHAT if "{style}" not in what.path]
    segments = sorted({segment for path in paths for segment in path.split("/") if segment})
    strangers = [one for one in WHO if not (one.verified or one.robot) and one.crumb and (one.factors or one.user is None)]
    who = strangers[0]
    body = f"{ENROLMENT}&script=System.setProperty('attack.ran','yes')&build={place.job}&description=taken"
    for number in range(length):
        if number % BATCH == 0:
            who = chance.choice(strangers)
        path = "/" + "/".join(chance.choices(segments, k=chance.randint(1, 5))) + chance.choice(["", "", "/", "?token=t"])
        name, written = spelled(path.encode(), chance) if chance.random() < 0.4 else ("walk", path.encode())
        target = place.path(written.decode("latin-1"), who).encode("latin-1")
        what = What("walk", chance.choice(METHODS[:2]), path, Kind.ADMIN, body=body)
        yield Case(who, what, sendable(in_context(target, place.context.encode(), chance)), name)


@dataclass(frozen=True, slots=True)
class Sequence:
    """Requests one after the other; each person of the table keeps his own session."""

    steps: tuple[Case, ...]

    @property
    def text(self) -> str:
        return "  THEN  ".join(step.text for step in self.steps)


def sequences(policy: Policy, place: Place, chance: Random, count: int) -> Iterator[Sequence]:
    """By somebody with a person's password, that person herself, and an administrator, all about the same second factor."""
    plugin = [what for what in (*FACTOR_PAGES, *CHALLENGE_PAGES) if what.answers is not Answers.NONE or what.kind is Kind.FACTOR]
    owner = next(one for one in WHO if one.name == "verified without rights")
    thief = replace(owner, name="password of the same person", verified=False, fresh=False)
    newcomer = next(one for one in WHO if one.name == "password, no factor")
    again = replace(newcomer, name="password of the same newcomer")
    pairs: list[tuple[tuple[Who, What], ...]] = [((thief, one), (thief, two)) for one, two in itertools.product(plugin, plugin)]
    pairs += [((owner, one), (thief, two)) for one, two in itertools.product((ENROL, RESEND, *plugin), plugin)]
    pairs += [((newcomer, one), (again, two)) for one, two in itertools.product((ENROL, MAILED, RESEND), (*plugin, RESEND))]
    triples = [((chance.choice([owner, thief]), chance.choice(plugin)), *chance.choice(pairs)) for _ in range(count // 2)]
    for steps in [*chance.sample(pairs, min(count - len(triples), len(pairs))), *triples]:
        last = steps[-1][0]
        asked = (*steps, (last, PROTECTED))
        yield Sequence(tuple(Case(who, what, (place.context + place.path(what.path, who)).encode()) for who, what in asked))


def sendable(target: bytes) -> bytes:
    """Without what would end the request line."""
    clean = b"".join(bytes([sign]) if sign > 0x20 and sign != 0x7F else b"%%%02X" % sign for sign in target)
    return clean if clean.startswith((b"/", b"http:", b"\\", b"%")) else b"/" + clean
