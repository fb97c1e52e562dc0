"""Web pages of Jenkins as a stream of tags and texts, in linear time over at most 256 KiB.

The parser of the standard library is not used: it restarts at each unfinished tag, so a crafted page of 80 KB keeps a worker busy for
more than a minute. As in the HTML standard, a tag, comment or script without an end extends to the end of the page.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

LONGEST_PAGE = 256 * 1024  # characters; the rest is not read
_NAME = re.compile(r"[A-Za-z][^\s/>]*")
_ATTRIBUTE = re.compile(r"[^\s/>][^\s/>=]*")
_SPACE = re.compile(r"\s*")
_BETWEEN = re.compile(r"[\s/]*")
_BARE_VALUE = re.compile(r"[^\s>]*")
_HUGE_NUMBER = re.compile("&#[0-9]{12,};?")  # no character has such a number, and reading it takes quadratic time
_ENDS = {name: re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE | re.ASCII) for name in ("script", "style")}


@dataclass(frozen=True, slots=True)
class Tag:
    """An opening tag, or with ``closes`` a closing one. ``attributes``: lower-case names, resolved values; the first of a name counts."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    closes: bool = False


def read_page(page: str) -> Iterator[Tag | str]:
    """The tags of a page, and the texts between them. The content of scripts and style sheets is left out."""
    page = page[:LONGEST_PAGE]
    at = 0
    while at < len(page):
        if page[at] != "<":
            at, text = _text(page, at)
            yield text
        elif page.startswith("<!--", at):
            at = _after(page, "-->", at + 4)
        elif page[at + 1 : at + 2] in ("!", "?") or (page.startswith("</", at) and not _NAME.match(page, at + 2)):
            at = _after(page, ">", at + 2)
        elif name := _NAME.match(page, at + 2 if page.startswith("</", at) else at + 1):
            closes = page[at + 1] == "/"
            at, attributes = _attributes(page, name.end())
            if at < 0:
                return
            tag = Tag(name[0].lower(), attributes, closes)
            yield tag
            at = _after_raw(page, tag, at)
        else:
            yield "<"
            at += 1
        if at < 0:
            return


def _text(page: str, begin: int) -> tuple[int, str]:
    end = page.find("<", begin)
    end = len(page) if end < 0 else end
    return end, _resolved(page[begin:end])


def _after(page: str, sign: str, begin: int) -> int:
    """The position after the next ``sign``; -1 when there is none."""
    position = page.find(sign, begin)
    return -1 if position < 0 else position + len(sign)


def _after_raw(page: str, tag: Tag, at: int) -> int:
    """The position after the content of a script or style sheet, which holds no tags."""
    if tag.closes or tag.name not in _ENDS:
        return at
    end = _ENDS[tag.name].search(page, at)
    return -1 if end is None else end.start()


def _attributes(page: str, at: int) -> tuple[int, dict[str, str]]:
    """The attributes from ``at`` to the end of the tag, and the position after it; -1 when the tag has no end."""
    attributes: dict[str, str] = {}
    while True:
        at = _end(_BETWEEN, page, at)
        if at >= len(page):
            return -1, {}
        if page[at] == ">":
            return at + 1, attributes
        name_end = _end(_ATTRIBUTE, page, at)
        name, at = page[at:name_end].lower(), name_end
        at, value = _value(page, at)
        if at < 0:
            return -1, {}
        attributes.setdefault(name, _resolved(value))


def _value(page: str, at: int) -> tuple[int, str]:
    sign = _end(_SPACE, page, at)
    if page[sign : sign + 1] != "=":
        return at, ""
    at = _end(_SPACE, page, sign + 1)
    if (quote := page[at : at + 1]) in ('"', "'"):
        end = page.find(quote, at + 1)
        return (-1, "") if end < 0 else (end + 1, page[at + 1 : end])
    end = _end(_BARE_VALUE, page, at)
    return end, page[at:end]


def _end(pattern: re.Pattern[str], page: str, at: int) -> int:
    match = pattern.match(page, at)
    return match.end() if match else at


def _resolved(text: str) -> str:
    return html.unescape(_HUGE_NUMBER.sub("\ufffd", text))
