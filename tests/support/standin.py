"""Starts a Jenkins stand-in (`tests/standin`, a JVM) and talks to it; `Browser` is one HTTP session of one user.

    with StandIn(flavour="jakarta") as jenkins:
        admin = jenkins.browser("admin")            # with the API token; secret="admin-pw-1" uses the password
        assert admin.status("/") == 200

URLs have no trailing slash: `jenkins.url + "/api/json"`. Whatever a setting of Jenkins says, `groovy`, `restart`, `faults`
and `outbox` work: they use the control port. Facts about Jenkins: jenkins-contract.md and tests/jenkins/recordings.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

import requests

from tests.support import jvm
from tests.support.waiting import wait_until

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
QUESTIONS = {"What is your first company name ?": "a1", "What is your childhood nickname ?": "a2", "q3": "a3"}
UserOptions = Mapping[str, Any]
DEFAULT_USERS: Mapping[str, UserOptions] = {
    "admin": {"password": "admin-pw-1", "admin": True},
    "alice": {"password": "alice-pw-1"},
    "bob": {"password": "bob-pw-1", "email": "bob@lab.invalid"},
}
AS_CALLED: Literal["as called"] = "as called"
PluginName = Literal["miniorange", "openmfa"]
SHORT_NAMES: Mapping[PluginName, str] = {"miniorange": "miniorange-two-factor", "openmfa": "openmfa"}


@functools.cache
def built() -> pathlib.Path:
    """The folder with the compiled stand-in: JENKINS2FA_STANDIN if set, else made by tools/prepare.py where it is missing."""
    ready = os.environ.get("JENKINS2FA_STANDIN")
    if ready:
        return pathlib.Path(ready)
    command: list[str | pathlib.Path] = [sys.executable, CHECKOUT / "tools" / "prepare.py", "--print", "stand-in"]
    return pathlib.Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


class StandIn:
    """One stand-in and its home. As a context manager it starts, and at the end stops and removes a temporary home.
    Its process may have served others before, and ends with this one, however this one ends.

    url: root URL as called, without trailing slash; tokens: API token by user id; pid: of the JVM while it runs.
    """

    url: str
    control_url: str
    tokens: dict[str, str]
    pid: int

    def __init__(
        self,
        *,
        flavour: Literal["javax", "jakarta"] = "jakarta",
        context_path: str = "",
        home: pathlib.Path | None = None,
        port: int = 0,
        root_url: str | None = AS_CALLED,
        users: Mapping[str, UserOptions] | None = None,
        realm: Literal["own", "groups"] = "own",
        plugins: Sequence[PluginName] = ("miniorange",),
        plugin: Literal["enabled", "disabled", "missing"] = "enabled",
        plugin_version: str | None = None,
        edition: Literal["free", "premium", "premium-half", "premium-renamed"] = "free",
        casc: pathlib.Path | None = None,
        smtp_host: str | None = None,
        jobs: Sequence[str] = ("x",),
        restarting: float = 0.15,
        starting: float = 0.15,
    ) -> None:
        """`users`: id to {password, admin, groups, email}, added to admin, alice and bob (replacing one of the same id).
        `plugins`: the two-factor plugins that are installed; OpenMFA with the jakarta flavour only. `plugin` and `plugin_version` are
        of the first of them. OpenMFA has exemptions since 111, and a name in configuration-as-code since 104.
        `realm` "groups": users have the `groups` of their entry. `root_url`: None = not configured. `casc`: a YAML file or folder.
        `edition`: of miniOrange; the premium ones were never observed, they have properties of the names that are known (or other ones).
        `restarting`, `starting`: seconds of 503 before the port closes and after it opens again."""
        if "openmfa" in plugins and flavour == "javax":
            raise ValueError("OpenMFA needs Jenkins 2.516.3 or newer: start the jakarta flavour")
        self.plugins = tuple(plugins)
        self._temporary = home is None
        self.home = home or pathlib.Path(tempfile.mkdtemp(prefix="stand-in-"))
        self._flavour = flavour
        self._process: jvm.Process | None = None
        self._control = requests.Session()
        self._control.trust_env = False
        self._options: dict[str, Any] = {
            "home": str(self.home), "flavour": flavour, "contextPath": context_path, "port": port,
            "users": {**DEFAULT_USERS, **(users or {})}, "realm": realm, "edition": edition,
            "plugins": _plugins(plugins, plugin, plugin_version, "1.2.0" if edition == "free" else "2.3.0"),
            "casc": casc and str(casc), "smtpHost": smtp_host, "jobs": list(jobs),
            "restartingMillis": round(restarting * 1000), "startingMillis": round(starting * 1000),
        }  # fmt: skip
        if root_url != AS_CALLED:
            self._options["rootUrl"] = root_url

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        if not self._temporary:
            self.stop()
            return
        process, self._process = self._process, None
        if process is not None:
            jvm.give_back(process, self.home / "standin.json")
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self) -> Self:
        """Starts Jenkins on the same home and, after the first time, the same ports; returns when it is up."""
        build = built() / self._flavour
        self.home.mkdir(parents=True, exist_ok=True)
        options = self.home / "standin-options.json"
        options.write_text(json.dumps(self._options))
        options.chmod(0o600)
        about = self.home / "standin.json"
        about.unlink(missing_ok=True)
        self._process = jvm.take(build, self.home / "standin.log")
        self._process.serve(options)
        wait_until(lambda: about.exists() or not self.running, seconds=30, every=jvm.POLL, what="the stand-in has started")
        if not self.running:
            raise RuntimeError(f"the stand-in ended at once: {self.log()[-2000:]}")
        known = json.loads(about.read_text())
        self.url, self.control_url, self.tokens, self.pid = known["url"], known["controlUrl"], known["tokens"], known["pid"]
        self._options["port"] = int(self.url.split(":")[2].split("/")[0])
        self._options["controlPort"] = int(self.control_url.rsplit(":", 1)[1])
        return self

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def stop(self) -> None:
        """Stop the process in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9; `start()` afterwards continues on the same home and port."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end(number)

    def log(self) -> str:
        return (self.home / "standin.log").read_text(errors="replace")

    def groovy(self, text: str) -> str:
        """Runs a text in Jenkins as SYSTEM; returns what it printed, without surrounding white space. A stack trace is a RuntimeError."""
        answer = self._control.post(self.control_url + "/groovy", data=text.encode(), timeout=60)
        answer.encoding = "utf-8"
        if answer.status_code != 200 or re.search(r"^\tat org\.codehaus\.groovy|^\tat java\.base", answer.text, re.M):
            raise RuntimeError(answer.text[:3000])
        return answer.text.strip()

    def restart(self, wait: bool = True) -> None:
        """Restart Jenkins within the process: new classes, new statics, no sessions."""
        before = self.runs()
        self._post("/restart", {})
        if wait:
            self.wait_restarted(before)

    def runs(self) -> int:
        """How often Jenkins has started in this process."""
        return int(self._status()["runs"])

    def wait_restarted(self, before: int, timeout: float = 30) -> None:
        """Wait until Jenkins is up and has started more than `before` times, for restarts that a request to Jenkins began."""
        wait_until(lambda: (now := self._status())["up"] and now["runs"] > before, seconds=timeout, every=jvm.POLL, what="Jenkins is back")

    def faults(self, **switches: float | str | Mapping[PluginName, str]) -> None:
        """Inject faults; 0 ends a fault.

        From now on: unavailableSeconds (503), tokensRefusedSeconds (401), answerSeconds with answerStatus (500) and answerLocation,
        delaySeconds (each request), lookupSeconds (each look-up of a user in the realm),
        loseAnswers (so many script calls are carried out, and their connections break).
        At restarts: restartingSeconds, startingSeconds (of 503), tokensRefusedAroundRestartSeconds.
        For the next run: plugin ("enabled", "disabled", "missing") and pluginVersion, of the first plugin; plugins (such a word for
        each name)."""
        plugins = switches.get("plugins")
        if isinstance(plugins, Mapping):
            switches["plugins"] = {SHORT_NAMES[name]: state for name, state in plugins.items()}
        self._post("/faults", switches)

    def outbox(self) -> list[dict[str, str]]:
        """The mails that were sent: from, to, subject, body."""
        mails: list[dict[str, str]] = self._get("/outbox")
        return mails

    def browser(self, name: str | None = None, secret: str | None = None) -> Browser:
        """A new HTTP session; `secret` is a password or token, by default the user's token."""
        return Browser(self.url, name, secret or (self.tokens[name] if name else None))

    def _status(self) -> dict[str, Any]:
        status: dict[str, Any] = self._get("/status")
        return status

    def _get(self, path: str) -> Any:
        answer = self._control.get(self.control_url + path, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def _post(self, path: str, body: Mapping[str, Any]) -> None:
        answer = self._control.post(self.control_url + path, json=body, timeout=30)
        if answer.status_code != 200:
            raise ValueError(answer.text)


class Browser:
    """One HTTP session of one user: never follows a redirect, keeps its cookies."""

    def __init__(self, url: str, name: str | None = None, secret: str | None = None) -> None:
        self.url, self.name = url.rstrip("/"), name
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.auth = (name, secret) if name and secret else None

    def call(self, path: str, method: str = "GET", **more: Any) -> requests.Response:
        return self.http.request(method, self.url + path, **{"allow_redirects": False, "timeout": 30, **more})

    def status(self, path: str = "/", method: str = "GET", **more: Any) -> int:
        return self.call(path, method, **more).status_code

    def place(self, path: str = "/", method: str = "GET", **more: Any) -> str:
        """The target of a redirect below the root URL, or an empty string."""
        return self.call(path, method, **more).headers.get("Location", "").removeprefix(self.url)

    def crumb(self) -> dict[str, str]:
        answer = self.call("/crumbIssuer/api/json")
        return {answer.json()["crumbRequestField"]: answer.json()["crumb"]} if answer.status_code == 200 else {}

    def page_crumb(self, path: str) -> dict[str, str]:
        """As a page shows it to its forms: also to somebody who may not ask for one."""
        return crumb_in(self.call(path).text)

    def login(self, password: str) -> requests.Response:
        """The form, then only the cookie. Without a session from the page before, Jenkins answers the same but sets no cookie."""
        self.http.auth = None
        crumb = re.findall(r'name="(Jenkins-Crumb)"[^>]*value="(\w+)"', self.call("/login").text)
        form = {"j_username": self.name or "", "j_password": password, "from": "/", **dict(crumb)}
        return self.call("/j_spring_security_check", "POST", data=form)

    def enrol(self) -> requests.Response:
        """Enrols in security questions; the session is verified afterwards."""
        first, second, third = QUESTIONS
        form = {
            "firstSecurityQuestion": first, "firstSecurityQuestionAnswer": QUESTIONS[first],
            "secondSecurityQuestion": second, "secondSecurityQuestionAnswer": QUESTIONS[second],
            "customSecurityQuestion": third, "customSecurityQuestionAnswer": QUESTIONS[third],
        }  # fmt: skip
        page = f"/user/{self.name}/securityQuestionConfig/"
        crumb = self.page_crumb(page)
        return self.call(page + "saveSecurityQuestion", "POST", data={"json": json.dumps(form)}, headers=crumb)

    def second_factor(self, page: str | None = None) -> requests.Response:
        """Answers the two questions that the page shows: one that was called before, or a new one."""
        page = self.call("/tfaUserAuth/securityQuestionAuth/").text if page is None else page
        crumb = crumb_in(page)
        shown = sorted((question for question in QUESTIONS if question in page), key=page.find)
        form = {"userFirstAuthenticationAnswer": QUESTIONS[shown[0]], "userSecondAuthenticationAnswer": QUESTIONS[shown[1]]}
        action = "/tfaUserAuth/securityQuestionAuth/securityQuestionAuthenticate"
        return self.call(action, "POST", data={"json": json.dumps(form)}, headers=crumb)

    def script(self, text: str) -> requests.Response:
        return self.call("/scriptText", "POST", data={"script": text})


def _plugins(installed: Sequence[PluginName], state: str, version: str | None, mini_orange: str) -> list[dict[str, str]]:
    """Name, state and version of every plugin, the installed ones first; the state and version given are of the first."""
    versions: dict[PluginName, str] = {"miniorange": mini_orange, "openmfa": "111.v347db_32e7f24"}
    order = [*installed, *(name for name in versions if name not in installed)]
    states = ["enabled" if name in installed else "missing" for name in order]
    found = [{"name": SHORT_NAMES[name], "state": its, "version": versions[name]} for name, its in zip(order, states, strict=True)]
    found[0] |= {"state": state if installed else "missing", "version": version or found[0]["version"]}
    return found


def crumb_in(page: str) -> dict[str, str]:
    found = re.search(r'data-crumb-header="([\w-]+)"[^>]*data-crumb-value="(\w+)"', page)
    return {found[1]: found[2]} if found else {}


def free_port() -> int:
    """A port that is probably free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
