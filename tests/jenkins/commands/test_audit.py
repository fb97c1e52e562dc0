"""`jenkins2fa audit` against controllers in every state: it reports what a canary met and nothing that it cannot know."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from jenkins2fa.cli.main import main
from tests.support.commands import Ended
from tests.support.gated import gated, switch_on
from tests.support.network_holes import BlackHole, ManyAddresses, Stalling
from tests.support.proxy import Proxy, Say
from tests.support.standin import StandIn

PASSWORD = "alice-pw-1"
DEAD = "http://127.0.0.1:9"


def run(*arguments: str | Path, text: str | None = None, **environment: str) -> Ended:
    account = {"JENKINS_USER": "alice", "JENKINS_TOKEN": PASSWORD, "COLUMNS": "200", **environment}
    result = CliRunner().invoke(main, ["audit", *map(str, arguments)], input=text, env=account)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert PASSWORD not in result.output
    return Ended(result.exit_code, result.stdout, result.stderr)


def rows(ended: Ended) -> dict[str, list[str | None]]:
    """By URL: enforced, plugin, exceptions open, reason."""
    return {one["url"]: [one["enforced"], one["plugin"], one["exceptionsOpen"], one["reason"]] for one in ended.document["instances"]}


@pytest.fixture(scope="module")
def several() -> Iterator[dict[str, StandIn]]:
    """One controller in each state."""
    with (
        StandIn(flavour="javax") as plain,
        StandIn(flavour="javax", context_path="/ci") as strict,
        StandIn(flavour="javax") as off,
        StandIn(flavour="javax", plugin="missing") as missing,
        StandIn(flavour="javax", plugin="disabled") as disabled,
    ):
        switch_on(plain)
        gated(strict)
        yield {"plain": plain, "strict": strict, "off": off, "missing": missing, "disabled": disabled}


def test_each_state_of_a_controller_has_a_row(several: dict[str, StandIn], tmp_path: Path) -> None:
    listed = tmp_path / "urls.txt"
    listed.write_text("# ours\n" + "\n".join(one.url for one in several.values()) + f"\n{DEAD}/ # gone\n")
    ended = run(listed, "-o", "json")
    assert ended.code == 3
    assert rows(ended) == {
        several["plain"].url + "/": ["Yes", "Yes", "Yes", None],
        several["strict"].url + "/": ["Yes", "Yes", "No", None],
        several["off"].url + "/": ["No", "Yes", "Unknown", "Bypassed"],
        several["missing"].url + "/": ["No", "No", "Unknown", "Bypassed"],
        several["disabled"].url + "/": ["No", "No", "Unknown", "Bypassed"],
        DEAD + "/": ["Unknown", "Unknown", "Unknown", "Unreachable"],
    }
    assert ended.document["summary"] | {"seconds": 0} == {
        "asked": 6, "enforcedYes": 2, "enforcedNo": 3, "enforcedUnknown": 1, "seconds": 0,
    }  # fmt: skip
    assert {one["jenkinsVersion"] for one in ended.document["instances"][:-1]} <= {"2.462.3", "2.541.3"}
    assert ended.document["residualRisk"]


def test_exit_code_0_if_all_controllers_are_proven(several: dict[str, StandIn]) -> None:
    ended = run(several["plain"].url, several["strict"].url)
    assert [ended.code, "2 demand a second factor (by proof), 0 do not, 0 unknown." in ended.out] == [0, True]
    assert "the plugin never challenges some paths" in ended.out.lower()


def test_a_csv_file_gives_each_url_an_account(several: dict[str, StandIn], tmp_path: Path) -> None:
    secret = tmp_path / "bob-secret"
    secret.write_text("bob-pw-1\n")
    plain, off = several["plain"].url, several["off"].url
    table = tmp_path / "list.csv"
    table.write_text(f"url,username,token_file,token_env\n{plain},bob,{secret},\n{off}, alice, ,OTHER\n")
    ended = run(table, "-o", "json", OTHER=PASSWORD, JENKINS_TOKEN="not-this-one")
    assert [one["enforced"] for one in ended.document["instances"]] == ["Yes", "No"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.txt", "http://jenkins.example.com/\n", "x.txt:1: http://jenkins.example.com/: must use https"),
        ("x.txt", "https://alice:pw-x@jenkins.example.com/\n", "x.txt:1: the URL: "),
        ("x.txt", "https://a.example.com/\nftp://x\n", "x.txt:2: "),
        ("x.csv", "url,token\nhttps://a.example.com/,s3cret\n", "name secrets by file or environment variable"),
        ("x.csv", "url,username\nhttps://a.example.com/,alice,more\n", "x.csv:2: has more fields"),
        ("x.csv", "url,token_env\nhttps://a.example.com/,NOT_SET\n", "x.csv:2: the environment variable NOT_SET is empty or not set"),
        ("x.csv", "url,token_file\nhttps://a.example.com/,/nowhere/x\n", "x.csv:2: the file /nowhere/x: No such file"),
        ("x.txt", "\n# nothing\n", "no URL: the files are empty"),
    ],
)
def test_an_error_in_the_list_is_reported_before_any_request(tmp_path: Path, name: str, text: str, said: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    ended = run(file)
    assert [ended.code, ended.out, said in ended.err] == [1, "", True], ended.err
    assert "s3cret" not in ended.err
    assert "pw-x" not in ended.err


def test_a_missing_account_or_file_is_an_error(tmp_path: Path) -> None:
    assert "no canary account" in run(DEAD, JENKINS_USER="").err
    assert "JENKINS_TOKEN" in run(DEAD, JENKINS_TOKEN="").err
    assert [run(tmp_path / "none.txt").code, run().code, run(DEAD, "--nonsense").code] == [1, 1, 1]


def test_each_url_is_audited_once(several: dict[str, StandIn]) -> None:
    url = several["plain"].url
    assert len(run(url, url + "/", url, "-o", "json").document["instances"]) == 1


def test_the_list_is_read_from_standard_input(several: dict[str, StandIn]) -> None:
    assert run("-", text=several["plain"].url + "\n").code == 0


def test_inconclusive_replies_are_unknown_with_a_reason(several: dict[str, StandIn]) -> None:
    cases: list[tuple[Say, str]] = [
        (Say(200, "<html>a login portal</html>"), "ProtocolError"),
        (Say(503, "starting"), "Starting"),
        (Say(302, headers={"Location": "https://sso.lab.invalid/?secret=1"}), "Redirected"),
        (Say(401), "Unauthorized"),
    ]
    for answer, reason in cases:
        with Proxy(several["plain"].url) as proxy:
            proxy.fault(answer)
            ended = run(proxy.url, "-o", "json")
        assert [ended.code, rows(ended)[proxy.url + "/"][0], rows(ended)[proxy.url + "/"][3]] == [3, "Unknown", reason]
        assert "secret=1" not in ended.out


def test_every_output_format_has_the_same_rows(several: dict[str, StandIn]) -> None:
    arguments = (several["plain"].url, several["off"].url, DEAD)
    table = run(*arguments).out
    listed = list(csv.reader(io.StringIO(run(*arguments, "-o", "csv").out)))
    marked = run(*arguments, "-o", "markdown").out
    assert [row[4] for row in listed] == ["Second factor", "demanded", "NOT demanded", "unknown"]
    for text in (table, marked):
        assert all(cell in text for cell in (several["plain"].url, "NOT demanded", "unknown", "connection refused"))
    assert len({line.count("|") for line in marked.splitlines() if line.startswith("|")}) == 1


def test_every_probe_leaves_evidence(several: dict[str, StandIn], tmp_path: Path) -> None:
    file = tmp_path / "evidence.jsonl"
    run(*(one.url for one in several.values()), DEAD, "--evidence", file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(one["proof"] for one in lines) == ["Bypassed"] * 3 + ["Challenged"] * 2 + ["None"]
    assert {one["account"] for one in lines} == {"challenged"}
    assert "alice" not in file.read_text()
    checked = CliRunner().invoke(main, ["verify", str(file)])
    assert checked.exit_code == 0, checked.output


def test_two_hundred_controllers_with_a_tenth_dead_take_under_a_minute(several: dict[str, StandIn], tmp_path: Path) -> None:
    """180 that answer (one stand-in under as many addresses), and 20 that refuse, drop or stall connections."""
    target = several["plain"].url.removeprefix("http://")
    with BlackHole() as hole, Stalling() as stalling, ManyAddresses(target, 180) as alive:
        dead = [*(f"{DEAD}/r{n}" for n in range(6)), *(f"{hole.url}/h{n}" for n in range(7)), *(f"{stalling.url}/s{n}" for n in range(7))]
        listed = tmp_path / "urls.txt"
        listed.write_text("\n".join([*alive.urls, *dead]))
        begun = time.monotonic()
        ended = run(listed, "-o", "json")
        seconds = time.monotonic() - begun
    summary = ended.document["summary"]
    assert [ended.code, summary["enforcedYes"], summary["enforcedUnknown"]] == [3, 180, 20]
    why = [one["message"] for one in ended.document["instances"] if one["enforced"] == "Unknown"]
    assert [sum(sign in text for text in why) for sign in ("connection refused", "no connection within", "no answer within")] == [6, 7, 7]
    assert seconds < 60
    print(f"200 in {seconds:.1f} s")


def test_an_interrupt_prints_the_results_so_far(several: dict[str, StandIn]) -> None:
    with Stalling() as stalling:
        command = [
            sys.executable,
            "-m",
            "jenkins2fa.cli.main",
            "audit",
            several["plain"].url,
            stalling.url,
            "--timeout",
            "60",
            "-o",
            "json",
        ]
        environment = {**os.environ, "JENKINS_USER": "alice", "JENKINS_TOKEN": PASSWORD, "PYTHONPATH": "operator"}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert stalling.asked.wait(20)
        time.sleep(1)  # the other one answers within milliseconds
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert time.monotonic() - begun < 5  # nobody waits for the one that stalls
    assert [one["reason"] for one in json.loads(out)["instances"]] == [None, "NotAsked"]
    assert [process.returncode, "1 of 2 controllers were checked" in err] == [1, True]
