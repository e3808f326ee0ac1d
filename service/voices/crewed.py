"""What engines have in common that work in equal processes of their own."""

from __future__ import annotations

import pathlib
from typing import Any

from service.audio.pcm import Audio
from service.errors import InvalidFieldError, UnavailableError
from service.voices.port import Health
from service.workers.crew import Crew
from service.workers.pool import Pool


class Crewed:
    """An engine whose work the processes of one pool do; `device` is where they compute unless they say."""

    def __init__(self, pool: Pool, device: str = "") -> None:
        self._pool = pool
        self._device = device

    def load(self) -> None:
        self._pool.start()

    def crews(self, folder: pathlib.Path) -> list[Crew]:
        return [self._pool.crew(folder)]

    def health(self) -> Health:
        board = self._pool.board()
        return Health(
            ready=bool(board.loaded),
            detail=str(board.greeting.get("version", board.failure or "starting")),
            workers=len(board.pids),
            restarts=board.restarts,
            device=str(board.greeting.get("device", self._device)),
            card=str(board.greeting.get("card", "")),
        )

    def close(self) -> None:
        self._pool.stop()


class CrewedVoice(Crewed):
    """A voice whose worker program speaks an utterance a job."""

    def _spoken(self, job: dict[str, Any], deadline: float, max_seconds: float) -> Audio:
        """The sound of a job; raises as `Engine.synthesize` does."""
        head, pcm = self._pool.ask({**job, "max_seconds": max_seconds}, deadline)
        if head.get("problem") == "audio_too_long":
            raise InvalidFieldError(
                f"this would be more than {max_seconds:.0f} seconds of audio",
                code="audio_too_long",
                field="text",
            )
        if "problem" in head:
            raise UnavailableError("the voice could not speak this", code="voice_failed", retry_after=1)
        return Audio(pcm, head["sample_rate"])
