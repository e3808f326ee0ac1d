"""Sounds of any format and length, made into pieces that can be heard."""

from __future__ import annotations

import io
import pathlib
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
import soundfile

from service.audio import decoder_worker
from service.audio.decoding import RATE, SoundError, decode_sound
from service.audio.pieces import LONGEST, cut_pieces
from service.audio.resampling import Resampler
from service.workers import wire


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
        (file_of(np.zeros((192000 * 2, 8), np.float32), 192000, "FLAC"), "too_rich"),
        (file_of(np.zeros(100, np.float32), 999), "odd_rate"),
        (file_of(np.zeros((100, 33), np.float32), 16000), "many_channels"),
    ],
)
def test_what_cannot_be_heard_is_told_apart(data: bytes, problem: str) -> None:
    with pytest.raises(SoundError) as raised:
        decode_sound(data, 2.0)
    assert raised.value.problem == problem


SESSION = b"""v=0
o=- 0 0 IN IP4 127.0.0.1
s=x
c=IN IP4 127.0.0.1
t=0 0
m=audio 45678 RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""


@pytest.mark.parametrize(
    "script",
    [
        b"ffconcat version 1.0\nfile x.wav\n",
        SESSION.replace(b"\n", b"\r\n"),
        b"-SE\nt: 200+10/50\nNOW t\n+00:29 t\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nx.wav\n#EXT-X-ENDLIST\n",
    ],
)
def test_a_script_is_no_sound(script: bytes, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg would read another file of this machine, listen on its network, or make sound of words."""
    pytest.importorskip("av")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.wav").write_bytes(file_of(tone(440, 0.1, 16000), 16000))
    with pytest.raises(SoundError, match="not_audio"):
        decode_sound(script, 3600.0)


@pytest.mark.parametrize(
    ("container", "codec"),
    [("webm", "libopus"), ("matroska", "flac"), ("mp4", "aac"), ("adts", "aac"), ("mpegts", "aac")],
)
def test_what_browsers_and_telephones_record_is_read(container: str, codec: str) -> None:
    av = pytest.importorskip("av")
    with av.open(file := io.BytesIO(), "w", format=container) as writer:
        stream = writer.add_stream(codec, rate=48000)
        samples = (20000 * tone(440, 0.5, 48000)).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            writer.mux(packet)
    assert abs(len(decode_sound(file.getvalue(), 10.0)) / RATE - 0.5) < 0.1


@pytest.mark.parametrize("rate", [767999, 655350, 15999, 1001])
def test_odd_rates_take_no_more_memory_than_usual_ones(rate: int) -> None:
    tracemalloc.start()
    try:
        heard = decode_sound(file_of(tone(100, 0.5, rate), rate), 2.0)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert abs(len(heard) / RATE - 0.5) < 0.005


def test_decoding_ends_when_nobody_waits_for_it() -> None:
    calls = []

    def leave() -> None:
        calls.append(1)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        decode_sound(file_of(np.zeros(16000 * 60, np.float32), 16000), 100.0, leave)
    assert len(calls) == 1


def test_a_decoder_asks_whether_anybody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_data: bytes, _most: float, check: Callable[[], None]) -> None:
        while True:
            check()

    monkeypatch.setattr(decoder_worker, "decode_sound", endless)
    ours, theirs = wire.connect_pair()
    wire.send_message(theirs, {}, b"a sound")
    theirs.close()
    with ours, pytest.raises(wire.ClosedError):
        decoder_worker._answer(ours, {"most": 1.0})


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
