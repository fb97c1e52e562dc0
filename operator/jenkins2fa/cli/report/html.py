"""The report as one self-contained HTML page: no network, no script; for light and dark themes, print and keyboard.

It is built as a tree that the standard library writes and escapes, so no object's name can become markup.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable, Sequence
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from jenkins2fa.api.fields import format_time
from jenkins2fa.api.status import FALSE, TRUE, UNKNOWN
from jenkins2fa.core.factors.strength import STANDARD, STRENGTHS, describe, in_order
from jenkins2fa.core.report.document import Basis, BreakGlassReport, InstanceReport, Report, Rules
from jenkins2fa.core.report.risks import EVERYWHERE
from jenkins2fa.core.report.serialize import report_digest

TITLE = "Second factors in Jenkins"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def as_html(report: Report) -> str:
    """The whole page. The same report gives the same page."""
    html = Element("html", lang="en")
    _add_head(html, report)
    body = SubElement(html, "body")
    add(body, "a", "Skip to the instances", href="#instances", **{"class": "skip"})
    _add_header(body, report)
    main = SubElement(body, "main", id="main")
    _add_summary(main, report)
    section = SubElement(main, "section", {"aria-labelledby": "instances"})
    add(section, "h2", "Instances", id="instances")
    for number, instance in enumerate(report.instances, 1):
        add_instance(section, instance, number)
    _add_break_glasses(main, report)
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
    subject = "controller demands" if len(report.instances) == 1 else "controllers demand"
    recorded = f" The operator recorded the same for {report.recorded} more." if report.recorded else ""
    return f"Proven: {report.count(TRUE)} of {len(report.instances)} {subject} a second factor.{recorded}"


def _add_overview(section: Element, instances: Iterable[InstanceReport]) -> None:
    headings = ("Instance", "Second factor", "State", "Strength of factors", "Enrolled")
    table = add_table(section, "All instances at a glance", headings)
    for number, instance in enumerate(instances, 1):
        row = add_row(table)
        add(add(row, "th", "", scope="row"), "a", instance.key, href=f"#instance-{number}")
        add(add(row, "td", ""), "span", instance.verdict, **{"class": f"badge {badge_of(instance)}"})
        add(row, "td", instance.proof.summary.reason)
        factors = instance.rules.factors if instance.rules else frozenset()
        add(row, "td", describe(factors).replace(f" ({STANDARD})", "") if factors else "unknown")
        users = instance.enrolment
        add(row, "td", f"{users.total - users.not_enrolled} of {users.total}" if users else "unknown")


def _add_break_glasses(main: Element, report: Report) -> None:
    """The section is left out if nothing is known; without a cluster there are no break-glasses of the operator."""
    if report.break_glasses is None:
        return
    section = SubElement(main, "section", {"aria-labelledby": "break-glasses"})
    add(section, "h2", "Break-glass", id="break-glasses")
    if not report.break_glasses:
        add(section, "p", "The cluster has no TwoFactorBreakGlass.")
        return
    headings = ("Break-glass", "Reason", "State", "From (UTC)", "Until (UTC)", "Instances")
    table = add_table(section, "Times at which 2FA was switched off", headings)
    for break_glass in report.break_glasses:
        row = add_row(table)
        add(row, "th", break_glass.key, scope="row")
        add(row, "td", break_glass.reason, **{"class": "long"})
        add(add(row, "td", ""), "span", break_glass.state, **({"class": "badge bad"} if break_glass.is_open else {}))
        add(row, "td", _short_time(break_glass.opened_at) if break_glass.opened_at else "never open")
        add(row, "td", _short_time(break_glass.until) + (" at the latest" if break_glass.is_open else ""))
        add(row, "td", _selected(break_glass), **{"class": "long"})


def _selected(break_glass: BreakGlassReport) -> str:
    """The instances that it selects, and on how many of them it was open."""
    names = ", ".join(break_glass.instances) or "selects none now"
    return names + (f" (open on at most {break_glass.opened} at a time)" if break_glass.opened else "")


def _short_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _add_remarks(main: Element, report: Report) -> None:
    section = SubElement(main, "section", {"aria-labelledby": "everywhere"})
    add(section, "h2", "Residual risk everywhere", id="everywhere")
    add_list(section, EVERYWHERE)
    section = SubElement(main, "section", {"aria-labelledby": "reading"})
    add(section, "h2", "How to read this", id="reading")
    add_list(section, (*READING, *report.notes))
    add(section, "p", "SHA-256 of the same report as JSON (sha256sum report.json):")
    add(add(section, "p", ""), "code", report_digest(report), **{"class": "digest"})


READING = (
    "Proven: disk, memory and, where the plugin has one, the live flag agree, a factor is enabled, and a request that must be challenged "
    "was challenged.",
    "Recorded as proven: the operator recorded it in the cluster. For this report Jenkins was not asked, or did not answer.",
    "Not enforced: one of these is off, the probe got through, or the policy's mode is Disabled.",
    "Not proven: Jenkins could not be observed, no probe was possible, or no policy applies.",
    "Layers: disk counts after a restart, memory is what Jenkins works with, and the live flag is what miniOrange's filter reads.",
    "Break-glass: every object that the cluster still has. The report does not name who created it; the API server's audit log does.",
    "Strength is that of the weakest factor that users may choose (NIST SP 800-63B-4). AAL2 requires two different types of factors.",
)

BADGES = {TRUE: "good", FALSE: "bad", UNKNOWN: "open"}
ON = {True: "on", False: "off", None: "not present"}
BASES = {
    Basis.PROBE: "this report's own observation and probe at",
    Basis.STATUS: "the operator's status in the cluster, since",
    Basis.NOTHING: "nothing: Jenkins could not be observed",
}


def badge_of(instance: InstanceReport) -> str:
    return "open" if instance.recorded else BADGES[instance.proof.enforced.status]


def add_instance(section: Element, instance: InstanceReport, number: int) -> None:
    article = SubElement(section, "article", {"id": f"instance-{number}", "aria-labelledby": f"name-{number}"})
    title = add(article, "h3", f"{instance.key} ", id=f"name-{number}")
    add(title, "span", instance.verdict, **{"class": f"badge {badge_of(instance)}"})
    add(article, "p", f"{instance.proof.summary.reason}: {instance.proof.summary.message}", **{"class": "why"})
    _add_facts(article, instance)
    if instance.rules is not None and instance.rules.factors:
        _add_factors(article, instance.rules, instance.key)
    _add_lists(article, instance)
    if instance.history:
        _add_history(article, instance)


def _add_facts(article: Element, instance: InstanceReport) -> None:
    table = add_table(article, f"State of {instance.key}", ("Property", "Value"))
    proof, software = instance.proof, instance.software
    add_fact(table, "URL", instance.url)
    add_fact(table, "Policy", instance.policy or "none")
    add_fact(table, "Observed by", BASES[proof.basis] + (f" {proof.at:%Y-%m-%d %H:%M:%S} UTC" if proof.at else ""))
    enforced = proof.enforced
    add_fact(table, "Enforced", f"{enforced.status}, {enforced.reason}: {enforced.message}")
    add_fact(table, "Drift", f"{proof.drifted.reason}: {proof.drifted.message}" if proof.drifted else "not compared")
    versions = f"Jenkins {software.jenkins or 'unknown'}, plugin {software.plugin or 'unknown'}"
    add_fact(table, "Software", versions + (f" ({software.edition.lower()} edition)" if software.edition else ""))
    if instance.layers is not None:
        layers = f"disk {ON[instance.layers.disk]}, memory {ON[instance.layers.memory]}"
        layers += "" if instance.layers.live is None else f", live flag {ON[instance.layers.live]}"
        add_fact(table, "Layers", layers)
        add_fact(table, "Gate", instance.layers.gate)
    if instance.rules is not None:
        _add_rules(table, instance.rules)
    add_fact(table, "Users", _users(instance))


def _add_rules(table: Element, rules: Rules) -> None:
    source = "" if rules.by == "Jenkins" else " (from the policy, not verified in Jenkins)"
    challenged = "everyone" if rules.enforced_groups is None else ", ".join(sorted(rules.enforced_groups))
    add_fact(table, "Challenged", challenged + source)
    add_fact(table, "Exempt groups", (", ".join(sorted(rules.exempt_groups)) or "none") + source)
    add_fact(table, "API tokens", rules.api_tokens + source)
    add_fact(table, "Builds", rules.builds + source)


def _users(instance: InstanceReport) -> str:
    users = instance.enrolment
    if users is None:
        return "not counted"
    return (
        f"{users.total} challenged: {users.total - users.not_enrolled} enrolled, {users.not_enrolled} not enrolled; {users.exempt} exempt; "
        f"administrators: {users.administrators}, not enrolled: {users.administrators_not_enrolled}"
    )


def _add_factors(article: Element, rules: Rules, key: str) -> None:
    table = add_table(article, f"Factors that users of {key} may choose", ("Factor", "Reaches", "Phishing-resistant", "NIST SP 800-63B-4"))
    for factor in in_order(rules.factors):
        strength, row = STRENGTHS[factor], add_row(table)
        add(row, "th", factor.value, scope="row")
        add(row, "td", strength.reach.value + (f": {strength.condition}" if strength.condition else ""))
        add(row, "td", "yes" if strength.phishing_resistant else "no")
        add(row, "td", strength.section)


def _add_lists(article: Element, instance: InstanceReport) -> None:
    lists = (
        ("Differences from the policy", instance.differences),
        ("Residual risks here", instance.risks),
        ("Not checked", tuple(f"{gap.what}: {gap.why}" for gap in instance.gaps)),
    )
    for title, items in lists:
        if items:
            add(article, "h4", title)
            add_list(article, items)
    if instance.names is not None:
        add(article, "h4", "Users without a second factor")
        add_list(article, instance.names or ("none",))


def _add_history(article: Element, instance: InstanceReport) -> None:
    table = add_table(article, f"Known history of {instance.key}", ("Time (UTC)", "Event", "Count", "Message"))
    for event in instance.history:
        row = add_row(table)
        add(row, "th", f"{event.at:%Y-%m-%d %H:%M:%S}", scope="row")
        add(row, "td", event.reason)
        add(row, "td", str(event.count))
        add(row, "td", event.message, **{"class": "long"})


def add(parent: Element, tag: str, text: str, **attributes: str) -> Element:
    """An element with text. Control characters, which HTML cannot contain, are shown as escape sequences."""
    element = SubElement(parent, tag, attributes)
    element.text = text if tag == "style" else visible(text)
    return element


def visible(text: str) -> str:
    return "".join(
        char if char.isprintable() else " " if char in "\n\t" else char.encode("unicode_escape").decode("ascii") for char in text
    )


def add_list(parent: Element, items: Iterable[str]) -> Element:
    element = SubElement(parent, "ul")
    for item in items:
        add(element, "li", item)
    return element


def add_table(parent: Element, caption: str, headings: Sequence[str]) -> Element:
    """The body of a table with a caption and scoped headings. On small screens the table scrolls, also with the keyboard."""
    frame = SubElement(parent, "div", {"class": "frame", "tabindex": "0", "role": "region", "aria-label": visible(caption)})
    table = SubElement(frame, "table")
    add(table, "caption", caption)
    row = SubElement(SubElement(table, "thead"), "tr")
    for heading in headings:
        add(row, "th", heading, scope="col")
    return SubElement(table, "tbody")


def add_row(body: Element) -> Element:
    return SubElement(body, "tr")


def add_fact(body: Element, name: str, value: str) -> None:
    """A row of a table with two columns: property and value."""
    row = add_row(body)
    add(row, "th", name, scope="row")
    add(row, "td", value, **{"class": "long"})
