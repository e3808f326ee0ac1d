"""Readiness: a sentence is really spoken, and what came out is judged."""

from __future__ import annotations

import dataclasses
import threading
import time

from service.admission.floor import FLOOR
from service.errors import ServiceError
from service.voices.port import Engine, Utterance

SENTENCE = "你好，世界。"
LEAST_RMS = 100.0
LEAST_SECONDS = 0.3
FRESH = 10.0
"""Seconds for which an answer holds, so that probes cost next to nothing."""
PATIENCE = 5.0
"""Seconds that the test may take. A voice that still loads is not ready; it is not waited for."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the last test said."""

    ready: bool
    reason: str
    """Why not; empty when ready."""
    at: float
    """When, by `time.monotonic`."""


class SelfTest:
    """Asks an engine to speak; remembers the answer for a while. One test runs at a time."""

    def __init__(self, engine: Engine, patience: float = PATIENCE) -> None:
        self._engine = engine
        self._patience = patience
        self._lock = threading.Lock()
        self._last: Answer | None = None

    def answer(self) -> Answer:
        """Whether the engine speaks, tested now unless it was a moment ago. A bad answer is never kept."""
        with FLOOR.aside(), self._lock:
            last = self._last
            if last is None or not last.ready or time.monotonic() - last.at > FRESH:
                self._last = last = self._ask()
            return last

    def _ask(self) -> Answer:
        reason = self._fault()
        return Answer(ready=not reason, reason=reason, at=time.monotonic())

    def _fault(self) -> str:
        voice = self._engine.voices()[0].name
        try:
            audio = self._engine.synthesize(
                Utterance(SENTENCE, voice), time.monotonic() + self._patience, 60.0
            )
        except ServiceError as error:
            return f"{error.code}: {error.message}"
        if audio.duration < LEAST_SECONDS or audio.rms < LEAST_RMS:
            return f"silence: {audio.duration:.2f} s with an RMS of {audio.rms:.0f} came out"
        return ""
