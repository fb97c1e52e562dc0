"""What must hold at every moment, whatever goes wrong. The checks read Jenkins, the cluster and files, bypassing every fault of the wires.

Each check returns the broken promises as sentences. A check that a fault of Jenkins itself disturbs returns nothing.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import requests

from jenkins2fa.core.settings import PluginSettings
from jenkins2fa.jenkins.drivers.choose import driver_for
from jenkins2fa.jenkins.drivers.miniorange.settings import read_plugin_document
from jenkins2fa.jenkins.errors import ChallengedBySecondFactor, JenkinsError
from tests.support.people import administrator
from tests.support.protocol_bench import stored_settings, without_mail
from tests.support.protocol_model import World as Inside
from tests.support.protocol_model import actual_state as look_inside
from tests.support.soak.world import ADMINISTRATOR, CHECK_SECONDS, EXEMPT, ORDINARY, SETTINGS, USERS, World
from tests.support.standin import Browser

UNDONE_WITHIN = 60.0 + 8.0  # seconds: the trial's time limit, and the pause between checks
SAYS_SO_WITHIN = CHECK_SECONDS * 1.1 + 5.0
SAYS_SO_ON_A_BAD_WIRE = SAYS_SO_WITHIN + 3 * 13.0  # a reconcile in which every request times out
CALM_BEFORE = 20.0  # seconds after a fault of operator or API server until their silence counts
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Moment:
    """What the soak is doing. ``quiet``: seconds since a fault of operator, API server or Lease was healed (0 while one lasts)."""

    quiet: float = 1e9
    wire: bool = False
    gate_opened: bool = False
    disk_edited: bool = False
    suspended: bool = False


def jenkins_key(world: World) -> str:
    """Names the run of Jenkins; empty while it is not up. Two equal ones around a look mean that nothing disturbed it."""
    if not world.jenkins_is_up():
        return ""
    with contextlib.suppress(requests.RequestException):
        return f"{world.jenkins.pid}/{world.jenkins.runs()}"
    return ""


class PeopleGetIn:
    """Somebody with administration rights can get in."""

    def actual_state(self, world: World, moment: Moment) -> Iterator[str]:
        for attempt in range(ATTEMPTS):
            before = jenkins_key(world)
            if not before or self._gets_in(world):
                return
            if jenkins_key(world) != before:
                return
            time.sleep(0.3 * (attempt + 1))
        yield "no administrator gets in"

    def _gets_in(self, world: World) -> bool:
        with contextlib.suppress(requests.RequestException, IndexError):
            return administrator(world.jenkins, ADMINISTRATOR, USERS[ADMINISTRATOR]["password"]) is not None
        return False


@dataclass(slots=True)
class OperatorGetsIn:
    """The operator can get in, or the change undoes itself within its time; else a foreign hand took the gate away."""

    within: float = UNDONE_WITHIN
    since: float | None = None

    def actual_state(self, world: World, moment: Moment) -> Iterator[str]:
        if moment.gate_opened:
            self.since = None
            return
        try:
            with contextlib.closing(driver_for(world.direct())) as driver:
                driver.observe()
            self.since = None
        except ChallengedBySecondFactor:
            self.since = self.since or time.monotonic()
            if time.monotonic() - self.since > self.within:
                self.since = None
                yield f"the operator has been challenged for more than {self.within:g} s"
        except JenkinsError:
            self.since = None


@dataclass(slots=True)
class DiskHoldsWhatWasConfirmed:
    """While a trial is open, the plugin's file and gate.json are as before it. ``met``: looks at which one was open."""

    met: int = 0

    def actual_state(self, world: World, moment: Moment) -> Iterator[str]:
        home = world.jenkins.home
        journal, disk, gate = _journal(home), _stored(home), _note(home / "jenkins2fa/gate.json")
        if journal is None or journal != _journal(home) or journal.get("phase") != "open" or disk is None or moment.disk_edited:
            return
        self.met += 1
        before = journal["before"]
        former = read_plugin_document(before["disk"]) if before.get("disk") else PluginSettings()
        changed = [
            *((f"the plugin's file: {former} became {disk}",) if without_mail(disk) != without_mail(former) else ()),
            *(("gate.json",) if gate != before.get("storedGate") else ()),
        ]
        # What a crash, or a confirmation that failed half-way, has left is taken back with the journal: then the trial is over in memory.
        if changed and world.jenkins_is_up() and not self._is_over(world, journal) and journal == _journal(home):
            yield from (f"while trial {journal['id']} is open, something else is on disk: {one}" for one in changed)

    def _is_over(self, world: World, journal: dict[str, Any]) -> bool:
        known = world.groovy("print jenkins.model.Jenkins.get().getServletContext().getAttribute('jenkins2fa')?.trial?.id ?: 'none'")
        return known.strip() != str(journal["id"])


