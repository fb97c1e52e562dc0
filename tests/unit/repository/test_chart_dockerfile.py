"""The Dockerfile and what the chart expects of the image."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import yaml

from jenkins2fa import __version__
from jenkins2fa.cli.run import run

CHECKOUT = Path(__file__).resolve().parents[3]
CHART = CHECKOUT / "charts" / "jenkins-2fa-operator"


def instructions() -> list[tuple[str, str]]:
    """Instruction and the rest of its line, comments and line ends removed."""
    text = re.sub(r"\\\n\s*", " ", (CHECKOUT / "Dockerfile").read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def values_of(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def base() -> str:
    """The base image of both stages; a release adds its digest."""
    (name,) = values_of("ARG")
    assert name.startswith("BASE=")
    return name.removeprefix("BASE=")


def test_base_images_are_identical_and_pinned_to_a_full_version() -> None:
    assert [rest.split()[0] for rest in values_of("FROM")] == ["${BASE}", "${BASE}"]
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", base())


def test_the_release_guide_asks_for_the_digest_of_the_base_image() -> None:
    page = (CHECKOUT / "docs" / "releasing.md").read_text()
    assert f"--build-arg BASE={base()}@sha256:" in page
    assert f"imagetools inspect {base()} " in page


def test_the_image_has_the_python_version_of_the_tests() -> None:
    supported = re.search(r'requires-python = ">=(3\.\d+)"', (CHECKOUT / "pyproject.toml").read_text())
    assert supported
    assert base().startswith(f"python:{supported[1]}.")


def test_the_last_stage_does_not_run_as_root_and_builds_nothing() -> None:
    last = instructions()[max(at for at, (name, _) in enumerate(instructions()) if name == "FROM") :]
    names = [name for name, _ in last]
    assert "RUN" not in names
    assert names.index("USER") < names.index("ENTRYPOINT")
    user = re.fullmatch(r"(\d+):(\d+)", dict(last)["USER"])
    assert user, "a number, or runAsNonRoot cannot be checked by the kubelet"
    assert int(user[1]) == yaml.safe_load((CHART / "values.yaml").read_text())["runAsUser"]
    assert dict(last)["ENTRYPOINT"] == '["jenkins2fa"]'


def test_no_secrets_and_no_foreign_sources() -> None:
    names = {name for name, _ in instructions()}
    allowed = {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "LABEL", "USER", "ENTRYPOINT", "CMD"}
    assert names <= allowed, "ADD carries URLs; the only ARG is the base"
    text = (CHECKOUT / "Dockerfile").read_text()
    assert not re.search(r"https?://|--(extra-)?index-url|--trusted-host|curl|wget|apt-get|sudo|password|token", text)


def test_the_build_context_has_only_copied_files() -> None:
    patterns = [line for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert patterns[0] == "*"
    allowed = {line.removeprefix("!") for line in patterns if line.startswith("!")}
    copied = {source for rest in values_of("COPY") if not rest.startswith("--from") for source in rest.split()[:-1]}
    assert allowed == copied
    assert all((CHECKOUT / name).exists() for name in allowed)


def test_the_version_is_the_same_everywhere() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    images = yaml.safe_load((CHECKOUT / "config" / "kustomization.yaml").read_text())["images"]
    assert chart["version"] == chart["appVersion"] == __version__ == images[0]["newTag"]


# Examples, comments and pages that name the version of this project; there may be more.
NAMED = {
    "Dockerfile",
    "charts/jenkins-2fa-operator/values.yaml",
    "docs/installation.md",
    "examples/gitops/argocd/applications.yaml",
    "examples/gitops/flux/operator.yaml",
    "examples/gitops/kustomize-overlay/kustomization.yaml",
    "examples/pipelines/pre-commit-config.yaml",
    "examples/pipelines/requirements.txt",
}
OWN_VERSION = re.compile(
    r"(?:jenkins-2fa-operator:|jenkins_2fa_operator-|ref=v|targetRevision: v|tag: v|rev: v|/blob/v)(\d+\.\d+\.\d+)", re.IGNORECASE
)


def test_examples_and_docs_name_this_version() -> None:
    """An outdated example would install an old or nonexistent operator."""
    places = ("Dockerfile", "charts/**/*.yaml", "docs/**/*.md", "examples/**/*.*", "deploy/*.yaml", "README.md")
    texts = {str(path.relative_to(CHECKOUT)): path.read_text() for place in places for path in CHECKOUT.glob(place)}
    found = {name: OWN_VERSION.findall(text) for name, text in texts.items() if OWN_VERSION.search(text)}
    assert {version for versions in found.values() for version in versions} == {__version__}
    assert set(found) >= NAMED
    page = (CHECKOUT / "docs" / "releasing.md").read_text()
    assert [name for name in NAMED if not any(f"`{part}`" in page for part in (name, name.split("/")[0] + "/", Path(name).name))] == []


def test_the_chart_passes_only_existing_options() -> None:
    text = (CHART / "templates" / "deployment.yaml").read_text()
    passed = set(re.findall(r"^ *- (--[a-z-]+)", text, re.MULTILINE))
    assert "--namespace" in passed
    assert passed <= {option for parameter in run.params for option in parameter.opts}


def test_chart_defaults_match_the_operator() -> None:
    """The chart omits arguments that are defaults, so the defaults must be the same."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    defaults = {parameter.name: parameter.default for parameter in run.params}
    assert (values["workers"], values["longestBreakGlass"]) == (defaults["workers"], defaults["longest_break_glass"])
    left_out = {"workers": 64, "longestBreakGlass": "4h"}
    text = (CHART / "templates" / "deployment.yaml").read_text()
    for name, value in left_out.items():
        assert re.search(rf'ne (\(int )?\.Values\.{name}\)? "?{value}"? ?}}}}', text), name
        assert values[name] == value


def test_chart_defaults_match_the_schema_which_allows_other_dns_ports() -> None:
    values, schema = yaml.safe_load((CHART / "values.yaml").read_text()), json.loads((CHART / "values.schema.json").read_text())
    jsonschema.validate(values, schema)
    assert values["networkPolicy"]["dns"]["ports"] == [53]
    values["networkPolicy"]["dns"] = {"namespace": "openshift-dns", "ports": [5353]}
    jsonschema.validate(values, schema)


def test_no_page_recommends_an_unsupported_proxy() -> None:
    assert "_PROXY" not in (CHART / "values.yaml").read_text()
    assert "It ignores `HTTPS_PROXY`" in (CHECKOUT / "docs" / "operations.md").read_text()
