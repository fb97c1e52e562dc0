"""``jenkins2fa validate`` never ends in a traceback, whatever it is given."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jenkins2fa.cli.manifests import Manifest, UnreadableDocument, parse_manifests
from jenkins2fa.cli.validate import check

HEAD = "apiVersion: jenkins2fa.dev/v1alpha1\nkind: TwoFactorPolicy\nmetadata: {name: sample}\n"


def no_traceback(content: bytes) -> list[Manifest | UnreadableDocument]:
    found = list(parse_manifests("random", content))
    for one in found:
        if isinstance(one, Manifest):
            assert all(finding.message and finding.line >= 1 for finding in check(one))
        else:
            assert one.line >= 1
            assert one.message
    return found


@given(st.binary(max_size=200))
def test_any_bytes_are_reported(content: bytes) -> None:
    no_traceback(content)


PUNCTUATION = [
    "b: ",
    "- ",
    "\n",
    "  ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ": ",
    "? ",
    "'",
    '"',
    "|\n",
    ">\n",
    "---\n",
    "...\n",
    "#",
    "\t",
    "%",
    "@",
    "`",
]
WORDS = [
    "a",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "!!int ",
    "!x ",
    "%YAML 1.1\n",
    "0x",
    "1_0",
    "~",
    "Off",
    "é",
    "\u2028",
    "kind: ",
    "spec: ",
    "items: ",
]


@given(st.lists(st.sampled_from([*PUNCTUATION, *WORDS, HEAD]), max_size=25).map("".join))
@settings(max_examples=400)
def test_any_yaml_fragment_is_reported(text: str) -> None:
    no_traceback(text.encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "instanceSelector",
    "mode",
    "allowedFactors",
    "type",
    "emailOTP",
    "driftPolicy",
    "expiresAt",
    "reason",
    "priority",
    "url",
    "credentialsRef",
    "gate",
    "canaries",
]


@given(
    st.sampled_from(["TwoFactorPolicy", "JenkinsInstance", "TwoFactorBreakGlass"]),
    st.dictionaries(st.sampled_from([*FIELDS, "x"]), JSON, max_size=4) | JSON,
    st.dictionaries(st.sampled_from(["name", "namespace", "labels"]), JSON) | JSON,
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_any_values_in_our_fields_are_reported(kind: str, spec: Any, metadata: Any) -> None:
    body = {"apiVersion": "jenkins2fa.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
    (manifest,) = no_traceback(json.dumps(body).encode())
    assert isinstance(manifest, Manifest)
