"""A person at work in one Jenkins: logs in as the table says, and sends requests as they are written."""

from __future__ import annotations

import base64
import json
import re
import time
from urllib.parse import urlencode

from tests.attack.bench import MARKER, Bench
from tests.attack.tables import ASKED, PERSONS, STORED, Answers, Factor, Kind, Way, What, Who
from tests.support.paths import Answer

FORM = "application/x-www-form-urlencoded"
QUESTIONS, MAIL = b"/tfaUserAuth/securityQuestionAuth/", b"/tfaUserAuth/otpOverEmailAuth/"
ANSWER_PAGE = b"securityQuestionAuthenticate"
OWNER_OF_SESSION = "vera"


class Session:
    """`who` from the table. What a person of the table has shown (a second factor) is shown at the beginning."""

    def __init__(self, bench: Bench, who: Who) -> None:
        self.bench, self.who, self.policy = bench, who, bench.policy
        self.cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self._crumb: dict[str, str] | None = None
        self._begin()

    # --- log-in ---

    def _begin(self) -> None:
        who = self.who
        if who.way is Way.NOBODY or who.user is None:
            return
        if who.way is Way.OTHERS_SESSION:
            self._log_in(OWNER_OF_SESSION)
            self._verify(Answers.FIRST)
        if who.way is Way.OVER_SESSION:
            self._log_in("ada")
            self._verify(Answers.FIRST)
        if who.way in (Way.FORM, Way.OVER_SESSION, Way.TOKEN_IN_SESSION):
            self._log_in(who.user)
        if who.way in (Way.BASIC, Way.OTHERS_SESSION):
            self._authorize(who.user, f"{who.user}-pw-1")
        if who.way in (Way.TOKEN, Way.TOKEN_IN_SESSION):
            self._authorize(who.user, self.bench.jenkins.token(who.user))
        if who.verified:
            self._verify(who.answers)
            if not who.fresh:
                time.sleep(self.bench.policy.window + 0.1)

    def _authorize(self, user: str, secret: str) -> None:
        self._crumb = None  # a crumb is of a user and a session
        self.headers["Authorization"] = "Basic " + base64.b64encode(f"{self.bench.id(user)}:{secret}".encode()).decode()

    def _log_in(self, user: str) -> None:
        page = self.get(b"/login").body
        crumb = re.findall(r'name="(Jenkins-Crumb)"[^>]*value="(\w+)"', page)
        form = {"j_username": self.bench.id(user), "j_password": f"{user}-pw-1", "from": "/", **dict(crumb)}
        self.post(b"/j_spring_security_check", urlencode(form).encode())
        self._crumb = None

    def _verify(self, answers: Answers) -> None:
        """As a person does who is asked; nothing where nobody asks."""
        if self.get(b"/").status != 302:
            return
        if Factor.QUESTIONS in self.bench.policy.factors:
            self.answer(answers)
        else:
            self.post(MAIL + b"resendOtp", b"")
            self.post(MAIL + b"saveOrValidateOtpOverEmailConfig", self._code(Answers.CODE))

    # --- second factors ---

    def answer(self, answers: Answers) -> Answer:
        """To the two questions that the page shows."""
        page = self.get(QUESTIONS).body
        shown = sorted((question for question in ASKED if question in page), key=page.find)
        given = dict(zip(ASKED, STORED.get(answers, STORED[Answers.BLANK]), strict=True))
        said = [given[question] for question in shown[:2]] or ["", ""]
        form = {"userFirstAuthenticationAnswer": said[0], "userSecondAuthenticationAnswer": said[-1]}
        return self.post(QUESTIONS + ANSWER_PAGE, urlencode({"json": json.dumps(form)}).encode())

    def _code(self, answers: Answers) -> bytes:
        code = self.bench.call("code", self.bench.id(self.who.user or "")) if answers is Answers.CODE else ""
        form = {} if answers is Answers.NONE else {"emailOtpForVerification": code or ""}
        return urlencode({"json": json.dumps(form)}).encode()

    # --- requests ---

    def request(self, what: What, target: bytes, method: str = "") -> Answer:
        """One request of the table as this person, with the crumb where a browser would send it."""
        method = method or what.method
        if what.kind is Kind.ANSWER and what.answers in (Answers.FIRST, Answers.SECOND) and target.endswith(QUESTIONS + ANSWER_PAGE):
            return self.answer(what.answers)
        if what.asks:
            self.post(MAIL + b"resendOtp", b"")
        body = b""
        if method in ("POST", "PUT", "PATCH"):
            body = self._code(what.answers) if what.factor is Factor.MAIL and what.answers is not Answers.NONE else self._fill(what.body)
        headers = {} if method in ("GET", "HEAD") or not self.who.crumb else self.crumb()
        if "<project>" in what.body:
            headers = {**headers, "Content-Type": "application/xml"}
        return self.send(method, target, body, headers)

    def _fill(self, body: str) -> bytes:
        return self.bench.place.path(body, self.who).encode() if "{job}" in body else body.encode()

    def crumb(self) -> dict[str, str]:
        """The crumb of this session: of any page that shows one."""
        if self._crumb is None:
            self._crumb = {}
            for place in ("/crumbIssuer/api/json", "/", "/tfaUserAuth/", f"/user/{self.bench.id(self.who.user or '')}/tfaConfiguration/"):
                found = re.search(r'data-crumb-value="(\w+)"|"crumb":"(\w+)"', self.get(place.encode()).body)
                if found:
                    self._crumb = {"Jenkins-Crumb": found[1] or found[2]}
                    break
        return self._crumb

    def sees(self) -> bool:
        """Whether a protected page shows its content."""
        return MARKER in self.protected().body

    def protected(self) -> Answer:
        person = PERSONS.get(self.who.user or "")
        path = f"/job/{self.bench.place.job}/" + ("config.xml" if person and person.admin else "")
        return self.get(path.encode())

    def get(self, path: bytes) -> Answer:
        return self.send("GET", self.bench.place.context.encode() + path, b"", {})

    def post(self, path: bytes, body: bytes) -> Answer:
        crumb = self.crumb() if self.who.crumb and not path.startswith(b"/j_") else {}
        return self.send("POST", self.bench.place.context.encode() + path, body, crumb)

    def send(self, method: str, target: bytes, body: bytes, headers: dict[str, str]) -> Answer:
        sent = {"Content-Type": FORM, "Referer": self.bench.url + "/", **self.headers, **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.bench.wire.send(method, target, sent, body)
        for line in answer.headers.get_all("Set-Cookie") or ():  # type: ignore[attr-defined]
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name.strip()] = value.strip()
        return answer
