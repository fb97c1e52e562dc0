"""The documentation is consistent: links have a target, every page is in the index, and named files exist."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
DOCS = CHECKOUT / "docs"
PAGES = sorted([*CHECKOUT.glob("*.md"), *DOCS.rglob("*.md"), *(CHECKOUT / "bench").rglob("*.md"), *(CHECKOUT / "tests").rglob("README.md")])


def without_code(text: str) -> str:
    """Markdown without code blocks and code spans."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?ms)^ *```.*?^ *```", "", text))


def links(text: str) -> Iterator[str]:
    """Targets of links and pictures that stay inside the repository."""
    for target in re.findall(r"\]\(([^()\s]+)\)", without_code(text)):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as common Git hosts generate them."""
    headings = re.findall(r"(?m)^#+ +(.+?) *$", re.sub(r"(?ms)^ *```.*?^ *```", "", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path, text: str) -> list[str]:
    """Links of a page without a target."""
    found = []
    for target in links(text):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        inside = there.exists() and there.is_relative_to(CHECKOUT)
        if not inside or (anchor and there.suffix == ".md" and anchor not in anchors(there.read_text())):
            found.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_have_a_target(page: Path) -> None:
    assert broken(page, page.read_text()) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a](nowhere.md)", ["nowhere.md"]),
        ("[a](concepts.md#one-reconcile) [b](concepts.md#no-such-heading)", ["concepts.md#no-such-heading"]),
        ("![a](images/none.png)", ["images/none.png"]),
        ("`[a](nowhere.md)` [b](https://example.com)", []),
        ("```\n[a](nowhere.md)\n```", []),
    ],
)
def test_broken_links_are_found(text: str, found: list[str]) -> None:
    assert broken(DOCS / "page.md", text) == found


def test_index_has_every_page() -> None:
    listed = {(DOCS / target).resolve() for target in links((DOCS / "README.md").read_text())}
    assert set(DOCS.glob("*.md")) - {DOCS / "README.md"} <= listed


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md", "docs/releasing.md"])
def test_named_files_exist(name: str) -> None:
    """Names of files in code spans; a path may leave out the package's own folder."""
    spans = re.findall(r"`([\w.\-/]+/[\w.\-*]+\.(?:py|groovy|yaml|yml|md|txt|toml))`", (CHECKOUT / name).read_text())
    roots = (CHECKOUT, CHECKOUT / "operator" / "jenkins2fa")
    assert spans
    assert [span for span in spans if not any(list(root.glob(span)) for root in roots)] == []


def test_the_contributing_page_names_the_one_place_that_makes_drivers() -> None:
    section = (CHECKOUT / "CONTRIBUTING.md").read_text().split("## Add a driver")[1].split("\n## ")[0]
    package = CHECKOUT / "operator" / "jenkins2fa"
    sides = {name for path in package.rglob("*.py") for name in re.findall(r"class (\w+)\(PluginSide\):", path.read_text())}
    made = re.compile(rf"\b(?:{'|'.join([*sides, 'Driver'])})\(")
    makers = [str(path.relative_to(package)) for path in package.rglob("*.py") if made.search(re.sub(r"class \w+\(", "", path.read_text()))]
    assert len(sides) > 1
    assert makers == ["jenkins/drivers/choose.py"]
    assert f"`{makers[0]}`" in section


def test_named_make_targets_exist() -> None:
    known = set(re.findall(r"(?m)^([a-z-]+):", (CHECKOUT / "Makefile").read_text()))
    named = {found for page in PAGES for found in re.findall(r"(?m)(?:^|`)make ([a-z][a-z-]+)", page.read_text())}
    assert named
    assert named <= known


def test_no_page_names_a_path_of_one_machine() -> None:
    tracked = subprocess.run(["git", "ls-files", "*.md"], cwd=CHECKOUT, capture_output=True, text=True).stdout.split()
    texts = [CHECKOUT / name for name in tracked] or PAGES
    assert [str(path) for path in texts if path.exists() and re.search(r"/root/|/home/\w+/|/tmp/wt|/work/", path.read_text())] == []
