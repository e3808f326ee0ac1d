"""The seven emotions, told apart by what can be measured: fundamental frequency, duration and energy."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence

import numpy as np

from bench.service import texts
from bench.service.prosody import fundamental
from service.voices.port import EMOTIONS, Engine, Utterance

SENTENCES = 6
Manner = tuple[float, ...]
"""Of one sound against the neutral one of the same sentence: the logarithms of three ratios."""


def told_apart(engine: Engine, sentences: int = SENTENCES) -> int:
    """How many of the seven are recognised in every sentence, by what the other sentences sound like.

    Each sound is held against the mean of every emotion over all sentences but its own; the nearest is what
    it is taken for.
    """
    spoken = [_manners(engine, text) for text in itertools.islice(texts.distinct(3), sentences)]
    return sum(
        all(
            _nearest(spoken[number][emotion], [*spoken[:number], *spoken[number + 1 :]]) == emotion
            for number in range(sentences)
        )
        for emotion in EMOTIONS
    )


def _manners(engine: Engine, text: str) -> Mapping[str, Manner]:
    measures = {}
    for emotion in EMOTIONS:
        utterance = Utterance(text, engine.voices()[0].name, emotion)
        sound = engine.synthesize(utterance, time.monotonic() + 30, 60)
        measures[emotion] = np.log([fundamental(sound), sound.duration, sound.rms])
    return {emotion: tuple(measure - measures["neutral"]) for emotion, measure in measures.items()}


def _nearest(manner: Manner, others: Sequence[Mapping[str, Manner]]) -> str:
    means = {emotion: np.mean([other[emotion] for other in others], axis=0) for emotion in EMOTIONS}
    return min(EMOTIONS, key=lambda emotion: float(np.linalg.norm(np.subtract(manner, means[emotion]))))
