"""The audio formats that answers can have, and what each needs."""

from __future__ import annotations

import dataclasses
import struct

from service.audio.pcm import BYTES_PER_SAMPLE


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
    bytes_per_second: int = 48000
    """How large its files get, at most."""
    speed: float = 1e6
    """Seconds of sound that one processor encodes in a second, at least."""

    @property
    def coded(self) -> bool:
        """Whether a codec makes it; what is not, is samples."""
        return bool(self.container)


FORMATS = {
    one.name: one
    for one in (  # the speeds were measured on a slow and busy core
        Format("wav", "audio/wav"),
        Format("pcm", "audio/pcm"),
        Format("flac", "audio/flac", "FLAC", "PCM_16", speed=300),
        Format(
            "mp3",
            "audio/mpeg",
            "MP3",
            "MPEG_LAYER_III",
            (16000, 22050, 24000, 32000, 44100, 48000),
            bytes_per_second=16000,
            speed=40,
        ),
        Format("ogg", "audio/ogg", "OGG", "VORBIS", bytes_per_second=16000, speed=100),
        Format(
            "opus",
            "audio/ogg",
            "OGG",
            "OPUS",
            (8000, 12000, 16000, 24000, 48000),
            bytes_per_second=16000,
            speed=8,
        ),
    )
}


def format_rate(form: Format, rate: int) -> int:
    """The rate that a format's coding knows: the sound's own, or the next one above."""
    if not form.rates or rate in form.rates:
        return rate
    return min((known for known in form.rates if known > rate), default=form.rates[-1])


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
