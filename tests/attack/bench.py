"""One Jenkins under test: people in it, a policy in force, what has changed, and back again by one script call."""

from __future__ import annotations

import base64
import json
import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol, Self
from urllib.parse import urlencode, urlsplit

import requests
from click.testing import CliRunner

from jenkins2fa.api.policy import DeletionPolicy
from jenkins2fa.cli.main import main
from tests.attack.cases import Place
from tests.attack.tables import OPERATOR, OTHER, PERSONS, ROBOTS, Factor, Policy
from tests.support.managed import EMAIL, Managed, policy
from tests.support.paths import Wire
from tests.support.specs import spelled_out
from tests.support.standin import StandIn

State = dict[str, Any]
GROOVY, JOB = Path(__file__).with_name("bench.groovy"), Path(__file__).with_name("job.groovy")
CALL = """def j = jenkins.model.Jenkins.get()
def c = j.metaClass.respondsTo(j, 'getServletContext') ? j.getServletContext() : j.servletContext
print c.getAttribute('attack.bench').call('%s', %s)"""
MARKER = "marker-7f1c0e5a"


class Jenkins(Protocol):
    """What differs between the stand-in and a real controller."""

    managed: Managed
    place: Place
    offers: frozenset[str]

    def run(self, script: str) -> str: ...
    def token(self, user: str) -> str: ...
    def provide(self, text: str) -> None: ...


class Bench:
    def __init__(self, jenkins: Jenkins) -> None:
        self.jenkins, self.place = jenkins, jenkins.place
        self.url = jenkins.managed.connection.url.rstrip("/")
        self.wire = Wire(self.url)
        self.people = {name: one for name, one in PERSONS.items() if "groups" in jenkins.offers or not one.robot}
        self.baseline: State = {}
        self.policy = Policy("none yet", asks=False)

    def id(self, user: str) -> str:
        return self.place.prefix + user

    # --- what goes through the console ---

    def prepare(self) -> None:
        """Once after each start of Jenkins."""
        given = {"users": [self.id(one) for one in self.people], "other": self.id(OTHER)}
        data = base64.b64encode(json.dumps(given).encode()).decode()
        answer = self.jenkins.run(about_job(self.place) + GROOVY.read_text(encoding="utf-8").replace("<GIVEN>", data))
        assert answer.strip() == "ready", answer[:2000]

    def call(self, name: str, *arguments: object) -> Any:
        answer = self.jenkins.run(CALL % (name, json.dumps(arguments)))
        try:
            return json.loads(answer)
        except ValueError:
            raise RuntimeError(f"{name}: {answer[:2000]}") from None

    def state(self) -> State:
        found: State = self.call("state")
        return found

    def reset(self) -> None:
        self.baseline = self.call("reset")

    # --- policies ---

    def enforce(self, wanted: Policy) -> None:
        """This policy in force, and everything else as at the beginning."""
        before, self.policy = self.policy, wanted
        if before.public:
            self.call("public", False)
        if before.provided:
            self.jenkins.provide("")
            self.prepare()
        self._apply(wanted)
        if wanted.drift:
            self.jenkins.run(wanted.drift + "\nnull")
        if wanted.public:
            self.call("public", True)
        self.baseline = self.call("keep")

    def _apply(self, wanted: Policy) -> None:
        """As the operator does it."""
        spec: dict[str, Any] = {
            "allowedFactors": [factor.value for factor in Factor if factor in wanted.factors],
            "apiTokens": "Exempt" if wanted.tokens_exempt else "Challenge",
        }
        spec |= {"exemptGroups": [ROBOTS]} if "groups" in self.jenkins.offers else {}
        spec |= {"emailOTP": EMAIL} if Factor.MAIL in wanted.factors else {}
        spec |= {"requireOnBuild": {"window": f"{wanted.window}s"}} if wanted.window else {}
        spec |= {"mode": "Disabled"} if not (wanted.asks or wanted.glass) else {}
        managed = self.jenkins.managed
        if wanted.provided:
            self.jenkins.provide(rendered(managed, spec))
            self.prepare()
            managed = Managed(managed.connection.url, *managed.account, gate="Provided")
        managed.apply(policy(**spec))
        with managed.driver() as driver:
            if wanted.glass:
                driver.open_break_glass(datetime.now(UTC) + timedelta(hours=1), "attack", timedelta(hours=4), keep=True)
            elif driver.observe().break_glass_until:
                driver.close_break_glass()


