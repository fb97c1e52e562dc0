"""What the gate makes of answers: whose challenge they belong to, and how often anyone may guess."""

from __future__ import annotations

from tests.support.gated import MAIL_PAGE, QUESTION_PAGE, WRONG, answer_by_mail, by_mail, groovy, guess, mail, verified
from tests.support.people import logged_in
from tests.support.standin import StandIn

PROPERTY = "tfaMethodsConfig.MoSecurityQuestionConfig"
BY_BROWSER = {"Accept": "text/html,application/xhtml+xml"}


# --- what the plugin keeps ---


def test_answers_are_compared_with_those_stored_now(jenkins: StandIn) -> None:
    verified(jenkins, "carol")
    early = logged_in(jenkins, "carol")
    early.call(QUESTION_PAGE)
    kept = f"hudson.model.User.getById('carol', true).getProperty({PROPERTY})"
    hashed = "hudson.util.Secret.fromString('other')"
    field = f"def kept = {kept}; kept.class.declaredFields.findAll {{ it.name =~ /(?i)answer$/ }}.each {{ it.accessible = true;"
    groovy(jenkins, f"{field} it.set(kept, it.type == String ? 'other' : {hashed}) }}; null")
    early.second_factor()
    assert early.status("/job/x/") == 302


def test_an_attacker_with_the_password_does_not_disturb_the_owners_challenge(jenkins: StandIn) -> None:
    verified(jenkins, "carol")
    owner, thief = logged_in(jenkins, "carol"), logged_in(jenkins, "carol")
    page = owner.call(QUESTION_PAGE).text
    for _ in range(5):
        thief.call(QUESTION_PAGE)
    guess(thief)
    owner.second_factor(page)
    assert [owner.status("/job/x/"), thief.status("/job/x/")] == [200, 302]


def test_a_code_is_valid_for_ten_minutes_in_the_session_that_requested_it(jenkins: StandIn) -> None:
    by_mail(jenkins, "carol")
    owner, thief = logged_in(jenkins, "carol"), logged_in(jenkins, "carol")
    code = mail(jenkins, owner)
    assert answer_by_mail(thief, code) == 302
    assert answer_by_mail(owner, code) == 200
    late = logged_in(jenkins, "carol")
    code = mail(jenkins, late)
    older = """state.marks.@sessions.keySet().each { session ->
        session.attributeNames.toList().findAll { it.startsWith('jenkins2fa.kept.') }.each { name ->
            def held = session.getAttribute(name)
            if (held.sent) session.setAttribute(name, held + [sent: held.sent - 601 * 1_000_000_000L])
        }
    }
    null"""
    groovy(jenkins, older)
    assert answer_by_mail(late, code) == 302
    assert answer_by_mail(late, "") == 302


# --- limits ---


def test_wrong_answers_are_limited_per_address(jenkins: StandIn) -> None:
    verified(jenkins, "carol")
    thief = logged_in(jenkins, "carol")
    assert [guess(thief) for _ in range(5)] == [302, 302, 302, 429, 429]
    crumb = thief.page_crumb(QUESTION_PAGE)
    told = thief.call(QUESTION_PAGE + "securityQuestionAuthenticate", "POST", data=WRONG, headers=crumb)
    assert 1 <= int(told.headers["Retry-After"]) <= 5
    shown = thief.call(QUESTION_PAGE + "securityQuestionAuthenticate", "POST", data=WRONG, headers={**crumb, **BY_BROWSER})
    assert [shown.status_code, shown.headers["Location"].removeprefix(jenkins.url)] == [302, QUESTION_PAGE]
    again = logged_in(jenkins, "carol")
    again.second_factor()
    assert again.status("/job/x/") == 302, "from there, the right answer has to wait too"
    owner = logged_in(jenkins, "carol")
    owner.http.headers["X-Forwarded-For"] = "192.0.2.7"
    owner.second_factor()
    assert owner.status("/job/x/") == 200
    assert groovy(jenkins, "print([state.wrongAnswers, state.limitedAnswers])") == "[3, 5]"


def test_guessing_a_code_within_a_day_has_odds_below_one_in_a_thousand(jenkins: StandIn) -> None:
    verified(jenkins, "carol")
    owner = logged_in(jenkins, "carol")
    owner.http.headers["X-Forwarded-For"] = "192.0.2.7"
    owner.second_factor()
    thief = logged_in(jenkins, "carol")
    for number in range(300):
        for _ in range(4):
            if guess(thief, **{"X-Forwarded-For": f"198.51.{number // 200}.{number % 200 + 1}"}) == 429:
                break
    looked_at = int(groovy(jenkins, "print state.wrongAnswers"))
    assert 20 <= looked_at < 100
    late = logged_in(jenkins, "carol")
    late.http.headers["X-Forwarded-For"] = "192.0.2.7"
    late.second_factor()
    assert late.status("/job/x/") == 200, "nobody locks the owner out where they were right before"


def test_the_memory_of_guesses_is_bounded(jenkins: StandIn) -> None:
    made = """def attempts = context.getAttribute('tests.code').attempts
def now = attempts.current
30_000.times { now.wasWrong("user-$it".toString(), "10.0.${it.intdiv(250)}.${it % 250}".toString()) }
400.times { now.wasWrong('carol', "10.1.0.$it".toString()) }
print([state.attempts.users.size(), state.attempts.addresses.size(), state.attempts.users.carol.wrong.size()])"""
    assert groovy(jenkins, made) == "[10000, 10000, 128]"


def test_mails_are_limited(jenkins: StandIn) -> None:
    by_mail(jenkins, "carol")
    browser = logged_in(jenkins, "carol")
    before = len(jenkins.outbox())
    crumb = browser.page_crumb(MAIL_PAGE)
    answers = [browser.status(MAIL_PAGE + "resendOtp", "POST", headers=crumb) for _ in range(7)]
    assert [answers[5:], len(jenkins.outbox()) - before] == [[429, 429], 5]
