"""One controller with the 2FA plugin: its replies to the operator's scripts, observations and probes, and nothing else. No I/O; the
caller passes the time.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from tests.support.fleet.plugins import MINI_ORANGE, FakePlugin
from tests.support.fleet.state import VERSION, Document, JenkinsState, Refusal

_LITERAL = re.compile(r"'([A-Za-z0-9+/=]{16,})'")
_SHA256 = re.compile(r"'([0-9a-f]{64})'")
_ANSWERS_FOR = re.compile(r"static final String SCRIPT = '([0-9a-f]{64})'")


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class FakeJenkins(JenkinsState):
    """A controller, as its HTTP clients see it."""

    def __init__(
        self, url: str, now: Callable[[], int], *, account: tuple[str, str] = ("admin", "token"), kind: FakePlugin = MINI_ORANGE
    ) -> None:
        super().__init__(url, now, account=account, kind=kind)
        self.accept(*account)

    def accept(self, user: str, token: str) -> None:
        """Accept only this account from now on."""
        self._account = user, token
        self._expected = "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """``path`` below the context path, with its slash; ``headers`` by lower-case name."""
        self.expire()
        if path == "/login":
            return Reply(200, "<html>log in</html>", self._marks())
        sent = headers.get("authorization")
        if sent is None or sent != self._expected:
            return Reply(401, "<html>401 Unauthorized</html>", {"WWW-Authenticate": 'Basic realm="Jenkins"'})
        if path == "/scriptText" and method == "POST":
            return self._console(headers, body)
        if path == "/api/json":
            return Reply(200, "{}", self._marks())
        if self._is_challenged(headers):
            return self._challenge()
        return Reply(200, "<html>Dashboard</html>", self._marks())

    def _marks(self) -> Document:
        return {"X-Jenkins": VERSION, "X-Jenkins-Session": self.session}

    def _is_challenged(self, headers: Mapping[str, str]) -> bool:
        if self.gate is None:
            return self.effective and not self.kind.tokens_pass
        return self.effective and not (self._exempts_tokens and headers.get("x-jenkins2fa-probe") != "challenge")

    @property
    def _exempts_tokens(self) -> bool:
        rules = self.gate or {}
        return bool(rules.get("exemptTokens") or (self.kind.tokens_pass and not rules.get("challengeTokens")))

    def _challenge(self) -> Reply:
        return Reply(302, headers={"Location": f"{self.url}user/{self._account[0]}/{self.kind.challenge}/"})

    def _console(self, headers: Mapping[str, str], body: bytes) -> Reply:
        lets_in = self._exempts_tokens or (self.gate is not None and self.gate.get("operator") == self._account[0])
        if self.effective and not lets_in:
            return self._challenge()
        wanted = headers.get("x-jenkins2fa-observe", "").split(" ")
        if self.gate is not None and len(wanted) == 3 and wanted[1:] == [_ANSWERS_FOR.findall(self.code or "")[0], self.asked]:
            return self._text(f"@@2FA-gate {wanted[0]} {json.dumps(self.observe({'groups': self.gate.get('enforcedGroups')}))}\n")
        text = parse_qs(body.decode())["script"][0]
        asked = json.loads(base64.b64decode("".join(_LITERAL.findall(text.splitlines()[0]))))
        bootstrap = _SHA256.findall(text)[0]
        if "GroovyShell" in text:
            self.compiled["bootstrap"] = bootstrap
        if self.compiled.get("bootstrap") != bootstrap:
            return self._text(f"@@2FA {asked['nonce']} {json.dumps({'session': self.session, 'missing': ['bootstrap']})}\n")
        return self._text(f"@@2FA {asked['nonce']} {json.dumps({'session': self.session, **self._run(asked)})}\n")

    def _text(self, text: str) -> Reply:
        return Reply(200, text, {"Content-Type": "text/plain;charset=utf-8"})

    # --- scripts ---

    def _run(self, asked: Document) -> Document:
        missing = [name for name in ("resident", "script") if name in asked and not self._compile(name, asked[name])]
        if missing:
            return {"missing": [asked["script"]["name"] if name == "script" else name for name in missing]}
        scripts = {"observe": self.observe, "begin": self.begin, "confirm": self.confirm, "release": self.release,
                   "break_glass": self.break_glass}  # fmt: skip
        try:
            return scripts[asked["script"]["name"]](asked)
        except Refusal as problem:
            return {"ok": False, "error": {"type": problem.name, "message": str(problem)}}

    def _compile(self, slot: str, reference: Document) -> bool:
        name = reference.get("name", slot)
        if self.compiled.get(name) == reference["sha256"]:
            return True
        if "text" not in reference:
            return False
        self.compiled[name] = reference["sha256"]
        if slot == "resident":
            self.resident = reference["text"]
        return True
