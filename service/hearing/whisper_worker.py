"""The program of a Whisper worker: it loads one model, then hears one piece of sound after the other."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from service.audio.pcm import Audio
from service.hearing.port import Heard, Segment, Wish, Word
from service.hearing.sparing import Sparing
from service.hearing.worker import UnfulfilledError, serve_ears
from service.voices.device import PROCESSOR, processor_will_do
from service.workers.attend import RefusedError

if TYPE_CHECKING:
    from service.hearing.worker import Hearing

RATE = 16000
TEMPERATURES = (0.0, 0.4, 0.8)
"""What is tried in turn where a text repeats itself or is improbable, and nobody said otherwise."""


def serve_whisper(arguments: list[str]) -> None:
    """Serve jobs with the model `arguments[1]` until whoever keeps this process is gone."""
    _, source, device, threads, reach = arguments
    serve_ears(arguments, lambda: _load(source, device, int(threads), offline=reach == "offline"))


def _load(source: str, device: str, threads: int, *, offline: bool) -> tuple[Hearing, dict[str, Any]]:
    if offline and not os.path.isdir(source):  # noqa: PTH112
        raise RefusedError(
            "the ears' model is not on this disk and TTS_OFFLINE is on: name its folder in TTS_EARS_MODEL"
        )
    try:
        import ctranslate2
        import faster_whisper
    except ImportError as error:
        raise RefusedError("faster-whisper is not installed here") from error

    class Model(Sparing, faster_whisper.WhisperModel):  # type: ignore[misc]
        pass

    where, index = _device(device, ctranslate2.get_cuda_device_count())
    try:
        model = Model(
            source, device=where, device_index=index, cpu_threads=threads,
            compute_type="int8" if where == PROCESSOR else "default", local_files_only=offline,
        )  # fmt: skip
        _warm(model)
    except Exception as error:  # noqa: BLE001 - whatever it is, the log's last line must be for people
        sys.exit(f"the model {source} could not be loaded: {type(error).__name__}: {error}")
    greeting = {
        "version": f"faster-whisper {faster_whisper.__version__}",
        "device": f"{where}:{index}" if where != PROCESSOR else where,
        "languages": list(model.supported_languages),
    }
    return lambda sound, wish, wanted: _hear(model, sound, wish, wanted), greeting


def _warm(model: Any) -> None:
    """Hear silence once: no job pays for what is made at the first time."""
    silence = np.zeros(RATE, np.float32)
    for vad in (True, False):
        told, _ = model.transcribe(silence, language="en", temperature=0.0, max_new_tokens=1, vad_filter=vad)
        list(told)


def _device(wanted: str, cards: int) -> tuple[str, int]:
    """Where to compute, in CTranslate2's words. Raises `RefusedError` for a card that is not there."""
    kind, _, number = wanted.partition(":")
    index = int(number or 0)
    if kind == PROCESSOR:
        return PROCESSOR, 0
    if index < cards:
        return "cuda", index
    if kind == "auto" or processor_will_do():
        return PROCESSOR, 0
    raise RefusedError(f"TTS_DEVICE is {wanted}, and CTranslate2 finds {cards} cards here")


def _hear(model: Any, sound: Audio, wish: Wish, wanted: Callable[[], bool]) -> Heard:
    """Raises `UnfulfilledError` for a language or a task that the model does not have."""
    if wish.language and wish.language not in model.supported_languages:
        raise UnfulfilledError("language", "the model that listens here does not know this language")
    if wish.translate and not model.model.is_multilingual:
        raise UnfulfilledError("model", "the model that listens here knows English alone")
    model.hurried = wish.soon
    samples = np.frombuffer(sound.pcm, "<i2").astype(np.float32) / np.float32(32768.0)
    told, about = model.transcribe(
        samples,
        language=wish.language or None,
        task="translate" if wish.translate else "transcribe",
        initial_prompt=wish.prompt or None,
        temperature=wish.temperature or TEMPERATURES,
        condition_on_previous_text=False,
        word_timestamps=wish.words,
        vad_filter=True,
    )
    segments = []
    for one in told:
        if not wanted():
            break
        segments.append(_segment(one))
    return Heard(tuple(segments), str(about.language))


def _segment(one: Any) -> Segment:
    words = tuple(Word(word.word, float(word.start), float(word.end)) for word in one.words or ())
    return Segment(
        text=one.text,
        start=float(one.start),
        end=float(one.end),
        words=words,
        tokens=tuple(one.tokens),
        temperature=float(one.temperature or 0.0),
        logprob=_finite(one.avg_logprob),
        compression=_finite(one.compression_ratio),
        no_speech=_finite(one.no_speech_prob),
    )


def _finite(value: float) -> float:
    return float(value) if math.isfinite(value) else 0.0


if __name__ == "__main__":
    serve_whisper(sys.argv[1:])
