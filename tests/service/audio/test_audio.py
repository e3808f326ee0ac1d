"""Sound: WAV in and out, formats at rates they know, and speech made faster at the same pitch."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest

from bench.service.prosody import fundamental
from service.audio.encoding import encode_audio
from service.audio.formats import FORMATS, format_rate, wav_header
from service.audio.pcm import Audio, join_audio, silence
from service.audio.samples import make_louder, read_wav, resample
from service.audio.stretch import speed_up
from tests.service.fakes import hum


def test_what_is_written_is_read_back() -> None:
    sound = hum(0.5, rate=22050)
    assert read_wav(wav_header(sound.sample_rate, len(sound.pcm)) + sound.pcm) == sound


def test_two_channels_become_one() -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(struct.pack("<4h", 100, 300, -200, -400))
    assert np.frombuffer(read_wav(file.getvalue()).pcm, "<i2").tolist() == [200, -300]


@pytest.mark.parametrize("data", [b"", b"RIFF", b"not a wav file at all", b"RIFF\x00\x00\x00\x00WAVE"])
def test_what_is_no_wav_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="WAV"):
        read_wav(data)


def test_a_streams_header_says_the_most_there_can_be() -> None:
    assert struct.unpack("<I", wav_header(16000, None)[40:])[0] > 2**31
    assert len(wav_header(16000, 10)) == 44


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("rate", [16000, 22050])
def test_every_format_carries_every_rate(name: str, rate: int) -> None:
    """Opus knows 24 kHz and not 22.05: the file says what it holds, and its pitch is the same."""
    soundfile = pytest.importorskip("soundfile")
    sound = hum(1.0, 220.0, rate)
    if not FORMATS[name].coded:
        assert encode_audio(sound, name) == sound.pcm
        return
    samples, told = soundfile.read(io.BytesIO(encode_audio(sound, name)), dtype="int16")
    assert told == format_rate(FORMATS[name], rate) == (24000 if (name, rate) == ("opus", 22050) else rate)
    assert fundamental(Audio(samples.astype("<i2").tobytes(), told)) == pytest.approx(220, rel=0.03)


def test_another_rate_is_the_same_sound() -> None:
    moved = resample(hum(1.0, 220.0, 16000), 24000)
    assert moved.duration == pytest.approx(1.0)
    assert fundamental(moved) == pytest.approx(220, rel=0.02)
    assert resample(silence(0, 16000), 24000).pcm == b""


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.3, 2.0])
def test_faster_keeps_the_pitch_and_the_loudness(factor: float) -> None:
    sound = hum(2.0, 150.0)
    moved = speed_up(sound, factor)
    assert moved.duration == pytest.approx(2.0 / factor, rel=0.03)
    assert fundamental(moved) == pytest.approx(150, rel=0.03)
    assert moved.rms == pytest.approx(sound.rms, rel=0.1)


def test_what_is_too_short_to_stretch_stays() -> None:
    assert speed_up(hum(0.02), 2.0) == hum(0.02)
    assert speed_up(hum(1.0), 1.0) == hum(1.0)


def test_louder_is_held_within_16_bits() -> None:
    loud = make_louder(hum(0.1), 100)
    assert np.abs(np.frombuffer(loud.pcm, "<i2").astype(int)).max() <= 32768
    assert make_louder(hum(0.1), 0.5).rms == pytest.approx(hum(0.1).rms / 2, rel=0.01)


def test_sounds_of_two_rates_are_not_joined() -> None:
    assert join_audio([silence(1, 8000), hum(1, rate=8000)]).duration == 2
    with pytest.raises(ValueError, match="rate"):
        join_audio([silence(1, 8000), silence(1, 16000)])
