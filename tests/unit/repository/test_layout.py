"""The layout of the source tree: which layer may import which, and what pure layers must not use."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
PACKAGE = CHECKOUT / "operator" / "jenkins2fa"

# Dependencies point one way: cli, controller -> kube, jenkins -> core -> api.
MAY_IMPORT: dict[str, set[str]] = {
    "api": set(),
    "core": {"api"},
    "kube": {"core", "api"},
    "jenkins": {"core", "api"},
    "controller": {"kube", "jenkins", "core", "api"},
    "cli": {"controller", "kube", "jenkins", "core", "api"},
}

# Time, randomness and I/O come in from outside.
IMPURE = {
    "aiohttp", "asyncio", "http", "io", "jenkins", "kopf", "kubernetes", "logging", "os", "pathlib", "random", "requests",
    "secrets", "shutil", "socket", "subprocess", "sys", "tempfile", "threading", "time", "urllib3", "uuid",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input", "now", "utcnow", "today"}


def imported_modules(source: str, module: str) -> Iterator[str]:
    """Full dotted names that a module's text imports; `module` is its own dotted name, to resolve relative imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def impurities(source: str, module: str) -> set[str]:
    """Impurities in a module of a pure layer: impure imports, and calls that read a clock or do I/O."""
    found = {name for name in imported_modules(source, module) if name.split(".")[0] in IMPURE}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in IMPURE_CALLS:
                found.add(f"{name}()")
    return found


def wrong_directions(source: str, module: str) -> set[str]:
    """Imports of our own package in the wrong direction."""
    own_layer = module.split(".")[1]
    layers = {name: name.split(".")[1] for name in imported_modules(source, module) if name.startswith("jenkins2fa.")}
    allowed = MAY_IMPORT.get(own_layer, set()) | {own_layer}
    return {name for name, layer in layers.items() if layer in MAY_IMPORT and layer not in allowed}


def imports_inside_functions(source: str) -> list[int]:
    """Lines of imports that stand inside a function."""
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return sorted({node.lineno for function in functions for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)})


def circle(sources: Mapping[str, str]) -> list[str] | None:
    """A circle of imports among modules (dotted name to text), first and last member the same; None = there is none."""
    graph = {
        module: {_known(name, sources) for name in imported_modules(text, module)} - {None, module} for module, text in sources.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return None


def _known(name: str, sources: Mapping[str, str]) -> str | None:
    """The module that an imported name denotes or belongs to."""
    return next((module for module in (name, name.rpartition(".")[0]) if module in sources), None)


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def dotted(path: Path) -> str:
    """Dotted name of a file; a package's __init__ keeps its last part, so relative imports resolve alike."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def test_there_are_no_circular_imports() -> None:
    sources = {dotted(path): path.read_text() for path in modules(PACKAGE)}
    assert circle(sources) is None


def test_there_are_no_imports_inside_functions() -> None:
    inside = {dotted(path) for path in modules(PACKAGE) if imports_inside_functions(path.read_text())}
    assert not inside


def test_the_check_finds_a_circular_import() -> None:
    planted = {
        "jenkins2fa.core.plan": "from jenkins2fa.core import mode",
        "jenkins2fa.core.mode": "def late():\n    from jenkins2fa.core.desired import Desired",
        "jenkins2fa.core.desired": "import jenkins2fa.core.plan",
    }
    assert set(circle(planted) or ()) == set(planted)
    assert circle({**planted, "jenkins2fa.core.desired": "import os"}) is None


def test_the_check_finds_an_import_inside_a_function() -> None:
    assert imports_inside_functions("import os\n\ndef late():\n    import time\n    return time") == [4]


def test_the_operator_folder_is_no_package() -> None:
    """With an __init__.py in it, the folder would hide the standard library's module `operator`."""
    assert PACKAGE.is_dir()
    assert not (PACKAGE.parent / "__init__.py").exists()


def folders_of(target: str) -> set[str]:
    """The folders of tests that a target of the Makefile runs."""
    command = (CHECKOUT / "Makefile").read_text().split(f"\n{target}:", 1)[1].split("\n\n", 1)[0]
    return {word for word in command.split() if word.startswith("tests/")}


def test_make_test_runs_every_folder_with_tests_except_the_slow_ones() -> None:
    folders = {f"tests/{path.relative_to(CHECKOUT / 'tests').parts[0]}" for path in (CHECKOUT / "tests").rglob("test_*.py")}
    assert folders - folders_of("test") == {"tests/slow"}


def test_make_slow_runs_every_folder_with_a_test_marked_slow() -> None:
    tests = CHECKOUT / "tests"
    marked = {path.relative_to(tests).parts[0] for path in tests.rglob("*.py") if re.search(r"mark\.slow\b", path.read_text())}
    assert folders_of("slow") == {f"tests/{folder}" for folder in marked}


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_imports_point_one_way(layer: str) -> None:
    wrong = {dotted(path): found for path in modules(PACKAGE / layer) if (found := wrong_directions(path.read_text(), dotted(path)))}
    assert not wrong


@pytest.mark.parametrize("layer", ["api", "core"])
def test_pure_layers_use_no_clock_and_no_io(layer: str) -> None:
    assert modules(PACKAGE / layer)
    impure = {dotted(path): found for path in modules(PACKAGE / layer) if (found := impurities(path.read_text(), dotted(path)))}
    assert not impure


@pytest.mark.parametrize(
    ("source", "module", "found"),
    [
        ("from jenkins2fa.cli import main", "jenkins2fa.core.plan", {"jenkins2fa.cli.main"}),
        ("from ..cli import main", "jenkins2fa.core.plan", {"jenkins2fa.cli.main"}),
        ("from .. import controller", "jenkins2fa.jenkins.console", {"jenkins2fa.controller"}),
        ("def late():\n    import jenkins2fa.core.plan", "jenkins2fa.api.policy", {"jenkins2fa.core.plan"}),
        ("from ..api import policy\nfrom .plan import Plan", "jenkins2fa.core.guard.chain", set()),
    ],
)
def test_the_check_finds_an_import_in_the_wrong_direction(source: str, module: str, found: set[str]) -> None:
    assert wrong_directions(source, module) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time", {"time"}),
        ("from os import path", {"os.path"}),
        ("import datetime\ndef age(): return datetime.datetime.now()", {"now()"}),
        ("from datetime import datetime\ndef age(now: datetime): return now", set()),
    ],
)
def test_the_check_finds_impure_code(source: str, found: set[str]) -> None:
    assert impurities(source, "jenkins2fa.core.plan") == found


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_durations_use_the_monotonic_clock(file: Path) -> None:
    """`time.time` jumps whenever the clock is set, so it must not measure durations. Only one-time codes need it."""
    named = [ast.unparse(node) for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)]
    assert named.count("time.time") == (1 if file.name == "flow.py" else 0)
