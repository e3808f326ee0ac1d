"""The embedded voice, for real: emotions told apart, equal bytes, processes that come and go."""

from __future__ import annotations

import itertools
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from bench.service.prosody import fundamental
from service.audio.pcm import Audio
from service.errors import DeadlineError, InvalidFieldError
from service.text.script import Reading, reading_mark
from service.voices.espeak import VOICES, Espeak, espeak_parameters
from service.voices.espeak_worker import VOICE_FILES as FILES
from service.voices.port import EMOTIONS, Utterance
from tests.service.conftest import until

SENTENCE = "今天天气很好，我们一起去公园散步吧。"


def speak(
    engine: Espeak,
    text: str = SENTENCE,
    voice: str = "mandarin",
    *,
    emotion: str = "neutral",
    intensity: float = 1.0,
    speed: float = 1.0,
    pitch: float = 1.0,
    readings: tuple[Reading, ...] = (),
) -> Audio:
    said = Utterance(text, voice, emotion, intensity, speed, pitch, readings=readings)
    return engine.synthesize(said, time.monotonic() + 20, 600)


def test_mandarin_is_heard(espeak: Espeak) -> None:
    audio = speak(espeak)
    assert audio.sample_rate == 22050
    assert 2 < audio.duration < 8
    assert audio.rms > 500


def test_the_seven_emotions_differ_by_pitch_duration_or_energy(espeak: Espeak) -> None:
    """Any two are at least 8 % apart in one of the three measures, and 20 % in all of them together."""
    sounds = {emotion: speak(espeak, emotion=emotion) for emotion in EMOTIONS}
    measures = {e: (fundamental(a), a.duration, a.rms) for e, a in sounds.items()}
    assert len(measures) == 7
    for one, other in itertools.combinations(EMOTIONS, 2):
        apart = [abs(a / b - 1) for a, b in zip(measures[one], measures[other], strict=True)]
        assert max(apart) > 0.08, (one, other, measures)
        assert sum(apart) > 0.20, (one, other, measures)


@pytest.mark.parametrize(
    ("emotion", "pitch", "duration", "energy"),
    [("happy", 1, -1, 1), ("sad", -1, 1, -1), ("angry", 1, -1, 1), ("fear", 1, -1, -1), ("hate", -1, 1, 0),
     ("surprise", 1, 0, 1)],
)  # fmt: skip
def test_an_emotion_goes_where_it_should(
    espeak: Espeak, emotion: str, pitch: int, duration: int, energy: int
) -> None:
    """Compared with neutral: 1 is more, -1 is less, 0 is not judged."""
    plain, moved = speak(espeak), speak(espeak, emotion=emotion)
    assert (fundamental(moved) - fundamental(plain)) * pitch >= 0
    assert (moved.duration - plain.duration) * duration >= 0
    assert (moved.rms - plain.rms) * energy >= 0


def test_more_intensity_is_more_of_it(espeak: Espeak) -> None:
    none, some, most = (speak(espeak, emotion="sad", intensity=i).duration for i in (0.0, 1.0, 2.0))
    assert none == pytest.approx(speak(espeak).duration)
    assert none < some < most


def test_speed_and_pitch_are_obeyed(espeak: Espeak) -> None:
    plain = speak(espeak)
    assert speak(espeak, speed=2.0).duration == pytest.approx(plain.duration / 2, rel=0.15)
    assert speak(espeak, speed=0.5).duration == pytest.approx(plain.duration * 2, rel=0.15)
    assert fundamental(speak(espeak, pitch=1.5)) == pytest.approx(1.5 * fundamental(plain), rel=0.12)


@pytest.mark.parametrize("voice", [voice.name for voice in VOICES])
def test_every_voice_speaks(espeak: Espeak, voice: str) -> None:
    assert speak(espeak, "Hello 你好", voice).rms > 500


def test_the_mandarin_voices_differ_in_pitch(espeak: Espeak) -> None:
    deep, plain, female = (
        fundamental(speak(espeak, voice=v)) for v in ("mandarin-deep", "mandarin", "mandarin-female")
    )
    assert deep < 0.9 * plain
    assert female > 1.05 * plain


def test_every_voice_has_its_file() -> None:
    assert sorted(voice.name for voice in VOICES) == sorted(path.name for path in FILES.iterdir())


def test_the_same_request_gives_the_same_bytes(espeak: Espeak) -> None:
    """Also with another text in between, and from another process."""
    first = speak(espeak)
    speak(espeak, "完全不同的一句话！", emotion="angry")
    assert speak(espeak) == first
    other = Espeak(workers=1, queue_wait=10)
    try:
        assert speak(other) == first
    finally:
        other.close()


def test_given_pinyin_is_spoken(espeak: Espeak) -> None:
    def said(text: str, *readings: Reading) -> Audio:
        return speak(espeak, text, readings=readings)

    assert said(f"我{reading_mark(0)}", Reading("行", "hang2")).duration == pytest.approx(
        said("我航").duration, rel=0.02
    )
    assert said(reading_mark(0), Reading("行", "xing2")) != said(reading_mark(0), Reading("行", "hang2"))


def test_markup_is_plain_text(espeak: Espeak) -> None:
    """espeak's own SSML would read a local file here and play it; its phoneme brackets would be obeyed."""
    loud = speak(espeak, '<audio src="/etc/hostname"/>你好[[X]]')
    assert loud.duration > speak(espeak, "你好").duration


