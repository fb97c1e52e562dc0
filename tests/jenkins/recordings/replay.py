"""Sends recorded requests to a stand-in and tells what differs in the answers. Nothing here knows the order or the setups of the cases."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

import requests

from tests.support.standin import Browser, StandIn

HERE = pathlib.Path(__file__).resolve().parent
Case = Mapping[str, Any]
OPTION = re.compile(r"(?:^|(?<= ))(--data-urlencode|-[IuXdFHbcwgL])(?= |$)")
HEADERS = ("Set-Cookie", "Content-Type", "X-Jenkins", "Location", "WWW-Authenticate", "X-You-Are-Authenticated-As", "X-Required-Permission")
STATE_SCRIPT = """
def config = io.jenkins.plugins.twofactor.jenkins.MoGlobalConfig.get(), filter = io.jenkins.plugins.twofactor.jenkins.MoFilter
println groovy.json.JsonOutput.prettyPrint(groovy.json.JsonOutput.toJson([getEnableTfa: config.enableTfa,
    isSQ: config.isEnableSecurityQuestionsAuthentication(), isOtp: config.isEnableOtpOverEmailAuthentication(),
    sender: config.senderEmailAddress, moPluginSettings: filter.moPluginSettings,
    userAuthenticationStatus: filter.userAuthenticationStatus, id: config.id, file: config.configFile.file.path]))
"""
CUT = 700  # recorded commands end there; only the one of the long script is so long
# Bodies that the recording gives by the name of a file, or cut short; the pause is shorter than the recorded 8 s.
TEXTS = {
    "@state.groovy": STATE_SCRIPT,
    "@bigs": "def s = 1\n" + "// " + "x" * 300_000 + "\nprintln s",
    "Thread.sleep(8000); println \"done\"": "Thread.sleep(300); println \"done\"",
}  # fmt: skip


def cases(name: str) -> list[Case]:
    return [json.loads(line) for line in (HERE / name).read_text().splitlines()]


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came back, with everything that differs from run to run replaced by its placeholder."""

    status: int
    headers: Mapping[str, str]
    body: str


class Player:
    """Plays cases against one stand-in; cookie jars live as long as the player. `replace` puts a value where the recording has another."""

    def __init__(self, jenkins: StandIn) -> None:
        self.jenkins = jenkins
        self.jars: dict[str, requests.cookies.RequestsCookieJar] = {}
        self.replace: dict[str, str] = {}

    def play(self, case: Case) -> Answer:
        return self._curl(case) if "curl" in case else self._table(case)

    def jar(self, name: str, user: str, secret: str | None = None, path: str = "/") -> requests.Response:
        """Opens a jar by a request that the recording does not show."""
        browser = self.jenkins.browser(user, secret) if user else Browser(self.jenkins.url)
        answer = browser.call(path)
        self.jars.setdefault(name, requests.cookies.RequestsCookieJar()).update(browser.http.cookies)
        return answer

    def _table(self, case: Case) -> Answer:
        kind = case["as"]
        name = "alice" if kind.startswith("alice") else "admin"
        password = kind.endswith("-pw") or kind == "admin:adm…"
        browser = Browser(self.jenkins.url) if kind == "anon" else self.jenkins.browser(name, f"{name}-pw-1" if password else None)
        body = {"script": "println 1"} if case["path"].strip("/") == "scriptText" else None
        return self._masked(browser.call("/" + case["path"].lstrip("/"), case["method"], data=body))

    def _curl(self, case: Case) -> Answer:
        command = case["curl"] if len(case["curl"]) < CUT else case["curl"] + " URL/scriptText"
        line, address = re.fullmatch(r"(.*?) ?URL(/\S*)", command, re.DOTALL).groups()  # type: ignore[union-attr]
        parts = OPTION.split(line)
        options = [(name, value.strip(" ")) for name, value in zip(parts[1::2], parts[2::2], strict=True)]
        of = dict(options)
        http = requests.Session()
        http.trust_env = False
        if "-u" in of:
            name, _, secret = of["-u"].partition(":")
            secret = re.sub(r"<(\w+)_TOKEN>", lambda found: self.jenkins.tokens[found[1].lower()], secret)
            http.auth = (name, secret)
        if "-b" in of:
            http.cookies.update(self.jars[of["-b"]])
        headers, data, files = self._body(options, of, http)
        method = of.get("-X") or ("HEAD" if "-I" in of else "POST" if data is not None or files else "GET")
        request = http.prepare_request(requests.Request(method, self.jenkins.url + address, headers=headers, data=data, files=files))
        answer = http.send(request, allow_redirects=False, timeout=30)
        if "-c" in of:
            self.jars.setdefault(of["-c"], requests.cookies.RequestsCookieJar()).update(http.cookies)
        masked = self._masked(answer)
        if "-L" in of and answer.is_redirect:
            landed = http.get(answer.headers["Location"], allow_redirects=False, timeout=30)
            masked = dataclasses.replace(masked, body=f"HTTP/1.1 {landed.status_code} {landed.reason}")
        return masked

    def _body(
        self, options: list[tuple[str, str]], of: Mapping[str, str], http: requests.Session
    ) -> tuple[dict[str, str], bytes | None, Any]:
        headers, fields, files = {}, [], None
        for name, value in options:
            if name == "-H":
                key, _, text = value.partition(": ")
                headers[key] = self._crumb(http) if text == "CRUMB" else text
            elif name == "-F":
                files = {value.partition("=")[0]: (None, value.partition("=")[2])}
            elif name == "-d":
                fields.append(value)
            elif name == "--data-urlencode":
                fields.append(self._encoded(value))
        data = "&".join(fields).encode() if fields else None
        if data is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return headers, data, files

    def _encoded(self, value: str) -> str:
        if value.startswith("script@"):
            key, text = "script", TEXTS["@" + value.partition("@")[2]]
        else:
            key, _, text = value.partition("=")
        if len(value) > CUT - 100:
            text = f"def s = '{'a' * 60_000}'; println s.length()"
        text = TEXTS.get(text, text)
        for recorded, real in self.replace.items():
            text = text.replace(recorded, real)
        return f"{key}={urllib.parse.quote(text)}"

    def _crumb(self, http: requests.Session) -> str:
        """Of the request's own session; a request without a cookie gets the crumb of the jar that was filled last."""
        if not http.cookies and self.jars:
            with requests.Session() as other:
                other.trust_env, other.auth, other.cookies = False, http.auth, list(self.jars.values())[-1].copy()
                return self._crumb(other)
        with requests.Session() as asking:
            asking.trust_env, asking.auth, asking.cookies = False, http.auth, http.cookies.copy()
            answer = asking.get(self.jenkins.url + "/crumbIssuer/api/json", timeout=30)
            return str(answer.json()["crumb"]) if answer.status_code == 200 else "there is none for anonymous"

    def _masked(self, answer: requests.Response) -> Answer:
        answer.encoding = answer.encoding or "utf-8"
        headers = {name: mask(answer.headers[name], self.jenkins) for name in HEADERS if name in answer.headers}
        return Answer(answer.status_code, headers, mask(answer.text, self.jenkins))


