"""Building blocks of the HTML report: elements, lists and tables that people can read with any aid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement


def add(parent: Element, tag: str, text: str, **attributes: str) -> Element:
    """An element with a text. Control characters, which HTML cannot hold, are shown as their escapes."""
    element = SubElement(parent, tag, attributes)
    element.text = text if tag == "style" else visible(text)
    return element


def visible(text: str) -> str:
    return "".join(
        char if char.isprintable() else " " if char in "\n\t" else char.encode("unicode_escape").decode("ascii") for char in text
    )


def add_list(parent: Element, items: Iterable[str]) -> Element:
    found = SubElement(parent, "ul")
    for item in items:
        add(found, "li", item)
    return found


def add_table(parent: Element, caption: str, headings: Sequence[str]) -> Element:
    """The body of a table with a caption and scoped headings; on small screens it scrolls by itself, with the keyboard, too."""
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
    """A row of a table of two columns: what, and how it is."""
    row = add_row(body)
    add(row, "th", name, scope="row")
    add(row, "td", value, **{"class": "long"})
