"""From an event until all is well, for any of the ways. Times are seconds."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

import requests

from bench.compared.drifts import Drift, restart
from bench.compared.truth import Truth, force, look
from bench.compared.ways import EVERY, ON, RELOAD, Notice, Way

PATIENCE = 2.6 * EVERY  # two looks, and what they take
AFTERWARDS = 1.0  # how long it is looked on after a way has done all that it does
LOOK_EVERY = 0.2
REST = 1.2  # a policy's status is gathered at most once a second
Steps = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Somebody wanted 2FA on, or off. ``steps``: what it took beside the way itself, () = nothing, None = it never came about.

    acted: until the way had done all that it does, where it was not so before; seconds: until it was so, with a restart from its
    beginning; told: until it was said; believed: it was said while it was not so."""

    on: bool
    steps: Steps | None
    acted: float | None
    seconds: float | None
    told: float | None
    believed: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """What became of a drift. ``wrong``: the layers it put out of order, None = not even the plugin was there; ``repaired``: after so many
    seconds by itself; ``open``: so long an unverified user got in; ``believed``: so long it was said to be in force meanwhile. ``ends``:
    for what somebody else may do, how much of it was needed, None = it did not help. ``down``: Jenkins no longer starts."""

    drift: Drift
    wrong: tuple[str, ...] | None
    repaired: float | None
    open: float
    believed: float
    notices: tuple[Notice, ...]
    watched: float
    down: bool = False
    ends: dict[str, Steps | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Restart:
    """A restart while in force: how often an unverified user got in meanwhile, and how long until he was asked again."""

    got_in: int
    seconds: float


def change(way: Way, on: bool, chance: random.Random) -> Change:
    """A person wants it, at any time between two looks; if it does not come about, Jenkins is restarted, twice at most."""
    time.sleep(REST + (chance.uniform(0, EVERY) if way.usual else 0))
    begun = time.perf_counter()
    way.ask(on)
    seconds, acted = _until_asked(way, on, begun)
    told = _told(way, on, begun)
    steps: Steps | None = ()
    if seconds is None:
        steps, seconds = _after_restarts(way, on)
    if steps is None:
        force(way.jenkins, on)
    return Change(on, steps, acted, seconds, told, told is not None and steps != ())


def _until_asked(way: Way, on: bool, begun: float) -> tuple[float | None, float | None]:
    """After how long it was so, and the way had acted; looked on for a moment after that."""
    acted: float | None = None
    while time.perf_counter() < begun + 4 * PATIENCE:
        at = way.alice.until(on, 0.02)
        if at is not None:
            return at - begun, acted
        if acted is None and way.acted(begun):
            acted = time.perf_counter() - begun
        if acted is not None and time.perf_counter() - begun > acted + AFTERWARDS:
            break
    return None, acted


def _told(way: Way, on: bool, begun: float) -> float | None:
    while time.perf_counter() < begun + 4 * PATIENCE:
        if way.told_so(on):
            return time.perf_counter() - begun
        if way.acted(begun) and not way.told_so(on):
            return None
        time.sleep(0.002)
    return None


def _after_restarts(way: Way, on: bool) -> tuple[Steps | None, float | None]:
    """What was needed, and how long the last restart took until it was so."""
    for count in (1, 2):
        begun = time.perf_counter()
        restart(way.jenkins)
        at = way.alice.until(on, AFTERWARDS)
        if at is not None:
            return ("restart",) * count, at - begun
    return None, None


def trouble(way: Way, drift: Drift, chance: random.Random) -> Trouble:
    """The drift strikes, is looked at for two intervals, and then somebody does what one may do without knowing of it."""
    settle(way)
    time.sleep(REST + (chance.uniform(0, EVERY) if way.usual else 0))
    drift.strike(way.jenkins)
    found = _watch(way, drift, PATIENCE + drift.longer)
    if found.down:
        return found
    if found.repaired is None:
        for number, chain in enumerate(way.ends):
            if number:
                settle(way)
                drift.strike(way.jenkins)
            found.ends[chain[0]] = _carry_out(way, chain)
    return found


def _watch(way: Way, drift: Drift, seconds: float) -> Trouble:
    begun = last = time.perf_counter()
    asked = way.alice.asked()
    truth = look(way.jenkins, asked)
    wrong = truth.wrong(way.with_gate) if truth else None
    opened, believed, repaired, next_look, says = 0.0, 0.0, None, begun, way.says()
    while way.jenkins.running and (now := time.perf_counter()) < begun + seconds:
        opened, believed = opened + (now - last) * (asked is False), believed + (now - last) * (asked is False and says == ON)
        last, asked = now, way.alice.asked()
        if now >= next_look:  # seldom enough not to be the load that is measured
            says, next_look = way.says(), now + LOOK_EVERY
            if is_well(way, look(way.jenkins, asked)):
                repaired = time.perf_counter() - begun
                break
        time.sleep(0.01)
    watched = time.perf_counter() - begun
    if repaired is not None:
        time.sleep(REST)  # so that what was told of it is there
    return Trouble(drift, wrong, repaired, opened, believed, way.noticed(begun), watched, not way.jenkins.running)


def is_well(way: Way, truth: Truth | None) -> bool:
    return truth is not None and truth.settled and not truth.wrong(way.with_gate)


def _carry_out(way: Way, chain: Steps) -> Steps | None:
    """One after the other, until all is well; which of them were needed."""
    for count, one in enumerate(chain, start=1):
        way.reload() if one == RELOAD else restart(way.jenkins)
        end = time.perf_counter() + (AFTERWARDS if way.usual is None else EVERY * 1.3)
        while time.perf_counter() < end:
            if is_well(way, look(way.jenkins, way.alice.asked())):
                return chain[:count]
            time.sleep(0.1)
    return None


def settle(way: Way) -> None:
    """Everything in force again, whatever was broken before; what a way does by itself is waited for."""
    jenkins = way.jenkins
    if not jenkins.running:
        jenkins.start()
    if _without_plugin(way):
        jenkins.faults(plugin="enabled")
        restart(jenkins)
    for _ in range(3):
        force(jenkins, True)
        way.forget()
        end = time.perf_counter() + 2 * EVERY
        while time.perf_counter() < end:
            if is_well(way, look(jenkins, way.alice.asked())) and (not way.with_gate or way.says() == ON):
                return
            time.sleep(0.2)
        restart(jenkins)  # a filter is gone, or the operator is shut out
    raise SystemExit(f"{way.name}: 2FA does not come into force again: {look(jenkins, way.alice.asked())}")


def _without_plugin(way: Way) -> bool:
    try:
        return look(way.jenkins, None) is None
    except requests.RequestException:
        return True


def restarted(way: Way) -> Restart:
    """In force, restarted: an unverified user tries all the time."""
    settle(way)
    begun, got_in, away = time.perf_counter(), 0, False
    way.jenkins.restart(wait=False)
    while time.perf_counter() < begun + 30:
        asked = way.alice.asked()
        away |= asked is None
        got_in += asked is False
        if away and asked:
            break
        time.sleep(0.003)
    return Restart(got_in, time.perf_counter() - begun)


@dataclass(frozen=True, slots=True)
class Door:
    """Who asks for what in a Jenkins where 2FA is in force, and what he gets."""

    who: str
    request: str
    status: int
    challenged: bool


def door(way: Way, name: str, method: str, path: str, **more: object) -> Door:
    """With an API token and without a cookie, as programs do it."""
    answer = way.jenkins.browser(name).call(path, method, **more)
    return Door(name, f"{method} {path}", answer.status_code, "tfa" in answer.headers.get("Location", ""))
