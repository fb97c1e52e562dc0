"""What a running Jenkins has now, as the fields of our kinds. Pure. What no field can say is said in notes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from jenkins2fa.api.fields import format_duration, format_time
from jenkins2fa.api.instance import GateMode
from jenkins2fa.api.policy import DeletionPolicy, Factor, PolicyMode
from jenkins2fa.api.rules import ADDRESS
from jenkins2fa.core.observation import COMMAND_LINE, GateState, Observation
from jenkins2fa.core.plan import lacks_filter
from jenkins2fa.core.settings import GateSettings, PluginSettings, gate_configuration

Spec = dict[str, Any]
GateCode = Callable[[dict[str, Any] | None], str]
PLACEHOLDER_SENDER = "jenkins@example.invalid"


@dataclass(frozen=True, slots=True)
class PolicyContent:
    """A policy without its selector. ``gaps``: where the spec could not say what is there. ``hints``: what to know about this spec."""

    spec: Spec
    gaps: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """``policy`` None = nothing that a policy could describe. ``gaps``: what else cannot be expressed, or makes a plan differ.

    ``hints``: what to know of this Jenkins. ``owner``: who manages it already."""

    policy: PolicyContent | None
    gate: Spec | None
    gaps: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    owner: str | None = None


def content_of(seen: Observation, gate_code: GateCode, *, as_is: bool) -> Content:
    """``gate_code``: SHA-256 of our gate's file, with a configuration within it or (None) without. ``as_is``: with the enforcement that is
    there, instead of one that writes nothing."""
    owner = seen.owner.name if seen.owner and seen.owner.cluster != COMMAND_LINE else None
    if not seen.plugin.active or seen.memory is None:
        state = "disabled" if seen.plugin.installed else "not installed"
        return Content(
            None, None, (f"the plugin {seen.capabilities.plugin} is {state}: there is nothing that a policy could describe",), owner=owner
        )
    gaps = list(_gaps(seen))
    gate = _gate(seen.gate, gate_code, gaps)
    return Content(_policy(seen, seen.memory, as_is), gate, tuple(gaps), tuple(_hints(seen)), owner)


def _policy(seen: Observation, held: PluginSettings, as_is: bool) -> PolicyContent:
    gaps: list[str] = []
    hints: list[str] = []
    spec: Spec = {"mode": _mode(held, as_is, gaps, hints).value}
    if spec["mode"] == PolicyMode.DISABLED and not as_is:
        spec["suspend"] = True
    rules = seen.gate.settings if seen.gate.installed else None
    spec |= _scope(rules, gaps) | _factors(held, gaps) | _requests(rules)
    if seen.deletion in set(DeletionPolicy) and seen.deletion != DeletionPolicy.RETAIN:
        spec["deletionPolicy"] = str(seen.deletion)
    return PolicyContent(spec, tuple(gaps), tuple(hints))


def _mode(held: PluginSettings, as_is: bool, gaps: list[str], hints: list[str]) -> PolicyMode:
    if not held.enabled:
        if not as_is:
            hints.append(
                "2FA is off. The policy is suspended, so nothing is written; mode: Audit without suspend reports what enforcing changes"
            )
        return PolicyMode.DISABLED
    if not as_is:
        hints.append(
            "2FA is on. Audit writes nothing; when `jenkins2fa plan` and the status say what you expect, set mode: Enforce"
        )
        return PolicyMode.AUDIT
    if not held.factors:
        gaps.append("2FA is on without any factor, so nobody is asked: Enforce needs one, so this says Audit")
        return PolicyMode.AUDIT
    return PolicyMode.ENFORCE


def _scope(rules: GateSettings | None, gaps: list[str]) -> Spec:
    scope: Spec = {}
    if rules is not None and rules.enforced_groups is not None and not rules.enforced_groups:
        gaps.append("enforcedGroups: the gate has an empty list, so nobody is asked; a policy cannot say that, and means everyone")
    if rules is not None and rules.enforced_groups:
        scope["enforcedGroups"] = sorted(rules.enforced_groups)
    if rules is not None and rules.exempt_groups:
        scope["exemptGroups"] = sorted(rules.exempt_groups)
    return scope


def _factors(held: PluginSettings, gaps: list[str]) -> Spec:
    factors: list[Spec] = [{"type": factor.value} for factor in Factor if factor in held.factors]
    fields: Spec = {"allowedFactors": factors} if factors else {}
    if not held.email_otp:
        if held.sender or held.subject or held.template:
            gaps.append("the plugin keeps the sender or text of a mail though EmailOTP is not allowed: it is left as it is")
        return fields
    sender = held.sender or ""
    if not re.fullmatch(ADDRESS, sender):
        gaps.append("emailOTP.senderAddress: the plugin has none that is an e-mail address: put one in place of the placeholder")
        sender = PLACEHOLDER_SENDER
    email: Spec = {"senderAddress": sender}
    if held.subject is not None:
        email["subject"] = held.subject
    if held.template is not None and "$otp" in held.template:
        email["template"] = held.template
    elif held.template is not None:
        gaps.append("emailOTP.template: the plugin's text has no $otp, so its mails hold no code: it is left out")
    next(one for one in factors if one["type"] == Factor.EMAIL_OTP)["emailOTP"] = email
    return fields


def _requests(rules: GateSettings | None) -> Spec:
    fields: Spec = {}
    if rules is not None and rules.api_tokens is not None:
        fields["apiTokens"] = rules.api_tokens.value
    if rules is not None and rules.build_window is not None:
        fields["requireOnBuild"] = {"window": format_duration(rules.build_window)}
    return fields


def _gate(state: GateState, gate_code: GateCode, gaps: list[str]) -> Spec | None:
    if not state.installed:
        return None
    if state.foreign or state.settings is None:
        gaps.append("a filter that calls itself our gate is not ours: the plan says what would become of it")
        return {"mode": GateMode.MANAGED.value}
    if state.code == gate_code(gate_configuration(state.settings)):
        mode = GateMode.PROVIDED
    else:
        mode = GateMode.MANAGED
        if state.code != gate_code(None):
            gaps.append("gate: another version of it is in this Jenkins; an operator of this version replaces it")
    return {"mode": mode.value}


def _gaps(seen: Observation) -> Iterator[str]:
    if seen.damaged:
        yield f"Jenkins could not read its own {', '.join(seen.damaged)}: nothing of it is described"
    if (seen.disk or PluginSettings()) != seen.memory:  # no file on disk: the next start brings what a fresh Jenkins has
        yield "the settings on disk differ from those at work: this describes what is at work; the next restart brings the others"
    if seen.memory is not None and bool(seen.live) != seen.memory.enabled:
        live, settings = ("on" if flag else "off" for flag in (seen.live, seen.memory.enabled))
        yield f"the live flag says {live}, the settings say {settings}: this describes the settings"
    if seen.gate.installed and seen.gate.settings != seen.gate.stored and seen.gate.stored is not None:
        yield "the gate's rules that the next start finds differ from those at work: this describes those at work"
    if lacks_filter(seen) and seen.memory is not None and seen.memory.enabled:
        yield "the plugin's own filter is not in Jenkins' chain: whatever the settings say, nobody is asked until Jenkins is restarted"
    if not seen.is_tested:
        yield f"the plugin's version {seen.plugin.version} is not one that this version was tested with: it is only read"
    if seen.break_glass_until is not None:
        yield f"break-glass is open until {format_time(seen.break_glass_until)}: settings may be other ones afterwards; export again then"
    if seen.trial.pending is not None:
        yield "somebody is changing this Jenkins right now (a trial is open): export again in a minute"


def _hints(seen: Observation) -> Iterator[str]:
    if seen.managed_by_code:
        yield "configuration-as-code sets the same fields: remove them there, or set competingManager: Override"
    gate_user = seen.gate.settings.operator if seen.gate.settings else None
    if gate_user is not None and gate_user.lower() != seen.user.lower():
        yield f"the gate lets in the account {gate_user}; use that one in the Secret, or expect a change"
