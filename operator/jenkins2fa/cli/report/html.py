"""The report as one HTML page that needs nothing else: no network, no script; light and dark, on paper and by keyboard.

Built as a tree and written by the standard library, which escapes every text: no name of an object can become mark-up.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from jenkins2fa.api.fields import format_time
from jenkins2fa.api.status import FALSE, TRUE, UNKNOWN
from jenkins2fa.cli.report.html_instance import add_instance, badge_of
from jenkins2fa.cli.report.html_parts import add, add_list, add_row, add_table, visible
from jenkins2fa.core.factors.strength import STANDARD, describe
from jenkins2fa.core.report.document import InstanceReport, Report, report_digest
from jenkins2fa.core.report.risks import EVERYWHERE

TITLE = "Second factors in Jenkins"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def as_html(report: Report) -> str:
    """The whole page. The same report gives the same text."""
    html = Element("html", lang="en")
    _add_head(html, report)
    body = SubElement(html, "body")
    add(body, "a", "Skip to the instances", href="#instances", **{"class": "skip"})
    _add_header(body, report)
    main = SubElement(body, "main", id="main")
    _add_summary(main, report)
    section = SubElement(main, "section", {"aria-labelledby": "instances"})
    add(section, "h2", "Instances", id="instances")
    for number, one in enumerate(report.instances, 1):
        add_instance(section, one, number)
    _add_remarks(main, report)
    return "<!DOCTYPE html>\n" + tostring(html, encoding="unicode", method="html") + "\n"


def _add_head(html: Element, report: Report) -> None:
    head = SubElement(html, "head")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": POLICY})
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "meta", name="color-scheme", content="light dark")
    SubElement(head, "meta", name="referrer", content="no-referrer")
    add(head, "title", f"{TITLE}: {report.summary}, {report.made:%Y-%m-%d}")
    add(head, "style", (importlib.resources.files("jenkins2fa.cli.report") / "report.css").read_text(encoding="utf-8"))


def _add_header(body: Element, report: Report) -> None:
    header = SubElement(body, "header")
    add(header, "h1", TITLE)
    line = SubElement(header, "p")
    line.text = "Made "
    _add_time(line, report.made).tail = visible(f" by jenkins2fa {report.version}, from {report.source}.")


def _add_time(parent: Element, moment: datetime) -> Element:
    return add(parent, "time", f"{moment:%Y-%m-%d %H:%M:%S} UTC", datetime=format_time(moment))


def _add_summary(main: Element, report: Report) -> None:
    section = SubElement(main, "section", {"aria-labelledby": "summary"})
    add(section, "h2", "Summary", id="summary")
    mood = "good" if report.as_desired else "bad" if report.count(FALSE) else "open"
    add(section, "p", _headline(report), **{"class": f"headline {mood}"})
    numbers = SubElement(section, "dl", {"class": "numbers"})
    counts = (
        ("proven", report.count(TRUE)),
        ("recorded as proven", report.recorded),
        ("not enforced", report.count(FALSE)),
        ("not proven", report.count(UNKNOWN)),
        ("differing from the policy", report.drifted),
    )
    for label, number in counts:
        pair = SubElement(numbers, "div")
        add(pair, "dt", label)
        add(pair, "dd", str(number))
    if report.instances:
        _add_overview(section, report.instances)


def _headline(report: Report) -> str:
    if not report.instances:
        return "There is no instance to report on."
    jenkinses = "Jenkins demands" if len(report.instances) == 1 else "Jenkinses demand"
    recorded = f" {report.recorded} more did when the operator last said so." if report.recorded else ""
    return f"{report.count(TRUE)} of {len(report.instances)} {jenkinses} a second factor, by proof.{recorded}"


def _add_overview(section: Element, instances: Iterable[InstanceReport]) -> None:
    headings = ("Instance", "Second factor", "State", "Strength of factors", "Enrolled")
    table = add_table(section, "All instances at a glance", headings)
    for number, one in enumerate(instances, 1):
        row = add_row(table)
        add(add(row, "th", "", scope="row"), "a", one.key, href=f"#instance-{number}")
        add(add(row, "td", ""), "span", one.verdict, **{"class": f"badge {badge_of(one)}"})
        add(row, "td", one.proof.summary.reason)
        add(row, "td", describe(one.rules.factors).replace(f" ({STANDARD})", "") if one.rules and one.rules.factors else "unknown")
        users = one.enrolment
        add(row, "td", f"{users.total - users.not_enrolled} of {users.total}" if users else "unknown")


def _add_remarks(main: Element, report: Report) -> None:
    section = SubElement(main, "section", {"aria-labelledby": "everywhere"})
    add(section, "h2", "What remains everywhere", id="everywhere")
    add_list(section, EVERYWHERE)
    section = SubElement(main, "section", {"aria-labelledby": "reading"})
    add(section, "h2", "How to read this", id="reading")
    add_list(section, (*READING, *report.notes))
    add(section, "p", "SHA-256 of the same report as JSON (sha256sum report.json):")
    add(add(section, "p", ""), "code", report_digest(report), **{"class": "digest"})


READING = (
    "Proven: disk, memory and live flag agree, a factor is enabled, and a request that must be challenged was challenged.",
    "Recorded as proven: the operator has said so in the cluster; for this report Jenkins itself was not asked, or did not answer.",
    "Not enforced: one of these says off, the probe got through, or the policy itself says Off.",
    "Not proven: nobody could look, no probe was possible, or no policy asks for it.",
    "Layers: disk is what holds after a restart, memory what Jenkins works with, the live flag what its filter goes by.",
    "Strength is that of the weakest factor that users may choose (NIST SP 800-63B-4): AAL2 asks for two factors of different kinds.",
)
