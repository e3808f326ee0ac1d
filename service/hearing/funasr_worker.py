"""The program of a worker of Paraformer or SenseVoice: it loads one model, then hears piece after piece.

Facts it rests on (modelscope 1.13, `pipelines/audio/funasr_pipeline.py`, `models/audio/funasr/model.py`;
funasr 1.x, `auto/auto_model.py`): the pipeline hands all that it is given on to `AutoModel.generate`, which
takes samples as `input` and returns a list of `key`, `text` and, of Paraformer, `timestamp`, milliseconds of
each token. SenseVoice writes what else it hears before the text: `<|zh|><|NEUTRAL|><|Speech|><|withitn|>`.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from service.audio.pcm import Audio
from service.hearing.languages import NAMES
from service.hearing.port import Heard, Segment, Wish, Word
from service.hearing.worker import UnfulfilledError, answer_job
from service.voices.modelscope_pipeline import make_pipeline, serve_pipeline

if TYPE_CHECKING:
    from service.workers.attend import Answer

_TAG = re.compile(r"<\|([^|>]*)\|>")
_TOKEN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af]|[^\s\u2e80-\u9fff\uac00-\ud7af]+")
"""A character of Chinese, Japanese or Korean, or a word of other letters."""


def serve_funasr(arguments: list[str]) -> None:
    """Serve jobs with the model `arguments[1]` until whoever keeps this process is gone."""
    serve_pipeline(arguments, "TTS_EARS_MODEL", _load, {})


def _load(source: str, device: str) -> Answer:
    # Nothing is asked of any hub about newer versions, and no bars are drawn into the log.
    ask = make_pipeline("auto_speech_recognition", source, device, disable_update=True, disable_pbar=True)

    def answer(sock: socket.socket, job: dict[str, Any]) -> None:
        answer_job(lambda sound, wish, _: hear(ask, sound, wish), sock, job)

    return answer


def hear(ask: Callable[..., Any], sound: Audio, wish: Wish) -> Heard:
    """What a pipeline hears in a piece. Raises `UnfulfilledError` for a translation."""
    if wish.translate:
        raise UnfulfilledError("model", "what listens here cannot translate")
    samples = np.frombuffer(sound.pcm, "<i2").astype(np.float32) / np.float32(32768.0)
    asked = {"language": wish.language or "auto", "use_itn": True}
    if wish.prompt:
        asked["hotword"] = wish.prompt
    told = ask(input=samples, fs=sound.sample_rate, **asked)
    found = [
        _segment(one, sound.duration, words=wish.words)
        for one in ([told] if isinstance(told, dict) else told)
    ]
    language = wish.language or next((tag for one in found for tag in one[1] if tag in NAMES), "")
    return Heard(tuple(segment for segment, _ in found if segment.text), language)


def _segment(told: dict[str, Any], seconds: float, *, words: bool) -> tuple[Segment, Sequence[str]]:
    """What was heard, and the tags before it."""
    said = str(told.get("text", ""))
    text = _TAG.sub("", said).strip()
    times = [(begin / 1000, end / 1000) for begin, end in told.get("timestamp") or ()]
    tokens = _TOKEN.findall(text)
    timed: tuple[Word, ...] = ()
    if words and len(tokens) == len(times):  # else marks were added, or tokens are parts of words
        timed = tuple(Word(token, *place) for token, place in zip(tokens, times))  # noqa: B905 - Python 3.8
    start, end = (times[0][0], times[-1][1]) if times else (0.0, seconds)
    return Segment(text, start, end, timed), _TAG.findall(said)


if __name__ == "__main__":
    serve_funasr(sys.argv[1:])
