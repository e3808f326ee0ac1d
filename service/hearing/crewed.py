"""Ears in worker processes: what all engines that listen have in common."""

from __future__ import annotations

import dataclasses

from service.audio.pcm import Audio
from service.errors import InvalidFieldError, UnavailableError
from service.hearing.port import Heard, Wish
from service.voices.crewed import Crewed
from service.workers.crew import Program
from service.workers.pool import Pool


class CrewedEars(Crewed):
    """An engine whose worker program hears a piece of sound a job."""

    def __init__(self, program: Program, workers: int, *, queue_wait: float) -> None:
        super().__init__(Pool(program, workers, queue_wait=queue_wait, name="ears"))

    def hear(self, sound: Audio, wish: Wish, deadline: float) -> Heard:
        job = {**dataclasses.asdict(wish), "rate": sound.sample_rate}
        told, _ = self._pool.ask(job, deadline, sound.pcm)
        if told.get("problem") == "unsupported":
            raise InvalidFieldError(told["why"], code="unsupported", field=told["field"])
        if "problem" in told:
            raise UnavailableError("the ears could not hear this", code="ears_failed", retry_after=1)
        return Heard.from_message(told)
