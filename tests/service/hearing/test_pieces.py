"""Sounds of any format and length, made into pieces that can be heard."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from service.audio.decoding import RATE, SoundError, decode_sound
from service.audio.pieces import LONGEST, cut_pieces
from service.audio.resampling import Resampler


def tone(hertz: float, seconds: float, rate: int) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def file_of(samples: np.ndarray, rate: int, form: str = "WAV", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 192000])
def test_resampling_keeps_what_is_below_and_nothing_of_what_is_above(rate: int) -> None:
    """A tone of 1 kHz comes out as it went in, however it is cut; one above the new rate's half does not."""
    resampler = Resampler(rate, RATE)
    blocks = np.array_split(tone(1000, 0.5, rate), 7)
    out = np.concatenate([*(resampler.add(block) for block in blocks), resampler.end()])
    assert abs(len(out) - 0.5 * RATE) <= 1
    inner = slice(400, -400)
    assert np.abs(out - tone(1000, 0.5, RATE)[: len(out)])[inner].max() < 0.005
    if rate > 2 * 9500:
        above = Resampler(rate, RATE)
        left = np.concatenate([above.add(tone(9500, 0.5, rate)), above.end()])
        assert np.abs(left[inner]).max() < 0.005


@pytest.mark.parametrize(
    ("form", "subtype"),
    [("WAV", "PCM_U8"), ("WAV", "PCM_24"), ("WAV", "DOUBLE"), ("FLAC", None), ("OGG", "OPUS"), ("MP3", None)],
)
def test_formats_are_read_for_what_they_hold(form: str, subtype: str | None) -> None:
    heard = decode_sound(file_of(tone(440, 1.0, 48000), 48000, form, subtype), 10.0)
    assert abs(len(heard) / RATE - 1.0) < 0.1
    spectrum = np.abs(np.fft.rfft(heard[4000:12000]))
    assert abs(int(spectrum.argmax()) * 2 - 440) <= 2


def test_channels_become_one() -> None:
    both = np.stack([tone(440, 0.2, 16000), -tone(440, 0.2, 16000)], axis=1)
    assert np.abs(decode_sound(file_of(both, 16000), 1.0)).max() <= 1


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no_samples"),
        (b"RIFF\xff\xff\xff\xffWAVE", "not_audio"),
        (b"{}" * 500, "not_audio"),
        (file_of(np.zeros(0, np.float32), 16000), "no_samples"),
        (file_of(np.full(160, np.nan, np.float32), 16000, subtype="FLOAT"), "not_numbers"),
        (file_of(np.full(160, np.inf, np.float32), 16000, subtype="FLOAT"), "not_numbers"),
        (file_of(np.zeros(16000 * 3, np.float32), 16000, "FLAC"), "too_long"),
    ],
)
def test_what_cannot_be_heard_is_told_apart(data: bytes, problem: str) -> None:
    with pytest.raises(SoundError) as raised:
        decode_sound(data, 2.0)
    assert raised.value.problem == problem


def test_a_header_is_not_believed() -> None:
    """Ten hours are declared in a kilobyte; what is there is heard."""
    data = bytearray(file_of(tone(440, 0.03, 16000), 16000))
    data[40:44] = (36000 * 32000).to_bytes(4, "little")
    assert len(decode_sound(bytes(data), 2.0)) == 480


def test_pieces_are_cut_where_it_is_quiet() -> None:
    """Twenty words of two seconds with pauses: no piece is too long, and no word is cut."""
    word, pause = tone(300, 2.0, RATE), np.zeros(RATE // 2, np.float32)
    sound = (20000 * np.concatenate([part for _ in range(20) for part in (word, pause)])).astype("<i2")
    pieces = cut_pieces(sound, RATE)
    assert all(end - start <= LONGEST * RATE for start, end in pieces)
    assert len(pieces) <= 4
    for start, end in pieces:
        assert start % (2.5 * RATE) <= 0.01 * RATE or start % (2.5 * RATE) >= 2.0 * RATE
        assert end % (2.5 * RATE) >= 2.0 * RATE or end % (2.5 * RATE) <= 0.01 * RATE


def test_long_silence_is_in_no_piece_and_endless_noise_is_cut() -> None:
    noise = np.random.default_rng(1).integers(-9000, 9000, RATE * 70).astype("<i2")
    pieces = cut_pieces(noise, RATE)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == len(noise)
    assert [end for _, end in pieces[:-1]] == [start for start, _ in pieces[1:]]
    assert max(end - start for start, end in pieces) <= LONGEST * RATE
    assert cut_pieces(np.zeros(RATE * 60, "<i2"), RATE) == []
    assert cut_pieces(np.zeros(5, "<i2"), RATE) == []
