"""The tables: who asks, for what, under which policy. Everything else here is made from them (cases.py).

In paths and bodies `{own}` is the person's id, `{other}` another person's, `{job}` a job.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum
from urllib.parse import urlencode


class Factor(Enum):
    QUESTIONS = "SecurityQuestions"
    MAIL = "EmailOTP"


class Way(Enum):
    """How a request says who sends it."""

    NOBODY = "nobody"
    FORM = "the log-in form"
    BASIC = "the password with each request"
    TOKEN = "an API token with each request"
    OTHERS_SESSION = "the password with each request, in another person's verified session"
    OVER_SESSION = "the log-in form, in a browser where another person was verified"
    TOKEN_IN_SESSION = "an API token, in the person's own unverified session"


class Answers(Enum):
    """What is sent as the second factor. A person enrols with the first ones before the tests, with the second ones in them."""

    NONE = "none"
    FIRST = "first"
    SECOND = "second"
    BLANK = "blank"
    CODE = "code"


class Kind(Enum):
    OPEN = "for everybody"
    READ = "needs Overall/Read"
    BUILD = "starts a build"
    ADMIN = "needs Overall/Administer"
    ANSWER = "a challenge"
    FACTOR = "a person's second factor"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom Jenkins knows; has enrolled before the tests in `factors`."""

    factors: frozenset[Factor] = frozenset()
    admin: bool = False
    robot: bool = False


QUESTIONS, MAIL = frozenset({Factor.QUESTIONS}), frozenset({Factor.MAIL})
BOTH, NONE = QUESTIONS | MAIL, frozenset[Factor]()
PERSONS = {
    "nina": Person(NONE, admin=True),
    "quinn": Person(QUESTIONS, admin=True),
    "mara": Person(MAIL, admin=True),
    "bo": Person(BOTH, admin=True),
    "tom": Person(BOTH, admin=True),
    "ada": Person(BOTH, admin=True),
    "vera": Person(BOTH),
    "rob": Person(NONE, robot=True),
    "olga": Person(BOTH),
}
OTHER = "olga"
OPERATOR = "operator"
ROBOTS = "robots"


@dataclass(frozen=True, slots=True)
class Who:
    """A person and what he has shown of himself. `crumb` False: the request is one that another site makes his browser send."""

    name: str
    user: str | None
    way: Way
    verified: bool = False
    fresh: bool = False
    crumb: bool = True
    factors: frozenset[Factor] = NONE
    admin: bool = False
    robot: bool = False
    answers: Answers = Answers.NONE
    mailed: bool = False


def _who(name: str, user: str, way: Way, *, verified: bool = False, fresh: bool = False, crumb: bool = True) -> Who:
    person = PERSONS[user]
    answers = Answers.FIRST if Factor.QUESTIONS in person.factors else Answers.NONE
    return Who(name, user, way, verified, fresh or verified, crumb, person.factors, person.admin, person.robot, answers)


WHO = (
    Who("anonymous", None, Way.NOBODY),
    _who("password, no factor", "nina", Way.FORM),
    _who("password with each request, no factor", "nina", Way.BASIC),
    _who("password, questions", "quinn", Way.FORM),
    _who("password with each request, questions", "quinn", Way.BASIC),
    _who("password, mail", "mara", Way.FORM),
    _who("password, both factors", "bo", Way.FORM),
    _who("password with each request, both factors", "bo", Way.BASIC),
    _who("password in another's session", "bo", Way.OTHERS_SESSION),
    _who("log-in over another's session", "quinn", Way.OVER_SESSION),
    _who("token", "tom", Way.TOKEN),
    _who("token in an unverified session", "tom", Way.TOKEN_IN_SESSION),
    _who("exempt", "rob", Way.FORM),
    _who("exempt, from another site", "rob", Way.FORM, crumb=False),
    _who("verified without rights", "vera", Way.FORM, verified=True),
    _who("verified administrator", "ada", Way.FORM, verified=True),
    _who("verified administrator, from another site", "ada", Way.FORM, verified=True, crumb=False),
)
STALE = Who("verified but stale", "ada", Way.FORM, True, False, True, BOTH, True, False, Answers.FIRST)


