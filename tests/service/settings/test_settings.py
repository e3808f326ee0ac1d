"""Settings from the environment."""

from __future__ import annotations

import dataclasses

import pytest

from service.settings.environment import _READERS, Settings, SettingsError
from service.voices.choose import ENGINES, engine_for
from service.voices.port import Engine


def test_every_setting_can_be_read() -> None:
    assert {str(field.type) for field in dataclasses.fields(Settings)} <= set(_READERS)


def test_nothing_set_is_the_default() -> None:
    assert Settings.from_env(ENGINES, {}) == Settings()


def test_values_are_read() -> None:
    settings = Settings.from_env(
        ENGINES,
        {
            "TTS_PORT": "80",
            "TTS_OFFLINE": "no",
            "TTS_API_KEYS": "a, b,",
            "TTS_DEADLINE": "2.5",
            "TTS_VOICE": " x ",
        },
    )
    assert settings == Settings(port=80, offline=False, api_keys=("a", "b"), deadline=2.5, voice="x")


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "0"), ("PORT", "x"), ("DEADLINE", "nan"), ("DEADLINE", "inf"), ("DEADLINE", "-1"),
     ("OFFLINE", "maybe"), ("ENGINE", "tape"), ("ADMITTED", "0"), ("WORKERS", "-1"), ("CACHE_BYTES", "1.5"),
     ("DEVICE", "tpu"), ("DEVICE", "cuda:x"), ("DEVICE", "")],
)  # fmt: skip
def test_a_mistake_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"TTS_{name}: "):
        Settings.from_env(ENGINES, {f"TTS_{name}": value})


@pytest.mark.parametrize("device", ["cpu", "auto", "cuda", "gpu", "cuda:1", "gpu:0"])
def test_devices(device: str) -> None:
    assert Settings.from_env(ENGINES, {"TTS_DEVICE": device}).device == device


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(ENGINES, {"TTS_PORT": "x", "TTS_WORKERS": "y"})
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("name", ["espeak", "modelscope"])
def test_every_engine_is_chosen_by_its_name(name: str) -> None:
    settings = Settings.from_env(ENGINES, {"TTS_ENGINE": name, "TTS_WORKERS": "1", "TTS_THREADS": "1"})
    engine: Engine = engine_for(settings)
    assert type(engine).__name__.lower() == name
    assert engine.voices()


def test_an_engine_that_there_is_not_is_nobody_elses() -> None:
    with pytest.raises(
        SettingsError, match="TTS_ENGINE: 'tape' is none of auto, espeak, fastspeech, modelscope"
    ):
        engine_for(Settings(engine="tape"))
