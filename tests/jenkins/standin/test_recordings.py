"""Every recorded answer of the real controllers, replayed against the stand-in of the same flavour, in the recorded order.

At least 95 % have to be served alike; `recordings/not-alike.json` names the rest with reasons, and a case that newly differs or newly
agrees fails. A recording belongs to one version of Jenkins, so each is replayed against that version's flavour.
"""

from __future__ import annotations

import json
import pathlib

import pytest

from tests.jenkins.recordings import openmfa, pages, replay, setups

NOT_ALIKE = json.loads((replay.HERE / "not-alike.json").read_text())


@pytest.mark.parametrize(
    ("name", "play"),
    [
        ("jenkins-2.462.3.jsonl", setups.play_2_462),
        ("jenkins-2.541.3.jsonl", setups.play_2_541),
        ("jenkins-2.462.3-configuration-as-code.jsonl", setups.play_configuration_as_code),
        ("plugin-pages-jenkins-2.462.3.jsonl", pages.play_2_462),
        ("plugin-pages-jenkins-2.541.3.jsonl", pages.play_2_541),
        ("openmfa-111-jenkins-2.541.3.jsonl", openmfa.play),
    ],
)
def test_recorded_answers_are_reproduced(name: str, play: setups.Play, tmp_path: pathlib.Path) -> None:
    cases = replay.cases(name)
    differing = {number: found for number, found in play(cases, tmp_path) if found}
    expected = {entry["case"]: entry["why"] for entry in NOT_ALIKE if entry["file"] == name}
    named = {number: (cases[number].get("file"), cases[number]["case"], found) for number, found in differing.items()}
    new = {number: about for number, about in named.items() if number not in expected}
    assert not new, f"{len(new)} of {len(cases)} newly differ: {json.dumps(new, indent=1, ensure_ascii=False)}"
    assert set(expected) == set(differing), f"newly alike, remove from not-alike.json: {sorted(set(expected) - set(differing))}"


def test_at_least_95_percent_are_alike() -> None:
    total = sum(len(replay.cases(path.name)) for path in replay.HERE.glob("*.jsonl"))
    assert total == 1133
    assert len({(entry["file"], entry["case"]) for entry in NOT_ALIKE}) <= 0.05 * total
    assert all(entry["why"] for entry in NOT_ALIKE)
