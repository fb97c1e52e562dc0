"""Evidence of probes: one JSON object per line, each with the digest of the line before, so that every change, move or removal shows.

``jenkins.probe`` sends the requests, ``jenkins.evidence`` signs and writes the files. ``docs/audit.md`` describes the format.
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
START = "0" * 64  # the first line of a file has no line before it
TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class Account(StrEnum):
    """The account of the probe: the operator's own, a canary that must be challenged, or one that must not."""

    SELF = "self"
    CHALLENGED = "challenged"
    EXEMPT = "exempt"


EXPECTED = {Account.SELF: Proof.CHALLENGED, Account.CHALLENGED: Proof.CHALLENGED, Account.EXEMPT: Proof.BYPASSED}


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` includes the context path; ``headers``: the names of the headers that we set."""

    method: str
    path: str
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """``location``: the target of a redirect, which is the plugin's page without user ids, or "elsewhere"."""

    status: int
    location: str = ""
    version: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One probe. ``identity``: a digest, never the name. ``failure``: why it proved nothing; empty if it did.

    ``scripts``: SHA-256 of the scripts and the gate of this version, by name. ``time`` is UTC."""

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
    """The result of checking a file. ``problems``: sentences, each with its line. ``head``: the digest of the last line."""

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
    """SHA-256 of URL and user id, ignoring case: it identifies an account of one controller, and links nothing between controllers.

    A guessed name can be confirmed, but no name can be read from it."""
    return hashlib.sha256(f"jenkins2fa/identity\n{url}\n{username.casefold()}".encode()).hexdigest()


def document(evidence: Evidence, sequence: int, previous: str, recorded: datetime) -> dict[str, Any]:
    """As JSON, without a signature. ``recorded``: when it is written (UTC). Concurrent probes are not written in order."""
    fields = asdict(evidence)
    return {
        **fields,
        "time": evidence.time.strftime(TIME),
        "recorded": recorded.strftime(TIME),
        "expected": EXPECTED[evidence.account].value,
        "scripts": dict(evidence.scripts),
        "format": FORMAT,
        "sequence": sequence,
        "previous": previous,
    }


def canonical_line(body: Mapping[str, Any]) -> str:
    """Sorted keys, no white space, ASCII: the same content gives the same bytes. These are signed and digested."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def line_digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def read_line(line: str) -> dict[str, Any] | None:
    """A line as JSON with its signature. None = it is not in the canonical form, or lacks a field that the chain needs."""
    try:
        body = json.loads(line)
    except ValueError:
        return None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        return None
    has_strings = all(isinstance(body.get(name), str) for name in ("previous", "time", "recorded"))
    return body if has_strings and type(body.get("sequence")) is int and _is_canonical(body, line) else None


def check_lines(lines: Sequence[str], signature_holds: Callable[[bytes, str], bool] | None) -> Checked:
    """Check signatures, order and gaps. ``signature_holds`` takes signed bytes and signature; None = signatures are only counted."""
    previous, sequence, first, latest, signed = START, 0, "", "", 0
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        body = read_line(line)
        if body is None:
            problems.append(f"line {number}: is not a line of evidence in its canonical form")
        else:
            broken = [*_chain_problems(body, sequence + 1, previous, latest), *_signature_problems(body, signature_holds)]
            problems += [f"line {number}: {one}" for one in broken]
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