def about_job(place: Place) -> str:
    """The beginning of a script: what is known of the job and of Jenkins itself."""
    return JOB.read_text(encoding="utf-8").replace("<JOB>", place.job).replace("<MARKER>", MARKER)


def rendered(managed: Managed, spec: Mapping[str, Any]) -> str:
    """The gate's file with the rules of a policy in it, as a site mounts it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "policy.yaml")
        body = {"apiVersion": "jenkins2fa.dev/v1alpha1", "kind": "TwoFactorPolicy", "metadata": {"name": "attack"}}
        wanted = spelled_out({"instanceSelector": {}, "mode": "Enforce", **spec})
        file.write_text(json.dumps({**body, "spec": wanted}), encoding="utf-8")
        result = CliRunner().invoke(main, ["gate", "render", str(file), "--username", managed.account[0]])
    assert result.exit_code == 0, result.output
    return result.stdout


class InStandIn:
    """A stand-in that was started for this."""

    offers = frozenset({"outbox", "restart", "groups"})
    by_test_bench = False

    def __init__(self, jenkins: StandIn, context: str) -> None:
        self._standin = jenkins
        self.managed = Managed(jenkins.url, OPERATOR, jenkins.tokens[OPERATOR])
        self._console = Wire(jenkins.url)
        self._target = f"{context}/scriptText".encode()
        style = re.findall(r'href="([^"]+\.css)"', jenkins.browser(OPERATOR).call("/").text)[0].removeprefix(context)
        self.place = Place(context=context, style=style)
        authorization = base64.b64encode(":".join(self.managed.account).encode()).decode()
        self._headers = {"Authorization": f"Basic {authorization}", "Content-Type": "application/x-www-form-urlencoded"}

    def run(self, script: str) -> str:
        """By the operator's way in, as it is there on every Jenkins; much faster than the test bench's own."""
        if self.by_test_bench:
            return self._standin.groovy(script)
        answer = self._console.send("POST", self._target, self._headers, urlencode({"script": script}).encode())
        assert answer.status == 200, f"the operator's own way in: {answer.status} {answer.place}"
        return answer.body

    def token(self, user: str) -> str:
        return self._standin.tokens[user]

    def provide(self, text: str) -> None:
        file = self._standin.home / "init.groovy.d" / "jenkins2fa.groovy"
        with self.managed.driver() as driver:
            if driver.observe().owner is not None:
                driver.release(DeletionPolicy.DISABLE)
        file.parent.mkdir(exist_ok=True)
        if text:
            file.write_text(text)
        else:
            file.unlink(missing_ok=True)
        self._standin.restart()


class Real:
    """A controller that is running somewhere, with its own user database and matrix authorization: people and a job of its own for the
    time being. What needs groups or a restart is left out. It needs no mail server: the codes are read where the plugin keeps them."""

    offers = frozenset({"outbox"})
    people: Mapping[str, bool] = {name: person.admin for name, person in PERSONS.items() if not person.robot}

    def __init__(self, url: str, username: str, token: str) -> None:
        self.managed = Managed(url, username, token, instance="attack-tests")
        context = urlsplit(url).path.rstrip("/")
        page = requests.get(url, auth=self.managed.account, timeout=30).text
        style = re.findall(r'href="([^"]+\.css)"', page)[0].removeprefix(context)
        self.place = Place(context=context, job="attack-job", style=style, prefix="attack-")
        self._tokens: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Refuses a Jenkins that somebody manages, or where 2FA is on."""
        found = self.managed.observe()
        assert found.owner is None, f"this Jenkins is managed by {found.owner}: it is not touched"
        assert not found.protected, "2FA is on in this Jenkins: it is not touched"
        made = self.run(_with(self.people, ARRIVE))
        self._tokens = json.loads(made)
        return self

    def __exit__(self, *ended: object) -> None:
        with self.managed.driver() as driver:
            if driver.observe().owner is not None:
                driver.release(DeletionPolicy.RESTORE)
        self.run(_with(self.people, LEAVE))

    def run(self, script: str) -> str:
        return self.managed.console(script)

    def token(self, user: str) -> str:
        return self._tokens[user]

    def provide(self, text: str) -> None:
        raise NotImplementedError("a real Jenkins is not restarted")


