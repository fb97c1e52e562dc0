"""The rules that one object alone can be checked by.

Each stands also in ``crds/`` as a CEL rule with the same message; a test holds the two together. Here they serve ``jenkins2fa validate``
(no cluster at hand) and the operator itself (a cluster may still have an older CRD).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

from jenkins2fa.api.instance import Access, GateMode, InstanceSpec
from jenkins2fa.api.policy import Enforcement, Factor, PolicySpec
from jenkins2fa.api.reading import Problem

BUILT_IN_GROUPS = ("authenticated", "anonymous")
LONGEST_REMEMBER = timedelta(hours=720)
SHORTEST_CHECK = timedelta(seconds=5)


def policy_problems(spec: PolicySpec) -> list[Problem]:
    """What a policy may not say, each with the field and the way out. Empty when all is well."""
    return [Problem(f"spec.{path}", message) for rule in POLICY_RULES for path, message in rule(spec)]


def instance_problems(spec: InstanceSpec) -> list[Problem]:
    """What an instance may not say, each with the field and the way out. Empty when all is well."""
    return [Problem(f"spec.{path}", message) for rule in INSTANCE_RULES for path, message in rule(spec)]


Findings = Iterator[tuple[str, str]]


def _needs_a_factor(spec: PolicySpec) -> Findings:
    if spec.enforcement is Enforcement.ENFORCE and not spec.allowed_factors - {Factor.BACKUP_CODES}:
        yield "allowedFactors", "Enforce needs a factor other than BackupCodes: without one nobody would be asked for anything"


def _email_settings(spec: PolicySpec) -> Findings:
    if Factor.EMAIL_OTP in spec.allowed_factors and spec.email_otp is None:
        yield "emailOTP", "required because allowedFactors has EmailOTP: give at least senderAddress"
    if spec.email_otp is not None and Factor.EMAIL_OTP not in spec.allowed_factors:
        yield "emailOTP", "only allowed when allowedFactors has EmailOTP"
    if spec.email_otp is not None and "@" not in spec.email_otp.sender_address:
        yield "emailOTP.senderAddress", "must be an e-mail address"
    if spec.email_otp is not None and spec.email_otp.template is not None and "$otp" not in spec.email_otp.template:
        yield "emailOTP.template", "must contain $otp: without it the mail has no one-time password"


def _sms_settings(spec: PolicySpec) -> Findings:
    if Factor.SMS_OTP in spec.allowed_factors and spec.sms_gateway is None:
        yield "smsOTP", "required because allowedFactors has SMSOTP: give gateway"
    if spec.sms_gateway is not None and Factor.SMS_OTP not in spec.allowed_factors:
        yield "smsOTP", "only allowed when allowedFactors has SMSOTP"


def _groups(spec: PolicySpec) -> Findings:
    if spec.enforced_groups is not None and not spec.enforced_groups:
        yield "enforcedGroups", "must not be empty: leave it out to mean everyone"
    both = sorted(spec.exempt_groups & (spec.enforced_groups or frozenset()))
    if both:
        yield "exemptGroups", "no group may be both enforced and exempt"
    if any(group.lower() in BUILT_IN_GROUPS for group in spec.exempt_groups):
        yield "exemptGroups", "must not hold authenticated or anonymous: that would exempt everyone"


def _durations(spec: PolicySpec) -> Findings:
    if spec.remember_device is not None and not timedelta(0) < spec.remember_device <= LONGEST_REMEMBER:
        yield "rememberDevice", "must be more than 0s and at most 720h"
    if spec.build_window is not None and spec.build_window <= timedelta(0):
        yield "requireOnBuild.window", "must be more than 0s"


def _break_glass(spec: PolicySpec) -> Findings:
    if spec.break_glass is not None and not spec.break_glass.reason.strip():
        yield "breakGlass.reason", "must not be empty: name the incident"


def _url(spec: InstanceSpec) -> Findings:
    parts = _split(spec.url)
    if parts is None or not parts.hostname:
        yield "url", "must be a URL such as https://jenkins.example.com/ci/"
        return
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        yield "url", "must use https (http is accepted for loopback addresses only)"
    if parts.username is not None or parts.password is not None:
        yield "url", "must not carry a user or password: put them into the Secret that credentialsRef names"
    if parts.query or parts.fragment:
        yield "url", "must not have a query or fragment"


def _probe_only(spec: InstanceSpec) -> Findings:
    if spec.access is Access.PROBE_ONLY and spec.probes.challenged is None:
        yield "probes.challenged", "required because access is ProbeOnly: the canary is all there is to look with"
    if spec.access is not Access.MANAGE and spec.gate.mode is GateMode.MANAGED:
        yield "gate.mode", "Managed needs access: Manage"


def _interval(spec: InstanceSpec) -> Findings:
    if spec.check_interval < SHORTEST_CHECK:
        yield "checkInterval", "must be at least 5s"


POLICY_RULES = (_needs_a_factor, _email_settings, _sms_settings, _groups, _durations, _break_glass)
INSTANCE_RULES = (_url, _probe_only, _interval)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        return None
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_and_port(url: str) -> str:
    """Host and port of a URL as the Secret's key ``host`` must name them: ``jenkins.example.com``, ``127.0.0.1:8080``, ``[::1]:8080``."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else (parts.hostname or "")
    standard = {"https": 443, "http": 80}.get(parts.scheme)
    return host if parts.port in (None, standard) else f"{host}:{parts.port}"
