"""``jenkins2fa``: the commands by name. A command's module is imported only when it is called, so that ``--help`` is quick."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import click

from jenkins2fa import __version__
from jenkins2fa.cli.errors import EXIT_CODES, Group


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: ``module:function``, and the line that ``--help`` shows."""

    target: str
    summary: str


COMMANDS = {
    "validate": Entry("jenkins2fa.cli.validate:validate", "Check policies, instances and break-glasses in files."),
    "plan": Entry("jenkins2fa.cli.plan.command:plan", "Show what policies would change in running controllers."),
    "apply": Entry("jenkins2fa.cli.apply:apply", "Enforce a policy at one controller, and prove it."),
    "gate": Entry("jenkins2fa.cli.gate:gate", "Print, check or remove the gate: the operator's filter in Jenkins."),
    "audit": Entry("jenkins2fa.cli.audit:audit", "Check which controllers demand a second factor."),
    "report": Entry("jenkins2fa.cli.report.command:report", "Write a report for auditors: what is enforced, and by what proof."),
    "verify": Entry("jenkins2fa.cli.evidence:verify", "Check files with evidence of probes, offline."),
    "unlock": Entry("jenkins2fa.cli.unlock:unlock", "Switch 2FA off at one controller, as a last resort."),
    "export": Entry("jenkins2fa.cli.export:export", "Write the YAML that describes running controllers as they are."),
    "run": Entry("jenkins2fa.cli.run:run", "Run the operator."),
}


class LazyGroup(Group):
    """A group that knows its commands from :data:`COMMANDS` and loads one only when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, function = entry.target.partition(":")
        command = getattr(import_module(module), function)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.target} is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="jenkins2fa", message="%(prog)s %(version)s")
def main() -> None:
    """Keep the two-factor settings of Jenkins controllers equal to policies in Git, and prove that they are enforced."""


if __name__ == "__main__":
    main()
