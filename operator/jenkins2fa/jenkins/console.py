"""The script transport: runs one of our scripts inside Jenkins and returns its answer.

It does not use python-jenkins: ``run_script`` loses output, follows redirects and has no time limits. A client with an API token does not
need what python-jenkins does well (crumbs, passwords).
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from jenkins2fa.jenkins import scripts
from jenkins2fa.jenkins.answers import expect_success
from jenkins2fa.jenkins.connection import Connection
from jenkins2fa.jenkins.errors import MultipleReplicas, ProtocolError, Refused, ScriptFailed, quote
from jenkins2fa.jenkins.http import Answer, Http
from jenkins2fa.jenkins.login.flow import SecondFactorLogin

LONGEST_DOCUMENT = 1024 * 1024  # characters of a script's answer; pages of Jenkins may be longer, such as its list of jobs
LARGE_DOCUMENT = 128 * 1024  # characters; parsed, it may take thirty times its size, so only one is parsed at a time
OBSERVE_HEADER = "X-Jenkins2fa-Observe"
FRAME, GATE_FRAME = "@@2FA", "@@2FA-gate"
REFUSALS = frozenset({"TrialPending", "OwnedElsewhere", "QuietingDown", "NotPersisted", "NoteDamaged", "NothingToRestore"})
_ONE_LARGE_AT_A_TIME = threading.Lock()

REMEMBERED = 8


class Console:
    """Runs scripts over one keep-alive session. Not for use by two threads at once."""

    def __init__(self, connection: Connection) -> None:
        self._http = Http(connection)
        self.login = SecondFactorLogin(self._http)
        self.requests = 0

    def run(self, name: str, *, resident: bool = False, **values: Any) -> dict[str, Any]:
        """Runs the script ``name`` with ``values`` as its input; ``resident``: it needs the classes of the resident script.

        The text is sent only when Jenkins has not compiled it yet (one request more, once per run of Jenkins). Raises JenkinsError."""
        return self._settled(name, resident, values, self._call(name, resident, values, with_texts=())[0])

    def observe_by_gate(self, groups: Iterable[str]) -> tuple[dict[str, Any], bool]:
        """The observation, and whether the gate gave it. Raises JenkinsError.

        The same request contains the script. It runs if the gate does not answer: there is no gate, it has another version or other groups,
        it failed, or the filter of another plugin comes first."""
        names = sorted(groups)
        values = {"groups": names, "users": False}
        answer, by_gate = self._call(scripts.OBSERVE, False, values, with_texts=(), digests=scripts.observation_digests(names))
        return self._settled(scripts.OBSERVE, False, values, answer), by_gate

    def close(self) -> None:
        self._http.close()

    def _settled(self, name: str, resident: bool, values: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if "missing" in answer:
            names = _names(answer["missing"])
            texts = (*names, name, scripts.RESIDENT) if scripts.BOOTSTRAP in names else names
            session = answer.get("session")
            answer = self._call(name, resident, values, with_texts=texts)[0]
            if "missing" in answer or answer.get("session") != session:
                raise MultipleReplicas  # another process answered than the one that lacked the texts
        if answer.get("ok") is not True:
            self._raise(answer.get("error"))
        answer.pop("session", None)  # part of the frame, like the nonce
        return answer

    def _call(
        self, name: str, resident: bool, values: dict[str, Any], with_texts: tuple[str, ...], digests: str = ""
    ) -> tuple[dict[str, Any], bool]:
        """The answer, and whether it came from the gate, which may answer only if ``digests`` match its script and groups."""
        nonce = secrets.token_hex(8)
        data: dict[str, Any] = {**values, "nonce": nonce, "script": _reference(name, name in with_texts)}
        if resident:
            data["resident"] = _reference(scripts.RESIDENT, scripts.RESIDENT in with_texts)
        form = scripts.call_form(json.dumps(data), nonce, first=scripts.BOOTSTRAP in with_texts)
        headers = {OBSERVE_HEADER: f"{nonce} {digests}"} if digests else None
        answer = self.login.through(lambda: self._post(form, headers))
        by_gate = bool(digests) and answer.text.startswith(GATE_FRAME)
        return self._unframe(answer, f"{GATE_FRAME if by_gate else FRAME} {nonce} "), by_gate

    def _post(self, form: bytes, headers: Mapping[str, str] | None) -> Answer:
        self.requests += 1
        return self._http.post("scriptText", form, headers)

    def _unframe(self, answer: Answer, head: str) -> dict[str, Any]:
        expect_success(answer)
        if len(answer.text) > LONGEST_DOCUMENT:
            raise ProtocolError(f"the answer of the script is larger than {LONGEST_DOCUMENT // 1024 // 1024} MiB", transient=False)
        lines = [line for line in answer.text.splitlines() if line.startswith(head)]
        if len(lines) != 1:
            raise self._not_ours(answer)
        try:
            document = _parse(lines[0][len(head) :])
        except ValueError:
            raise ProtocolError("the answer of the script was cut short", transient=True) from None
        except RecursionError:
            raise ProtocolError("the answer of the script is nested too deeply", transient=False) from None
        if not isinstance(document, dict):
            raise ProtocolError("the answer of the script is not a JSON object", transient=False)
        return document

    def _not_ours(self, answer: Answer) -> Exception:
        """The error for an answer without the frame. It is never quoted: anyone may have written it."""
        if answer.text.startswith(FRAME):
            return ProtocolError("the answer was cut short, or belongs to another request", transient=True)
        if "<html" in answer.text[:2000].lower():
            return ProtocolError(
                ("a web page came back instead of the script console's answer: is something in front of Jenkins asking for a log-in?"),
                transient=False,
            )
        if "Exception" in answer.text or "Error" in answer.text or "startup failed" in answer.text:
            return ScriptFailed("the script console failed with an error of its own: find it in Jenkins' log")
        if not answer.text.strip():
            return ProtocolError("the answer is empty", transient=True)
        return ProtocolError("something answered that is not Jenkins' script console: check spec.url and its context path", transient=False)

    def _raise(self, error: Any) -> None:
        fields = error if isinstance(error, dict) else {}
        type_name, message = (quote(self._masked(str(fields.get(key) or default))) for key, default in (("type", "Error"), ("message", "")))
        if type_name in REFUSALS:
            raise Refused(REFUSAL_TEXTS[type_name].format(message), type_name)
        raise ScriptFailed(f"our script failed inside Jenkins: {type_name}: {message}", type_name)

    def _masked(self, text: str) -> str:
        """A part of an answer without our secrets, which a proxy may have repeated."""
        account = self._http.connection.credentials
        return account.masked(text) if account else text


def _names(missing: Any) -> tuple[str, ...]:
    if not isinstance(missing, list) or not all(isinstance(name, str) for name in missing):
        raise ProtocolError("the answer of the script does not say which scripts are missing", transient=False)
    return tuple(missing)


def _reference(name: str, with_text: bool) -> dict[str, str]:
    script = scripts.script(name)
    reference = {"name": name, "sha256": script.sha256}
    return {**reference, "text": script.text} if with_text else reference


def _parse(text: str) -> Any:
    """JSON as data, without lone surrogates: the API server would replace them, so a status would differ after each write."""
    with _ONE_LARGE_AT_A_TIME if len(text) > LARGE_DOCUMENT else contextlib.nullcontext():
        data = json.loads(text)
        return _without_lone_surrogates(data) if "\\ud" in text.lower() else data


def _without_lone_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_lone_surrogates(item) for item in value]
    return (
        {_without_lone_surrogates(key): _without_lone_surrogates(item) for key, item in value.items()} if isinstance(value, dict) else value
    )


REFUSAL_TEXTS = {
    "TrialPending": "{}: it ends by itself within a minute",
    "OwnedElsewhere": (
        "this Jenkins is managed by {0} (cluster and instance): remove it there, or take over by the annotation "
        "jenkins2fa.dev/take-over: {0}"
    ),
    "QuietingDown": "{}: nothing is changed until it is back; to go on now, choose `Cancel shutdown` in Jenkins",
    "NotPersisted": "{}: is the disk full or read-only?",
    "NothingToRestore": (
        "{}: nothing was changed. Run `jenkins2fa gate remove --settings Disable`, or give the policy another deletionPolicy"
    ),
    "NoteDamaged": "{}: restore it from a backup of Jenkins' home, or delete it there if you have none",
}


class Runs:
    """The last eight runs of a controller (each from a start of Jenkins to its end) that have answered, by session hash; latest last."""

    def __init__(self) -> None:
        self._sessions: list[str] = []

    def __contains__(self, session: str) -> bool:
        return session in self._sessions

    def note(self, session: str) -> bool:
        """Record an answer. Returns whether a run answers again that another one had replaced.

        No restart causes that; several processes behind one URL do."""
        again = session in self._sessions[:-1]
        self._sessions = [*(known for known in self._sessions if known != session), session][-REMEMBERED:]
        return again
