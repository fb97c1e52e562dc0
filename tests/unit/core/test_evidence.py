"""Evidence files: any change, reordering, duplication or removal is detected, and no user name is in them."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import subprocess
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jenkins2fa.cli.main import main
from jenkins2fa.core.assess import Proof
from jenkins2fa.core.evidence import Account, Evidence, Reply, Request, canonical_line, check_lines, identity_digest, line_digest
from jenkins2fa.jenkins.evidence import TAIL, EvidenceError, EvidenceFile, check_file, read_private_key, read_public_key

URL = "https://jenkins.lab.invalid/ci/"
SOME = Evidence(
    time=datetime(2026, 11, 1, 12, tzinfo=UTC),
    url=URL,
    account=Account.CHALLENGED,
    identity=identity_digest(URL, "canary"),
    request=Request("GET", "/ci/", ("Authorization",)),
    reply=Reply(302, "/ci/user/*/tfaConfiguration/"),
    proof=Proof.CHALLENGED,
    operator="0.1.0",
    scripts={"gate": "a" * 64},
)
KEY = Ed25519PrivateKey.generate()


def written(folder: Path, count: int, key: Ed25519PrivateKey | None = KEY) -> Path:
    file = folder / "evidence.jsonl"
    writer = EvidenceFile(file, key)
    for number in range(count):
        writer.append(replace(SOME, time=SOME.time + timedelta(seconds=number)))
    return file


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return tuple(written(tmp_path_factory.mktemp("five"), 5).read_text().splitlines())


def problems(lines: list[str], folder: Path, key: Ed25519PrivateKey | None = KEY) -> tuple[str, ...]:
    file = folder / "other.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines))
    return check_file(file, key.public_key() if key else None).problems


def test_written_evidence_verifies(tmp_path: Path) -> None:
    checked = check_file(written(tmp_path, 5), KEY.public_key())
    assert [checked.records, checked.signed, checked.problems] == [5, 5, ()]


def test_a_line_is_canonical_json_without_user_names(five: tuple[str, ...]) -> None:
    body = json.loads(five[0])
    assert canonical_line(body) == five[0]
    assert "canary" not in five[0]
    assert body["identity"] == identity_digest(URL, "CANARY") != identity_digest("https://other.lab.invalid/", "canary")
    assert [body["sequence"], body["previous"], body["expected"]] == [1, "0" * 64, "Challenged"]
    assert json.loads(five[1])["previous"] == line_digest(five[0])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_changed_character_is_detected(five: tuple[str, ...], tmp_path: Path, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, 4))
    at = data.draw(st.integers(0, len(five[number]) - 1))
    new = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda sign: sign != five[number][at]))
    lines = [*five]
    lines[number] = five[number][:at] + new + five[number][at + 1 :]
    assert problems(lines, tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(order=st.lists(st.integers(0, 4), min_size=1, max_size=7).filter(lambda order: order != list(range(len(order)))))
def test_reordered_missing_or_duplicate_lines_are_detected_without_a_key(five: tuple[str, ...], tmp_path: Path, order: list[int]) -> None:
    assert problems([five[number] for number in order], tmp_path, key=None)


def test_a_truncated_end_is_detected_by_the_digest_of_the_last_line(five: tuple[str, ...], tmp_path: Path) -> None:
    assert problems([*five[:3]], tmp_path) == ()
    whole, short = tmp_path / "whole", tmp_path / "short"
    whole.write_text("\n".join(five) + "\n")
    short.write_text("\n".join(five[:3]) + "\n")
    head = line_digest(five[-1])
    assert [verify(whole, "--ends", head)[0], verify(short, "--ends", head)[0]] == [0, 2]


def test_a_forged_chain_fails_signature_verification(tmp_path: Path) -> None:
    forged = written(tmp_path, 3, Ed25519PrivateKey.generate()).read_text().splitlines()
    assert [one.split(":")[0] for one in problems(forged, tmp_path)] == ["line 1", "line 2", "line 3"]
    assert all("its signature does not hold" in one for one in problems(forged, tmp_path))
    assert problems(forged, tmp_path, key=None) == ()


def test_unsigned_lines_are_rejected_if_a_key_is_given(tmp_path: Path) -> None:
    lines = written(tmp_path, 2, None).read_text().splitlines()
    assert problems(lines, tmp_path) == ("line 1: is not signed", "line 2: is not signed")


def test_a_clock_set_back_is_detected() -> None:
    early = {**json.loads(LINE), "recorded": "2026-11-01T11:59:59.000000Z"}
    checked = check_lines([canonical_line(early)], None)
    assert checked.problems == (
        "line 1: was written (2026-11-01T11:59:59.000000Z) before its probe was made (2026-11-01T12:00:00.000000Z)",
    )


LINE = (
    '{"format":"jenkins2fa-evidence/1","previous":"' + "0" * 64 + '","recorded":"2026-11-01T12:00:00.000000Z","sequence":1,'
    '"time":"2026-11-01T12:00:00.000000Z"}'
)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        "{}",
        "no json",
        LINE.replace('"sequence":1', '"sequence":true'),
        LINE.replace(":1,", ":NaN,"),
        LINE + " ",
        LINE.replace("/1", "/2"),
    ],
)
def test_verify_reports_any_malformed_line(line: str) -> None:
    assert check_lines([LINE], None).holds
    assert check_lines([line], None).problems == ("line 1: is not a line of evidence in its canonical form",)


def _append(path: str, count: int) -> None:
    for _ in range(count):
        EvidenceFile(Path(path)).append(SOME)


def test_several_processes_append_to_one_chain(tmp_path: Path) -> None:
    file = tmp_path / "shared.jsonl"
    context = multiprocessing.get_context("spawn")
    several = [context.Process(target=_append, args=(str(file), 15)) for _ in range(3)]
    for one in several:
        one.start()
    for one in several:
        one.join(60)
    checked = check_file(file, None)
    assert [checked.records, checked.problems] == [45, ()]


def test_a_line_written_while_waiting_for_the_lock_is_continued(tmp_path: Path) -> None:
    file = written(tmp_path, 1)
    file = written(tmp_path, 2 + TAIL // len(file.read_bytes()))
    *before, last = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(before))
    with file.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = threading.Thread(target=EvidenceFile(file).append, args=(SOME,))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive(), "it waits for the lock"
        other.write(last)
    waiting.join(10)
    checked = check_file(file, None)
    assert [checked.records, checked.problems] == [len(before) + 2, ()]


def test_a_truncated_line_is_not_overwritten(tmp_path: Path) -> None:
    file = written(tmp_path, 2)
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    with pytest.raises(EvidenceError, match="move the file aside"):
        EvidenceFile(file, KEY).append(SOME)
    assert file.read_bytes() == whole[:-20]
    assert verify(file)[0] == 2
    file.write_bytes(whole[:-1])
    assert "line 2: was cut short" in verify(file)[1]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with keys as openssl makes them."""
    folder = tmp_path_factory.mktemp("keys")
    for command in (
        "genpkey -algorithm ed25519 -out private.pem",
        "pkey -in private.pem -pubout -out public.pem",
        "genpkey -algorithm rsa -out rsa.pem",
        "pkey -in rsa.pem -pubout -out rsa-public.pem",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return folder


def verify(file: Path, *more: str | Path) -> tuple[int, str]:
    ended = CliRunner().invoke(main, ["verify", str(file), *map(str, more)])
    return ended.exit_code, ended.output


def test_verify_accepts_keys_made_by_openssl(tmp_path: Path, keys: Path) -> None:
    file = written(tmp_path, 3, read_private_key(keys / "private.pem"))
    code, text = verify(file, "--key", keys / "public.pem")
    assert [code, "every signature is valid" in text, line_digest(file.read_text().splitlines()[-1]) in text] == [0, True, True]
    code, text = verify(file)
    assert [code, "signatures not checked" in text] == [0, True]
    code, text = verify(written(keys, 1, KEY), "--key", keys / "public.pem")
    assert [code, "line 1: its signature does not hold" in text] == [2, True]


def test_an_unusable_key_is_named_but_never_shown(tmp_path: Path, keys: Path) -> None:
    file = written(tmp_path, 1)
    for key, said in (("rsa-public.pem", "not an Ed25519 key"), ("private.pem", "not a public key"), ("none.pem", "No such file")):
        code, text = verify(file, "--key", keys / key)
        assert [code, said in text, len(text.strip().splitlines())] == [1, True, 1]
    for key, said in (("rsa.pem", "not an Ed25519 key"), ("public.pem", "not a private key"), ("none.pem", "No such file")):
        with pytest.raises(EvidenceError, match=said) as raised:
            read_private_key(keys / key)
        assert "BEGIN" not in str(raised.value)
    assert read_public_key(keys / "public.pem")


def test_verify_reports_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert [verify(tmp_path / "none")[0], verify(tmp_path)[0]] == [1, 1]
    assert verify(tmp_path / "empty") == (2, f"{tmp_path}/empty: holds no evidence\n{tmp_path}/empty: is not intact\n")
