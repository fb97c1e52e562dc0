"""One controller with a 2FA plugin as data, and the effect of the operator's scripts on it. No I/O; the caller passes the
time.

It behaves like `jenkins/groovy/*.groovy` on the stand-in: layers, trial, gate, owner record.
"""

from __future__ import annotations

import copy
import hashlib
import secrets
from collections.abc import Callable
from typing import Any

from tests.support.fleet.plugins import MINI_ORANGE, Document, FakePlugin

VERSION = "2.541.3"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000  # milliseconds
MOST_REASONS = 50
TOLD_OF_STATE = ("owner", "deletionPolicy", "breakGlass", "corrections", "hold")


class Refusal(Exception):
    """An exception of the resident script; ``name``: its class."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class JenkinsState:
    """``url``: the configured root URL, with a trailing slash. ``now``: epoch milliseconds. ``kind``: the plugin that it has."""

    def __init__(
        self, url: str, now: Callable[[], int], *, account: tuple[str, str] = ("admin", "token"), kind: FakePlugin = MINI_ORANGE
    ) -> None:
        self.url, self._now, self.kind = url, now, kind
        self._account = account
        self.identity = hashlib.sha256(url.encode()).hexdigest()[:16]
        self.users: Document = {"total": 3, "notEnrolled": 3, "withoutAddress": 3, "administrators": 1, "administratorsNotEnrolled": 1}
        self.users |= dict.fromkeys(kind.factors, 0)
        self.groups: frozenset[str] = frozenset()
        self.plugin: Document = {"name": kind.name, "installed": True, "active": True, "version": kind.version}
        self.others: list[Document] = []  # other plugins, as `beside` makes them
        self.anonymous_administers = False
        self.managed_by_code = False  # configuration-as-code sets the plugin's fields
        self.disk: Document | None = None
        self.files: dict[str, Document] = {}  # in $JENKINS_HOME/jenkins2fa
        self.startup: str | None = None  # the text of init.groovy.d/jenkins2fa.groovy
        self.quieting_down = False
        self._boot()

    def _boot(self) -> None:
        self.session = secrets.token_hex(4)
        self.memory: Document = copy.deepcopy(self.disk or self.kind.fresh)
        self.live: bool | None = None
        self._set_live(self.memory["enabled"])
        self.compiled: dict[str, str] = {}
        self.resident: str | None = None
        self.gate: Document | None = None
        self.hold: Document | None = self._state.get("hold")
        self.code: str | None = None
        self.asked = ""  # digest of the enforced groups that the gate answers looks for
        self.last_trial: Document | None = None
        self.glass_until: int | None = None  # of an open break-glass

    def restart(self) -> None:
        """Load memory, live flag and gate from disk. This ends an open trial."""
        self._boot()
        self.quieting_down = False
        journal = self.files.pop("trial.json", None)
        if journal is not None:
            self.last_trial = {"id": journal["id"], "outcome": "restarted", "at": self._now()}
            self._undo_files(journal)
        if self.startup is not None and "gate.json" in self.files and self.has_plugin:
            self._install(self.files["gate.json"], self.startup)
        note = self.files.get("break-glass.json")
        if note is not None and self.startup is not None and self.has_plugin and note["until"] > self._now():
            self._arm(note["until"])
        else:
            self.files.pop("break-glass.json", None)

    def _set_live(self, value: bool | None) -> None:
        self.live = value if self.kind.has_live_flag else None

    # --- what somebody else does to it ---

    def save(self, **settings: Any) -> None:
        """Somebody changes settings in memory and saves them; the live flag stays."""
        self.memory = {**self.memory, **settings}
        self.disk = copy.deepcopy(self.memory)

    def save_form(self, *, enabled: bool, questions: bool) -> None:
        """An administrator saves the plugin's page, e-mail off: memory, live flag and disk."""
        self.memory = {**self.memory, "enabled": enabled, "securityQuestions": questions, "emailOTP": None}
        self.disk, self.live = copy.deepcopy(self.memory), enabled

    def beside(self, name: str, *, asks: bool) -> None:
        """Another 2FA plugin is active too."""
        on = ["disk", "memory", "live"] if asks else []
        self.others = [{"name": name, "version": "1.2.0", "active": True, "asks": asks, "on": on, "writable": True}]

    def take_gate_out(self) -> None:
        """Remove the gate for good: in this fake it does not restore itself."""
        self.gate = None

    @property
    def has_plugin(self) -> bool:
        return bool(self.plugin["installed"] and self.plugin["active"])

    @property
    def effective(self) -> bool:
        """Whether people are asked for a second factor. Without the plugin the gate has nobody to ask by, and lets everybody through."""
        if not self.has_plugin:
            return False
        if self.gate is not None and self.hold is not None and self.glass_until is None:
            return True
        return self.glass_until is None and self.kind.asks(self.memory, self.live)

    # --- what the scripts do ---

    def observe(self, asked: Document) -> Document:
        answer: Document = {
            "ok": True,
            "jenkins": {"version": VERSION, "session": self.session, "rootUrl": self.url, "quietingDown": self.quieting_down,
                        "now": self._now(), "identity": self.identity, "securityRealm": "HudsonPrivateSecurityRealm"},
            "self": {"id": self._account[0]},
            "plugin": {**self.plugin, "others": self.others, "missing": [], "foundProperties": [],
                       "edition": "free" if self.has_plugin else None},
            "layers": {"disk": self.disk, "memory": self.memory, "live": self.live} if self.has_plugin else None,
            "gate": self._gate_state(),
            "trial": self._trial_state(),
            "state": {key: value for key, value in self._state.items() if key in TOLD_OF_STATE}
            if self._state
            else None,
            "breakGlass": self.glass_until and {"until": self.glass_until, "reason": self.files["break-glass.json"]["reason"]},
            "access": {"anonymousAdministers": self.anonymous_administers},
            "mailer": {"installed": True, "smtpHost": True},
            "configurationAsCode": {"managed": True} if self.managed_by_code else None,
            "enrolment": dict.fromkeys(self.kind.factors, False if self.has_plugin else None),
        }  # fmt: skip
        if asked.get("groups"):
            answer["groups"] = {"known": sorted(name for name in asked["groups"] if name in self.groups or name == "authenticated")}
        if asked.get("users"):
            answer["users"] = self.users
        return answer

    def _gate_state(self) -> Document:
        there = self.gate is not None
        return {
            "installed": int(there), "position": 0 if there else None, "pluginFilters": int(self.has_plugin),
            "beforePlugin": True if there and self.has_plugin else None,
            "foreign": False, "code": self.code and sha256(self.code), "config": self.gate,
            "errors": 0, "lastError": None, "putBack": 0, "seenGroups": [], "unplaced": 0, "wrongAnswers": 0, "limitedAnswers": 0,
            "lockedOut": 0, "hold": self.hold,
            "startup": {"code": self.startup and sha256(self.startup), "config": self.files.get("gate.json")},
        }  # fmt: skip

    @property
    def _open(self) -> Document | None:
        return self.files.get("trial.json")

    @property
    def _state(self) -> Document:
        return self.files.get("state.json", {})

    def _trial_state(self) -> Document:
        pending = self._open and {"id": self._open["id"], "until": self._open["until"], "stale": False}
        return {"pending": pending, "last": self.last_trial}

    # --- trial ---

    def begin(self, asked: Document) -> Document:
        if self.quieting_down:
            raise Refusal("QuietingDown", "Jenkins is about to shut down")
        if self._open is not None:
            raise Refusal("TrialPending", f"trial {self._open['id']} is still pending")
        parts = ("settings", "gate", "hold", "owner", "deletionPolicy", "corrects")
        wanted = {key: asked[key] for key in parts if asked.get(key) is not None}
        self._claim(asked.get("owner"), asked.get("takeOver"))
        wanted["settings"] = self.kind.completed(wanted["settings"], self.memory)
        standing = {
            "live": self.live,
            "memory": copy.deepcopy(self.memory),
            "disk": copy.deepcopy(self.disk),
            "gate": self.gate,
            "hold": self.hold,
            "startup": self.startup,
            "others": self.others,
        }
        until = self._now() + asked["seconds"] * 1000
        self.files["trial.json"] = {"id": asked["id"], "until": until, "before": standing, "wrote": wanted}
        if "gate" in wanted:
            self.startup = self.resident
            self._install(wanted["gate"], str(self.resident))
        self.memory = {**self.memory, **wanted["settings"]}
        self._set_live(wanted["settings"].get("enabled", self.live))
        if "hold" in wanted:
            self.hold = wanted["hold"] or None
        if asked.get("alone"):
            self.others = [{**other, "asks": False, "on": []} for other in self.others]
        return {"ok": True, "until": until, "memory": self.memory, "live": self.live, "gate": self.gate}

    def _claim(self, owner: Document | None, take_over: str | None) -> None:
        mine = self._state.get("owner")
        if mine is None or owner is None or mine["cluster"] == "command-line":
            return
        if (mine["cluster"], mine["instance"]) == (owner["cluster"], owner["instance"]):
            return
        name = f"{mine['cluster']}/{mine['instance']}"
        if take_over != name:
            raise Refusal("OwnedElsewhere", name)

    def _install(self, rules: Document, code: str) -> None:
        self.gate, self.code = rules, code
        self.asked = sha256("\n".join(rules.get("enforcedGroups") or ()))

    def confirm(self, asked: Document) -> Document:
        journal, name = self._open, asked["id"]
        if not asked["keep"]:
            if journal is None or journal["id"] != name:
                return {"ok": True, "outcome": "Unknown"}
            self._end("cancelled")
            return {"ok": True, "outcome": "Undone"}
        if journal is None or journal["id"] != name:
            last = self.last_trial or {}
            over = "Confirmed" if last.get("outcome") == "confirmed" else "Expired"
            return {"ok": True, "outcome": over if last.get("id") == name else "Unknown"}
        if not self._stands(journal["wrote"]):
            self._end("overtaken")
            return {"ok": True, "outcome": "Overtaken"}
        self._keep(journal)
        self._close("confirmed")
        return {"ok": True, "outcome": "Confirmed"}

    def _stands(self, wrote: Document) -> bool:
        if "hold" in wrote and self.hold != (wrote["hold"] or None):
            return False
        held = all(self._same(self.memory[key], value) for key, value in wrote["settings"].items())
        gate = "gate" not in wrote or self.gate == wrote["gate"]
        live = not self.kind.has_live_flag or self.live == wrote["settings"].get("enabled", self.live)
        return held and gate and live

    @staticmethod
    def _same(one: Any, other: Any) -> bool:
        def is_off(value: Any) -> bool:
            return value is None or (isinstance(value, dict) and value.get("enabled") is False and not value.get("sender"))

        return bool(one == other or (is_off(one) and is_off(other)))

    def _keep(self, journal: Document) -> None:
        before, wrote = journal["before"], journal["wrote"]
        restore = {name: before[name] for name in ("memory", "live", "disk")}
        self.disk = copy.deepcopy(self.memory)
        if "gate" in wrote:
            self.files["gate.json"] = wrote["gate"]
        state = copy.deepcopy(self._state)
        if "hold" in wrote:
            state["hold"] = wrote["hold"] or None
            self.files["state.json"] = state
        if "owner" not in wrote:
            return
        ours_was_there = "gate" in wrote and before["gate"] is not None
        if "restorePoint" not in state and not ours_was_there:
            state["restorePoint"] = restore
        if state.get("owner", {}).get("desired") != wrote["owner"].get("desired"):
            state.pop("corrections", None)
        now = self._now()
        corrections = {path: [at for at in times if at > now - HOUR] for path, times in state.get("corrections", {}).items()}
        corrections = {path: times for path, times in corrections.items() if times}
        for path in wrote.get("corrects", ()):
            corrections.setdefault(path, []).append(now)
        state |= {"owner": wrote["owner"], "deletionPolicy": wrote.get("deletionPolicy"), "corrections": corrections}
        self.files["state.json"] = state

    # --- break-glass: the settings stay; a live flag is off meanwhile ---

    def break_glass(self, asked: Document) -> Document:
        now = self._now()
        spans = [[begun, min(ended, now)] for begun, ended in self._state.get("breakGlass", {}).get("times", ()) if ended > now - DAY]
        if asked["until"] is None:
            closed = self._close_glass()
            if closed and "breakGlass" in self._state:
                self._state["breakGlass"]["times"] = spans
            return {"ok": True, "closed": closed}
        used, reason = self._state.get("breakGlass", {}).get("used", {}), asked["reason"]
        first = used.get(reason, now)
        end = min(asked["until"], first + asked["longest"])
        if end <= now:
            return {"ok": True, "until": None}
        if asked["keep"]:
            self.startup = self.resident
        joins = bool(spans) and spans[-1][1] > now - MINUTE
        times = [*(spans[:-1] if joins else spans), [spans[-1][0] if joins else now, end]]
        kept = sorted({**used, reason: first}.items(), key=lambda one: -one[1])[:MOST_REASONS]
        self.files["break-glass.json"] = {"until": end, "reason": reason}
        self.files["state.json"] = {
            **self._state, "breakGlass": {"reason": reason, "firstSeen": first, "used": dict(kept), "times": times},
        }  # fmt: skip
        self._arm(end)
        return {"ok": True, "until": end}

    def _arm(self, until: int) -> None:
        self._set_live(False)
        self.glass_until = until

    def _close_glass(self) -> bool:
        if self.glass_until is None and "break-glass.json" not in self.files:
            return False
        self._set_live(self.memory["enabled"])
        self.glass_until = None
        self.files.pop("break-glass.json", None)
        return True

    def expire(self) -> None:
        if self.glass_until is not None and self.glass_until <= self._now():
            self._close_glass()
        if self._open is not None and self._open["until"] <= self._now():
            self._end("expired")

    def _end(self, outcome: str) -> None:
        """Undo the open trial: restore each field that still holds what the trial wrote."""
        journal = self._open
        if journal is None:
            return
        before, wrote = journal["before"], journal["wrote"]
        if "enabled" in wrote["settings"] and self.live == wrote["settings"]["enabled"]:
            self.live = before["live"]
        ours = [key for key, value in wrote["settings"].items() if self._same(self.memory[key], value)]
        self.memory = {**self.memory, **{key: before["memory"][key] for key in ours}}
        if "hold" in wrote and self.hold == (wrote["hold"] or None):
            self.hold = before["hold"]
        self.others = before["others"]
        if "gate" in wrote and self.gate == wrote["gate"]:
            if before["gate"] is None:
                self.gate = self.code = None
            else:
                self._install(before["gate"], str(self.code))
        self._undo_files(journal)
        self._close(outcome)

    def _undo_files(self, journal: Document) -> None:
        before = journal["before"]
        if self.disk is not None and self.disk != before["disk"]:  # somebody saved meanwhile: what is ours in it goes
            former, stored = before["disk"] or before["memory"], self.disk
            wrote = journal["wrote"]["settings"].items()
            ours = [key for key, value in wrote if self._same(stored[key], value) and not self._same(former[key], value)]
            self.disk = {**stored, **{key: former[key] for key in ours}}
        if "gate" in journal["wrote"] and before["startup"] is None and "gate.json" not in self.files:
            self.startup = None

    def _close(self, outcome: str) -> None:
        journal = self.files.pop("trial.json")
        self.last_trial = {"id": journal["id"], "outcome": outcome, "at": self._now()}

    # --- release ---

    def release(self, asked: Document) -> Document:
        self._close_glass()
        if self._open is not None:
            self._end("released")
        state, settings = self._state, asked["settings"]
        if settings == "Restore":
            self._restore(state)
        if settings == "Disable":
            self.save(**self.kind.off)
            self._set_live(False)
        self.gate = self.hold = self.code = self.startup = self.last_trial = None
        self.files.clear()
        self.compiled.clear()
        return {"ok": True}

    def _restore(self, state: Document) -> None:
        point = state.get("restorePoint")
        if point is None:
            if state.get("owner") is None and self.gate is None:
                return
            raise Refusal("NothingToRestore", "what this Jenkins was like before us is not known (state.json was lost, or never had it)")
        self.memory = copy.deepcopy(point["disk"] or point["memory"])
        self.disk, self.live = copy.deepcopy(point["disk"]), point["live"]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
