"""``jenkins2fa``: the commands by name. A command's module is imported only when it is called, so that ``--help`` is quick."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import click

from jenkins2fa import __version__
from jenkins2fa.cli.errors import EXIT_CODES, GroupOneOnError


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is (``module:function``) and the line that ``--help`` shows for it."""

    target: str
    summary: str


COMMANDS = {
    "validate": Entry("jenkins2fa.cli.validate:validate", "Check files offline: schema, rules, spelling."),
    "plan": Entry("jenkins2fa.cli.plan.command:plan", "Say what a policy would change in a running Jenkins."),
    "apply": Entry("jenkins2fa.cli.apply:apply", "Put a policy into force in a running Jenkins, and prove it."),
    "gate": Entry("jenkins2fa.cli.gate:gate", "Print, look at or remove the filter that stays in Jenkins."),
    "audit": Entry("jenkins2fa.cli.audit:audit", "Ask many Jenkinses with a canary account whether they demand a second factor."),
    "report": Entry("jenkins2fa.cli.report.command:report", "Report for auditors: enforced or not, by what proof, what remains."),
    "verify": Entry("jenkins2fa.cli.evidence:verify", "Check evidence of probes offline."),
    "unlock": Entry("jenkins2fa.cli.unlock:unlock", "Get people back in when all else fails."),
    "export": Entry("jenkins2fa.cli.export.command:export", "Write the YAML that describes running Jenkinses as they are now."),
    "run": Entry("jenkins2fa.cli.run:run", "Run the operator."),
}


class LazyGroup(GroupOneOnError):
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
    """Keep the two-factor settings of Jenkins controllers equal to policies in Git, and prove that they are in force."""


if __name__ == "__main__":
    main()
