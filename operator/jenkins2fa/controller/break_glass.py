"""A break-glass's reconcile: aggregates the statuses of its instances. The instances' own reconciles open and close it."""

from __future__ import annotations

from jenkins2fa.api.break_glass import TwoFactorBreakGlass
from jenkins2fa.api.fields import InvalidObject, parse_time
from jenkins2fa.api.instance import JenkinsInstance
from jenkins2fa.api.meta import Key
from jenkins2fa.api.parse import parse_break_glass
from jenkins2fa.api.status import OPEN, READY, break_glass_of, break_glass_status_document, condition_of
from jenkins2fa.controller.cache import Body
from jenkins2fa.controller.context import Context
from jenkins2fa.controller.instance.schedule import ANOTHER_SERVES
from jenkins2fa.controller.instance.status import invalid_document, write_status
from jenkins2fa.controller.pace import Pace
from jenkins2fa.controller.queue import NEVER, Kind, Requeue, Urgency, Work, WorkKey
from jenkins2fa.core.break_glass import BreakGlassMember, History, aggregate_break_glass
from jenkins2fa.core.reasons import Reason

AGAIN = 300.0


class BreakGlassReconciler:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._pace = Pace()

    def soon(self, key: Key) -> None:
        """Ask for a reconcile now, or when a second has gone by since the last."""
        self._context.queue.add(WorkKey(Kind.BREAK_GLASS, key), Urgency.DRIFT, after=self._pace.wait(key, self._context.clock()))

    def run(self, work: Work) -> Requeue:
        context, key = self._context, work.key.key
        self._pace.began(key, work.urgency, context.clock())
        body = context.live(Kind.BREAK_GLASS, key)
        if body is None:
            self._pace.forget(key)
            return NEVER
        if context.is_left_alone(Kind.BREAK_GLASS, body):
            return Requeue(after=ANOTHER_SERVES)
        try:
            break_glass = parse_break_glass(body)
        except InvalidObject as error:
            write_status(context, Kind.BREAK_GLASS, body, invalid_document(body["metadata"].get("generation", 0), error, (OPEN,)))
            return NEVER
        if _is_record(body):
            return NEVER
        self._report(break_glass, body)
        left = (break_glass.spec.expires_at - context.now()).total_seconds()
        return Requeue(after=min(AGAIN, left + 0.5), urgency=Urgency.DRIFT) if left > 0 else NEVER

    def _report(self, break_glass: TwoFactorBreakGlass, body: Body) -> None:
        context, history = self._context, _history(body)
        selected = context.mapping.opened_by(break_glass)
        status = aggregate_break_glass(break_glass, [self._member(break_glass, one) for one in selected], history, context.now())
        write_status(context, Kind.BREAK_GLASS, body, break_glass_status_document(status))
        if status.closed_at is not None and history.closed_at is None:
            for one in selected:  # it asks for nothing any more, which may end a refusal there
                context.queue.add(WorkKey(Kind.INSTANCE, one.meta.key), Urgency.DRIFT)

    def _member(self, break_glass: TwoFactorBreakGlass, instance: JenkinsInstance) -> BreakGlassMember:
        body = self._context.cache.body(Kind.INSTANCE, instance.meta.key) or {}
        ready, held = condition_of(body, READY), break_glass_of(body)
        if held is None:
            return BreakGlassMember(instance.meta.key, ready=ready)
        refused = next(((one.reason, one.message) for one in held.refused if one.uid == break_glass.meta.uid), None)
        return BreakGlassMember(instance.meta.key, held.until, refused, ready)


def _is_record(body: Body) -> bool:
    """Whether its status says already that it has expired: from then on it stays as it is."""
    ready = condition_of(body, READY)
    return ready is not None and ready.reason == Reason.EXPIRED


def _history(body: Body) -> History:
    status = body.get("status") or {}
    opened, closed = (parse_time(status[name]) if status.get(name) else None for name in ("openedAt", "closedAt"))
    return History(opened, closed, (status.get("instances") or {}).get("opened", 0))
