"""The HTML report's part on one instance."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from jenkins2fa.api.status import FALSE, TRUE, UNKNOWN
from jenkins2fa.cli.report.html_parts import add, add_fact, add_list, add_row, add_table
from jenkins2fa.core.factors.strength import STRENGTHS, in_order
from jenkins2fa.core.report.document import Basis, InstanceReport, Rules

BADGES = {TRUE: "good", FALSE: "bad", UNKNOWN: "open"}
ON = {True: "on", False: "off", None: "nothing there"}
BASES = {
    Basis.PROBE: "this report's own look and probe at",
    Basis.STATUS: "the operator, by its status in the cluster, which says so since",
    Basis.NOTHING: "nobody could look",
}


def badge_of(one: InstanceReport) -> str:
    return "open" if one.recorded else BADGES[one.proof.enforced.status]


def add_instance(section: Element, one: InstanceReport, number: int) -> None:
    article = SubElement(section, "article", {"id": f"instance-{number}", "aria-labelledby": f"name-{number}"})
    title = add(article, "h3", f"{one.key} ", id=f"name-{number}")
    add(title, "span", one.verdict, **{"class": f"badge {badge_of(one)}"})
    add(article, "p", f"{one.proof.summary.reason}: {one.proof.summary.message}", **{"class": "why"})
    _add_facts(article, one)
    if one.rules is not None and one.rules.factors:
        _add_factors(article, one.rules, one.key)
    _add_lists(article, one)
    if one.history:
        _add_history(article, one)


def _add_facts(article: Element, one: InstanceReport) -> None:
    table = add_table(article, f"What is known of {one.key}", ("What", "How it is"))
    proof, software = one.proof, one.software
    add_fact(table, "Address", one.url)
    add_fact(table, "Policy", one.policy or "none")
    add_fact(table, "Seen by", BASES[proof.basis] + (f" {proof.at:%Y-%m-%d %H:%M:%S} UTC" if proof.at else ""))
    enforced = proof.enforced
    add_fact(table, "Enforced", f"{enforced.status}, {enforced.reason}: {enforced.message}")
    add_fact(table, "As the policy says", f"{proof.drifted.reason}: {proof.drifted.message}" if proof.drifted else "not compared")
    known = f"Jenkins {software.jenkins or 'unknown'}, plugin {software.plugin or 'unknown'}"
    add_fact(table, "Software", known + (f" ({software.edition.lower()} edition)" if software.edition else ""))
    if one.layers is not None:
        layers = f"disk {ON[one.layers.disk]}, memory {ON[one.layers.memory]}, live flag {ON[one.layers.live]}"
        add_fact(table, "Layers", layers)
        add_fact(table, "Gate", one.layers.gate)
    if one.rules is not None:
        _add_rules(table, one.rules)
    add_fact(table, "Users", _users(one))


def _add_rules(table: Element, rules: Rules) -> None:
    seen = "" if rules.by == "Jenkins" else " (asked for by the policy, not seen in Jenkins)"
    asked = "everyone" if rules.enforced_groups is None else ", ".join(sorted(rules.enforced_groups))
    add_fact(table, "Asked", asked + seen)
    add_fact(table, "Exempt groups", (", ".join(sorted(rules.exempt_groups)) or "none") + seen)
    add_fact(table, "API tokens", rules.api_tokens + seen)
    add_fact(table, "Starting a build", rules.builds + seen)


def _users(one: InstanceReport) -> str:
    users = one.enrolment
    if users is None:
        return "not counted"
    return (
        f"{users.total} who are asked, {users.total - users.not_enrolled} enrolled, {users.not_enrolled} not; {users.exempt} exempt; "
        f"administrators: {users.administrators}, not enrolled: {users.administrators_not_enrolled}"
    )


def _add_factors(article: Element, rules: Rules, key: str) -> None:
    table = add_table(
        article, f"Factors that may be chosen at {key}", ("Factor", "With a password it reaches", "Phishing-resistant", "NIST SP 800-63B-4")
    )
    for factor in in_order(rules.factors):
        strength, row = STRENGTHS[factor], add_row(table)
        add(row, "th", factor.value, scope="row")
        add(row, "td", strength.reach.value + (f": {strength.condition}" if strength.condition else ""))
        add(row, "td", "yes" if strength.phishing_resistant else "no")
        add(row, "td", strength.section)


def _add_lists(article: Element, one: InstanceReport) -> None:
    lists = (
        ("Differences from the policy", one.differences),
        ("Residual risks here", one.risks),
        ("Not looked at", tuple(f"{gap.what}: {gap.why}" for gap in one.gaps)),
    )
    for title, items in lists:
        if items:
            add(article, "h4", title)
            add_list(article, items)
    if one.names is not None:
        add(article, "h4", "Users without a second factor")
        add_list(article, one.names or ("none",))


def _add_history(article: Element, one: InstanceReport) -> None:
    table = add_table(article, f"History of {one.key}, as far as it is known", ("When (UTC)", "What", "Times", "Message"))
    for happening in one.history:
        row = add_row(table)
        add(row, "th", f"{happening.at:%Y-%m-%d %H:%M:%S}", scope="row")
        add(row, "td", happening.reason)
        add(row, "td", str(happening.count))
        add(row, "td", happening.message, **{"class": "long"})
