"""Random user input: objects, annotations, Secrets, lists and files of accounts.

It causes only errors of our own; each names a place, and none contains a secret.
JENKINS2FA_FUZZ_CASES=10000 tries more.
"""

from __future__ import annotations

import base64
import copy
import json
import random
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from jenkins2fa.api.fields import InvalidObject
from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import Metadata
from jenkins2fa.api.parse import parse_instance, parse_policy
from jenkins2fa.cli.controllers import read_list
from jenkins2fa.cli.errors import CommandError
from jenkins2fa.cli.manifests import Manifest, parse_manifests
from jenkins2fa.cli.plan.sources import SecretFiles
from jenkins2fa.cli.validate import check
from jenkins2fa.controller.instance.status import handled_request
from jenkins2fa.core.assess import Assessment, Outcome, assess
from jenkins2fa.core.conditions import judge
from jenkins2fa.jenkins.connection import Connection, Connections
from jenkins2fa.jenkins.errors import JenkinsError
from jenkins2fa.jenkins.http import Http
from jenkins2fa.kube.client import Connection as ClusterConnection
from jenkins2fa.kube.client import Kubernetes, KubernetesError
from jenkins2fa.kube.secrets import ReferenceCache
from tests.support.fuzzing import PLANTED, cases, damaged, odd_values, scrap
from tests.support.literals import CODE, FRESH, MANAGED
from tests.support.managed import policy
from tests.support.raw_server import RawServer

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
METADATA = {"name": "sample", "namespace": "tests", "labels": {"tier": "a"}, "annotations": {"jenkins2fa.dev/take-over": "a/b"},
            "uid": "u", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}  # fmt: skip
POLICY = {
    "instanceSelector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]},
    "mode": "Enforce", "enforcedGroups": ["admins"], "exemptGroups": ["robots"],
    "allowedFactors": [{"type": "EmailOTP", "emailOTP": {"senderAddress": "a@b", "subject": "s", "template": "$otp"}},
                       {"type": "SMSOTP", "smsOTP": {"gateway": "Twilio"}}],
    "requireOnBuild": {"window": "5m"}, "rememberDevice": "1h", "apiTokens": "Exempt",
    "minimumAssurance": "AAL1", "driftPolicy": "Correct", "suspend": False,
    "rollout": {"batchSize": 1, "pauseBetween": "1m", "stopAfterFailures": 1, "graceUntil": "2026-12-01T12:00:00Z",
                "minimumEnrolled": 5},
    "deletionPolicy": "Retain", "priority": 0,
}  # fmt: skip
INSTANCE = {
    "url": "https://jenkins.example.com/ci/", "credentialsRef": {"name": "admin"},
    "caRef": {"kind": "ConfigMap", "name": "ca", "key": "ca.crt"},
    "access": "Manage", "gate": {"mode": "Managed"}, "checkInterval": "30s", "competingManager": "Refuse",
    "canaries": [{"name": "c", "expect": "Challenged", "secretRef": {"name": "c"}},
                 {"name": "e", "expect": "Exempt", "secretRef": {"name": "e"}}],
}  # fmt: skip
SECRET_URLS = (f"https://me:{PLANTED}@jenkins.example.com/", f"https://{PLANTED}@j:99999/", f"http://a:{PLANTED}@127.0.0.1/",
               f"https://j/?t={PLANTED}", f"https://j:x/#{PLANTED}", f"//me:{PLANTED}@j",
               f"https://[me:{PLANTED}@j/", f"me:{PLANTED}@j")  # fmt: skip


def an_object(dice: random.Random) -> dict[str, Any]:
    kind, spec = dice.choice((("TwoFactorPolicy", POLICY), ("JenkinsInstance", INSTANCE)))
    body = {"apiVersion": "jenkins2fa.dev/v1alpha1", "kind": kind, "metadata": METADATA, "spec": spec}
    broken = damaged(dice, {"spec": spec, **({"metadata": METADATA} if dice.random() < 0.3 else {})})
    made: dict[str, Any] = copy.deepcopy({**body, **(broken if isinstance(broken, dict) else {})})
    if kind == "JenkinsInstance" and dice.random() < 0.3 and isinstance(made["spec"], dict):
        made["spec"]["url"] = dice.choice(SECRET_URLS)
    return made


