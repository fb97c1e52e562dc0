"""Runs of one Jenkins (a start until its end), told apart by their session hash."""

from __future__ import annotations

REMEMBERED = 8


class Runs:
    """Those that have answered, in the order in which they did so last; no more than eight are remembered."""

    def __init__(self) -> None:
        self._sessions: list[str] = []

    def __contains__(self, session: str) -> bool:
        return session in self._sessions

    def note(self, session: str) -> bool:
        """Take note of an answer; whether a run comes back that another had replaced: no restart can bring that about, several processes
        do."""
        back = session in self._sessions[:-1]
        self._sessions = [*(one for one in self._sessions if one != session), session][-REMEMBERED:]
        return back
