"""A file of any format into the samples that listening takes. It may crash: only decoder processes run it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import soundfile

from service.audio.resampling import Resampler

RATE = 16000
"""Samples a second of what comes out, which speech recognition is trained on."""
BLOCK_SAMPLES = 1 << 16
"""Samples, over all channels, that are decoded at once."""
MOST_CHANNELS = 32
RATES = (1000, 768000)
"""Samples a second that a file may have."""
RICHEST = 2 * 96_000
"""Samples a second, over all channels, that a file of the longest may have: its decoding takes as long as
there are samples, whatever they take in the file."""
CONTAINERS = (
    "aac", "ac3", "aiff", "amr", "asf", "au", "avi", "caf", "flac", "flv", "matroska", "mov", "mp3", "mpegts",
    "ogg", "wav", "w64",
)  # fmt: skip
"""What FFmpeg may take a file for. It knows scripts and lists too, which make it read other files of this
machine (concat), listen on its network (SDP), or make sound of a few words (SBaGen)."""


class SoundError(Exception):
    """A file that cannot be heard; `problem` is one of a few words that callers are told of."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def decode_sound(data: bytes, most_seconds: float, check: Callable[[], None] = lambda: None) -> np.ndarray:
    """The sound of a file: one channel of 16-bit samples at `RATE`, all channels averaged.

    What a header says of its length is not believed. `check` is called after every block, and may raise.
    Raises `SoundError`: `not_audio` for what no decoder knows, `odd_rate`, `many_channels`, `not_numbers`,
    `no_samples`, and `too_long` and `too_rich` as soon as there is more than there may be.
    """
    if not data:
        raise SoundError("no_samples")
    found: list[np.ndarray] = []
    left, work = int(most_seconds * RATE), int(most_seconds * RICHEST)
    try:
        blocks = _by_soundfile(data, work)
        first = next(blocks, None)
    except soundfile.SoundFileError:
        blocks = _by_av(data, work)
        first = next(blocks, None)
    while first is not None:
        check()
        left -= len(first)
        if left < 0:
            raise SoundError("too_long")
        found.append(first)
        try:
            first = next(blocks, None)
        except soundfile.SoundFileError:  # a file that breaks off is heard as far as it goes
            break
    if not sum(map(len, found)):
        raise SoundError("no_samples")
    return np.concatenate(found)


def _by_soundfile(data: bytes, work: int) -> Iterator[np.ndarray]:
    """Its samples, block by block. Raises `SoundFileError` for a format that libsndfile does not know."""
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        convert = _Converting(file.samplerate, file.channels, work)
        while True:
            block = file.read(BLOCK_SAMPLES // file.channels, dtype="float32", always_2d=True)
            if not len(block):
                break
            yield convert.add(block)
        yield convert.end()


def _by_av(data: bytes, work: int) -> Iterator[np.ndarray]:
    """The same through FFmpeg's decoders, where PyAV is installed: WebM and MP4, as browsers record them."""
    try:
        import av
    except ImportError:
        raise SoundError("not_audio") from None
    # Tags that are no UTF-8 are no fault of the sound. From 19 on PyAV thinks so too, and takes no such word.
    lenient: dict[str, Any] = (
        {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "ignore"}
    )
    try:
        narrow = {"format_whitelist": ",".join(CONTAINERS), "protocol_whitelist": "none"}
        with av.open(io.BytesIO(data), container_options=narrow, **lenient) as container:
            if not container.streams.audio:
                raise SoundError("not_audio")
            yield from _frames(container, work)
    except (av.FFmpegError, EOFError, ValueError) as error:
        raise SoundError("not_audio") from error


def _frames(container: Any, work: int) -> Iterator[np.ndarray]:
    import av

    convert: _Converting | None = None
    frames = container.decode(container.streams.audio[0])
    while True:
        try:
            frame = next(frames, None)
        except (av.FFmpegError, EOFError):
            break  # a file that breaks off is heard as far as it goes
        if frame is None:
            break
        convert = convert or _Converting(frame.sample_rate, len(frame.layout.channels), work)
        samples = frame.to_ndarray()
        channels = len(frame.layout.channels)
        samples = samples.T if frame.format.is_planar else samples.reshape(-1, channels)
        if samples.dtype.kind == "u":
            samples = samples.astype(np.float32) - 128.0
            scale = 128.0
        else:
            scale = 1.0 if samples.dtype.kind == "f" else -float(np.iinfo(samples.dtype).min)
        yield convert.add(samples.astype(np.float32) / np.float32(scale))
    if convert is None:
        raise SoundError("no_samples")
    yield convert.end()


class _Converting:
    """From samples as a file has them to those that listening takes."""

    def __init__(self, rate: int, channels: int, work: int) -> None:
        """`work` is how many samples, over all channels, may come."""
        if not RATES[0] <= rate <= RATES[1]:
            raise SoundError("odd_rate")
        if not 1 <= channels <= MOST_CHANNELS:
            raise SoundError("many_channels")
        self._resampler = Resampler(rate, RATE)
        self._left = work

    def add(self, block: np.ndarray) -> np.ndarray:
        """The samples that are ready once a block of (samples, channels) has come."""
        self._left -= block.size
        if self._left < 0:
            raise SoundError("too_rich")
        mixed = block.mean(axis=1, dtype=np.float32)
        if not np.isfinite(mixed).all():
            raise SoundError("not_numbers")
        return _whole(self._resampler.add(mixed))

    def end(self) -> np.ndarray:
        """The last ones."""
        return _whole(self._resampler.end())


def _whole(samples: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(samples * 32767.0), -32768, 32767).astype("<i2")
