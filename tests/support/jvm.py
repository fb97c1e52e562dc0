"""Processes of the Jenkins stand-in: each serves one stand-in after another, and some wait for the next one."""

from __future__ import annotations

import contextlib
import pathlib
import signal
import subprocess

from tests.support.waiting import wait_until

JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx384m", "-Djava.awt.headless=true"]
POLL = 0.02  # seconds
MOST_USES, MOST_IDLE = 12, 2  # of one process, since it keeps something of each use; processes of one flavour that wait for the next use


class Process:
    """A JVM that serves one stand-in after another, because its first one costs seconds: it loads Groovy's compiler.

    It ends with this process, however this one ends."""

    def __init__(self, build: pathlib.Path, log: pathlib.Path) -> None:
        self.build, self.uses = build, 0
        java = ["java", *JVM, "-cp", f"{build}/boot:{build}/lib/*"]
        with log.open("ab") as stream:  # what it says before its first use
            self.popen = subprocess.Popen([*java, "standin.boot.Main", str(build)], stdin=subprocess.PIPE, stdout=stream, stderr=stream)

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def serve(self, options: pathlib.Path) -> None:
        self.uses += 1
        self._say(str(options))

    def is_free(self, about: pathlib.Path) -> bool:
        """Ends the stand-in of the moment; whether the process can serve another one."""
        if self.uses >= MOST_USES:
            return False
        try:
            self._say("")
            wait_until(lambda: not about.exists() or not self.running, every=POLL, what="the stand-in has ended")
        except (OSError, AssertionError):
            return False
        return self.running

    def _say(self, line: str) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(f"{line}\n".encode())
        self.popen.stdin.flush()

    def end(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.popen.send_signal(number)
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        if self.popen.stdin is not None:
            with contextlib.suppress(OSError):
                self.popen.stdin.close()


_idle: list[Process] = []


def take(build: pathlib.Path, log: pathlib.Path) -> Process:
    """An idle process of this build, or else a new one, whose first words go to `log`."""
    for process in [one for one in _idle if one.build == build]:
        _idle.remove(process)
        if process.running:
            return process
    return Process(build, log)


def give_back(process: Process, about: pathlib.Path) -> None:
    """Ends the stand-in that wrote the file `about`, and keeps the process for the next one if it can serve it."""
    if process.is_free(about) and sum(one.build == process.build for one in _idle) < MOST_IDLE:
        _idle.append(process)
    else:
        process.end(signal.SIGKILL)
