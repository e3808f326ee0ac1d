"""Audio formats: from samples to the bytes of a file, with its media type."""

from __future__ import annotations

import dataclasses
import io
import struct

import numpy as np

from service.audio.pcm import BYTES_PER_SAMPLE, Audio, resample


@dataclasses.dataclass(frozen=True)
class Format:
    """One format that replies can have."""

    name: str
    """As a request spells it."""
    media_type: str
    container: str = ""
    """libsndfile's name of the file format; empty for what is written here."""
    subtype: str = ""
    """libsndfile's name of the coding inside."""
    rates: tuple[int, ...] = ()
    """Sample rates the coding knows; empty means any."""


FORMATS = {
    one.name: one
    for one in (
        Format("wav", "audio/wav"),
        Format("pcm", "audio/pcm"),
        Format("flac", "audio/flac", "FLAC", "PCM_16"),
        Format("mp3", "audio/mpeg", "MP3", "MPEG_LAYER_III", (16000, 22050, 24000, 32000, 44100, 48000)),
        Format("ogg", "audio/ogg", "OGG", "VORBIS"),
        Format("opus", "audio/ogg", "OGG", "OPUS", (8000, 12000, 16000, 24000, 48000)),
    )
}


def fit_to_format(audio: Audio, name: str) -> Audio:
    """The sound at a rate that the format's coding knows: its own, or the next one above."""
    rates = FORMATS[name].rates
    if not rates or audio.sample_rate in rates:
        return audio
    return resample(audio, min((rate for rate in rates if rate > audio.sample_rate), default=rates[-1]))


def encode_audio(audio: Audio, name: str) -> bytes:
    """The file's bytes. `name` is a key of `FORMATS`; the sound must be `fit_to_format`."""
    if name == "wav":
        return wav_header(audio.sample_rate, len(audio.pcm)) + audio.pcm
    if name == "pcm":
        return audio.pcm
    return _through_sndfile(audio, FORMATS[name])


def wav_header(sample_rate: int, length: int | None) -> bytes:
    """The 44 bytes before `length` bytes of 16-bit mono samples; None for a stream of unknown length.

    A stream says the largest length there is, as other streaming encoders do and players understand.
    """
    size = 0xFFFFFFFF - 36 if length is None else length
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + size, b"WAVE",
        b"fmt ", 16, 1, 1, sample_rate, sample_rate * BYTES_PER_SAMPLE, BYTES_PER_SAMPLE, 16,
        b"data", size,
    )  # fmt: skip


def _through_sndfile(audio: Audio, form: Format) -> bytes:
    import soundfile  # here, because plain WAV must not need the library

    file = io.BytesIO()
    samples = np.frombuffer(audio.pcm, "<i2")
    soundfile.write(file, samples, audio.sample_rate, format=form.container, subtype=form.subtype)
    return file.getvalue()
