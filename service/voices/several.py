"""Several engines as one: each voice is spoken by the engine that offers it, the first one by default."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from service.audio.pcm import Audio
from service.voices.port import EMOTIONS, Engine, Health, Utterance, Voice
from service.workers.crew import Crew


class Several:
    """The voices of several engines; the first engine has the default voice, and says how things are."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self._engines = tuple(engines)
        self._by_voice = {voice.name: one for one in reversed(self._engines) for voice in one.voices()}

    def load(self) -> None:
        for one in self._engines:
            one.load()

    def crews(self, folder: pathlib.Path) -> list[Crew]:
        return [crew for one in self._engines for crew in one.crews(folder)]

    def health(self) -> Health:
        all_of_them = [one.health() for one in self._engines]
        return Health(
            ready=all(one.ready for one in all_of_them),
            detail="; ".join(one.detail for one in all_of_them),
            workers=sum(one.workers for one in all_of_them),
            restarts=sum(one.restarts for one in all_of_them),
            device=all_of_them[0].device,
            card=all_of_them[0].card,
        )

    def voices(self) -> tuple[Voice, ...]:
        return tuple(voice for one in self._engines for voice in one.voices())

    def emotions(self) -> tuple[str, ...]:
        known = {emotion for one in self._engines for emotion in one.emotions()}
        return tuple(emotion for emotion in EMOTIONS if emotion in known)

    def synthesize(self, utterance: Utterance, deadline: float, max_seconds: float) -> Audio:
        return self._by_voice[utterance.voice].synthesize(utterance, deadline, max_seconds)

    def close(self) -> None:
        for one in self._engines:
            one.close()
