"""The script console of the stand-in: leaked classes, accepted input, and the authenticated user."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.standin import Browser, StandIn

CLASSES = "print java.lang.management.ManagementFactory.classLoadingMXBean.totalLoadedClassCount"
CONTEXT = """def j = jenkins.model.Jenkins.get()
def c = j.metaClass.respondsTo(j, 'getServletContext') ? j.getServletContext() : j.servletContext
"""
KEPT = "class Inner { static count(list) { list.findAll { it > 1 }.collect { it * 2 }.sum() } }; out.print(Inner.count(input))"


@pytest.fixture(scope="module", params=["javax", pytest.param("jakarta", marks=pytest.mark.slow)])
def jenkins(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with StandIn(flavour=request.param) as running:
        yield running


def printed(browser: Browser, text: str) -> str:
    answer = browser.script(text)
    assert answer.status_code == 200
    return answer.text.strip()


def test_calling_a_kept_class_leaks_no_further_class(jenkins: StandIn) -> None:
    admin = jenkins.browser("admin")
    printed(admin, CONTEXT + f"c.setAttribute('kept', new GroovyShell(j.pluginManager.uberClassLoader).parse('''{KEPT}''').class)")
    call = (
        CONTEXT
        + "def script = c.getAttribute('kept').newInstance(); script.binding = new Binding(out: out, input: [1, 2, 3]); script.run()"
    )
    for _ in range(100):
        assert printed(admin, call) == "10"
    before = int(jenkins.groovy(CLASSES))
    for _ in range(200):
        admin.script(call)
    grown = int(jenkins.groovy(CLASSES)) - before
    assert 200 <= grown <= 300, "one class for each submitted script, none for the kept one (a few for reflection, once)"


def test_each_submitted_script_is_compiled_again(jenkins: StandIn) -> None:
    admin = jenkins.browser("admin")
    text = KEPT.replace("input", "[1, 2, 3]")
    for _ in range(20):
        printed(admin, text)
    before = int(jenkins.groovy(CLASSES))
    for _ in range(50):
        printed(admin, text)
    assert int(jenkins.groovy(CLASSES)) - before >= 150, "script, inner class and two closures a call"


def test_a_token_sets_a_request_attribute_and_is_ignored_on_its_users_session(jenkins: StandIn) -> None:
    jenkins.groovy("""import hudson.util.PluginServletFilter
def seen = System.properties['seen'] = new Vector()
def type = PluginServletFilter.methods.find { it.name == 'addFilter' && !it.isAnnotationPresent(Deprecated) }.parameterTypes[0]
def mark = 'jenkins.security.BasicHeaderApiTokenAuthenticator'
def calls = [init: { }, doFilter: { q, r, chain -> seen << String.valueOf(q.getAttribute(mark)); chain.doFilter(q, r) }]
System.properties['filter'] = calls.asType(type); PluginServletFilter.addFilter(System.properties['filter'])""")
    try:
        jenkins.browser("alice").status()
        jenkins.browser("alice", "alice-pw-1").status()
        session = jenkins.browser("alice")
        session.login("alice-pw-1")
        session.http.auth = ("alice", jenkins.tokens["alice"])
        session.status()
        assert jenkins.groovy("print System.properties['seen']").startswith("[true, null,")
        assert jenkins.groovy("print System.properties['seen'][-1]") == "null"
    finally:
        jenkins.groovy("hudson.util.PluginServletFilter.removeFilter(System.properties.remove('filter')); System.properties.remove('seen')")


def test_login_replaces_a_planted_session_and_is_lost_without_one(jenkins: StandIn) -> None:
    attacker = jenkins.browser()
    attacker.call("/login")
    planted = attacker.http.cookies.get_dict()
    victim = jenkins.browser("alice")
    victim.http.cookies.update(planted)
    victim.login("alice-pw-1")
    assert victim.status() == 200
    assert victim.http.cookies.get_dict() != planted
    assert attacker.status() == 403
    hasty = jenkins.browser("alice")
    hasty.http.auth = None
    answer = hasty.call("/j_spring_security_check", "POST", data={"j_username": "alice", "j_password": "alice-pw-1", "from": "/"})
    assert answer.status_code == 302
    assert hasty.status() == 403


def test_user_ids_are_compared_without_case(jenkins: StandIn) -> None:
    who = [jenkins.browser("ALICE", secret).call("/whoAmI/api/json").json()["name"] for secret in ("alice-pw-1", jenkins.tokens["alice"])]
    assert who == ["alice", "alice"]
    unknown = "try { hudson.model.User.get('ghost').impersonate2() } catch (RuntimeException e) { print e.class.simpleName }"
    assert jenkins.groovy(unknown) == "UsernameNotFoundException"
