"""The tiny ears' classes; becomes the `ms_wrapper.py` of a model's folder, which ModelScope imports."""

from __future__ import annotations

import os
import pathlib

import numpy as np
import torch
from modelscope.models.base import Model
from modelscope.models.builder import MODELS
from modelscope.pipelines.base import Pipeline
from modelscope.pipelines.builder import PIPELINES
from modelscope.utils.constant import Tasks
from torch import nn

SYMBOLS = "天地人你我他日月水火山石"
FRAME = 0.06
"""Seconds of what one symbol is found in, as in SenseVoice."""


class Recogniser(nn.Module):
    """Spectra of frames, two convolutions, and a choice among symbols, as recognisers with CTC have them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(481, 64, 3, padding=1), nn.ReLU(), nn.Conv1d(64, len(SYMBOLS) + 1, 1)
        )

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        size = round(16000 * FRAME)
        frames = samples[: len(samples) // size * size].reshape(-1, size)
        spectra = torch.log1p(torch.fft.rfft(frames).abs())
        return self.layers(spectra.T[None])[0].argmax(0)


@MODELS.register_module(Tasks.auto_speech_recognition, module_name="tiny-ears")
class TinyEars(Model):
    """Takes what funasr's `AutoModel.generate` takes; returns what that does of SenseVoice and Paraformer."""

    def __init__(self, model_dir: str, *args: object, **kwargs: object) -> None:
        super().__init__(model_dir, *args, **kwargs)
        self.model = Recogniser()
        self.model.load_state_dict(torch.load(pathlib.Path(model_dir, "model.pt"), weights_only=True))
        self.model.eval()

    def forward(self, **asked: object) -> list[dict[str, object]]:
        samples = asked["input"]
        assert isinstance(samples, np.ndarray)
        assert (samples.dtype, asked["fs"]) == (np.float32, 16000)
        if asked.get("hotword") == "crash":
            os.abort()
        found = self.model(torch.from_numpy(samples)).tolist()
        pairs = zip(found, [None, *found], strict=False)
        spoken = [
            (number, place) for place, (number, before) in enumerate(pairs) if number not in (before, 0)
        ]
        spoken = [] if np.abs(samples).max() < 0.01 else spoken
        text = "".join(SYMBOLS[number - 1] for number, _ in spoken)
        language = "zh" if asked["language"] == "auto" else asked["language"]
        step = round(1000 * FRAME)
        times = [[step * place, step * (place + 1)] for _, place in spoken]
        tags = f"<|{language}|><|NEUTRAL|><|Speech|><|withitn|>"
        return [{"key": "tiny", "text": tags + text, **({"timestamp": times} if times else {})}]


@PIPELINES.register_module(Tasks.auto_speech_recognition, module_name="tiny-ears-asr")
class TinyEarsPipeline(Pipeline):
    """Hands everything on, as ModelScope's own pipeline for funasr does."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self.model(*args, **kwargs)
