"""An operator as a separate process that a test can kill. It carries out one change, and waits for permission before each step.

Standard input: a line of JSON (URL, account with its seed or null, the trial's id and seconds, the name of the desired state), then a
line for each permitted step.
Standard output: the name of each step before it is taken.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

from jenkins2fa.jenkins.change import Step, carry_out
from jenkins2fa.jenkins.connection import Connection, Credentials
from jenkins2fa.jenkins.drivers.choose import driver_for
from tests.support.protocol_bench import WISHES, order


def main() -> None:
    """Exit code 0 after a confirmed change."""
    wanted = json.loads(sys.stdin.readline())
    ordered = replace(order(WISHES[wanted["wish"]]), trial=wanted["trial"])

    def announce(step: Step) -> None:
        print(step.value, flush=True)
        sys.stdin.readline()

    connection = Connection(wanted["url"] + "/", Credentials(wanted["user"], wanted["token"], wanted["seed"]))
    carry_out(lambda: driver_for(connection, trial_seconds=wanted["seconds"]), ordered, announce)


if __name__ == "__main__":
    main()
