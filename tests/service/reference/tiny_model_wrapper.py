"""The tiny model's classes; becomes the `ms_wrapper.py` of a model's folder, which ModelScope imports."""

from __future__ import annotations

import os
import pathlib
import xml.etree.ElementTree as ET

import torch
from modelscope.models.base import Model
from modelscope.models.builder import MODELS
from modelscope.outputs import OutputKeys
from modelscope.pipelines.base import Pipeline
from modelscope.pipelines.builder import PIPELINES
from modelscope.utils.audio.audio_utils import ndarray_pcm_to_wav
from modelscope.utils.constant import Tasks
from torch import nn

EMOTIONS = ("neutral", "happy", "sad", "angry", "fear", "hate", "surprise")
FRAMES_PER_CHARACTER = 12


class Generator(nn.Module):
    """Upsamples frames 256-fold with transposed convolutions and residual blocks, as HiFi-GAN does."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.symbols = nn.Embedding(512, channels)
        self.manners = nn.Embedding(len(EMOTIONS) * 4, channels)
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(
                channels >> step, channels >> (step + 1), 16, 8 if step < 2 else 4, 4 if step < 2 else 6
            )
            for step in range(3)
        )
        self.blocks = nn.ModuleList(
            nn.Conv1d(channels >> (step + 1), channels >> (step + 1), 7, padding=3) for step in range(3)
        )
        self.last = nn.Conv1d(channels >> 3, 1, 7, padding=3)

    def forward(self, symbols: torch.Tensor, manner: torch.Tensor, intensity: float) -> torch.Tensor:
        frames = self.symbols(symbols) + intensity * self.manners(manner)
        sound = frames.repeat_interleave(FRAMES_PER_CHARACTER, 0).T[None]
        for up, block in zip(self.ups, self.blocks, strict=True):
            sound = up(nn.functional.leaky_relu(sound, 0.1))
            sound = sound + block(nn.functional.leaky_relu(sound, 0.1))
        return torch.tanh(self.last(sound))[0, 0]


@MODELS.register_module(Tasks.text_to_speech, module_name="tiny-hifigan")
class TinyHifigan(Model):
    """Takes what Sambert-HifiGAN takes, text or SSML and a voice, and returns the bytes of a WAV file."""

    def __init__(self, model_dir: str, *args: object, **kwargs: object) -> None:
        super().__init__(model_dir, *args, **kwargs)
        self.sample_rate = kwargs["sample_rate"]
        self.model = Generator()  # under this name the pipeline finds what it is to move to a card
        self.model.load_state_dict(torch.load(pathlib.Path(model_dir, "generator.pt"), weights_only=True))
        self.model.eval()

    def forward(self, text: str, voice_name: str | None = None) -> bytes:
        if text == "crash":
            os.abort()
        if voice_name not in ("zhitian_emo", "zhiyan_emo", "plain"):
            raise ValueError(f"voice {voice_name} not exists")
        said, emotion, intensity = _read(text)
        manner = EMOTIONS.index(emotion) * 4 + len(voice_name) % 4
        place = next(self.model.parameters()).device
        symbols = torch.tensor([ord(character) % 512 for character in said], device=place)
        sound = self.model(symbols, torch.tensor(manner, device=place), intensity)
        sound = 0.3 * sound / sound.abs().max()
        samples = (32768 * sound).cpu().numpy().astype("int16")
        return bytes(ndarray_pcm_to_wav(self.sample_rate, samples))


@PIPELINES.register_module(Tasks.text_to_speech, module_name="tiny-hifigan-tts")
class TinyHifiganPipeline(Pipeline):
    """Called as ModelScope's own text-to-speech pipeline is; every other keyword is ignored there as well."""

    def _sanitize_parameters(
        self, **parameters: object
    ) -> tuple[dict[str, object], dict[str, object], dict[str, object]]:
        return {}, parameters, {}

    def preprocess(self, inputs: str, **_parameters: object) -> str:
        return inputs

    def forward(self, inputs: str, **parameters: object) -> dict[str, bytes]:
        return {OutputKeys.OUTPUT_WAV: self.model.forward(inputs, parameters.get("voice"))}

    def postprocess(self, inputs: dict[str, bytes], **_parameters: object) -> dict[str, bytes]:
        return inputs


def _read(text: str) -> tuple[str, str, float]:
    """Text, emotion and intensity; whatever is marked up must be well-formed, as for the real front end."""
    if not text.startswith("<speak>"):
        return text, "neutral", 1.0
    speak = ET.fromstring(text)
    (emotion,) = speak
    assert emotion.tag == "emotion"
    return "".join(emotion.itertext()), emotion.attrib["category"], float(emotion.attrib["intensity"])
