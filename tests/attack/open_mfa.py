"""The attack on a Jenkins with OpenMFA: people who are not verified send every request of the table, plainly and in odd spellings.

The rule is short: whoever is asked for a code brings about nothing. Whoever is verified or exempt stays within their rights, and changes
their own secret only after a fresh code; administrators may remove another user's. Requests to pages, builds and administration are those
of tables.py; legitimate use is tested in tests/jenkins/gate/test_open_mfa.py."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Self
from urllib.parse import urlencode

import pyotp

from jenkins2fa.api.policy import DeletionPolicy
from tests.attack.bench import MARKER, Real, about_job
from tests.attack.cases import METHODS, Place, sendable
from tests.attack.runner import Finding, Result
from tests.attack.spelling import in_context, spelled
from tests.attack.tables import ADMINISTRATION, BUILDS, OWN_ACCOUNT, PAGES, Way, Who
from tests.support.gated import age
from tests.support.managed import Managed, policy
from tests.support.openmfa import answer, code, forget_codes, settings, wrong_code
from tests.support.paths import Answer, Wire
from tests.support.standin import Browser, StandIn, crumb_in

OPENMFA = "openmfa"
OTHER, BATCH, STALE, ENOUGH = "olga", 24, 16 * 60, 20
SECURITY = "/manage/configureSecurity/configure"
FORM = "application/x-www-form-urlencoded"
CHOSEN = pyotp.random_base32()
GROOVY_MAP = str.maketrans("{}", "[]")
USERS: dict[str, dict[str, Any]] = {
    "carol": {"groups": ["devs"]},
    "adam": {"groups": ["devs"], "admin": True},
    "nina": {"groups": ["devs"], "admin": True},
    "vera": {"groups": ["devs"]},
    "ada": {"groups": ["devs"], "admin": True},
    "rob": {"groups": ["robots"]},
    OTHER: {"groups": ["devs"]},
}
ENROLLED = ("carol", "adam", "vera", "ada", OTHER)
PEOPLE = (
    Who("anonymous", None, Way.NOBODY),
    Who("password", "carol", Way.FORM),
    Who("password with each request", "carol", Way.BASIC),
    Who("an administrator's password", "adam", Way.FORM, admin=True),
    Who("an administrator's password with each request", "adam", Way.BASIC, admin=True),
    Who("token", "carol", Way.TOKEN),
    Who("token in an unverified session", "carol", Way.TOKEN_IN_SESSION),
    Who("log-in over another's session", "carol", Way.OVER_SESSION),
    Who("password in another's session", "carol", Way.OTHERS_SESSION),
    Who("password, not enrolled", "nina", Way.FORM, admin=True),
    Who("exempt", "rob", Way.FORM, robot=True),
    Who("verified without rights", "vera", Way.FORM, verified=True, fresh=True),
    Who("verified administrator, but stale", "ada", Way.FORM, verified=True, admin=True),
)
READING = frozenset({"content", "in", "build", "own token"})
ADMINISTERING = READING | {"script", "job", "settings", "quiet", "other token", "other secret"}


def allowed(who: Who) -> frozenset[str]:
    """What this person may bring about by some request or other."""
    if who.user == "nina":
        return frozenset({"own secret"}) | ADMINISTERING  # whoever has no secret enrols, and is in
    if who.robot:
        return READING | {"own secret"}
    if not who.verified:
        return frozenset()
    return ADMINISTERING if who.admin else READING | {"own secret"}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    body: str = ""


def _enrolments() -> Iterator[Request]:
    bases = (
        "/user/{own}", "/me", "/securityRealm/user/{own}", "/manage/securityRealm/user/{own}", "/user/{other}", "/static/x/user/{own}", "",
        "/securityRealm/user/{other}", "/manage/user/{other}", "/user/{own}/mfa-setup/..", "/mfa-login", "/user/{other}/mfa-login",
    )  # fmt: skip
    for base in bases:
        yield Request("POST", f"{base}/mfa-setup/enable", "{enrol}")
        yield Request("POST", f"{base}/mfa-setup/disable")
        yield Request("GET", f"{base}/mfa-setup/disable")
    for base in ("/user/{own}", "/user/{other}", "/me"):
        yield Request("POST", f"{base}/actions/0/enable", "{enrol}")
        for form in ("configSubmit", "security/configSubmit", "account/configSubmit"):
            for section in ("property", *(f"userProperty{number}" for number in range(4))):  # where it stands depends on other plugins
                yield Request("POST", f"{base}/{form}", urlencode({"json": json.dumps({section: {"secret": CHOSEN}, "secret": CHOSEN})}))


def _others() -> Iterator[Request]:
    for base in ("/manage/mfa-management", "/mfa-management", "/manage/mfa-management/x/..", "/static/x/mfa-management"):
        for user in ("{own}", "{other}"):
            yield Request("POST", f"{base}/resetMFA", f"userId={user}")
            yield Request("GET", f"{base}/resetMFA?userId={user}")
            yield Request("POST", f"{base}/setMFA", f"userId={user}")
    link = "io.jenkins.plugins.openmfa.MFAManagementLink"
    yield Request("POST", f"/extensionList/hudson.model.ManagementLink/{link}/resetMFA", "userId={other}")
    body = urlencode({"json": json.dumps({"io-jenkins-plugins-openmfa-MFAGlobalConfiguration": {"exemptRoles": "authenticated"}})})
    yield Request("POST", SECURITY, body)


def _answers() -> Iterator[Request]:
    for digits in ("{wrong}", "", "000000", "{of the chosen secret}", "{of another}", "{used}"):
        for path in ("/mfa-login/verify", "/mfa-login//verify", "/user/{own}/mfa-login/verify", "/static/x/mfa-login/verify"):
            yield Request("POST", path, f"x-plugin-openmfa-totp={digits}&x-plugin-openmfa-code={digits}")
    yield Request("GET", "/mfa-login/verify?x-plugin-openmfa-totp={of another}")


SECOND_FACTORS = (*_enrolments(), *_others(), *_answers())
REQUESTS = (*(Request(one.method, one.path, one.body) for one in (*PAGES, *BUILDS, *ADMINISTRATION, *OWN_ACCOUNT)), *SECOND_FACTORS)

SECRET_OF = "def property = { io.jenkins.plugins.openmfa.MFAUserProperty.getOrCreate(hudson.model.User.getById(it, true)) }\n"
STATE = """def config = io.jenkins.plugins.openmfa.MFAGlobalConfiguration.get(), people = %s
def tokens = { hudson.model.User.getById(it, true).getProperty(jenkins.security.ApiTokenProperty).tokenList.size() }
print groovy.json.JsonOutput.toJson(stateOfJob() + [
    settings: [config.requireMFA, config.exemptUsers, config.exemptRoles],
    secrets: people.collectEntries { [it, property(it).secret?.plainText] }, tokens: people.collectEntries { [it, tokens(it)] }])"""
RESET = """%s.each { name, secret -> property(name).setSecret(secret ? hudson.util.Secret.fromString(secret) : null) }
hudson.model.User.getById('%s', true).fullName = marker
resetJob()
def attempts = context.getAttribute('jenkins2fa')?.attempts
if (attempts) [attempts.users, attempts.addresses]*.clear()
null"""
SETTINGS = """def config = io.jenkins.plugins.openmfa.MFAGlobalConfiguration.get()
print groovy.json.JsonOutput.toJson([config.requireMFA, config.exemptUsers, config.exemptRoles])"""


class RealOpenMfa(Real):
    """Used as a stand-in is. Its realm knows no groups, so nobody is exempt."""

    people = {name: about.get("admin", False) for name, about in USERS.items() if "robots" not in about["groups"]}

    def __enter__(self) -> Self:
        super().__enter__()
        self.url = self.managed.connection.url.rstrip("/")
        self.tokens = {self.place.prefix + name: token for name, token in self._tokens.items()}
        self._former = json.loads(self.groovy(SETTINGS))
        return self

    def __exit__(self, *ended: object) -> None:
        super().__exit__(*ended)
        required, users, groups = self._former
        settings(self, required=required, users=(users or "").split("\n"), groups=(groups or "").split("\n"))

    def groovy(self, text: str) -> str:
        answer = self.run(text)
        if "\n\tat " in answer:
            raise RuntimeError(answer[:3000])
        return answer


class Attack:
    """`drift`: settings of the plugin that open nothing while the gate holds; `name`: of the drift, in findings."""

    def __init__(self, jenkins: StandIn | RealOpenMfa, context: str, seed: int, name: str = "", *, gated: bool = True) -> None:
        self.jenkins, self.chance, self.name, self.gated = jenkins, Random(seed), name, gated
        if isinstance(jenkins, RealOpenMfa):
            self.managed, self.place, self.users = jenkins.managed, jenkins.place, sorted(jenkins.people)
        else:
            self.managed, self.place = Managed(jenkins.url, "admin", jenkins.tokens["admin"]), Place(context=context)
            self.users = sorted(USERS)
        self.wire = Wire(jenkins.url)
        self.secrets: dict[str, str] = {}
        self.result = Result()

    # --- what is in force ---

    def enforce(self, **drift: Any) -> None:
        with self.managed.driver() as driver:
            driver.release(DeletionPolicy.DISABLE)
        self.drift = {"required": True, "users": [], "groups": [], **drift}
        self.drift["users"] = [self.id(name) for name in self.drift["users"]]
        exempt = {"exemptGroups": ["robots"]} if "rob" in self.users else {}
        if self.gated:
            self.managed.apply(policy(allowedFactors=["MobileAuthenticator"], apiTokens="Challenge", **exempt))
        self.groovy("prepareJob()\nnull")
        self.reset()

    def id(self, user: str | None) -> str:
        return self.place.prefix + (user or "nobody")

    def groovy(self, text: str) -> str:
        return self.jenkins.groovy(about_job(self.place) + SECRET_OF + text)

    def reset(self) -> None:
        for name in ENROLLED:
            self.secrets.setdefault(name, pyotp.random_base32())
        settings(self.jenkins, **self.drift)
        secrets = {self.id(name): self.secrets.get(name) for name in self.users}
        self.groovy(RESET % (json.dumps(secrets).translate(GROOVY_MAP), self.id(OTHER)))
        forget_codes(self.jenkins)
        self.before = self.state()

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.groovy(STATE % json.dumps([self.id(name) for name in self.users])))
        return found

    # --- who asks ---

    def browser(self, who: Who) -> Browser:
        """Logged in as the table says."""
        browser = Browser(self.jenkins.url)
        if who.way in (Way.OVER_SESSION, Way.OTHERS_SESSION):
            self._log_in(browser, "vera", verified=True)
        if who.way in (Way.FORM, Way.OVER_SESSION, Way.TOKEN_IN_SESSION):
            self._log_in(browser, who.user or "", verified=who.verified)
        if who.verified and not who.fresh:
            age(self.jenkins, STALE)
        return browser

    def _log_in(self, browser: Browser, user: str, *, verified: bool) -> None:
        browser.name = self.id(user)
        browser.login(f"{user}-pw-1")
        if verified and browser.status() == 302:
            forget_codes(self.jenkins)
            answer(browser, code(self.secrets[user]))
            assert browser.status() == 200, f"{user} gives a code"

    def headers(self, who: Who, browser: Browser) -> dict[str, str]:
        found = {"Content-Type": FORM, "Cookie": "; ".join(f"{one.name}={one.value}" for one in browser.http.cookies)}
        secret = {Way.BASIC: f"{who.user}-pw-1", Way.OTHERS_SESSION: f"{who.user}-pw-1"}.get(who.way)
        if who.way in (Way.TOKEN, Way.TOKEN_IN_SESSION):
            secret = self.jenkins.tokens[self.id(who.user)]
        if secret:
            found["Authorization"] = "Basic " + base64.b64encode(f"{self.id(who.user)}:{secret}".encode()).decode()
        for page in ("/mfa-login/", f"/user/{self.id(who.user)}/mfa-setup/", "/"):
            context = self.place.context.encode()
            crumb = crumb_in(self.wire.send("GET", context + page.encode(), found, b"").body)
            if crumb:
                return {**found, **crumb}
        return found

    # --- what they ask for ---

    def run(self, plain: float, odd: int, people: Sequence[Who] = PEOPLE, requests: Sequence[Request] = REQUESTS) -> Result:
        """The persons' requests: a share of them plainly, and `odd` of them for each person in other spellings."""
        for who in (one for one in people if not one.robot or one.user in self.users):
            sent = [one for one in requests if not self.spares(who, one)]
            cases = [("plain", one, one.path.encode()) for one in sent if self.chance.random() < plain]
            for one in self.chance.choices([one for one in (*REQUESTS, *SECOND_FACTORS * 2) if not self.spares(who, one)], k=odd):
                name, path = spelled(one.path.encode(), self.chance)
                cases.append((name, Request(self.chance.choice([one.method, *METHODS]), one.path, one.body), path))
            for at in range(0, len(cases), BATCH):
                batch = cases[at : at + BATCH]
                self.result.cases += len(batch)
                if self.effects(who, batch) - allowed(who):
                    self.reset()
                    for case in batch:
                        if len(self.result.let_in) < ENOUGH:
                            self.judge(who, case)
                self.reset()
        return self.result

    def spares(self, who: Who, request: Request) -> bool:
        """A real Jenkins loses its realm by that form without its other fields, if whoever sends it may."""
        return request.path == SECURITY and isinstance(self.jenkins, RealOpenMfa) and "settings" in allowed(who)

    def judge(self, who: Who, case: tuple[str, Request, bytes]) -> None:
        excess = self.effects(who, [case]) - allowed(who)
        if excess:
            spelling, request, path = case
            sent = f"{who.name} | {request.method} {path.decode(errors='replace')} | {spelling}"
            self.result.let_in.append(Finding(OPENMFA, self.name, sent, excess, OPENMFA))
        self.reset()

    def effects(self, who: Who, cases: list[tuple[str, Request, bytes]]) -> frozenset[str]:
        """Everything that the requests bring about, one after the other in one browser."""
        browser, found = self.browser(who), set[str]()
        headers = self.headers(who, browser)
        for _, request, path in cases:
            found |= self._shown(self.send(who, headers, request, path))
            if who.user is not None and MARKER in self._protected(who, headers).body:
                found.add("in")
        if who.user is not None and who.user != "rob":
            again = Who("again", who.user, Way.BASIC)
            if MARKER in self._protected(again, self.headers(again, self.browser(again))).body:
                found.add("password alone")
        return frozenset(found | self._changed(who))

    def _shown(self, met: Answer) -> set[str]:
        found = {"content"} if MARKER in met.body else set()
        return found | ({"script"} if "it ran" in met.body else set()) | ({"build"} if met.status == 201 else set())

    def _protected(self, who: Who, headers: dict[str, str]) -> Answer:
        path = f"/job/{self.place.job}/config.xml" if USERS.get(who.user or "", {}).get("admin") else f"/user/{self.id(OTHER)}/"
        return self.wire.send("GET", (self.place.context + path).encode(), headers, b"")

    def send(self, who: Who, headers: dict[str, str], request: Request, path: bytes) -> Answer:
        written = self.place.path(path.decode("latin-1"), who)
        target = sendable(in_context(self._filled(who, written).encode("latin-1"), self.place.context.encode(), self.chance))
        body = self._filled(who, self.place.path(request.body, who))
        sent = {**headers, "Content-Type": "application/xml"} if "<project>" in body else headers
        met = self.wire.send(request.method, target, sent, b"" if request.method in ("GET", "HEAD") else body.encode())
        _keep_cookies(headers, met)
        return met

    def _filled(self, who: Who, text: str) -> str:
        """The codes that a thief can have."""
        secret = self.secrets.get(who.user or "", CHOSEN)
        codes = {
            "{enrol}": urlencode({"x-plugin-openmfa-secret": CHOSEN, "x-plugin-openmfa-code": code(CHOSEN)}) if "{enrol}" in text else "",
            "{wrong}": wrong_code(secret),
            "{of the chosen secret}": code(CHOSEN),
            "{of another}": code(self.secrets["ada"]),
            "{used}": code(secret, -9),
        }
        if "{enrol}" in text:
            self.jenkins.groovy("io.jenkins.plugins.openmfa.base.MFAContext.i().getService("
                                "io.jenkins.plugins.openmfa.service.TOTPService).@usedCodes.clear()")  # fmt: skip
        for name, value in codes.items():
            text = text.replace(name, value)
        return text

    def _changed(self, who: Who) -> set[str]:
        now = self.state()
        found = {key for key in ("script", "build", "quiet", "job", "settings") if now[key] != self.before[key]}
        for name in self.users:
            whose, user = "own" if name == who.user else "other", self.id(name)
            found |= {f"{whose} secret"} if now["secrets"][user] != self.before["secrets"][user] else set()
            found |= {f"{whose} token"} if now["tokens"][user] != self.before["tokens"][user] else set()
        return found


def _keep_cookies(headers: dict[str, str], met: Answer) -> None:
    """As a browser does: the plugin replaces the session when it accepts a code."""
    held = dict(one.split("=", 1) for one in headers.get("Cookie", "").split("; ") if "=" in one)
    for line in met.headers.get_all("Set-Cookie") or ():  # type: ignore[attr-defined]
        name, _, value = line.partition(";")[0].partition("=")
        held[name.strip()] = value.strip()
    headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in held.items())


def started(context: str) -> StandIn:
    """Not yet entered."""
    users = {name: {"password": f"{name}-pw-1", **about} for name, about in USERS.items()}
    return StandIn(context_path=context, realm="groups", users=users, plugins=("openmfa",))
