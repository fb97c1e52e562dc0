"""Events about what the gate has done by itself since the last observation: it put itself back in the filter chain, or it limits wrong
answers. What the operator changes in Jenkins, the gate included, is announced in ``apply``."""

from __future__ import annotations

from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.status import announce
from jenkins2fa.controller.instance.subject import Subject
from jenkins2fa.kube.events import Announcement

PATH = "gate"
PUT_BACK = "gate: it was taken out of the filter chain of the running Jenkins, or moved behind the plugin's filter, and has put itself back"
LIMITED = "many wrong answers to a second factor: the gate makes whoever gives them wait (docs/operations.md, Wrong answers)"


def tell_gate_news(context: Context, subject: Subject) -> tuple[str, ...]:
    """Paths of the drift that Jenkins has corrected since the last observation, after telling of it, and of limits, by Event and log."""
    news = subject.memory.gate_news
    if news.limited.take():
        announce(context, subject, Announcement("AnswersLimited", LIMITED, action="Watch", warning=True))
    if not news.put_back.take():
        return ()
    announce(context, subject, Announcement("DriftCorrected", PUT_BACK, action="Apply"))
    return (PATH,)