class NobodyStaysIn:
    """No session stays verified only because of a gate that is gone."""

    def __init__(self) -> None:
        self._key, self._gate_was_lost = "", False
        self._visitor: Browser | None = None

    def actual_state(self, world: World, moment: Moment) -> Iterator[str]:
        key = jenkins_key(world)
        if key != self._key or self._visitor is None:
            self._key, self._visitor, self._gate_was_lost = key, world.jenkins.browser(EXEMPT, "robot-pw-1"), False
        self._gate_was_lost |= moment.gate_opened  # its marks stay until it is back, or Jenkins restarts
        if not key or self._gate_was_lost:
            return
        with contextlib.suppress(requests.RequestException, RuntimeError, ValueError, KeyError):
            before, status, after = look_inside(world.jenkins), self._visitor.status(), look_inside(world.jenkins)
            if before == after and key == jenkins_key(world) and status in (200, 302):
                yield from self._judge(before, status)

    def _judge(self, inside: Inside, status: int) -> Iterator[str]:
        exempt = inside.in_chain and "robots" in (inside.gate or ())
        if (status == 200) != (exempt or not inside.asked):
            yield f"the session of an exempt user got {status} while {inside}"


@dataclass(slots=True)
class InForceMeansInForce:
    """Enforced=True is not said while an ordinary user is not challenged, longer than it takes to look again. ``worst``: seconds seen."""

    since: float | None = None
    worst: float = 0.0

    def actual_state(self, world: World, moment: Moment) -> Iterator[str]:
        if moment.suspended or moment.quiet < CALM_BEFORE or not self._is_untrue(world):
            self.since = None
            return
        now = time.monotonic()
        self.since = self.since or now
        self.worst = max(self.worst, now - self.since)
        if now - self.since > (SAYS_SO_ON_A_BAD_WIRE if moment.wire else SAYS_SO_WITHIN):
            self.since = None
            yield "Enforced=True was said for too long while an ordinary user got in without a second factor"

    def _is_untrue(self, world: World) -> bool:
        try:
            if not world.jenkins_is_up() or world.jenkins.browser(ORDINARY, "alice-pw-1").status("/") != 200:
                return False
        except requests.RequestException:
            return False
        return any(condition(world.body(kind), "Enforced")[0] == "True" for kind in ("ji", "tfp"))


@dataclass(slots=True)
class LogsAreClean:
    """No traceback and no unexpected failure in any operator's log, and no secret."""

    read: dict[Path, int] = field(default_factory=dict)

    def actual_state(self, world: World, moment: Moment) -> Iterator[str]:
        for path in world.logs():
            with path.open(errors="replace") as log:
                log.seek(self.read.get(path, 0))
                text = log.read()
                self.read[path] = log.tell()
            for sign in ("Traceback", "failed unexpectedly", "Task exception was never retrieved"):
                if sign in text:
                    at = text.index(sign)
                    yield f"{path.name}: {sign}: {_masked(text[max(0, at - 300) : at + 3000], world.secrets)}"
            yield from found_secrets(path.name, text, world.secrets)


def found_secrets(where: str, text: str, secrets: Iterable[str]) -> Iterator[str]:
    """A sentence for each secret in a text; never the secret itself."""
    for number, secret in enumerate(sorted(secrets)):
        if secret in text:
            yield f"secret {number} is in {where}"


def read_everything(world: World) -> Iterator[tuple[str, str]]:
    """Every place that others may read: statuses, Events, metrics, Jenkins' log, process arguments."""
    for kind in ("jenkinsinstances", "twofactorpolicies", "events.events.k8s.io", "leases"):
        yield kind, world.kube.kubectl("get", kind, "-A", "-o", "json")
    with contextlib.suppress(requests.RequestException):
        yield "metrics", requests.get(f"http://127.0.0.1:{world.metrics_port}/metrics", timeout=5).text
    yield "Jenkins' log", world.jenkins.log()
    pid = world.operator_pid()
    if pid is not None:
        yield "process arguments", Path(f"/proc/{pid}/cmdline").read_text()


def _masked(text: str, secrets: Iterable[str]) -> str:
    return re.sub("|".join(map(re.escape, secrets)), "(a secret)", text)


def condition(body: dict[str, Any] | None, kind: str) -> tuple[str, str, str]:
    """Status, reason and message of a condition; empty where there is none."""
    for one in ((body or {}).get("status") or {}).get("conditions") or ():
        if one["type"] == kind:
            return one["status"], one["reason"], one["message"]
    return "", "", ""


def _journal(home: Path) -> dict[str, Any] | None:
    found = _note(home / "jenkins2fa/trial.json")
    return found if isinstance(found, dict) else None


def _note(file: Path) -> Any:
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return None


def _stored(home: Path) -> PluginSettings | None:
    """None = it cannot be read now."""
    file = home / SETTINGS
    try:
        return stored_settings(file.read_text() if file.exists() else None)
    except (OSError, ElementTree.ParseError):
        return None
