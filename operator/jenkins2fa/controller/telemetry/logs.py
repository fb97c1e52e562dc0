"""How the operator logs: one line a record on standard error, plain or JSON; other libraries only when it matters."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

FACTS = "facts"  # of a record: what JSON has as fields of their own, and plain text has in its message
NOISE = ("Request attempt", "OS signals are ignored")  # of Kopf: we say ourselves when the API server is gone


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, facts, and an error's traceback.

    Facts name the objects (instance, policy) and what happened: change, trial, seconds; or condition, status, reason."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FACTS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(form: str, *, verbose: bool = False) -> None:
    """Set up logging for the process. ``form``: plain or json; ``verbose``: failed attempts and evidence of probes as well."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    handler.addFilter(_is_worth_a_line)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    for name in ("kopf", "asyncio", "kubernetes"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.CRITICAL)  # a line for each liveness probe


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """What Kopf could not do is worth one line, which names the error; its traceback only leads through Kopf, and we begin it anew.

    So are faults of its callbacks, which the event loop tells: nothing else of ours runs there."""
    if record.name.startswith(("kopf", "asyncio")):
        record.exc_info = record.exc_text = None
        return not record.getMessage().startswith(NOISE)
    return True
