"""The switch that lets the premium edition of the plugin be written to, the same for operator, plan and apply."""

from __future__ import annotations

import click

premium_option = click.option(
    "--enable-experimental-premium",
    "premium",
    is_flag=True,
    help="Also write to the premium edition of the plugin, which was not available to test against (docs/support-matrix.md). "
    "Without it that edition is only read.",
)
