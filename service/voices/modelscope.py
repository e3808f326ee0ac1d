"""The reference engine: ModelScope's Sambert-HifiGAN voices, each model in a process of its own.

Facts it rests on (modelscope 1.13.0, `modelscope/pipelines/audio/text_to_speech_pipeline.py` and
`modelscope/models/audio/tts/sambert_hifi.py`): the pipeline takes `input` and `voice` and silently ignores
every other keyword; it returns a WAV file's bytes under `OutputKeys.OUTPUT_WAV`; emotion is SSML.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import xml.sax.saxutils
from collections.abc import Sequence

from service.audio.pcm import Audio
from service.errors import InvalidFieldError, UnavailableError
from service.settings.environment import Settings
from service.settings.models import model_places
from service.text.script import FIRST_MARK, Reading, is_reading_mark
from service.voices.port import EMOTIONS, Health, Utterance, Voice
from service.workers.crew import Crew, Program
from service.workers.pool import Pool

EMOTIONAL_MODELS = {
    f"damo/speech_sambert-hifigan_tts_{name}_emo_zh-cn_16k": (f"{name}_emo",)
    for name in ("zhitian", "zhiyan", "zhizhe", "zhibei")
}
MODELS = {
    **EMOTIONAL_MODELS,
    "damo/speech_sambert-hifigan_tts_zh-cn_16k": ("zhitian_emo", "zhiyan_emo", "zhizhe_emo", "zhibei_emo"),
}
"""The published Mandarin models and the voices each holds."""
EMOTIONAL_SUFFIX = "_emo"
"""Ends the name of every voice that understands `<emotion>`."""


@dataclasses.dataclass(frozen=True)
class Model:
    """One model to load and the voices that it holds."""

    source: str
    """A folder, or an id of ModelScope's hub."""
    voices: tuple[str, ...]


def find_models(wanted: Sequence[str], folder: str) -> tuple[Model, ...]:
    """The models that the settings name: folders as they are, ids in `folder` when they lie there."""
    return tuple(_find(name, folder) for name in wanted or tuple(EMOTIONAL_MODELS))


def _find(name: str, folder: str) -> Model:
    for place in model_places(name, folder):
        if place.is_dir():
            return Model(str(place.resolve()), _voices_of(place) or MODELS.get(name, (place.name,)))
    return Model(name, MODELS.get(name, (name.rsplit("/", 1)[-1],)))


def _voices_of(folder: pathlib.Path) -> tuple[str, ...]:
    """The voices that a model's folder lists, default first; none where it has no list."""
    try:
        listed = json.loads((folder / "voices" / "voices.json").read_text(encoding="utf-8"))["voices"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return tuple(str(name) for name in listed)


class ModelScope:
    """The reference voice engine: a process for each model, which loads at its first use."""

    def __init__(
        self,
        models: Sequence[Model],
        *,
        device: str = "cpu",
        offline: bool = True,
        threads: int = 1,
        queue_wait: float = 20.0,
        start_wait: float = 300.0,
    ) -> None:
        self._models: dict[str, Pool] = {}
        pools = []
        for number, model in enumerate(models):
            program = Program(
                "service.voices.modelscope_worker",
                (model.source, device, "offline" if offline else "online"),
                worker_environment(threads, offline=offline),
                start_wait,
                patient=number > 0,
            )
            pool = Pool(program, 1, queue_wait=queue_wait, name=f"voice{number}")
            pools.append(pool)
            for voice in model.voices:
                self._models.setdefault(voice, pool)
        self._pools = tuple(pools)

    @classmethod
    def from_settings(cls, settings: Settings) -> ModelScope:
        """The engine as the settings ask for it; they must be sized."""
        return cls(
            find_models(settings.models, settings.models_dir),
            device=settings.device,
            offline=settings.offline,
            threads=settings.threads,
            queue_wait=settings.queue_wait,
            start_wait=settings.start_wait,
        )

    def load(self) -> None:
        """Begin to load the first model; the others follow when somebody asks for them."""
        if self._pools:
            self._pools[0].start()

    def health(self) -> Health:
        boards = [pool.board() for pool in self._pools]
        loaded = [board for board in boards if board.loaded]
        return Health(
            ready=bool(loaded),
            detail=f"{len(loaded)} of {len(self._pools)} models loaded",
            workers=sum(len(board.pids) for board in boards),
            restarts=sum(board.restarts for board in boards),
            device=next((board.greeting.get("device", "") for board in loaded), ""),
            card=next((board.greeting.get("card", "") for board in loaded), ""),
        )

    def voices(self) -> tuple[Voice, ...]:
        return tuple(
            Voice(
                name,
                "cmn-CN",
                f"ModelScope {name}",
                EMOTIONS if name.endswith(EMOTIONAL_SUFFIX) else ("neutral",),
                can_pitch=False,
            )
            for name in self._models
        )

    def emotions(self) -> tuple[str, ...]:
        known = {emotion for voice in self.voices() for emotion in voice.emotions}
        return tuple(emotion for emotion in EMOTIONS if emotion in known)

    def synthesize(self, utterance: Utterance, deadline: float, max_seconds: float) -> Audio:
        if utterance.pitch != 1.0:
            raise InvalidFieldError(
                f"the voice {utterance.voice} cannot change its pitch", code="unsupported", field="pitch"
            )
        job = {
            "input": mark_up(utterance),
            "voice": utterance.voice,
            "speed": utterance.speed,
            "volume": utterance.volume,
        }
        head, pcm = self._models[utterance.voice].ask(job, deadline)
        if "problem" in head:
            raise UnavailableError("the model could not speak this", code="voice_failed", retry_after=1)
        audio = Audio(pcm, head["sample_rate"])
        if audio.duration > max_seconds:
            raise InvalidFieldError(
                f"this is more than {max_seconds:.0f} seconds of audio", code="audio_too_long", field="text"
            )
        return audio

    def crews(self, folder: pathlib.Path) -> list[Crew]:
        return [pool.crew(folder) for pool in self._pools]

    def close(self) -> None:
        for pool in self._pools:
            pool.stop()


def mark_up(utterance: Utterance) -> str:
    """What the pipeline is given: escaped text, inside `<emotion>` for the voices that know it.

    Text that needs no markup is passed as it is.
    """
    emotional = utterance.voice.endswith(EMOTIONAL_SUFFIX)
    if not emotional and not utterance.readings:
        return utterance.text
    inside = "".join(_marked_up(character, utterance.readings) for character in utterance.text)
    if emotional:
        # The models take an intensity from 0.01 to 2.
        intensity = min(2.0, max(0.01, utterance.intensity))
        inside = f'<emotion category="{utterance.emotion}" intensity="{intensity:g}">{inside}</emotion>'
    return f"<speak>{inside}</speak>"


def _marked_up(character: str, readings: Sequence[Reading]) -> str:
    if not is_reading_mark(character):
        return xml.sax.saxutils.escape(character)
    reading = readings[ord(character) - FIRST_MARK]
    return f'<phoneme alphabet="py" ph="{reading.pinyin}">{xml.sax.saxutils.escape(reading.text)}</phoneme>'


def worker_environment(threads: int, *, offline: bool) -> dict[str, str]:
    """As many threads as there are cores (more cost many times the time), and no hub when offline."""
    counts = {
        name: str(threads)
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
        if name not in os.environ
    }
    silent = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"} if offline else {}
    return {**counts, **silent}