def _with(people: Mapping[str, bool], script: str) -> str:
    return script.replace("<PEOPLE>", json.dumps(json.dumps(people)))


ARRIVE = """def people = new groovy.json.JsonSlurperClassic().parseText(<PEOPLE>), j = jenkins.model.Jenkins.get(), tokens = [:]
assert j.securityRealm.class.simpleName == 'HudsonPrivateSecurityRealm' && j.authorizationStrategy.class.simpleName.contains('Matrix')
def entry = { new org.jenkinsci.plugins.matrixauth.PermissionEntry(org.jenkinsci.plugins.matrixauth.AuthorizationType.USER, it) }
System.setProperty('attack.message', j.systemMessage ?: '')
people.each { name, admin ->
    def id = 'attack-' + name
    def cheap = org.springframework.security.crypto.bcrypt.BCrypt.with { hashpw(name + '-pw-1', gensalt(4)) } // asked thousands of times
    j.securityRealm.createAccountWithHashedPassword(id, '#jbcrypt:' + cheap)
    (admin ? [j.ADMINISTER] : [j.READ, hudson.model.Item.READ, hudson.model.Item.BUILD]).each { j.authorizationStrategy.add(it, entry(id)) }
    def property = hudson.model.User.getById(id, false).getProperty(jenkins.security.ApiTokenProperty)
    tokens[name] = property.tokenStore.generateNewToken('attack').plainValue
    property.user.save()
}
j.getItem('attack-job') ?: j.createProject(hudson.model.FreeStyleProject, 'attack-job')
print groovy.json.JsonOutput.toJson(tokens)"""
LEAVE = """def people = new groovy.json.JsonSlurperClassic().parseText(<PEOPLE>), j = jenkins.model.Jenkins.get()
people.keySet().each { name ->
    j.authorizationStrategy.grantedPermissionEntries.values().each { entries -> entries.removeAll { it.sid == 'attack-' + name } }
}
hudson.model.User.all.findAll { it.id.startsWith('attack-') }*.delete() // an odd path makes Jenkins create some more
j.getItem('attack-job')?.delete()
j.systemMessage = System.clearProperty('attack.message') ?: null
def c = j.metaClass.respondsTo(j, 'getServletContext') ? j.getServletContext() : j.servletContext
['attack.bench', 'attack.job'].each { c.removeAttribute(it) }
j.save()"""


def started(flavour: Literal["javax", "jakarta"], context: str) -> StandIn:
    """Not yet entered: `with started(…) as jenkins`."""
    users = {
        name: {"password": f"{name}-pw-1", "admin": one.admin, "groups": [ROBOTS] if one.robot else [], "email": f"{name}@lab.invalid"}
        for name, one in PERSONS.items()
    }
    users[OPERATOR] = {"password": f"{OPERATOR}-pw-1", "admin": True}
    return StandIn(flavour=flavour, context_path=context, realm="groups", users=users, smtp_host="mail.lab.invalid")
