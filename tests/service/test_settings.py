"""Settings from the environment, and the processors that a container really has."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest

from service.cpu import available_cores
from service.settings import _READERS, Settings, SettingsError


def test_every_setting_can_be_read() -> None:
    assert {str(field.type) for field in dataclasses.fields(Settings)} <= set(_READERS)


def test_nothing_set_is_the_default() -> None:
    assert Settings.from_env({}) == Settings()


def test_values_are_read() -> None:
    settings = Settings.from_env(
        {
            "TTS_PORT": "80",
            "TTS_OFFLINE": "no",
            "TTS_API_KEYS": "a, b,",
            "TTS_DEADLINE": "2.5",
            "TTS_VOICE": " x ",
        }
    )
    assert settings == Settings(port=80, offline=False, api_keys=("a", "b"), deadline=2.5, voice="x")


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "0"), ("PORT", "x"), ("DEADLINE", "nan"), ("DEADLINE", "inf"), ("DEADLINE", "-1"),
     ("OFFLINE", "maybe"), ("ENGINE", "tape"), ("ADMITTED", "0"), ("WORKERS", "-1"), ("CACHE_BYTES", "1.5")],
)  # fmt: skip
def test_a_mistake_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"TTS_{name}: "):
        Settings.from_env({f"TTS_{name}": value})


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"TTS_PORT": "x", "TTS_WORKERS": "y"})
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("quota", "cores"), [("50000 100000", 1), ("100000 100000", 1), ("max 100000", None), ("x", None)]
)
def test_the_containers_quota_counts(tmp_path: pathlib.Path, quota: str, cores: int | None) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert available_cores(tmp_path) == (cores or available_cores(tmp_path / "absent"))


def test_the_older_cgroups_are_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert available_cores(tmp_path) == 1
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("-1\n")
    assert available_cores(tmp_path) == available_cores(tmp_path / "absent")