def mask(text: str, jenkins: StandIn) -> str:
    """Replaces what differs from run to run; recorded texts go through it, too."""
    text = text.replace(jenkins.url, "URL").replace(str(jenkins.home), "JENKINS_HOME")
    text = re.sub(r"JSESSIONID(\.\w+)?=[^;]+", "JSESSIONID=SESSION", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "CRUMB", text)
    text = re.sub(r"/static/[0-9a-f]{8}\b", "/static/HASH", text)
    return re.sub(r"/queue/item/\d+/", "/queue/item/N/", text)


def differences(case: Case, answer: Answer, jenkins: StandIn) -> list[str]:
    """Status, place, headers, and what a client would recognise the body by."""
    found = [] if case["status"] == answer.status else [f"status {answer.status}"]
    if "curl" not in case:
        place = mask(case["location"] or "", jenkins)
        if place != answer.headers.get("Location", ""):
            found.append(f"Location {answer.headers.get('Location')}")
        return found
    for name in HEADERS:
        recorded = case["headers"].get(name)
        if (recorded and mask(recorded, jenkins)) != answer.headers.get(name):
            found.append(f"{name}: {answer.headers.get(name)}")
    recorded_body = mask(case["body_start"], jenkins)
    if bool(recorded_body.strip()) != bool(answer.body.strip()):
        found.append(f"body {answer.body[:60]!r}")
    elif recognisable(recorded_body) != recognisable(answer.body[: max(len(recorded_body), 2000)], len(recognisable(recorded_body))):
        found.append(f"body {recognisable(answer.body)!r}")
    return found


def recognisable(body: str, length: int | None = None) -> str:
    """Of a page its title; of an anonymous refusal all; of a script the lines before a stack trace; of JSON all that was recorded."""
    title = re.search(r"<title>(.*?)</title>", body, re.DOTALL)
    if title:
        return title[1].strip()
    if body.startswith("<html><head><meta"):
        return re.sub(r"\s+", " ", body).strip()[:380]
    if body.startswith("HTTP/1.1"):
        return body.splitlines()[0]
    text = re.split(r"\n\tat |\n\ntime_total", body)[0].strip()
    return text[:length] if length is not None else text
