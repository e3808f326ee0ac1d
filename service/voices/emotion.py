"""How emotions sound in voices that have no model of them: by speed, pitch, loudness and range."""

from __future__ import annotations

import dataclasses

from service.voices.port import Utterance


@dataclasses.dataclass(frozen=True)
class EmotionShape:
    """The sound of one emotion at intensity 1, relative to neutral speech."""

    speed: float
    pitch: float
    volume: float
    range: int
    """How far the voice moves around its pitch: espeak's 0 to 100, neutral 50."""


# Slow and low for sadness, fast and wide for anger and so on, as surveys of emotional speech describe it
# (Murray and Arnott 1993, table 1), then set so that no two sound alike by F0, duration and energy.
EMOTION_SHAPES = {
    "neutral": EmotionShape(1.00, 1.00, 1.00, 50),
    "happy": EmotionShape(1.12, 1.20, 1.15, 80),
    "sad": EmotionShape(0.80, 0.86, 0.75, 20),
    "angry": EmotionShape(1.22, 1.06, 1.60, 90),
    "fear": EmotionShape(1.10, 1.38, 0.65, 30),
    "hate": EmotionShape(0.86, 0.78, 1.15, 60),
    "surprise": EmotionShape(0.95, 1.36, 1.35, 100),
}


@dataclasses.dataclass(frozen=True)
class Delivery:
    """How an utterance is spoken with its emotion in it, relative to the voice's own manner."""

    speed: float
    pitch: float
    volume: float
    range: float
    """0 to 100, neutral 50."""

    @classmethod
    def of(cls, utterance: Utterance) -> Delivery:
        """The emotion's distance from neutral grows with the intensity."""
        shape, how = EMOTION_SHAPES[utterance.emotion], utterance.intensity
        return cls(
            speed=utterance.speed * shape.speed**how,
            pitch=utterance.pitch * shape.pitch**how,
            volume=utterance.volume * shape.volume**how,
            range=50 + (shape.range - 50) * how,
        )
