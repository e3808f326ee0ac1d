"""The self-test: a sentence is really spoken, and the sound that comes out is judged."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

from service.errors import ServiceError
from service.voices.port import Engine, Utterance
from service.workers.floor import FLOOR
from service.workers.leaving import Visit, working_for

SENTENCE = "你好，世界。"
LEAST_RMS = 100.0
LEAST_SECONDS = 0.3
FRESH = 10.0
"""Seconds for which an answer holds, so that probes cost next to nothing."""
TEST_SECONDS = 5.0
"""Seconds that the test may take. A voice that still loads is not ready; it is not waited for."""


WAIT = 0.7
"""Seconds that one who asks waits for it: probes give up after a second."""


@dataclasses.dataclass(frozen=True)
class Readiness:
    """The outcome of one self-test."""

    ready: bool
    reason: str
    """Why not; empty when ready."""
    at: float
    """When, by `time.monotonic`."""


class SelfTest:
    """The self-test of an engine, which asks it to speak and keeps a good outcome for a while.

    It runs in a thread of its own: whoever asks waits a moment for it, however busy the voices are.
    """

    def __init__(
        self, engine: Engine, spoke: Callable[[], float] = lambda: -FRESH, patience: float = TEST_SECONDS
    ) -> None:
        self._engine = engine
        self._spoke = spoke
        """When the engine last spoke for somebody."""
        self._patience = patience
        self._lock = threading.Lock()
        self._running: threading.Thread | None = None
        self._last: Readiness | None = None

    def answer(self) -> Readiness:
        """Whether the engine speaks, tested now unless a test of a moment ago was good."""
        with self._lock:
            last = self._last
            if last is not None and last.ready and time.monotonic() - last.at <= FRESH:
                return last
            running = self._running
            if running is None or not running.is_alive():
                running = self._running = threading.Thread(target=self._test, daemon=True, name="self-test")
                running.start()
        with FLOOR.aside():
            running.join(WAIT)
        if self._last is not None and not running.is_alive():
            return self._last
        if time.monotonic() - self._spoke() <= FRESH:
            return Readiness(ready=True, reason="", at=time.monotonic())
        return Readiness(ready=False, reason="busy: no voice has spoken for a while", at=time.monotonic())

    def _test(self) -> None:
        with working_for(Visit(first=True)):
            reason = self._reason()
        self._last = Readiness(ready=not reason, reason=reason, at=time.monotonic())

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