def test_any_object_is_parsed_or_reported_field_by_field() -> None:
    """As the controller and `plan` parse it."""
    read = 0
    for dice in cases(1500):
        body = an_object(dice)
        parse = parse_policy if body["kind"] == "TwoFactorPolicy" else parse_instance
        try:
            parse(body)
            read += 1
        except InvalidObject as error:
            assert error.problems
            for problem in error.problems:
                assert problem.path.split(".")[0] in ("spec", "metadata"), problem
                assert problem.message.strip()
            assert_no_secret_of_a_url(body, str(error))
    assert read > 20


def assert_no_secret_of_a_url(body: dict[str, Any], text: str) -> None:
    spec = body["spec"] if isinstance(body["spec"], dict) else {}
    if spec.get("url") in SECRET_URLS and json.dumps(body).count(PLANTED) == 1:
        assert PLANTED not in text


def test_any_file_is_checked_field_by_field() -> None:
    """As `jenkins2fa validate` reads it, in YAML and in JSON."""
    for dice in cases(250):
        body = an_object(dice)
        try:
            text = yaml.safe_dump(body) if dice.random() < 0.5 else json.dumps(body)
        except (yaml.YAMLError, ValueError):
            text = json.dumps(body)
        if dice.random() < 0.2:
            at = dice.randrange(len(text))
            text = text[:at] + dice.choice(("\x00", "\t", "&a ", "*a", "!!x ", ": ", "\n", "]", '"')) + text[at:]
        for one in parse_manifests("file.yaml", text.encode("utf-8", "surrogatepass")):
            found = check(one) if isinstance(one, Manifest) else [one]
            for finding in found:
                assert finding.line >= 1
                assert finding.message.strip()
                assert_no_secret_of_a_url(body, finding.message)


TEXTS = ("", "x", "cluster/instance", "1-abc", "\x00", "é" * 400, "y" * 5000, "a\nb", "{}", "../..", PLANTED, "٣")


def test_any_annotation_is_treated_as_data() -> None:
    names = ("reconcile-at", "take-over", "approve-weakening", "unknown")
    desired = policy()
    for dice in cases(200):
        notes = {f"jenkins2fa.dev/{name}": dice.choice(TEXTS) for name in dice.sample(names, dice.randint(0, 4))}
        where = JenkinsInstance(Metadata("tests", "jenkins", "uid", 1, annotations=notes), MANAGED)
        asking = type(desired)(Metadata("tests", "policy", "uid", 1, annotations=notes), desired.spec)
        found = assess(asking, where, FRESH, CODE, cluster="c", now=NOW, require_approval=True)
        conditions = judge(Outcome(where, asking, Assessment(FRESH, found.plan, found.findings, found.mode, found.drift)), NOW)
        assert all(len(one.message) <= 1024 for one in conditions)
        assert len(handled_request(where) or "") <= 128


# --- Secrets ---

KEYS = ("host", "username", "token", "secondFactorSeed", "totp", "ca.crt", "extra")
VALUES = (b"jenkins.example.com", b"admin", PLANTED.encode(), b"", b" ", b"\n", b"\xff\xfe", b"\x00", PLANTED.encode() + b"\n", b"a:b",
          "ü".encode(), b"JBSWY3DPEHPK3PXP", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
          b"x" * 100_000, b"HOST:443", b"1" * 20)  # fmt: skip


def test_any_secret_is_used_or_reported_by_its_key(tmp_path: Path) -> None:
    """Over a real connection to a fake API server."""
    told: set[str] = set()
    with RawServer(lambda asked: None) as server:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(json.dumps(cluster(server.url)))
        kubernetes = Kubernetes(ClusterConnection(str(kubeconfig)))
        for dice in cases(300):
            data = {key: value_of(dice, key) for key in dice.sample(KEYS, dice.randint(2, len(KEYS)))}
            body = dice.choice(({"data": data}, {"data": data}, {"data": data}, {"data": None}, {}, damaged(dice, {"data": data})))
            server.answer = lambda asked, body=body: http_ok(body)  # type: ignore[misc]
            spec = parse_instance({"metadata": METADATA, "spec": {**INSTANCE, "caRef": {"kind": "Secret", "name": "admin"}}})
            try:
                connection = Connections(ReferenceCache(kubernetes, lambda: 0.0), lambda: 0.0).connection(spec)
                assert PLANTED not in hidden_but_for_the_name(connection)
                Http(connection).close()
                told.add("used")
            except (JenkinsError, KubernetesError) as problem:
                assert PLANTED not in str(problem)
                assert "x" * 100 not in str(problem)
                told.add(type(problem).__name__)
    assert {"SecretMissing", "HostNotAllowed", "CertificateRejected"} <= told


def hidden_but_for_the_name(connection: Connection) -> str:
    return re.sub("username='[^']*'", "", repr(connection))


