"""Says at once what a run would say that finds nothing to do, before anything is loaded that takes time."""

from __future__ import annotations

import os
import sys
import time

from builder.backends.docker import asking
from builder.values.receipt import holds, question, read_receipt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

BUILDING = "build-image"
"""The program that leaves receipts."""


def answered_at_once(program: str) -> bool:
    """Whether all is as the last run with these words left it: then what that said is said again.

    False leaves everything to a run of the whole.
    """
    began = time.perf_counter()
    if program != BUILDING or (receipt := read_receipt(question(program))) is None:
        return False
    try:
        if not holds(receipt, image_id=asking.image_id, answers=asking.answers):
            return False
    except asking.NoAnswerError:
        return False
    return _say(words(receipt, time.perf_counter() - began))


def words(receipt: Mapping[str, Any], seconds: float) -> str:
    """What is said of a run that found nothing to do."""
    return f"{receipt['text']} in {seconds:.1f} s: nothing changed since {receipt['day']}\n"


def _say(text: str) -> bool:
    """Whether the text went out, or nobody reads it any more; if not, a whole run tells why."""
    data = text.encode(getattr(sys.stdout, "encoding", None) or "utf-8", errors="backslashreplace")
    try:
        while data:
            data = data[os.write(1, data) :]
    except BrokenPipeError:
        return True
    except OSError:
        return False
    return True
