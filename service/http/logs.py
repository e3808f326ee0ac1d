"""Structured logs: a JSON object a line on standard error; of callers' words only known names."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pathlib
import re
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from typing import Any

LOGGER = logging.getLogger("service")
STANDARD_ERROR = 2
LONGEST = 5000
"""Characters of one value."""
_INVISIBLE = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\uffff\U000e0000-\U000e0fff]"
)
"""What ends a line for some readers, turns its direction, or cannot be seen; JSON itself escapes the rest."""


class JsonLines(logging.Formatter):
    """The form of a line: a JSON object in which `extra={"facts": {...}}` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "message": _cut(record.getMessage()),
            **{name: _cut(value) for name, value in getattr(record, "facts", {}).items()},
        }
        if record.exc_info and record.exc_info[1] is not None:
            said["traceback"] = where_it_broke(record.exc_info[1])
        return _INVISIBLE.sub(_escaped, json.dumps(said, ensure_ascii=False))


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
    if any(isinstance(handler, WholeLines) for handler in LOGGER.handlers):
        return
    LOGGER.addHandler(_handler())
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False


def own_the_log() -> None:
    """Have every line of this process in that form: those of libraries, warnings, what nobody caught."""
    set_up_log()
    root = logging.getLogger()
    root.handlers[:] = [_handler()]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = lambda _kind, error, _trace: _uncaught(error)
    threading.excepthook = lambda told: _uncaught(told.exc_value)


def where_it_broke(error: BaseException) -> str:
    """The kinds of an error and of its causes, and where they were raised; their words may be a caller's."""
    told: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(told) < 10:
        frames = traceback.extract_tb(seen.__traceback__)
        places = " < ".join(
            f"{pathlib.PurePath(one.filename).name}:{one.lineno} {one.name}" for one in reversed(frames)
        )
        told.append(f"{type(seen).__name__} in {places}")
        seen = seen.__cause__ or seen.__context__
    return "; because of ".join(told)


def _uncaught(error: BaseException | None) -> None:
    LOGGER.error("internal error", exc_info=error)


def _handler() -> logging.Handler:
    handler = WholeLines()
    handler.setFormatter(JsonLines())
    return handler


def _cut(value: Any) -> Any:
    return value[:LONGEST] if isinstance(value, str) else value


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