def value_of(dice: random.Random, key: str) -> str:
    likely = {"host": VALUES[0], "username": VALUES[1], "token": VALUES[2]}
    value = likely[key] if key in likely and dice.random() < 0.8 else dice.choice(VALUES)
    return base64.b64encode(value).decode() if dice.random() < 0.95 else dice.choice(("====", "a", "%%", PLANTED))


def cluster(url: str) -> dict[str, Any]:
    """A kubeconfig."""
    entries = {"clusters": {"cluster": {"server": url.rstrip("/")}}, "users": {"user": {"token": "t"}},
               "contexts": {"context": {"cluster": "c", "user": "c"}}}  # fmt: skip
    named = {kind: [{"name": "c", **entry}] for kind, entry in entries.items()}
    return {"apiVersion": "v1", "kind": "Config", "current-context": "c", **named}


def http_ok(body: Any) -> bytes:
    text = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text


# --- lists and files of accounts ---

WORDS = ("https://j.example.com/", "url", ",", "username", "token_file", "token_env", "\n", "- ", ": ", "  ", '"', "'", "#", "{", "}",
         "[", "]", "*a", "&a ", "!!int ", "!!binary ", "2026-13-45", "0x", "1" * 4500, "\x00", "\r", "\u2028", "stringData:", "host",
         f"token: {PLANTED}",
         f"password: {PLANTED}", f"*{PLANTED} ", f"!{PLANTED} ", PLANTED, "|", "? ", "<<: ", "--- ",
         "https://", "@", "https://me:" + PLANTED + "@j/")  # fmt: skip


TOLD = re.compile(r"the (file|environment variable) [^\n]*|[a-z]+://[^\s@?#]+")  # names and plain URLs are quoted from the list


@pytest.mark.parametrize("suffix", ["csv", "txt"])
def test_any_audit_list_is_parsed_or_reported_by_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    monkeypatch.setenv("JENKINS_TOKEN", "t0ken")
    file = tmp_path / f"list.{suffix}"
    token = tmp_path / "token"
    token.write_text(PLANTED)
    good = [{"url": "https://j.example.com/", "username": "canary", "token_file": str(token)}, "https://k.example.com/"]
    for dice in cases(150):
        file.write_bytes(a_file(dice, good, b"url, username, token_file\nhttps://j.example.com/, a, " + str(token).encode()))
        try:
            read_list((str(file),), "canary", None)
        except CommandError as problem:
            assert "list." in str(problem) or "no URL" in str(problem), str(problem)
            assert PLANTED not in TOLD.sub("", str(problem))


def test_a_list_that_csv_rejects_is_reported_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("url,username\nhttps://j.example.com/,a\nhttps://k.example.com/," + PLANTED * 10_000)
    with pytest.raises(CommandError, match=r"list[.]csv:3: is not valid CSV") as told:
        read_list((str(file),), "canary", None)
    assert PLANTED not in str(told.value)


def test_any_secrets_file_is_parsed_or_reported_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", PLANTED)
    file = tmp_path / "secrets.yaml"
    where = parse_instance({"metadata": METADATA, "spec": INSTANCE})
    metadata = {"namespace": where.meta.namespace, "name": "admin"}
    used = 0
    for dice in cases(300):
        data = {"host": "jenkins.example.com", "username": "a", "token": "$(TOKEN)", "ca.crt": "PEM"}
        good = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
        file.write_bytes(a_file(dice, good, b"stringData: {"))
        try:
            connections = Connections(SecretFiles((str(file),), "default"), time.monotonic)
            assert PLANTED not in hidden_but_for_the_name(connections.connection(where))
            used += 1
        except (CommandError, JenkinsError) as problem:
            assert PLANTED not in TOLD.sub("", str(problem))
    assert used


def a_file(dice: random.Random, good: Any, start: bytes) -> bytes:
    if dice.random() < 0.03:
        return b"[" * 600  # deeper than Python's stack
    match dice.randrange(5):
        case 0:
            return start + scrap(dice, WORDS).encode("utf-8", "surrogatepass")
        case 1:
            return scrap(dice, WORDS).encode("utf-8", "surrogatepass")
        case 2:
            return dice.randbytes(60)
        case 3:
            return json.dumps(good).encode()
        case _:
            return json.dumps(damaged(dice, good)).encode("utf-8", "surrogatepass")


def test_odd_values_cover_every_type() -> None:
    """The other tests rely on it."""
    kinds = {type(odd_values(dice)) for dice in cases(300)}
    assert {type(None), bool, int, float, str, list, dict} <= kinds