@dataclass(frozen=True, slots=True)
class What:
    """A request. `effect`: what it brings about for who may; `promised`: that has to work for them, too.

    `trigger`: with the job's own token; `asks`: the person asks for a code by mail first, in the same session."""

    name: str
    method: str
    path: str
    kind: Kind
    effect: str = ""
    body: str = ""
    own: bool = True
    factor: Factor | None = None
    enrols: bool = False
    answers: Answers = Answers.NONE
    trigger: bool = False
    asks: bool = False
    promised: bool = False


def _form(**fields: object) -> str:
    return urlencode({key: value if isinstance(value, str) else json.dumps(value) for key, value in fields.items()})


SCRIPT = _form(script="System.setProperty('attack.ran', 'yes'); print 'it ' + 'ran'")
SETTINGS = _form(json={"formPage": "basicConfig", "enableTfa": False, "enableSecurityQuestion": False})
ASKED = ("What is your first company name ?", "What is your childhood nickname ?", "q3")
STORED = {Answers.FIRST: ("a1", "a2", "a3"), Answers.SECOND: ("b1", "b2", "b3"), Answers.BLANK: ("", "", "")}
ENROLMENT = _form(
    json={
        key: value
        for name, question, answer in zip(("first", "second", "custom"), ASKED, STORED[Answers.SECOND], strict=True)
        for key, value in ((f"{name}SecurityQuestion", question), (f"{name}SecurityQuestionAnswer", answer))
    }
)
PLUGIN = "io.jenkins.plugins.twofactor.jenkins"
TOKEN = "descriptorByName/jenkins.security.ApiTokenProperty/generateNewToken"


def _open(path: str) -> What:
    return What(f"GET {path}", "GET", path, Kind.OPEN, "answered", promised=True)


def _read(path: str, *, promised: bool = False) -> What:
    return What(f"GET {path}", "GET", path, Kind.READ, "content", promised=promised)


def _build(method: str, path: str, *, promised: bool = False) -> What:
    return What(f"{method} {path}", method, path, Kind.BUILD, "build", "build={job}", trigger="token=" in path, promised=promised)


def _admin(method: str, path: str, effect: str, body: str = "", *, promised: bool = False) -> What:
    return What(f"{method} {path}", method, path, Kind.ADMIN, effect, body, promised=promised)


def _save(path: str, *, promised: bool = False) -> What:
    """Stores answers for the person who sends them, whoever's path it is."""
    return What(
        f"POST {path}", "POST", path, Kind.FACTOR, "own SecurityQuestions", ENROLMENT,
        factor=Factor.QUESTIONS, enrols=True, answers=Answers.SECOND, promised=promised,
    )  # fmt: skip


def _others(method: str, path: str, factor: Factor) -> What:
    return What(f"{method} {path}", method, path, Kind.FACTOR, f"other {factor.value}", own=False, factor=factor, body=ENROLMENT)


def _reset(method: str, path: str, factor: Factor) -> What:
    return What(f"{method} {path}", method, path, Kind.FACTOR, f"own {factor.value}", factor=factor)


def _answer(answers: Answers, *, promised: bool = False) -> What:
    path = "/tfaUserAuth/securityQuestionAuth/securityQuestionAuthenticate"
    name = f"POST {path} with {answers.value} answers"
    body = _form(json={"userFirstAuthenticationAnswer": "", "userSecondAuthenticationAnswer": ""})
    return What(name, "POST", path, Kind.ANSWER, "verified", body, factor=Factor.QUESTIONS, answers=answers, promised=promised)


def _code(answers: Answers, path: str = "/tfaUserAuth/otpOverEmailAuth") -> What:
    """A code that was mailed: a challenge's answer, or the enrolment of who has no factor."""
    path += "/saveOrValidateOtpOverEmailConfig"
    name = f"POST {path} with {answers.value}"
    return What(name, "POST", path, Kind.ANSWER, "verified", _form(json={}), factor=Factor.MAIL, enrols=True, answers=answers)


