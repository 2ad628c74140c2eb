"""Log lines of the agent: an event and its facts, through the standard library's logging alone.

A gateway has little memory; a logging framework would take more of it than the outbox and the connection
together. `configure()` gives the same JSON lines as every other process of the project.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys


class Journal:
    """`journal.info("connected", conn=3)`; the facts become keys of the JSON line."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **facts: object) -> None:
        self._write(logging.DEBUG, event, facts)

    def info(self, event: str, **facts: object) -> None:
        self._write(logging.INFO, event, facts)

    def warning(self, event: str, **facts: object) -> None:
        self._write(logging.WARNING, event, facts)

    def error(self, event: str, **facts: object) -> None:
        self._write(logging.ERROR, event, facts)

    def exception(self, event: str, **facts: object) -> None:
        """An error with the traceback of the exception being handled."""
        self._write(logging.ERROR, event, facts, trace=True)

    def _write(self, level: int, event: str, facts: dict[str, object], *, trace: bool = False) -> None:
        if not self._logger.isEnabledFor(level):
            return
        told = " ".join([event, *(f"{key}={value}" for key, value in facts.items())])
        extra = {"event": event, "facts": facts}
        self._logger.log(level, "%s", told, exc_info=trace, extra=extra)


class JsonLines(logging.Formatter):
    """One JSON object a line, as `oshwatch.logs` writes them."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        facts = getattr(record, "facts", {})
        line: dict[str, object] = {
            **facts,
            "event": getattr(record, "event", None) or record.getMessage(),
            "process": self._process,
            "level": record.levelname.lower(),
            "timestamp": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat().replace("+00:00", "Z"),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(process: str = "agent") -> None:
    """Send everything to standard error: JSON lines, or plain ones at a terminal."""
    handler = logging.StreamHandler(sys.stderr)
    if sys.stderr.isatty():
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    else:
        handler.setFormatter(JsonLines(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
