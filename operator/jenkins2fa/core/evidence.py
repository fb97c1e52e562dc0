"""Evidence of probes: one JSON object a line, each with the digest of the line before: a line that is changed, moved or taken out shows.

Pure: who asks Jenkins, who signs and who writes files is ``jenkins.probe`` and ``jenkins.evidence``. The form is ``docs/audit.md``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from jenkins2fa.core.assess import Proof

FORMAT = "jenkins2fa-evidence/1"
START = "0" * 64  # what the first line of a file holds as the digest of the line before
TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class Account(StrEnum):
    """Which kind of account asked: the operator's own, a canary that must be challenged, or one that must not."""

    SELF = "self"
    CHALLENGED = "challenged"
    EXEMPT = "exempt"


EXPECTED = {Account.SELF: Proof.CHALLENGED, Account.CHALLENGED: Proof.CHALLENGED, Account.EXEMPT: Proof.BYPASSED}


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` includes the context path; ``headers`` are the names of those that we set."""

    method: str
    path: str
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """``location`` is where a redirect leads: the plugin's page without user ids, or "elsewhere"."""

    status: int
    location: str = ""
    version: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One probe. ``identity`` is a digest, never the name; ``failure`` is the reason why it proved nothing, empty when it did.

    ``scripts``: SHA-256 by name of the scripts and of the gate that this version brings. ``time`` is UTC."""

    time: datetime
    url: str
    account: Account
    identity: str
    request: Request
    reply: Reply | None
    proof: Proof
    operator: str
    scripts: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file of evidence is worth. ``problems``: sentences, each with its line; ``head``: the digest of the last line."""

    records: int
    signed: int
    problems: tuple[str, ...]
    head: str = START
    first: str = ""
    last: str = ""

    @property
    def holds(self) -> bool:
        return not self.problems


def identity_digest(url: str, username: str) -> str:
    """SHA-256 over URL and user id whatever its case: the same account at the same Jenkins, and nothing that links two of them.

    Whoever guesses a name can confirm it; nobody can read it."""
    return hashlib.sha256(f"jenkins2fa/identity\n{url}\n{username.casefold()}".encode()).hexdigest()


def document(evidence: Evidence, sequence: int, previous: str, recorded: datetime) -> dict[str, Any]:
    """As JSON, without a signature. ``recorded``: when it is written (UTC); probes side by side are not written in the order asked."""
    found = asdict(evidence)
    return {
        **found,
        "time": evidence.time.strftime(TIME),
        "recorded": recorded.strftime(TIME),
        "expected": EXPECTED[evidence.account].value,
        "scripts": dict(evidence.scripts),
        "format": FORMAT,
        "sequence": sequence,
        "previous": previous,
    }


def canonical_line(body: Mapping[str, Any]) -> str:
    """Keys in order, no white space, ASCII: the same bytes for the same content. This is what is signed and digested."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def line_digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def read_line(line: str) -> dict[str, Any] | None:
    """A line as JSON with its signature; None when it is not in the canonical form, or lacks what the chain hangs on."""
    try:
        body = json.loads(line)
    except ValueError:
        return None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        return None
    texts = all(isinstance(body.get(name), str) for name in ("previous", "time", "recorded"))
    return body if texts and type(body.get("sequence")) is int and _is_canonical(body, line) else None


def check_lines(lines: Sequence[str], signature_holds: Callable[[bytes, str], bool] | None) -> Checked:
    """Signatures (with ``None`` they are only counted), order and gaps. ``signature_holds`` takes what was signed, and the signature."""
    previous, sequence, first, latest, signed = START, 0, "", "", 0
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        body = read_line(line)
        if body is None:
            problems.append(f"line {number}: is not a line of evidence in its canonical form")
        else:
            found = [*_chain_problems(body, sequence + 1, previous, latest), *_signature_problems(body, signature_holds)]
            problems += [f"line {number}: {one}" for one in found]
            signed += "signature" in body
            latest = body["recorded"]
            first = first or latest
        previous, sequence = line_digest(line), body["sequence"] if body else sequence + 1
    return Checked(len(lines), signed, tuple(problems), previous, first, latest)


def _is_canonical(body: Mapping[str, Any], line: str) -> bool:
    try:
        return canonical_line(body) == line
    except ValueError:  # NaN, which is no JSON
        return False


def _chain_problems(body: Mapping[str, Any], sequence: int, previous: str, latest: str) -> Iterator[str]:
    if body["sequence"] != sequence:
        yield f"is number {body['sequence']}, expected was {sequence}: lines are missing, or in another order"
    if body["previous"] != previous:
        where = "does not begin a file: what came before it is missing" if sequence == 1 else "does not belong to the line before it"
        yield f"{where} (one of both was changed, moved or taken out)"
    if body["recorded"] < latest:
        yield f"was written ({body['recorded']}) before the line before it ({latest}): another order, or a clock that was set back"
    if body["recorded"] < body["time"]:
        yield f"was written ({body['recorded']}) before its probe was made ({body['time']})"


def _signature_problems(body: Mapping[str, Any], signature_holds: Callable[[bytes, str], bool] | None) -> Iterator[str]:
    if signature_holds is None:
        return
    if not isinstance(body.get("signature"), str):
        yield "is not signed"
        return
    bare = {name: value for name, value in body.items() if name != "signature"}
    if not signature_holds(canonical_line(bare).encode(), body["signature"]):
        yield "its signature does not hold: it was changed, or signed with another key"
