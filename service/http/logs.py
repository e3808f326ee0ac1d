"""Structured logs: one JSON object a line on standard error."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Mapping
from typing import Any

LOGGER = logging.getLogger("service")
STANDARD_ERROR = 2


class JsonLines(logging.Formatter):
    """The form of a line: a JSON object in which `extra={"facts": {...}}` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


class WholeLines(logging.Handler):
    """A handler that writes each line by one system call, so that busy threads need not wait in turn."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the line, without the lock that logging takes otherwise."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):  # where nobody reads the log, speaking goes on
            os.write(STANDARD_ERROR, f"{self.format(record)}\n".encode("utf-8", "backslashreplace"))


def log_request(facts: Mapping[str, Any]) -> None:
    """Write the line of a request that was answered; facts that are None stay out."""
    LOGGER.info(
        "request", extra={"facts": {name: value for name, value in facts.items() if value is not None}}
    )


def set_up_log() -> None:
    """Send the service's own records to standard error, once."""
    if LOGGER.handlers:
        return
    handler = WholeLines()
    handler.setFormatter(JsonLines())
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
