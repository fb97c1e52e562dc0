"""The switch that lets the premium edition of the plugin be written to, the same for operator, plan and apply."""

from __future__ import annotations

import click

_ALLOWED = "jenkins2fa.experimental-premium"


def _remember(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    """Kept beside the parameters: commands pass on what they know, and none of them has to know of this one."""
    context.meta[_ALLOWED] = value


premium_option = click.option(
    "--enable-experimental-premium",
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="Also write to the premium edition of the plugin, which was not available to test against (docs/premium.md). "
    "Without it that edition is only read.",
)


def premium_allowed() -> bool:
    """Whether the command at work was given the switch."""
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(_ALLOWED))
