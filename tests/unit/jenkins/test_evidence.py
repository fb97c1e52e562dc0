"""Evidence that the operator keeps: a chained, signed file per day, and reconciles that continue if it cannot be written."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from jenkins2fa.cli.main import main
from jenkins2fa.core.assess import Proof
from jenkins2fa.core.evidence import Account, Evidence, Request
from jenkins2fa.jenkins.evidence import EvidenceError, Place, Recorder
from tests.support.evidence import KeptEvidence
from tests.support.literals import NOW

SEEN = Evidence(
    NOW, "https://jenkins.example.com/", Account.SELF, "a" * 64, Request("GET", "/", ("Authorization",)), None, Proof.CHALLENGED, "0.1.0"
)


class Clock:
    """The time of day, as a test sets it."""

    def __init__(self) -> None:
        self.now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def kept(tmp_path: Path) -> KeptEvidence:
    return KeptEvidence.prepare(tmp_path)


def test_each_day_has_a_complete_file(kept: KeptEvidence, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock, told = Clock(), list[bool]()
    recorder = Recorder(Place(kept.kept, kept.private), clock, told.append)
    recorder(SEEN)
    recorder(replace(SEEN, proof=Proof.BYPASSED))
    clock.now += timedelta(days=1)
    recorder(SEEN)
    recorder.close()
    days = [f"evidence-{(NOW + timedelta(days=more)):%Y-%m-%d}.jsonl" for more in (0, 1)]
    assert [file.name for file in kept.files()] == days
    assert [len(file.read_text().splitlines()) for file in kept.files()] == [2, 1]
    code, said = kept.verify()
    assert [code, told] == [0, [True] * 3]
    ends = [record.getMessage() for record in caplog.records if "ends with the line of digest" in record.getMessage()]
    assert len(ends) == 2
    for file, line in zip(kept.files(), ends, strict=True):
        assert str(file) in line
        digest = line.split("digest ")[1].split(" ")[0]
        assert digest in said
        assert CliRunner().invoke(main, ["verify", str(file), "--ends", digest]).exit_code == 0


def test_a_restart_continues_the_file_of_the_day(kept: KeptEvidence) -> None:
    for _ in range(2):
        Recorder(Place(kept.kept, kept.private), Clock())(SEEN)
    assert [line["sequence"] for line in kept.lines()] == [1, 2]
    assert kept.verify()[0] == 0


def test_a_truncated_line_is_kept_and_a_new_file_started(kept: KeptEvidence) -> None:
    recorder = Recorder(Place(kept.kept, kept.private), Clock())
    recorder(SEEN)
    (first,) = kept.files()
    whole = first.read_bytes()
    first.write_bytes(whole[:-20])
    recorder(SEEN)
    Recorder(Place(kept.kept, kept.private), Clock())(SEEN)
    second = kept.kept / first.name.replace(".jsonl", ".2.jsonl")
    assert set(kept.files()) == {first, second}
    assert first.read_bytes() == whole[:-20]
    assert [kept.verify(second)[0], len(second.read_text().splitlines())] == [0, 2]
    assert kept.verify(first)[0] == 2


def test_a_write_failure_is_reported_once_and_does_not_block(kept: KeptEvidence, caplog: pytest.LogCaptureFixture) -> None:
    told = list[bool]()
    recorder = Recorder(Place(kept.kept, kept.private), Clock(), told.append)
    assert kept.files() == [], "an empty file would be no evidence"
    file = kept.kept / f"evidence-{NOW:%Y-%m-%d}.jsonl"
    file.mkdir()  # no file can be opened there, even as root
    recorder(SEEN)
    recorder(SEEN)
    file.rmdir()
    recorder(SEEN)
    assert told == [False, False, True]
    assert [record.levelname for record in caplog.records if "cannot be written" in record.getMessage()] == ["WARNING"]
    assert kept.verify()[0] == 0


def test_an_unusable_directory_or_key_is_reported_at_the_start(kept: KeptEvidence, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="No such file"):
        Recorder(Place(tmp_path / "missing"), Clock())
    with pytest.raises(EvidenceError, match="is not a private key"):
        Recorder(Place(kept.kept, kept.public), Clock())


def test_the_operator_does_not_start_if_evidence_cannot_be_kept(kept: KeptEvidence) -> None:
    def said(*options: str | Path) -> tuple[int, str]:
        ended = CliRunner().invoke(main, ["run", "--kubeconfig", str(kept.public), *map(str, options)])
        return ended.exit_code, ended.output

    code, text = said("--evidence-directory", kept.kept, "--evidence-key", kept.public)
    assert [code, "evidence of probes cannot be kept" in text, "is not a private key" in text] == [1, True, True]
    assert said("--evidence-key", kept.private)[0] == 1
