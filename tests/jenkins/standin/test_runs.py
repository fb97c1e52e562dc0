"""The stand-in's life cycle: a restart or a start after kill -9 is a new run of Jenkins on the same home; faults can be injected."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import requests

from tests.support.standin import StandIn, built

ENFORCE = """def c = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get()
c.setEnableTfa(true); c.setEnableSecurityQuestionsAuthentication(true); c.save()"""
LIVE = "print io.jenkins.plugins.twofactor.jenkins.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION']"
SESSION = "print jenkins.model.Jenkins.SESSION_HASH"


@pytest.fixture(params=["javax", pytest.param("jakarta", marks=pytest.mark.slow)])
def jenkins(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with StandIn(flavour=request.param) as running:
        yield running


def test_a_restart_reads_the_live_flag_from_disk_and_forgets_sessions_and_statics(jenkins: StandIn) -> None:
    browser = jenkins.browser("alice")
    browser.login("alice-pw-1")
    jenkins.groovy(ENFORCE + "; io.jenkins.plugins.twofactor.jenkins.MoFilter.userAuthenticationStatus.put('mark', true)")
    assert [jenkins.groovy(LIVE), browser.status()] == ["false", 200]
    session = jenkins.groovy(SESSION)

    begin = time.monotonic()
    jenkins.restart()

    assert time.monotonic() - begin < 5
    assert jenkins.groovy(LIVE) == "true"
    assert jenkins.groovy(SESSION) != session
    assert browser.status() == 403, "the cookie of the former run is invalid"
    assert jenkins.browser("alice").place() == "/user/alice/tfaConfiguration/", "the token of the former run is still valid"
    assert jenkins.groovy("print io.jenkins.plugins.twofactor.jenkins.MoFilter.userAuthenticationStatus['mark']") == "null"


def test_start_up_scripts_run_before_the_first_request_and_a_broken_one_is_only_logged(jenkins: StandIn) -> None:
    scripts = jenkins.home / "init.groovy.d"
    scripts.mkdir()
    (scripts / "1-broken.groovy").write_text("throw new IllegalStateException('on purpose')")
    (scripts / "2-enforce.groovy").write_text(ENFORCE + "; Thread.sleep(1500); " + LIVE.replace("print ", "") + " = true")
    seen = []
    jenkins.restart(wait=False)
    end = time.monotonic() + 20
    while "302" not in seen and time.monotonic() < end:
        try:
            seen.append(str(jenkins.browser("alice").status(timeout=0.5)))
        except (requests.ConnectionError, requests.Timeout):  # connections waiting at a closing port are reset, or never answered
            seen.append("refused")
        time.sleep(0.01)
    assert "503" in seen, seen
    assert set(seen[seen.index("503") :]) - {"refused"} == {"503", "302"}, seen  # before that it was the run that ends
    assert jenkins.browser("alice").place() == "/user/alice/tfaConfiguration/"
    assert "on purpose" in jenkins.log()


def test_a_start_after_kill_9_uses_the_same_home_and_port(jenkins: StandIn) -> None:
    jenkins.groovy(ENFORCE)
    jenkins.browser("alice").enrol()
    url, tokens, pid = jenkins.url, jenkins.tokens, jenkins.pid
    jenkins.kill()
    with pytest.raises(requests.ConnectionError):
        jenkins.browser("alice").status()
    jenkins.start()
    assert (jenkins.url, jenkins.tokens) == (url, tokens)
    assert jenkins.pid != pid
    assert jenkins.browser("alice").place() == "/tfaUserAuth/securityQuestionAuth/"
    assert stat.S_IMODE(os.stat(jenkins.home / "standin.json").st_mode) == 0o600


def test_timers_end_with_their_run(jenkins: StandIn) -> None:
    mark = jenkins.home / "late"
    write = f"{{ new File('{mark}').text = 'x' }} as Runnable"
    jenkins.groovy(f"jenkins.util.Timer.get().schedule({write}, 900, java.util.concurrent.TimeUnit.MILLISECONDS)")
    jenkins.restart()
    time.sleep(1)
    assert not mark.exists()


def test_while_it_restarts_pages_are_503_without_the_headers_of_jenkins(jenkins: StandIn) -> None:
    jenkins.faults(restartingSeconds=0.4)
    before = jenkins.runs()
    answer = jenkins.browser("admin").call("/safeRestart", "POST")
    assert answer.status_code == 302
    during = jenkins.browser("admin").call("/api/json")
    jenkins.wait_restarted(before)
    assert during.status_code == 503
    assert not {"X-Jenkins", "X-Jenkins-Session", "Retry-After"} & set(during.headers)
    assert "restarting" in during.text


def test_faults_refuse_valid_tokens_and_keep_jenkins_unavailable_for_a_while(jenkins: StandIn) -> None:
    jenkins.faults(tokensRefusedSeconds=30)
    assert [jenkins.browser("admin").status(), jenkins.browser("admin", "admin-pw-1").status()] == [401, 200]
    jenkins.faults(tokensRefusedSeconds=0, unavailableSeconds=30)
    assert jenkins.browser("admin").status() == 503
    assert jenkins.groovy("print 'the control port works'") == "the control port works"
    jenkins.faults(unavailableSeconds=0, tokensRefusedAroundRestartSeconds=30)
    assert jenkins.browser("admin").status() == 200
    jenkins.restart()
    assert jenkins.browser("admin").status() == 401
    with pytest.raises(ValueError, match="unknown switch"):
        jenkins.faults(nonsense=1)


def test_faults_lose_delay_and_replace_replies_of_scripts(jenkins: StandIn) -> None:
    jenkins.faults(loseAnswers=1)
    with pytest.raises(requests.ConnectionError):
        jenkins.browser("admin").script("System.setProperty('lab.done', 'yes')")
    assert jenkins.browser("admin").script("print System.getProperty('lab.done')").text == "yes"
    jenkins.faults(delaySeconds=30)
    with pytest.raises(requests.ReadTimeout):
        requests.get(jenkins.url + "/login", timeout=0.3)
    jenkins.faults(delaySeconds=0, answerSeconds=30, answerStatus=302, answerLocation="https://sso.example.com/")
    answer = jenkins.browser("admin").call("/scriptText", "POST")
    assert [answer.status_code, answer.headers["Location"]] == [302, "https://sso.example.com/"]
    jenkins.faults(answerSeconds=0)
    assert jenkins.browser("admin").status() == 200


def test_a_disabled_or_missing_plugin_has_no_classes_and_challenges_nobody(jenkins: StandIn) -> None:
    jenkins.groovy(ENFORCE)
    jenkins.browser("alice").enrol()
    about = "def p = jenkins.model.Jenkins.get().pluginManager.getPlugin('miniorange-two-factor'); print p?.with { [version, active] }"
    jenkins.faults(plugin="disabled", pluginVersion="1.3.0")
    jenkins.restart()
    assert jenkins.groovy(about) == "[1.3.0, false]"
    assert jenkins.browser("alice").status() == 200
    assert jenkins.browser("admin", "admin-pw-1").script("print 1").status_code == 403, "without the plugin a password needs a crumb"
    with pytest.raises(RuntimeError, match="No such property: io"):
        jenkins.groovy(LIVE)
    jenkins.groovy("hudson.model.User.get('alice').save()")
    jenkins.faults(plugin="missing")
    jenkins.restart()
    assert jenkins.groovy(about) == "null"
    jenkins.faults(plugin="enabled")
    jenkins.restart()
    assert jenkins.browser("alice").place() == "/user/alice/tfaConfiguration/", "saving a user while the plugin is off erases the enrolment"


def test_the_process_ends_with_its_parent(tmp_path: pathlib.Path) -> None:
    script = f"""import os, pathlib
from tests.support.standin import StandIn
print(StandIn(home=pathlib.Path({str(tmp_path)!r})).start().pid, flush=True)
os._exit(0)"""
    checkout = pathlib.Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", script], cwd=checkout, capture_output=True, text=True, check=True)
    process = pathlib.Path("/proc") / done.stdout.strip()
    end = time.monotonic() + 10
    while process.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not process.exists()


@pytest.mark.parametrize("missing", ["java", "javac"])
def test_building_without_a_tool_names_it(missing: str, tmp_path: pathlib.Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in {"java", "javac"} - {missing}:
        (tools / tool).symlink_to("/bin/true")
    build = pathlib.Path(__file__).resolve().parents[2] / "standin" / "build.sh"
    done = subprocess.run([build, tmp_path / "out", tmp_path], env={"PATH": str(tools)}, capture_output=True, text=True)
    assert [done.returncode, done.stderr] == [1, f"stand-in: {missing} is missing; install a JDK 17 or later\n"]


def test_a_finished_build_is_not_repeated(tmp_path: pathlib.Path) -> None:
    build = pathlib.Path(__file__).resolve().parents[2] / "standin" / "build.sh"
    done = subprocess.run([build, built(), tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "stand-in: up to date\n"
