"""The Groovy scripts of this package. Each script is constant; values are passed as data."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import jenkins2fa
from jenkins2fa.api.instance import GateMode, InstanceSpec
from jenkins2fa.api.policy import PolicySpec
from jenkins2fa.core.desired import desired_gate
from jenkins2fa.core.settings import canonical, gate_configuration

OBSERVE, BEGIN, CONFIRM, RELEASE, BREAK_GLASS = "observe", "begin", "confirm", "release", "break_glass"
RESET_USER = "reset_user"
BOOTSTRAP, CALL, FIRST_CALL = "bootstrap", "call", "first_call"
RESIDENT = "resident"
LONGEST_LITERAL = 60_000
STARTUP_FILE = "init.groovy.d/jenkins2fa.groovy"

_INCLUDE = re.compile(r"^// include ([a-z_/]+)\.groovy$", re.MULTILINE)
_EMBEDDED = "static final String EMBEDDED = ''"
_ANSWERED = "static final String SCRIPT = ''"


@dataclass(frozen=True, slots=True)
class Script:
    """``sha256``: of the text; both sides identify a script by it."""

    name: str
    text: str
    sha256: str


@functools.cache
def script(name: str) -> Script:
    """The script with this file name."""
    text = resident_text() if name == RESIDENT else _read(name)
    return Script(name, text, _sha256(text))


@functools.cache
def _call_parts(*, first: bool) -> tuple[str, str, str]:
    """The parts of the form before, between and after the data and the nonce of a call."""
    text = script(FIRST_CALL if first else CALL).text.replace("<SHA256>", script(BOOTSTRAP).sha256)
    text = text.replace("'<BOOTSTRAP>'", _literal(base64.b64encode(script(BOOTSTRAP).text.encode()).decode()))
    before, after = text.split("'<GIVEN>'")
    between, _, after = after.partition("<NONCE>")
    return quote_plus(before), quote_plus(between), quote_plus(after)


def call_form(given: str, nonce: str, *, first: bool) -> bytes:
    """The form for the script console that runs a script. ``given``: the bootstrap's input as JSON, with this ``nonce``; ``first``: Jenkins
    lacks the bootstrap, so the form carries it, to be compiled and kept."""
    before, between, after = _call_parts(first=first)
    data = quote_plus(_literal(base64.b64encode(given.encode()).decode()))
    return f"script={before}{data}{between}{'' if first else nonce}{after}".encode()


def _literal(text: str) -> str:
    """Base64 as a Groovy expression: one literal holds no more than 65535 characters."""
    parts = [text[at : at + LONGEST_LITERAL] for at in range(0, len(text), LONGEST_LITERAL)]
    return "(" + " + ".join(f"'{part}'" for part in parts) + ")"


def resident_text(configuration: Mapping[str, Any] | None = None) -> str:
    """The file that stays in Jenkins. With a gate ``configuration`` the file embeds it, for a site that mounts the file
    (gate.mode Provided)."""
    body = _read(RESIDENT).replace(_ANSWERED, _ANSWERED[:-1] + script(OBSERVE).sha256 + "'")
    if configuration is not None:
        data = base64.b64encode(canonical(configuration).encode()).decode()
        body = body.replace(_EMBEDDED, _EMBEDDED[:-1] + data + "'")
    header = (
        f"// jenkins-2fa-operator {jenkins2fa.__version__}: the gate. It applies rules for groups and tokens, and admits the operator.\n"
        "// $JENKINS_HOME/jenkins2fa/state.json records who manages this controller. The comment below says how to remove this file.\n"
        f"// SHA-256 of what follows this line: {_sha256(body)}\n"
    )
    return header + body


def gate_code(configuration: Mapping[str, Any] | None = None) -> str:
    """The SHA-256 by which an observation knows the gate's version."""
    return script(RESIDENT).sha256 if configuration is None else _embedded_code(canonical(configuration))


@functools.lru_cache(maxsize=256)
def _embedded_code(configuration: str) -> str:
    return _sha256(resident_text(json.loads(configuration)))


def observation_digests(groups: Iterable[str]) -> str:
    """The digests that a gate must match to answer an observation: of this version's observe.groovy, and of these groups in this order."""
    return f"{script(OBSERVE).sha256} {_sha256(chr(10).join(groups))}"


def _read(name: str) -> str:
    """The text of a file with its includes resolved, because Jenkins gets each script as one text."""
    text = (importlib.resources.files("jenkins2fa.jenkins") / "groovy" / f"{name}.groovy").read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda include: _read(include[1]).rstrip("\n"), text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def gate_code_for(policy: PolicySpec, instance: InstanceSpec, user: str) -> str:
    """The SHA-256 of the gate's file: of ours or, with gate.mode Provided, of ours with this configuration embedded."""
    if instance.gate.mode is not GateMode.PROVIDED:
        return gate_code()
    gate = desired_gate(policy, instance, user)
    return gate_code(gate_configuration(gate) if gate else None)
