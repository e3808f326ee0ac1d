"""One encoding of sound, piece by piece. Only codec processes run this: a codec may crash."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import soundfile

from service.audio.formats import FORMATS, Format, format_rate
from service.audio.pcm import Audio
from service.audio.samples import resample

BLOCK = 1 << 15
"""Bytes of samples that are encoded at once: a codec puts them onto its stack, and must make way."""


class Encoding:
    """A file of one format that grows, or the stream of it; the first sound decides its rate."""

    def __init__(self, name: str, *, rate: int = 0, whole: bool = True) -> None:
        """`rate` is the one to resample to, 0 for the sound's own; a `whole` file comes at its end."""
        self._form = FORMATS[name]
        self._file: io.BytesIO | _Stream = io.BytesIO() if whole else _Stream()
        self._codec: soundfile.SoundFile | None = None
        self.rate = rate
        """Of the samples in the file; 0 before the first sound."""

    def blocks(self, sound: Audio) -> list[bytes]:
        """The samples of a sound as `add` takes them: at the encoding's own rate, and few at once."""
        self.rate = self.rate or format_rate(self._form, sound.sample_rate)
        pcm = resample(sound, self.rate).pcm
        return [pcm[place : place + BLOCK] for place in range(0, len(pcm), BLOCK)]

    def add(self, block: bytes) -> bytes:
        """Encode a block; the bytes of the stream that are done."""
        if not self._form.container:
            return block
        if self._codec is None:
            self._codec = _codec(self._file, self.rate, self._form)
        self._codec.write(np.frombuffer(block, "<i2"))
        return self._file.taken() if isinstance(self._file, _Stream) else b""

    def end(self) -> bytes:
        """The rest of the stream, or the whole file."""
        if self._codec is not None:
            self._codec.close()
        return self._file.taken() if isinstance(self._file, _Stream) else self._file.getvalue()


class _Stream(io.RawIOBase):
    """A file that is sent while it grows; what a codec would put right behind itself is dropped."""

    def __init__(self) -> None:
        super().__init__()
        self._fresh: list[bytes] = []
        self._size = self._at = 0

    def write(self, data: Any) -> int:
        if self._at == self._size:
            self._fresh.append(bytes(data))
            self._size += len(data)
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, _: Any) -> int:
        return 0

    def taken(self) -> bytes:
        """The bytes that came since the last call."""
        fresh, self._fresh = self._fresh, []
        return b"".join(fresh)


def encode_audio(audio: Audio, name: str) -> bytes:
    """The bytes of a whole file; `name` is a key of `FORMATS`."""
    encoding = Encoding(name)
    begun = [encoding.add(block) for block in encoding.blocks(audio)]
    return b"".join([*begun, encoding.end()])


def _codec(file: io.BytesIO | _Stream, rate: int, form: Format) -> soundfile.SoundFile:
    return soundfile.SoundFile(
        file, "w", samplerate=rate, channels=1, format=form.container, subtype=form.subtype
    )
