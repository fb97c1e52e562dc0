"""Logging: one line for each record on standard error, plain or JSON. Other libraries log only warnings and errors."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

FACTS = "facts"  # attribute of a record: fields of their own in JSON; plain text has them in the message
NOISE = ("Request attempt", "OS signals are ignored")  # from Kopf; we log ourselves that the API server does not answer


class JsonFormatter(logging.Formatter):
    """One JSON object for each line: time, level, logger, message, facts, and the traceback of an error.

    Facts name the objects (instance, policy) and what happened (change, trial, seconds, or condition, status, reason)."""

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
    """Set up logging for the process. ``form``: plain or json; ``verbose``: also failed attempts and the evidence of probes."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    handler.addFilter(_keep)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    for name in ("kopf", "asyncio", "kubernetes"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.CRITICAL)  # it would log each liveness probe


def _keep(record: logging.LogRecord) -> bool:
    """Reduces a record of Kopf or of its event loop to one line, and drops noise.

    The line names the error. The traceback would only lead through Kopf, which we start again."""
    if record.name.startswith(("kopf", "asyncio")):
        record.exc_info = record.exc_text = None
        return not record.getMessage().startswith(NOISE)
    return True