def test_too_much_sound_is_stopped_early(espeak: Espeak) -> None:
    started = time.monotonic()
    with pytest.raises(InvalidFieldError) as caught:
        espeak.synthesize(Utterance("天" * 20_000, "mandarin"), time.monotonic() + 20, 5.0)
    assert caught.value.code == "audio_too_long"
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "text", ["。", "😀", "\u200b", "a" * 3000, "\x01\x02", "[[[[", "𠮷" * 50, "&lt;", "!?" * 500, "0" * 400]
)
def test_odd_text_does_no_harm(espeak: Espeak, text: str) -> None:
    speak(espeak, text)
    assert espeak.health().restarts == 0


def test_espeaks_own_limits_hold() -> None:
    least = espeak_parameters(Utterance("", "mandarin", "sad", 2.0, 0.25, 0.25, 0.0))
    most = espeak_parameters(Utterance("", "mandarin", "angry", 2.0, 4.0, 4.0, 4.0))
    assert (least["rate"], least["pitch"], least["volume"]) == (80, 0, 0)
    assert (most["rate"], most["pitch"], most["range"], most["volume"]) == (450, 100, 100, 200)


class TestProcesses:
    @pytest.fixture
    def two(self) -> Iterator[Espeak]:
        engine = Espeak(workers=2, queue_wait=10)
        yield engine
        engine.close()

    def test_four_threads_at_once(self, two: Espeak) -> None:
        """The library itself crashes when threads share it."""
        sounds: list[Audio] = []
        threads = [
            threading.Thread(target=lambda: sounds.extend(speak(two) for _ in range(8))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(sounds) == 32
        assert len(set(sounds)) == 1
        assert two.health().restarts == 0

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
    def test_a_killed_worker_is_replaced(self, two: Espeak, number: signal.Signals) -> None:
        expected = speak(two)
        for pid in two._pool.board().pids:
            os.kill(pid, number)
        assert speak(two) == expected
        assert speak(two) == expected

    def test_a_worker_killed_in_the_middle_is_asked_again(self) -> None:
        """The text takes long enough to be hit; its answer is whole all the same."""
        one = Espeak(workers=1, queue_wait=10)
        text = "春眠不觉晓处处闻啼鸟夜来风雨声花落知多少" * 150
        sounds: list[Audio] = []
        try:
            expected = speak(one, "你好")
            (pid,) = one._pool.board().pids
            before = _spent(pid)
            thread = threading.Thread(target=lambda: sounds.append(speak(one, text)))
            thread.start()
            until(lambda: _spent(pid) > before)
            os.kill(pid, signal.SIGKILL)
            thread.join()
            assert sounds[0].duration > 100
            assert one._pool.retried == 1
            assert speak(one, "你好") == expected
        finally:
            one.close()

    def test_a_job_that_takes_too_long_is_stopped(self, two: Espeak) -> None:
        speak(two)
        started = time.monotonic()
        with pytest.raises(DeadlineError):
            two.synthesize(Utterance("春眠不觉晓" * 4000, "mandarin"), time.monotonic() + 0.1, 1e6)
        assert time.monotonic() - started < 2
        assert speak(two).rms > 500

    def test_no_process_is_left_behind(self, two: Espeak) -> None:
        speak(two)
        processes = two._pool.board().pids
        assert processes
        two.close()
        for process in processes:
            with pytest.raises(ProcessLookupError):
                os.kill(process, 0)


def _spent(process: int | None) -> int:
    """Processor time that a process has used, in hundredths of a second; 0 once it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def test_no_history_changes_the_bytes(espeak: Espeak) -> None:
    """Hundreds of texts in random order, voice and manner: what was said before is never heard after."""
    chance = random.Random(2)
    texts = (
        "今天天气很好。",
        "Hello 你好 3.14",
        "shhh fizz zoo",
        "五",
        "a b c",
        "她说：“什么？！”",
        "😀好",
        "床前明月光，疑是地上霜",
    )
    heard: dict[Utterance, Audio] = {}
    repeated = 0
    for _ in range(400):
        utterance = Utterance(
            chance.choice(texts), chance.choice(VOICES).name, chance.choice(EMOTIONS),
            intensity=chance.choice((1.0, 2.0)), speed=chance.choice((1.0, 2.0)),
            pitch=chance.choice((1.0, 0.5)), volume=chance.choice((1.0, 2.0)),
        )  # fmt: skip
        if chance.random() < 0.5 and heard:
            utterance = chance.choice(list(heard))
        sound = espeak.synthesize(utterance, time.monotonic() + 20, 600)
        repeated += utterance in heard
        assert heard.setdefault(utterance, sound) == sound
    assert repeated > 100


def test_voices_are_found_however_deep_the_service_lies(tmp_path: pathlib.Path) -> None:
    """espeak cuts the path of a voice's file off after 59 bytes."""
    deep = tmp_path / ("a" * 80)
    shutil.copytree(FILES.parents[1], deep / "service")
    script = "from service.voices import espeak_worker; print(espeak_worker._load().version)"
    environment = {**os.environ, "PYTHONPATH": str(deep)}
    said = subprocess.run(
        [sys.executable, "-P", "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )
    assert said.stdout.startswith("1."), said.stderr
