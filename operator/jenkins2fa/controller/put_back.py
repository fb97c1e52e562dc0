"""What Jenkins has put right by itself: the gate, which watches its own place in the filter chain while people are asked."""

from __future__ import annotations

from jenkins2fa.controller.context import Context
from jenkins2fa.controller.events import Announcement
from jenkins2fa.controller.report import announce
from jenkins2fa.controller.subject import Subject

PATH = "gate"
NOTE = "gate: it was taken out of the filter chain of the running Jenkins, or moved behind the plugin's filter, and has put itself back"


def tell_put_back(context: Context, subject: Subject) -> tuple[str, ...]:
    """Paths of the drift that Jenkins has corrected since the last look, after telling of it by Event and log."""
    if not subject.memory.take_put_back():
        return ()
    announce(context, subject, Announcement("DriftCorrected", NOTE, action="Apply"))
    return (PATH,)
