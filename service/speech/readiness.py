"""The self-test: a sentence is really spoken, and the sound that comes out is judged."""

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
TEST_SECONDS = 5.0
"""Seconds that the test may take. A voice that still loads is not ready; it is not waited for."""


@dataclasses.dataclass(frozen=True)
class Readiness:
    """The outcome of one self-test."""

    ready: bool
    reason: str
    """Why not; empty when ready."""
    at: float
    """When, by `time.monotonic`."""


class SelfTest:
    """The self-test of an engine, which asks it to speak and keeps a good outcome for a while."""

    def __init__(self, engine: Engine, patience: float = TEST_SECONDS) -> None:
        self._engine = engine
        self._patience = patience
        self._lock = threading.Lock()
        self._last: Readiness | None = None

    def answer(self) -> Readiness:
        """Whether the engine speaks, tested now unless a test of a moment ago was good; one at a time."""
        with FLOOR.aside(), self._lock:
            last = self._last
            if last is None or not last.ready or time.monotonic() - last.at > FRESH:
                self._last = last = self._ask()
            return last

    def _ask(self) -> Readiness:
        reason = self._reason()
        return Readiness(ready=not reason, reason=reason, at=time.monotonic())

    def _reason(self) -> str:
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
