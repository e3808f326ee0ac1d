"""Ears in worker processes: what all engines that listen have in common."""

from __future__ import annotations

import dataclasses
import pathlib

from service.audio.pcm import Audio
from service.errors import InvalidFieldError, UnavailableError
from service.hearing.port import Heard, Wish
from service.voices.port import Health
from service.workers.crew import Crew, Program
from service.workers.pool import Pool


class CrewedEars:
    """An engine whose worker program hears a piece of sound a job."""

    def __init__(self, program: Program, workers: int, *, queue_wait: float) -> None:
        self._pool = Pool(program, workers, queue_wait=queue_wait, name="ears")

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
            device=str(board.greeting.get("device", "")),
            card=str(board.greeting.get("card", "")),
        )

    def hear(self, sound: Audio, wish: Wish, deadline: float) -> Heard:
        job = {**dataclasses.asdict(wish), "rate": sound.sample_rate}
        told, _ = self._pool.ask(job, deadline, sound.pcm)
        if told.get("problem") == "unsupported":
            raise InvalidFieldError(told["why"], code="unsupported", field=told["field"])
        if "problem" in told:
            raise UnavailableError("the ears could not hear this", code="ears_failed", retry_after=1)
        return Heard.from_message(told)

    def close(self) -> None:
        self._pool.stop()
