"""The HTML report without a browser: complete, self-contained, readable in both colour schemes, and no value becomes markup."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from jenkins2fa.cli.report.html import as_html
from jenkins2fa.core.report.document import Gap, PastEvent, Report
from jenkins2fa.core.report.serialize import report_digest
from tests.support.report_sample import BUILD, MAIL_OUTAGE, NOW, REPORT

VOID = {"meta", "br", "hr", "img", "link", "input"}
ATTACK = "</style></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\x1b[31m\x00"
PAGE = as_html(REPORT)


class Page(HTMLParser):
    """Elements in order with their attributes, their text by tag, and whether every element has its own end tag."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.parents: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        self.parents.append((self.open[-1] if self.open else "", tag))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_the_report_is_one_self_contained_page() -> None:
    page = Page(PAGE)
    assert [page.open, PAGE.startswith("<!DOCTYPE html>\n"), page.all("html")] == [[], True, [{"lang": "en"}]]
    assert not {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "svg"}
    assert all(attributes["href"].startswith("#") for attributes in page.all("a"))
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on") or name in ("src", "style")]
    css = page.texts["style"][0]
    assert not re.search(r"url\(|@import|@font-face|expression", css)
    assert len(css) < 5000
    policy = next(one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "script" not in policy


def test_the_structure_is_accessible() -> None:
    page = Page(PAGE)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["href"][1:] for attributes in page.all("a")} <= set(ids)
    assert {attributes["aria-labelledby"] for _, attributes in page.elements if "aria-labelledby" in attributes} <= set(ids)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert [levels[0], levels.count(1)] == [1, 1]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    tables = len(page.all("table"))
    assert [tables > 8, len(page.all("caption")), len(page.all("thead"))] == [True, tables, tables]
    assert {attributes.get("scope") for attributes in page.all("th")} == {"col", "row"}
    frames = [one for one in page.all("div") if one.get("class") == "frame"]
    assert all(one["tabindex"] == "0" and one["role"] == "region" and one["aria-label"] for one in frames)
    assert len(page.all("main")) == 1


def test_the_report_has_the_important_facts() -> None:
    text = " ".join(itertools.chain.from_iterable(Page(PAGE).texts.values()))
    wanted = (
        "Proven: 1 of 4 controllers demand a second factor. The operator recorded the same for 1 more.",
        "2026-11-24 12:00:00 UTC",
        "jenkins2fa 0.1.0",
        report_digest(REPORT),
        "116 of 120",
        "14 challenged: 6 enrolled, 8 not enrolled; 0 exempt; administrators: 2, not enrolled: 1",
        "recorded as proven",
        "DriftCorrected",
        "Members of service-accounts are never challenged.",
        "Unreachable: legacy.example.com does not answer within 3 s",
        "A stolen cookie of a verified session is a verified session until it ends.",
    )
    assert [one for one in wanted if one not in text] == []
    assert "Users without a second factor" not in text
    assert "alice" in as_html(Report(NOW, "1", "x", (replace(BUILD, names=("alice",)),)))


def test_break_glasses_are_listed() -> None:
    page = Page(PAGE)
    text = " ".join(itertools.chain.from_iterable(page.texts.values()))
    assert "INC-1234: the mail server is down" in text
    assert [cell for cell in page.texts["td"] if cell.startswith("2026-11-20 1") or "at a time" in cell] == [
        "2026-11-20 11:15:00",
        "2026-11-20 12:00:00",
        "team-a/build (open on at most 1 at a time)",
    ]
    assert "never open" in page.texts["td"]
    still_open = replace(MAIL_OUTAGE, state="Open", is_open=True, closed_at=None, expires_at=NOW + timedelta(minutes=15))
    shown = as_html(replace(REPORT, break_glasses=(still_open,)))
    assert '<span class="badge bad">Open</span>' in shown
    assert "2026-11-24 12:15:00 at the latest" in shown
    assert "The cluster has no TwoFactorBreakGlass." in as_html(replace(REPORT, break_glasses=()))
    assert 'id="break-glasses"' not in as_html(replace(REPORT, break_glasses=None))


def test_no_value_becomes_markup() -> None:
    evil = replace(
        BUILD,
        name=ATTACK,
        namespace=ATTACK,
        url=ATTACK,
        policy=ATTACK,
        names=(ATTACK,),
        differences=(ATTACK,),
        risks=(ATTACK,),
        gaps=(Gap(ATTACK, ATTACK),),
        history=(PastEvent(NOW, ATTACK, ATTACK),),
        rules=replace(BUILD.rules, enforced_groups=frozenset({ATTACK}), exempt_groups=frozenset({ATTACK})) if BUILD.rules else None,
    )
    opened = replace(MAIL_OUTAGE, namespace=ATTACK, name=ATTACK, reason=ATTACK, instances=(ATTACK,))
    text = as_html(Report(NOW, ATTACK, ATTACK, (evil,), notes=(ATTACK,), break_glasses=(opened,)))
    page, plain = Page(text), Page(as_html(Report(NOW, "1", "x", (replace(evil, name="n"),), notes=("n",), break_glasses=(MAIL_OUTAGE,))))
    assert [page.open, len(page.all("style")), len(page.all("script")), len(page.all("img"))] == [[], 1, 0, 0]
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert not re.search("[\x00-\x08\x0b-\x1f]", text)
    assert max(one.count("alert(1)") for one in page.texts["li"]) >= 2  # it is shown as text


def colours(css: str, start: str) -> dict[str, str]:
    """The variables that the first `:root` after `start` sets."""
    block = css[css.index(start) :]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block[block.index(":root") : block.index("}")]))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["", "@media (prefers-color-scheme: dark)", "@media print"], ids=["light", "dark", "print"])
def test_the_colours_have_enough_contrast(scheme: str) -> None:
    found = colours(Page(PAGE).texts["style"][0], scheme)
    pairs = [("ink", "page"), ("ink", "panel"), ("quiet", "page"), ("quiet", "panel"), ("link", "page")]
    pairs += [(name, f"{name}-panel") for name in ("good", "bad", "open")]
    poor = {pair: contrast(found[pair[0]], found[pair[1]]) for pair in pairs}
    assert {pair: round(value, 1) for pair, value in poor.items() if value < 4.5} == {}
    assert contrast("#777777", "#ffffff") < 4.5 < contrast("#767676", "#ffffff")  # the formula is WCAG's
