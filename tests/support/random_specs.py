"""Random custom resources, about half of them valid: fields with likely values from pools, randomly combined."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.support.rule_cases import build

FACTORS = ["EmailOTP", "SMSOTP", "MobileAuthenticator", "SecurityQuestions", "BackupCodes", "YubiKey"]
GROUPS = ["admins", "robots", "authenticated", "ANONYMOUS", "Grüße", ""]
DURATIONS = ["0s", "1s", "4s", "5s", "30s", "1h30m", "720h", "720h1s", "43200m", "1d", "", "h", "1m1h", "00001h", "5s\n", "٣s", 5]
TIMES = [
    "2026-12-01T12:00:00Z",
    "2026-12-01",
    "2026-02-30T00:00:00Z",
    "2026-12-01T12:00:00+25:00",
    "2026-12-01t12:00:00z",
    "2026-12-01T12:00:00,123456789Z",
    "2026-12-01T12:00:60Z",
    "2026-12-01T24:00:00Z",
    "2026-12-01T12:00:00+23:60",
    "2026-12-01T12:00:00-24:60",
    "2026-12-01T12:00:00+24:61",
    "0001-01-01T00:00:00+10:00",
    "9999-12-31T23:59:59-10:00",
    "2100-01-01T00:30:00+01:00",
    "1999-01-01T00:00:00Z",
]
HOSTS = [
    "jenkins",
    "jenkins.example.com",
    "127.0.0.1",
    "localhost",
    "[::1]",
    "[::g]",
    "",
    "me@jenkins",
    "a b",
    "bücher",
    "127.0.0.1.example.com",
]


def _groups(smallest: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(GROUPS), min_size=smallest, max_size=3)


def _object(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def _selector() -> st.SearchStrategy[dict[str, Any]]:
    expression = _object(
        key=st.just("tier"),
        operator=st.sampled_from(["In", "NotIn", "Exists", "Equals"]),
        values=st.lists(st.sampled_from(["a", 1]), max_size=2),
    )
    return _object(
        matchLabels=st.dictionaries(st.just("tier"), st.sampled_from(["a", "b", 1])), matchExpressions=st.lists(expression, max_size=1)
    )


POLICY_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "instanceSelector": _selector(),
    "mode": st.sampled_from(["Enforce", "Enforce", "Audit", "Disabled", "disabled", False]),
    "allowedFactors": st.lists(
        st.one_of(
            st.sampled_from(FACTORS),
            _object(type=st.sampled_from(FACTORS)),
            _object(
                type=st.sampled_from(["EmailOTP", "EmailOTP", "YubiKey"]),
                emailOTP=_object(
                    senderAddress=st.sampled_from(["a@b", "a@b", "a", "a@b@c", "a @b", "ä@b"]),
                    template=st.sampled_from(["$otp", "otp", ""]),
                ),
            ),
            _object(
                type=st.sampled_from(["SMSOTP", "SMSOTP", "YubiKey"]),
                smsOTP=_object(gateway=st.sampled_from(["Twilio", "MiniOrange", "Other"])),
            ),
        ),
        max_size=3,
    ),
    "enforcedGroups": _groups(0),
    "exemptGroups": _groups(0),
    "requireOnBuild": _object(window=st.sampled_from(DURATIONS)),
    "rememberDevice": st.sampled_from(DURATIONS),
    "apiTokens": st.sampled_from(["Exempt", "Challenge", "Allow"]),
    "minimumAssurance": st.sampled_from(["AAL1", "AAL2", "AAL3"]),
    "driftPolicy": st.sampled_from(["Correct", "Report", "Ignore"]),
    "suspend": st.sampled_from([True, False, "true"]),
    "rollout": _object(
        batchSize=st.sampled_from([0, 1, 2.0, "1", 10001]),
        pauseBetween=st.sampled_from(DURATIONS),
        stopAfterFailures=st.sampled_from([0, 1, True]),
        graceUntil=st.sampled_from(["2026-12-01T12:00:00Z", "2026-12-01T12:00:00+01:00", "2026-12-01", "soon"]),
        minimumEnrolled=st.sampled_from([-1, 0, 95, 101]),
    ),
    "deletionPolicy": st.sampled_from(["Retain", "Restore", "Delete"]),
    "priority": st.sampled_from([0, -1, 1000000, 1000001, 1.5, 1.0, 1e3, "1", True]),
    "unknown": st.just(1),
}

INSTANCE_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "url": st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["https://", "https://", "http://", "HTTPS://", "ftp://", "https:/", "//", ""]),
        st.sampled_from(HOSTS),
        st.sampled_from(["", ":8080", ":65536", ":", ":x", ":0443"]),
        st.sampled_from(["", "/", "/ci/", "//", "/?q", "#f", "/@me", "\\x", "/ü", "/\n"]),
    ),
    "credentialsRef": _object(name=st.sampled_from(["secret", "se.cret", "Secret", "-", ""])),
    "caRef": _object(kind=st.sampled_from(["ConfigMap", "Secret", "Pod"]), name=st.just("ca"), key=st.sampled_from(["ca.crt", "a b", ""])),
    "access": st.sampled_from(["Manage", "Observe", "ProbeOnly", "None"]),
    "gate": _object(mode=st.sampled_from(["None", "Managed", "Provided", "managed"])),
    "canaries": st.lists(
        _object(
            name=st.sampled_from(["a", "b", "A"]),
            expect=st.sampled_from(["Challenged", "Exempt", "Passes"]),
            secretRef=_object(name=st.just("canary")),
        ),
        max_size=2,
    ),
    "checkInterval": st.sampled_from(DURATIONS),
    "competingManager": st.sampled_from(["Refuse", "Override", True]),
    "provider": st.sampled_from(["MiniOrange", "OpenMFA", "OMPASS"]),
}


BREAK_GLASS_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "instanceSelector": POLICY_FIELDS["instanceSelector"],
    "expiresAt": st.sampled_from(TIMES),
    "reason": st.sampled_from(["INC-1", " ", "", "\n x", 1]),
    "until": st.just("2026-12-01T12:00:00Z"),
}
FIELDS = {"TwoFactorPolicy": POLICY_FIELDS, "JenkinsInstance": INSTANCE_FIELDS, "TwoFactorBreakGlass": BREAK_GLASS_FIELDS}


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    """A valid object with up to four fields of its spec removed or replaced by likely values."""
    kind = draw(st.sampled_from(sorted(FIELDS)))
    pool = FIELDS[kind]
    names = draw(st.lists(st.sampled_from(sorted(pool)), max_size=4, unique=True))
    return build(kind, {name: draw(st.one_of(pool[name], pool[name], pool[name], st.none())) for name in names})
