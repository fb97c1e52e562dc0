"""The rules for one object by itself.

``crds/`` has the same rules in CEL, with the same messages; a test compares the two. ``jenkins2fa validate`` uses these rules because it
has no cluster, and the operator because a cluster may have an older CRD.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from string import ascii_lowercase, ascii_uppercase
from typing import TypeVar
from urllib.parse import urlsplit

from jenkins2fa.api.break_glass import BreakGlassSpec
from jenkins2fa.api.fields import Problem
from jenkins2fa.api.instance import Access, GateMode, InstanceSpec
from jenkins2fa.api.policy import Assurance, Factor, PolicyMode, PolicySpec

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
BUILT_IN_GROUPS = ("authenticated", "anonymous")
LONGEST_REMEMBER = timedelta(hours=720)
SHORTEST_CHECK = timedelta(seconds=5)
# The same expressions stand in crds/ (RE2 there): the API server and this module must read a URL alike.
_PORT = "([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
URL = rf"[a-z][a-z0-9+.-]*://([^/?#]*@)?([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:{_PORT})?([/?#][^\s]*)?"
USER_IN_URL = "[^/?#]*://[^/?#]*@"
LOOPBACK_URL = r"http://(localhost|127[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}|\[::1\])(:[0-9]+)?([/?#]|$)"
GATE_REQUIRED = (
    "required because access is Manage: choose Managed (the operator installs the gate), Provided (you mount its file) or None "
    "(the plugin alone)"
)
BELOW_AAL2 = frozenset({Factor.EMAIL_OTP, Factor.SECURITY_QUESTIONS})  # according to NIST SP 800-63B-4, whatever the site does
OUT_OF_REACH = "EmailOTP and SecurityQuestions can never reach AAL2: take them out of allowedFactors, or set AAL1"
ADDRESS = r"[^@\s<>]+@[^@\s<>]+"


S = TypeVar("S")
BrokenRules = Iterator[tuple[str, str]]
Rules = tuple[tuple[Callable[[S], BrokenRules], tuple[str, ...]], ...]  # each rule with the fields of the spec that it needs


def policy_problems(spec: PolicySpec, known: Iterable[Problem] = ()) -> list[Problem]:
    """The rules that a policy breaks, each with the field and the way out. Empty = none.

    ``known``: the problems from reading the object. A rule that needs one of those fields is skipped."""
    return _problems(POLICY_RULES, spec, known)


def instance_problems(spec: InstanceSpec, known: Iterable[Problem] = ()) -> list[Problem]:
    """As :func:`policy_problems`, for an instance."""
    return _problems(INSTANCE_RULES, spec, known)


def break_glass_problems(spec: BreakGlassSpec, known: Iterable[Problem] = ()) -> list[Problem]:
    """As :func:`policy_problems`, for a break-glass."""
    return _problems(BREAK_GLASS_RULES, spec, known)


def _problems(rules: Rules[S], spec: S, known: Iterable[Problem]) -> list[Problem]:
    unsound = {re.split(r"[.\[]", problem.path.removeprefix("spec."))[0] for problem in known}
    if "spec" in unsound:
        return []
    sound = (rule for rule, needed in rules if not unsound & set(needed))
    return [Problem(f"spec.{path}", message) for rule in sound for path, message in rule(spec)]


def _needs_a_factor(spec: PolicySpec) -> BrokenRules:
    if spec.mode is PolicyMode.ENFORCE and not spec.allowed_factors - {Factor.BACKUP_CODES}:
        yield "allowedFactors", "Enforce needs a factor other than BackupCodes: without one nobody would be asked for anything"


def _enforced_groups(spec: PolicySpec) -> BrokenRules:
    if spec.enforced_groups is not None and not spec.enforced_groups:
        yield "enforcedGroups", "must not be empty: leave it out to mean everyone"


def _enforced_and_exempt(spec: PolicySpec) -> BrokenRules:
    if not _lower_ascii(spec.exempt_groups).isdisjoint(_lower_ascii(spec.enforced_groups or ())):
        yield "exemptGroups", "no group may be both enforced and exempt, in whatever case: exempt would win"


def _exempt_groups(spec: PolicySpec) -> BrokenRules:
    if not _lower_ascii(spec.exempt_groups).isdisjoint(BUILT_IN_GROUPS):
        yield "exemptGroups", "must not hold authenticated or anonymous: that would exempt everyone"


def _lower_ascii(groups: Iterable[str]) -> frozenset[str]:
    """As ``lowerAscii()`` in CEL. Security realms ignore case."""
    return frozenset(group.translate(_LOWER) for group in groups)


def _remember_device(spec: PolicySpec) -> BrokenRules:
    if spec.remember_device is not None and not timedelta(0) < spec.remember_device <= LONGEST_REMEMBER:
        yield "rememberDevice", "must be more than 0s and at most 720h"


def _window(spec: PolicySpec) -> BrokenRules:
    if spec.build_window is not None and spec.build_window <= timedelta(0):
        yield "requireOnBuild.window", "must be more than 0s"


def _assurance(spec: PolicySpec) -> BrokenRules:
    if spec.minimum_assurance is Assurance.AAL2 and spec.allowed_factors & BELOW_AAL2:
        yield "minimumAssurance", OUT_OF_REACH


def _reason(spec: BreakGlassSpec) -> BrokenRules:
    if not spec.reason.strip(" \t\n\f\r"):
        yield "reason", "must not be empty: name the incident"


def _url(spec: InstanceSpec) -> BrokenRules:
    url = spec.url
    if re.match(USER_IN_URL, url):
        yield "url", "must not carry a user or password: put them into the Secret that credentialsRef names"
    if not re.fullmatch(URL, url, re.ASCII) or not _can_be_split(url):
        yield "url", "must be a URL such as https://jenkins.example.com/ci/"
    if not url.startswith("https:") and re.match("[a-z][a-z0-9+.-]*://", url) and not re.match(LOOPBACK_URL, url):
        yield "url", "must use https (http is accepted for loopback addresses only)"
    if "?" in url or "#" in url:
        yield "url", "must not have a query or fragment"


def _credentials(spec: InstanceSpec) -> BrokenRules:
    if spec.access is not Access.PROBE_ONLY and spec.credentials is None:
        yield "credentialsRef", "required unless access is ProbeOnly: the Secret with the operator's account"


def _probe_only(spec: InstanceSpec) -> BrokenRules:
    if spec.access is Access.PROBE_ONLY and not any(canary.expect.is_challenged for canary in spec.canaries):
        yield "canaries", "required because access is ProbeOnly: give a canary with expect: Challenged or Passes"


def _gate_mode(spec: InstanceSpec) -> BrokenRules:
    if spec.access is Access.MANAGE and not spec.gate.chosen:
        yield "gate.mode", GATE_REQUIRED


def _managed_gate(spec: InstanceSpec) -> BrokenRules:
    if spec.access is not Access.MANAGE and spec.gate.mode is GateMode.MANAGED:
        yield "gate.mode", "Managed needs access: Manage"


def _interval(spec: InstanceSpec) -> BrokenRules:
    if spec.check_interval < SHORTEST_CHECK:
        yield "checkInterval", "must be at least 5s"


POLICY_RULES: Rules[PolicySpec] = (
    (_needs_a_factor, ("mode", "allowedFactors")),
    (_enforced_groups, ("enforcedGroups",)),
    (_enforced_and_exempt, ("enforcedGroups", "exemptGroups")),
    (_exempt_groups, ("exemptGroups",)),
    (_remember_device, ("rememberDevice",)),
    (_window, ("requireOnBuild",)),
    (_assurance, ("minimumAssurance", "allowedFactors")),
)
BREAK_GLASS_RULES: Rules[BreakGlassSpec] = ((_reason, ("reason",)),)
INSTANCE_RULES: Rules[InstanceSpec] = (
    (_url, ("url",)),
    (_credentials, ("access", "credentialsRef")),
    (_probe_only, ("access", "canaries")),
    (_gate_mode, ("access", "gate")),
    (_managed_gate, ("access", "gate")),
    (_interval, ("checkInterval",)),
)


def _can_be_split(url: str) -> bool:
    try:
        urlsplit(url)  # raises ValueError for what only looks like an IPv6 address
    except ValueError:
        return False
    return True
