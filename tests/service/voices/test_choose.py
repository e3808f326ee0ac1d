"""Which engine speaks, and several of them as one."""

from __future__ import annotations

import pathlib
import time

import pytest

from service.settings.environment import Settings, SettingsError
from service.voices import fastspeech
from service.voices.choose import engine_for
from service.voices.espeak import Espeak
from service.voices.port import Utterance, Voice
from service.voices.several import Several
from tests.service.fakes import FakeEngine


class Other(FakeEngine):
    """A fake engine with one voice of its own, and one whose name the first has as well."""

    def voices(self) -> tuple[Voice, ...]:
        return (Voice("third", "de-DE", "of the second engine"), Voice("first", "cmn-CN", "hidden"))


def test_each_voice_is_spoken_by_the_first_engine_that_has_it() -> None:
    first, second = FakeEngine(), Other()
    both = Several((first, second))
    assert both.voices()[0].name == "first"
    for voice in ("first", "third"):
        both.synthesize(Utterance("好", voice), time.monotonic() + 1, 10.0)
    assert [one.voice for one in first.said] == ["first"]
    assert [one.voice for one in second.said] == ["third"]
    assert both.health().workers == 2


def test_espeak_speaks_where_no_neural_voice_is_installed() -> None:
    assert isinstance(engine_for(Settings(workers=1)), Espeak)


def test_a_neural_voice_without_its_files_is_a_mistake_of_the_settings(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SettingsError, match=r"mb_melgan\.tflite"):
        engine_for(Settings(engine="fastspeech", models=(str(tmp_path),), workers=1))


def test_the_files_are_found_by_folder_and_by_name(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "voices" / "mine"
    folder.mkdir(parents=True)
    for name in fastspeech.FILES:
        (folder / name).touch()
    assert fastspeech.find_model(Settings(models=(str(folder),))) == folder.resolve()
    assert (
        fastspeech.find_model(Settings(models=("mine",), models_dir=str(folder.parent))) == folder.resolve()
    )


def test_emotions_have_speed_pitch_and_volume() -> None:
    told = fastspeech.parameters(Utterance("好", "baker", "sad", intensity=2.0, speed=2.0))
    assert told["speed"] == pytest.approx(2.0 * 0.8**2)
    assert told["pitch"] == pytest.approx(0.86**2)
    assert told["pieces"] == [("text", "好")]
