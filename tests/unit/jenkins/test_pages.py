"""Pages of Jenkins are read as a browser reads them, in linear time whatever they contain."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jenkins2fa.jenkins.drivers.miniorange.challenge import shown_questions
from jenkins2fa.jenkins.login.flow import FIRST, OWN_QUESTIONS, SECOND
from jenkins2fa.jenkins.login.one_time_code import CodeForm, code_form
from jenkins2fa.jenkins.pages import LONGEST_PAGE, Tag, read_page

FORM = '<form method="post" action="securityQuestionAuthenticate">'
HOSTILE = {
    "tags without an end": "<a ",
    "tags that touch": "<a",
    "end tags without an end": "</a ",
    "attributes": "<a b=",
    "quotes": "<a b='",
    "both quotes": "<a b=\"'",
    "slashes": "<a/",
    "equal signs": "<a =",
    "spaces": "<a                                ",
    "comments": "<!--",
    "declarations": "<!x",
    "sections": "<![CDATA[",
    "instructions": "<?",
    "scripts": "<script>",
    "ends of scripts": "<script></script ",
    "titles": "<title>",
    "angles": "<",
    "references": "&#",
    "ampersands": "&",
    "numbers": "&#99999999999",
    "long references": "&notit",
    "forms": FORM,
}
READERS: dict[str, Callable[[str], object]] = {
    "questions": lambda page: shown_questions(page, OWN_QUESTIONS),
    "code": lambda page: code_form(page, "https://j/", "tfaUserAuth/"),
}


def seconds(read: Callable[[str], object], page: str) -> float:
    """The CPU time of this thread, so that a busy machine counts little; the best of three."""
    took = []
    for _ in range(3):
        begun = time.thread_time()
        read(page)
        took.append(time.thread_time() - begun)
    return min(took)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_parsing_takes_linear_time(piece: str, reader: str) -> None:
    """A page sixteen times as long takes 16 times as long if parsing is linear, 256 times if it is quadratic."""
    small, large = (piece * (size // len(piece)) for size in (8_000, 128_000))
    assert seconds(READERS[reader], large) < 64 * seconds(READERS[reader], small) + 0.02


def test_an_unterminated_character_reference_is_one_character() -> None:
    assert list(read_page("a&#" + "9" * 100_000 + ";b")) == ["a\ufffdb"]


def test_nothing_is_read_beyond_256_kib() -> None:
    question = f"{FORM}<p>{FIRST}</p><p>{SECOND}</p>"
    assert shown_questions(" " * (LONGEST_PAGE - len(question)) + question, OWN_QUESTIONS) == (FIRST, SECOND)
    assert shown_questions(" " * LONGEST_PAGE + question, OWN_QUESTIONS) is None


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("a<b>c</b>d", ["a", Tag("b"), "c", Tag("b", closes=True), "d"]),
        ("<A B=1 b=2 C='x>y' D=\"&lt;\" e f/>", [Tag("a", {"b": "1", "c": "x>y", "d": "<", "e": "", "f": ""})]),
        ("<a b = c>", [Tag("a", {"b": "c"})]),
        ("<a b=c/d>", [Tag("a", {"b": "c/d"})]),
        ("x<!-- <form> -->y", ["x", "y"]),
        ("<!doctype html><?x?></ x>y", ["y"]),
        ("<script>if (a<b) '<form>'</script>z", [Tag("script"), Tag("script", closes=True), "z"]),
        ("<style></styled></STYLE>z", [Tag("style"), Tag("style", closes=True), "z"]),
        ("1 < 2", ["1 ", "<", " 2"]),
        ("a<b", ["a"]),
        ("a<!-- b", ["a"]),
        ("a<script>b", ["a", Tag("script")]),
    ],
)
def test_pages_are_read_as_a_browser_shows_them(page: str, found: list[Tag | str]) -> None:
    assert list(read_page(page)) == found


@given(st.text(alphabet="<>!-[]/?&#;='\" abDOCTYPEscript1\n"))
@example("<![foo bar[x]]>")
def test_no_page_breaks_the_parser(page: str) -> None:
    texts = "".join(one for one in read_page(page) if isinstance(one, str))
    assert len(texts) <= 2 * len(page)
    code_form(page, "https://j/", "")


def test_a_form_without_a_valid_url_is_ignored() -> None:
    form = "<form method=post action='{}'><input name=otp autocomplete=one-time-code></form>"
    assert code_form(form.format("http://["), "https://j/", "") is None
    assert code_form(form.format("verify"), "https://j/", "") == CodeForm("verify", "otp", ())
