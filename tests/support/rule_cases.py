"""One table of rules for the API server and the offline check: both must give the same result and the same message.

Each case changes the spec of a valid object: ``passing`` must be accepted, ``refused`` must be refused at ``path`` with ``message``.
None removes the field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Spec = dict[str, Any]

POLICY: Spec = {"instanceSelector": {}, "mode": "Enforce", "allowedFactors": [{"type": "SecurityQuestions"}]}
BREAK_GLASS: Spec = {"instanceSelector": {}, "expiresAt": "2026-12-01T12:00:00Z", "reason": "INC-1234"}
INSTANCE: Spec = {"url": "https://jenkins.example.com/ci/", "credentialsRef": {"name": "build-jenkins"}, "gate": {"mode": "Managed"}}
DEFAULTS = {
    "TwoFactorPolicy": POLICY,
    "ClusterTwoFactorPolicy": {**POLICY, "namespaceSelector": {}},
    "JenkinsInstance": INSTANCE,
    "TwoFactorBreakGlass": BREAK_GLASS,
}
CANARY: Spec = {"name": "person", "expect": "Challenged", "secretRef": {"name": "canary"}}
MAIL: Spec = {"senderAddress": "jenkins@example.com"}


@dataclass(frozen=True)
class Case:
    name: str
    refused: Spec
    path: str
    message: str
    passing: Spec = field(default_factory=dict)
    kind: str = "TwoFactorPolicy"
    offline: str | None = None  # the offline check's message, if it differs for a plain schema error

    def good(self) -> dict[str, Any]:
        return build(self.kind, self.passing)

    def bad(self) -> dict[str, Any]:
        return build(self.kind, self.refused)


def build(kind: str, change: Spec, name: str = "sample") -> dict[str, Any]:
    """A valid object of this kind with some fields of its spec changed."""
    spec = {**DEFAULTS[kind], **change}
    body = {key: value for key, value in spec.items() if value is not None}
    return {"apiVersion": "jenkins2fa.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": body}


def _mail(**change: Any) -> Spec:
    return {"allowedFactors": [{"type": "EmailOTP", "emailOTP": {**MAIL, **change}}]}


def _long(letter: str) -> list[str]:
    return [f"{number:03}{letter * 252}" for number in range(100)]


def _matching(**expression: Any) -> Spec:
    return {"instanceSelector": {"matchExpressions": [{"key": "tier", **expression}]}}


OUT_OF_REACH = "EmailOTP and SecurityQuestions can never reach AAL2: take them out of allowedFactors, or set AAL1"
DURATION = "must be a duration such as 30s, 15m or 1h30m"
NO_FACTOR = "Enforce needs a factor other than BackupCodes: without one nobody would be asked for anything"
BOTH = "no group may be both enforced and exempt, in whatever case: exempt would win"
BUILT_IN = "must not hold authenticated or anonymous: that would exempt everyone"
URL = "must be a URL such as https://jenkins.example.com/ci/"
HTTPS = "must use https (http is accepted for loopback addresses only)"
NO_USER = "must not carry a user or password: put them into the Secret that credentialsRef names"
GATE = "required because access is Manage: choose Managed (the operator installs the gate), Provided (you mount its file) or None (the plugin alone)"
TIME = "must be a time such as 2026-12-01T12:00:00Z"

# ruff: noqa: E501 - a table, one case a line
# fmt: off
RULES = [
    Case("a factor", {"allowedFactors": None}, "spec.allowedFactors", NO_FACTOR, {"mode": "Disabled", "allowedFactors": None}),
    Case("not backup codes only", {"allowedFactors": [{"type": "BackupCodes"}]}, "spec.allowedFactors", NO_FACTOR, {"allowedFactors": [{"type": "BackupCodes"}, {"type": "YubiKey"}]}),
    Case("mail with EmailOTP", {"allowedFactors": [{"type": "EmailOTP"}]}, "spec.allowedFactors[0].emailOTP", "required because type is EmailOTP: give at least senderAddress", _mail()),
    Case("mail only with EmailOTP", {"allowedFactors": [{"type": "YubiKey", "emailOTP": MAIL}]}, "spec.allowedFactors[0].emailOTP", "only allowed when type is EmailOTP", _mail(subject="Code")),
    Case("sender address", _mail(senderAddress="jenkins"), "spec.allowedFactors[0].emailOTP.senderAddress", "must be an e-mail address", _mail(senderAddress="a@b")),
    Case("sender address without name", _mail(senderAddress="J <a@b>"), "spec.allowedFactors[0].emailOTP.senderAddress", "must be an e-mail address"),
    Case("template", _mail(template="otp"), "spec.allowedFactors[0].emailOTP.template", "must contain $otp: without it the mail has no one-time password", _mail(template="Code:\n$otp")),
    Case("gateway with SMSOTP", {"allowedFactors": [{"type": "SMSOTP"}]}, "spec.allowedFactors[0].smsOTP", "required because type is SMSOTP: give gateway", {"allowedFactors": [{"type": "SMSOTP", "smsOTP": {"gateway": "Twilio"}}]}),
    Case("gateway only with SMSOTP", {"allowedFactors": [{"type": "YubiKey", "smsOTP": {"gateway": "Twilio"}}]}, "spec.allowedFactors[0].smsOTP", "only allowed when type is SMSOTP"),
    Case("enforced groups", {"enforcedGroups": []}, "spec.enforcedGroups", "must not be empty: leave it out to mean everyone", {"enforcedGroups": ["admins"]}),
    Case("enforced and exempt", {"enforcedGroups": ["a", "b"], "exemptGroups": ["b"]}, "spec.exemptGroups", BOTH, {"enforcedGroups": ["a"], "exemptGroups": ["b"]}),
    Case("enforced and exempt in another case", {"enforcedGroups": ["x", "admins"], "exemptGroups": ["robots", "ADMINs"]}, "spec.exemptGroups", BOTH, {"enforcedGroups": ["Admins"], "exemptGroups": ["Admins-robots"]}),
    Case("as many and long groups as may be", {"enforcedGroups": _long("e"), "exemptGroups": [*_long("x")[1:], _long("e")[99].upper()]}, "spec.exemptGroups", BOTH, {"enforcedGroups": _long("e"), "exemptGroups": _long("x")}),
    Case("exempt AUTHENTICATED", {"exemptGroups": ["AUTHENTICATED"]}, "spec.exemptGroups", BUILT_IN, {"exemptGroups": ["Authenticated-robots"]}),
    Case("exempt authenticated", {"exemptGroups": ["authenticated"]}, "spec.exemptGroups", BUILT_IN, {"exemptGroups": ["authenticated-robots"]}),
    Case("exempt Anonymous", {"exemptGroups": ["robots", "Anonymous"]}, "spec.exemptGroups", BUILT_IN, {"exemptGroups": []}),
    Case("remember 0s", {"rememberDevice": "0h0m0s"}, "spec.rememberDevice", "must be more than 0s and at most 720h", {"rememberDevice": "1s"}),
    Case("remember too long", {"rememberDevice": "720h0m1s"}, "spec.rememberDevice", "must be more than 0s and at most 720h", {"rememberDevice": "720h"}),
    Case("remember form", {"rememberDevice": "12 hours"}, "spec.rememberDevice", DURATION, {"rememberDevice": "1h30m5s"}),
    Case("remember empty", {"rememberDevice": ""}, "spec.rememberDevice", DURATION),
    Case("assurance out of reach", {"minimumAssurance": "AAL2"}, "spec.minimumAssurance", OUT_OF_REACH, {"minimumAssurance": "AAL2", "allowedFactors": [{"type": "WebAuthn"}]}),
    Case("assurance of a mixed list", {"minimumAssurance": "AAL2", "allowedFactors": [{"type": "WebAuthn"}, *_mail()["allowedFactors"]]}, "spec.minimumAssurance", OUT_OF_REACH, _mail()),
    Case("window 0s", {"requireOnBuild": {"window": "0s"}}, "spec.requireOnBuild.window", "must be more than 0s", {"requireOnBuild": {"window": "15m"}}),
    Case("window form", {"requireOnBuild": {"window": "15"}}, "spec.requireOnBuild.window", DURATION),
    Case("window too many digits", {"requireOnBuild": {"window": "1000000h"}}, "spec.requireOnBuild.window", DURATION, {"requireOnBuild": {"window": "99999h"}}),
    Case("pause", {"rollout": {"pauseBetween": "a while"}}, "spec.rollout.pauseBetween", DURATION, {"rollout": {"pauseBetween": "10m", "batchSize": 2}}),
    Case("break-glass zone", {"expiresAt": "2026-12-01T12:00:00+25:00"}, "spec.expiresAt", TIME, {}, "TwoFactorBreakGlass"),
    Case("break-glass year", {"expiresAt": "1999-12-31T23:59:59Z"}, "spec.expiresAt", TIME, {"expiresAt": "2000-01-01T00:00:00Z"}, "TwoFactorBreakGlass"),
    Case("grace year", {"rollout": {"graceUntil": "2100-01-01T00:00:00Z"}}, "spec.rollout.graceUntil", TIME, {"rollout": {"graceUntil": "2099-12-31T23:59:59.9Z"}}),
    Case("break-glass reason", {"reason": " \n"}, "spec.reason", "must not be empty: name the incident", {"reason": "x"}, "TwoFactorBreakGlass"),
    Case("values for In", _matching(operator="In"), "spec.instanceSelector.matchExpressions[0].values", "required because operator is In or NotIn", _matching(operator="In", values=["a"])),
    Case("no values for Exists", _matching(operator="Exists", values=["a"]), "spec.instanceSelector.matchExpressions[0].values", "only allowed when operator is In or NotIn", _matching(operator="Exists")),
    Case("url form", {"url": "jenkins.example.com"}, "spec.url", URL, {"url": "https://jenkins.example.com"}, "JenkinsInstance"),
    Case("url without host", {"url": "https:///ci/"}, "spec.url", URL, {"url": "https://[2001:db8::1]:8443/ci"}, "JenkinsInstance"),
    Case("url port", {"url": "https://jenkins:65536/"}, "spec.url", URL, {"url": "https://jenkins:65535/"}, "JenkinsInstance"),
    Case("url space", {"url": "https://jenkins/a b"}, "spec.url", URL, {}, "JenkinsInstance"),
    Case("url https", {"url": "http://jenkins.example.com/"}, "spec.url", HTTPS, {"url": "http://127.0.0.1:8080/ci/"}, "JenkinsInstance"),
    Case("url loopback by name", {"url": "http://localhost.example.com/"}, "spec.url", HTTPS, {"url": "http://localhost/"}, "JenkinsInstance"),
    Case("url loopback v6", {"url": "http://[::2]/"}, "spec.url", HTTPS, {"url": "http://[::1]:8080"}, "JenkinsInstance"),
    Case("url user", {"url": "https://me:secret@jenkins.example.com/"}, "spec.url", NO_USER, {"url": "https://jenkins.example.com/@me"}, "JenkinsInstance"),
    Case("url query", {"url": "https://jenkins.example.com/?a=b"}, "spec.url", "must not have a query or fragment", {}, "JenkinsInstance"),
    Case("url fragment", {"url": "https://jenkins.example.com/#a"}, "spec.url", "must not have a query or fragment", {}, "JenkinsInstance"),
    Case("credentials unless ProbeOnly", {"credentialsRef": None}, "spec.credentialsRef", "required unless access is ProbeOnly: the Secret with the operator's account", {"credentialsRef": None, "access": "ProbeOnly", "gate": None, "canaries": [CANARY]}, "JenkinsInstance"),
    Case("canary for ProbeOnly", {"access": "ProbeOnly", "gate": None}, "spec.canaries", "required because access is ProbeOnly: give a canary with expect: Challenged or Passes", {"access": "ProbeOnly", "gate": None, "canaries": [CANARY]}, "JenkinsInstance"),
    Case("gate with Manage", {"gate": None}, "spec.gate.mode", GATE, {"gate": {"mode": "None"}}, "JenkinsInstance"),
    Case("gate without a mode", {"gate": {}}, "spec.gate.mode", GATE, {"access": "Observe", "gate": {}}, "JenkinsInstance"),
    Case("gate needs Manage", {"access": "Observe", "gate": {"mode": "Managed"}}, "spec.gate.mode", "Managed needs access: Manage", {"access": "Observe", "gate": {"mode": "Provided"}}, "JenkinsInstance"),
    Case("interval too short", {"checkInterval": "4s"}, "spec.checkInterval", "must be at least 5s", {"checkInterval": "5s"}, "JenkinsInstance"),
    Case("interval zero", {"checkInterval": "0s"}, "spec.checkInterval", "must be at least 5s", {}, "JenkinsInstance"),
    Case("interval form", {"checkInterval": "5 s"}, "spec.checkInterval", DURATION, {"checkInterval": "1m"}, "JenkinsInstance"),
]

SCHEMA = [
    Case("mode", {"mode": None}, "spec.mode", "Required value", {"mode": "Audit"}, offline="required: Enforce, Audit or Disabled"),
    Case("selector", {"instanceSelector": None}, "spec.instanceSelector", "Required value", offline="required"),
    Case("mode is a string", {"mode": False}, "spec.mode", 'must be of type string: "boolean"', {"mode": "Disabled"}, offline="must be one of Enforce, Audit, Disabled, but YAML reads false as false"),
    Case("mode value", {"mode": "enforce"}, "spec.mode", 'supported values: "Enforce", "Audit", "Disabled"', offline="did you mean Enforce?"),
    Case("factor", {"allowedFactors": [{"type": "SmsOTP"}]}, "spec.allowedFactors[0].type", "Unsupported value", offline="did you mean SMSOTP?"),
    Case("factor twice", {"allowedFactors": [{"type": "YubiKey"}, {"type": "YubiKey"}]}, "spec.allowedFactors[1]", "Duplicate value", offline="type YubiKey is in the list already"),
    Case("sms gateway", {"allowedFactors": [{"type": "SMSOTP", "smsOTP": {}}]}, "spec.allowedFactors[0].smsOTP.gateway", "Required value", offline="required: MiniOrange or Twilio"),
    Case("window", {"requireOnBuild": {}}, "spec.requireOnBuild.window", "Required value", offline="required: how long"),
    Case("break-glass time", {"expiresAt": "tomorrow"}, "spec.expiresAt", "must be of type date-time", {"expiresAt": "2026-12-01T12:00:00.5+01:00"}, "TwoFactorBreakGlass", offline=TIME),
    Case("break-glass without zone", {"expiresAt": "2026-12-01T12:00:00"}, "spec.expiresAt", "must be of type date-time", {}, "TwoFactorBreakGlass", offline=TIME),
    Case("break-glass day", {"expiresAt": "2026-02-31T12:00:00Z"}, "spec.expiresAt", "must be of type date-time", {"expiresAt": "2028-02-29T12:00:00Z"}, "TwoFactorBreakGlass", offline=TIME),
    Case("break-glass leap day", {"expiresAt": "2026-02-29T12:00:00Z"}, "spec.expiresAt", "must be of type date-time", {}, "TwoFactorBreakGlass", offline=TIME),
    Case("grace time", {"rollout": {"graceUntil": "soon"}}, "spec.rollout.graceUntil", "must be of type date-time", {"rollout": {"graceUntil": "2026-12-01T12:00:00Z"}}, offline=TIME),
    Case("expiresAt", {"expiresAt": None}, "spec.expiresAt", "Required value", {}, "TwoFactorBreakGlass", offline="required: the time"),
    Case("reason", {"reason": None}, "spec.reason", "Required value", {}, "TwoFactorBreakGlass", offline="required"),
    Case("break-glass selector", {"instanceSelector": None}, "spec.instanceSelector", "Required value", {}, "TwoFactorBreakGlass", offline="required"),
    Case("empty group", {"exemptGroups": [""]}, "spec.exemptGroups[0]", "should be at least 1 chars long", offline="must not be empty"),
    Case("long group", {"exemptGroups": ["x" * 256]}, "spec.exemptGroups[0]", "may not be more than 255", {"exemptGroups": ["x" * 255]}, offline="must have at most 255 characters, has 256"),
    Case("many groups", {"exemptGroups": [f"g{n}" for n in range(101)]}, "spec.exemptGroups", "must have at most 100 items", {"exemptGroups": [f"g{n}" for n in range(100)]}, offline="must have at most 100 entries, has 101"),
    Case("long template", _mail(template="$otp" + "x" * 9997), "spec.allowedFactors[0].emailOTP.template", "may not be more than 10000", _mail(template="$otp" + "x" * 9996), offline="at most 10000 characters, has 10001"),
    Case("priority", {"priority": "high"}, "spec.priority", "must be of type integer", {"priority": 1e3}, offline="must be an integer, is a string"),
    Case("priority low", {"priority": -1000001}, "spec.priority", "should be greater than or equal to -1000000", {"priority": -1000000}, offline="must be at least -1000000"),
    Case("priority range", {"priority": 1000001}, "spec.priority", "should be less than or equal to 1000000", {"priority": 1000000}, offline="must be at most 1000000"),
    Case("suspend", {"suspend": "yes"}, "spec.suspend", "must be of type boolean", {"suspend": True}, offline="must be true or false, is a string"),
    Case("namespace selector", {"namespaceSelector": None}, "spec.namespaceSelector", "Required value", {"namespaceSelector": {"matchLabels": {"a": "b"}}}, "ClusterTwoFactorPolicy", offline="required"),
    Case("cluster policy priority", {"priority": 1000001}, "spec.priority", "should be less than or equal to 1000000", {"priority": 1000000}, "ClusterTwoFactorPolicy", offline="must be at most 1000000"),
    Case("label value", {"instanceSelector": {"matchLabels": {"tier": 1}}}, "spec.instanceSelector.matchLabels.tier", "must be of type string", {"instanceSelector": {"matchLabels": {"tier": "1"}}}, offline="must be a string"),
    Case("operator", _matching(operator="in", values=["a"]), "spec.instanceSelector.matchExpressions[0].operator", "Unsupported value", offline="did you mean In?"),
    Case("url", {"url": None}, "spec.url", "Required value", {}, "JenkinsInstance", offline="required"),
    Case("credentials", {"credentialsRef": {}}, "spec.credentialsRef.name", "Required value", {}, "JenkinsInstance", offline="required"),
    Case("secret name", {"credentialsRef": {"name": "Build_Jenkins"}}, "spec.credentialsRef.name", "should match", {}, "JenkinsInstance", offline="must be a name of lowercase letters"),
    Case("authority kind", {"caRef": {"kind": "Configmap", "name": "ca"}}, "spec.caRef.kind", "Unsupported value", {"caRef": {"name": "ca"}}, "JenkinsInstance", offline="did you mean ConfigMap?"),
    Case("access", {"access": "Write"}, "spec.access", "Unsupported value", {"access": "Observe", "gate": None}, "JenkinsInstance", offline="must be one of Manage, Observe, ProbeOnly"),
    Case("canary expectation", {"canaries": [{**CANARY, "expect": "challenged"}]}, "spec.canaries[0].expect", "Unsupported value", {"canaries": [CANARY, {**CANARY, "name": "robot", "expect": "Exempt"}]}, "JenkinsInstance", offline="did you mean Challenged?"),
    Case("canary twice", {"canaries": [CANARY, CANARY]}, "spec.canaries[1]", "Duplicate value", {"canaries": []}, "JenkinsInstance", offline="name person is in the list already"),
    Case("competing manager", {"competingManager": "Ignore"}, "spec.competingManager", "Unsupported value", {"competingManager": "Override"}, "JenkinsInstance", offline="must be one of Refuse, Override"),
    Case("provider", {"provider": "OMPASS"}, "spec.provider", "Unsupported value", {"provider": "OpenMFA"}, "JenkinsInstance", offline="must be one of MiniOrange, OpenMFA"),
    Case("gate mode", {"gate": {"mode": "managed"}}, "spec.gate.mode", "Unsupported value", {"gate": {"mode": "Provided"}}, "JenkinsInstance", offline="did you mean Managed?"),
]
# fmt: on