QUESTION_PAGE, MAIL_PAGE = "securityQuestionConfig", "otpOverEmailConfig"
ENROL = _save("/user/{own}/securityQuestionConfig/saveSecurityQuestion", promised=True)
RESEND = What("POST …/resendOtp", "POST", "/tfaUserAuth/otpOverEmailAuth/resendOtp", Kind.ANSWER, factor=Factor.MAIL)
PROTECTED = _read("/job/{job}/", promised=True)
MAILED = replace(_code(Answers.CODE), name="a code by mail", asks=True, promised=True)
FACTOR_PAGES = (
    ENROL,
    _save("/me/securityQuestionConfig/saveSecurityQuestion"),
    _save("/user/{other}/securityQuestionConfig/saveSecurityQuestion"),
    _save("/securityQuestionConfig/saveSecurityQuestion"),
    _save("/static/x/user/{own}/securityQuestionConfig/saveSecurityQuestion"),
    _save("/user/{own}/descriptorByName/" + PLUGIN + ".tfaMethodsConfig.MoSecurityQuestionConfig/saveSecurityQuestion"),
    *(_reset(method, f"{base}/{QUESTION_PAGE}/reset", Factor.QUESTIONS) for base in ("/user/{own}", "/me") for method in ("GET", "POST")),
    *(_reset(method, f"{base}/{MAIL_PAGE}/reset", Factor.MAIL) for base in ("/user/{own}", "/me") for method in ("GET", "POST")),
    *(_others(method, "/user/{other}/securityQuestionConfig/reset", Factor.QUESTIONS) for method in ("GET", "POST")),
    *(_others(method, "/user/{other}/otpOverEmailConfig/reset", Factor.MAIL) for method in ("GET", "POST")),
    _others("POST", "/manage/user/{other}/securityQuestionConfig/reset", Factor.QUESTIONS),
    _others("POST", "/user/{other}/tfaConfiguration/securityQuestionConfig/reset", Factor.QUESTIONS),
)
CHALLENGE_PAGES = (
    _answer(Answers.FIRST, promised=True),
    _answer(Answers.SECOND),
    _answer(Answers.BLANK),
    MAILED,
    _code(Answers.CODE),
    _code(Answers.BLANK),
    _code(Answers.NONE),
    _code(Answers.BLANK, "/user/{own}/otpOverEmailConfig"),
    _code(Answers.NONE, "/user/{own}/otpOverEmailConfig"),
    RESEND,
)
FORMS = tuple(
    What(f"POST …/{action}", "POST", f"{base}/descriptorByName/{PLUGIN}.tfaMethodsConfig.{kind}/{action}", Kind.ANSWER, body=ENROLMENT)
    for base in ("", "/user/{own}", "/user/{other}", "/me")
    for kind, action in (("MoSecurityQuestionConfig", "fillFirstSecurityQuestionItems"), ("MoOtpOverEmailConfig", "checkEmail"))
)
PAGES = (
    _read("/", promised=True),
    PROTECTED,
    _read("/job/{job}/api/json", promised=True),
    _read("/api/json", promised=True),
    _read("/job/{job}/lastBuild/consoleText", promised=True),
    _read("/view/all/job/{job}/"),
    _read("/user/{other}/", promised=True),
    _read("/user/{other}/api/json"),
    _read("/user/{other}/configure"),
    _read("/user/{other}/tfaConfiguration/"),
    _read("/user/{other}/securityQuestionConfig/"),
    _read("/static/abc123/job/{job}/"),
    _read("/static/abc123/api/json"),
    _read("/plugin/miniorange-two-factor/wrapper/parent/api/json"),
    _read("/plugin/miniorange-two-factor/wrapper/parent/plugin/mailer/x.css"),
    _read("/static/abc123/plugin/miniorange-two-factor/wrapper/parent/api/json"),
    _read("/cli"),
    _read("/queue/api/json"),
)
BUILDS = (
    _build("POST", "/job/{job}/build", promised=True),
    _build("POST", "/job/{job}/buildWithParameters?a=1"),
    _build("GET", "/job/{job}/build?token=t"),
    _build("GET", "/buildByToken/build?job={job}&token=t"),
    _build("POST", "/static/abc123/job/{job}/build"),
    _build("POST", "/view/all/job/{job}/build"),
    _build("POST", "/cli?remoting=false&build={job}"),
    _build("POST", "/blue/rest/organizations/jenkins/pipelines/{job}/runs/"),
    _build("POST", "/job/{job}/1/replay/run"),
)
ADMINISTRATION = (
    _admin("POST", "/scriptText", "script", SCRIPT, promised=True),
    _admin("POST", "/script", "script", SCRIPT, promised=True),
    _admin("POST", "/manage/scriptText", "script", SCRIPT),
    _admin("POST", "/static/abc123/scriptText", "script", SCRIPT),
    _admin("GET", "/scriptText?" + SCRIPT, "script"),
    _admin("GET", "/job/{job}/config.xml", "content", promised=True),
    _admin("POST", "/job/{job}/config.xml", "job", "<project><description>taken</description></project>"),
    _admin("POST", "/job/{job}/submitDescription", "job", "description=taken", promised=True),
    _admin("POST", "/job/{job}/disable", "job"),
    _admin("POST", "/createItem?name=taken&mode=hudson.model.FreeStyleProject", "job"),
    _admin("POST", "/quietDown", "quiet"),
    _admin("POST", "/manage/tfaGlobalConfig/saveGlobalTfaSettings", "settings", SETTINGS, promised=True),
    _admin("POST", "/tfaGlobalConfig/saveGlobalTfaSettings", "settings", SETTINGS),
    _admin("POST", "/manage/descriptorByName/" + PLUGIN + ".MoGlobalConfig/saveGlobalTfaSettings", "settings", SETTINGS),
    _admin("POST", "/user/{other}/" + TOKEN, "token", "newTokenName=taken"),
)
OWN_ACCOUNT = tuple(
    What(f"POST {path}", "POST", path, Kind.READ, "token", "newTokenName=taken") for path in (f"/me/{TOKEN}", "/user/{own}/" + TOKEN)
)
OPEN = (_open("/login"), _open("{style}"))
WHAT = OPEN + PAGES + BUILDS + ADMINISTRATION + OWN_ACCOUNT + FACTOR_PAGES + CHALLENGE_PAGES + FORMS


