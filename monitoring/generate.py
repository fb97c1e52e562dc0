"""Make what derives from rules.yaml and dashboard.py: `python3 monitoring/generate.py [--check]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from dashboard import dashboard  # noqa: E402 - a script beside it, not a package

CHART = HERE.parent / "charts" / "jenkins-2fa-operator"
HEAD = "# Made from monitoring/rules.yaml by monitoring/generate.py.\n"


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stay readable."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _yaml(value: Any) -> str:
    return HEAD + yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)


def derived() -> dict[Path, str]:
    """Every derived file and what it should hold."""
    rules: dict[str, Any] = yaml.safe_load((HERE / "rules.yaml").read_text())
    document = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "jenkins-2fa-operator", "labels": {"app.kubernetes.io/name": "jenkins-2fa-operator"}},
        "spec": rules,
    }
    return {
        HERE / "prometheusrule.yaml": _yaml(document),
        HERE / "dashboard.json": json.dumps(dashboard(), indent=2) + "\n",
        CHART / "files" / "alerts.yaml": _yaml(rules["groups"][0]["rules"]),
    }


def main() -> int:
    """Write what differs; with --check only tell, and exit with 1."""
    stale = {path: text for path, text in derived().items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        print(f"{'stale' if '--check' in sys.argv else 'made'}: {path.relative_to(HERE.parent)}")  # noqa: T201 - a command
        if "--check" not in sys.argv:
            path.write_text(text)
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
