"""Files are read as kubectl reads them (folders, several documents, JSON, anchors), and every value knows its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins2fa.cli.manifests import nearest
from jenkins2fa.cli.yaml_reading import read_path, spell
from tests.support.rule_cases import build
from tests.support.validating import HEAD, lines, run


def test_several_documents_lists_and_other_resources() -> None:
    item = HEAD.replace("\n", ", ").replace("TwoFactorPolicy", "JenkinsInstance").replace("sample", "a")
    listed = f"apiVersion: v1\nkind: List\nitems:\n- {{{item}\n   spec: {{url: foo, credentialsRef: {{name: x}}, gate: {{mode: None}}}}}}\n"
    text = f"---\napiVersion: v1\nkind: Secret\n---\n# nothing\n---\n{HEAD}spec: {{}}\n---\n{listed}---\n- a\n"
    result = run("-", input=text)
    assert [line.removeprefix("standard input:") for line in result.output.splitlines()] == [
        "10: TwoFactorPolicy/sample: spec.instanceSelector: required",
        "10: TwoFactorPolicy/sample: spec.mode: required: Enforce, Audit or Disabled",
        "16: JenkinsInstance/a: spec.url: must be a URL such as https://jenkins.example.com/ci/",
        "3 findings (2 objects checked in 1 file, 1 object of other kinds skipped)",
    ]


def test_a_duplicate_object_is_an_error(tmp_path: Path) -> None:
    good = HEAD + "spec: {instanceSelector: {}, mode: Audit}\n"
    (tmp_path / "a.yaml").write_text(good)
    (tmp_path / "b.yaml").write_text("\n\n" + good + "---\n" + good.replace("{name: sample}", "{name: sample, namespace: other}"))
    result = run(str(tmp_path))
    assert result.exit_code == 3
    assert result.output.splitlines()[0] == (
        f"{tmp_path}/b.yaml:5: TwoFactorPolicy/sample: metadata.name: this object is also at {tmp_path}/a.yaml:1"
    )
    assert "1 finding (3 objects checked in 2 files)" in result.output


def test_folders_are_searched_for_yaml_and_json(tmp_path: Path) -> None:
    (tmp_path / "below" / "deep").mkdir(parents=True)
    (tmp_path / "below" / "deep" / "a.yml").write_text(HEAD + "spec: {}\n")
    (tmp_path / "below" / "b.json").write_text(json.dumps(build("JenkinsInstance", {})))
    (tmp_path / "notes.txt").write_text(HEAD + "spec: {}\n")
    result = run(str(tmp_path))
    assert [line.rpartition(": spec")[0] for line in result.output.splitlines()[:-1]] == [
        f"{tmp_path}/below/deep/a.yml:4: TwoFactorPolicy/sample"
    ] * 2
    assert "(2 objects checked in 2 files)" in result.output


def test_json_with_tabs_and_byte_order_mark() -> None:
    text = json.dumps(build("TwoFactorPolicy", {"priority": "a"}), indent="\t")
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "priority" in one)
    assert lines(b"\xef\xbb\xbf" + text.encode()) == [f"{line}: TwoFactorPolicy/sample: spec.priority: must be an integer, is a string"]


def test_anchors_and_merges() -> None:
    text = (
        HEAD.replace("TwoFactorPolicy", "ClusterTwoFactorPolicy")
        + "spec:\n  instanceSelector: &a {matchLabels: {tier: x}}\n  mode: Audit\n  namespaceSelector: {<<: *a, matchLabel: {}}\n"
    )
    found = "ClusterTwoFactorPolicy/sample: spec.namespaceSelector.matchLabel: unknown field: did you mean matchLabels?"
    assert lines(text) == [f"7: {found}"]


LAUGHS = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (n + 1, n + 1, b",".join([b"*%c" % n] * 10)) for n in range(97, 104)
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: [1\nb: 2\n", "2: is not valid YAML"),
        (b"a: 1\n\tb: 2\n", "2: is not valid YAML"),
        (b"a: 'x\n\n", "3: is not valid YAML"),
        (b"ok: 1\nbad: \xff\n", "2: is not UTF-8 text"),
        (b"ok: 1\nbad: \x00\n", "2: is not valid YAML"),
        (b"a: *missing\n", "1: is not valid YAML: found undefined alias"),
        (b"a: &a [*a]\n", "1: has an alias that contains itself"),
        (b"? [a]\n: b\n", "1: has a key that is a list or a mapping"),
        (b"[" * 100_000, "1: is nested too deeply"),
        (LAUGHS, ": has more than"),
    ],
)
def test_invalid_yaml_is_an_error(content: bytes, expected: str) -> None:
    (line,) = lines(content)
    assert expected in line


def test_documents_before_an_invalid_one_are_checked() -> None:
    found = lines(HEAD + "spec: {}\n---\na: [\n")
    assert len(found) == 3
    assert "is not valid YAML" in found[-1]


def test_nothing_to_check_is_an_error() -> None:
    result = run("-", input="a: b\n")
    assert (result.exit_code, result.output) == (
        0,
        "no objects of jenkins2fa.dev to check (0 objects checked in 1 file, 1 object of other kinds skipped)\n",
    )


@given(st.lists(st.text("abcXYZ019-_/", min_size=1) | st.integers(0, 99), min_size=1).filter(lambda path: isinstance(path[0], str)))
def test_paths_keep_their_spelling(path: list[str | int]) -> None:
    assert read_path(spell(tuple(path))) == tuple(path)


@pytest.mark.parametrize(("word", "expected"), [("exemptgroups", "exemptGroups"), ("exempt", None), ("", None), ("drfit", "drift")])
def test_suggestions_are_the_nearest_names(word: str, expected: str | None) -> None:
    assert nearest(word, ["exemptGroups", "drift", "enforcedGroups"]) == expected