@dataclass(frozen=True, slots=True)
class Policy:
    """What is in force. `drift`: somebody has then changed the plugin's own settings, which must open nothing.

    `needs`: what a Jenkins must offer for it: a way to read mails, restarts. `weight`: which share of the cases is tried under it."""

    name: str
    factors: frozenset[Factor] = QUESTIONS
    asks: bool = True
    tokens_exempt: bool = False
    window: int = 0
    public: bool = False
    provided: bool = False
    glass: bool = False
    drift: str = ""
    needs: frozenset[str] = frozenset()
    weight: float = 0.3


OUTBOX = frozenset({"outbox"})
LIVE = f"{PLUGIN}.MoFilter.moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION']"
CONFIG = f"{PLUGIN}.MoGlobalConfig.get()"
POLICIES = (
    Policy("questions", weight=1),
    Policy("mail", MAIL, needs=OUTBOX, weight=1),
    Policy("both factors", BOTH, needs=OUTBOX, weight=1),
    Policy("tokens exempt", tokens_exempt=True),
    Policy("a second factor for builds", window=1),
    Policy("anonymous may read", public=True),
    Policy("gate provided", provided=True, needs=frozenset({"restart"})),
    Policy("live flag off", drift=f"{LIVE} = false"),
    Policy("off in memory and on disk", drift=f"{CONFIG}.with {{ setEnableTfa(false); save() }}"),
    Policy("no factor enabled", drift=f"{CONFIG}.setEnableSecurityQuestionsAuthentication(false)"),
    Policy("break-glass", asks=False, glass=True),
    Policy("off", asks=False),
)
