"""Which engine listens, and with which model."""

from __future__ import annotations

import pathlib

import pytest

from service.hearing.choose import ears_for
from service.hearing.whisper import find_model
from service.settings.environment import Settings, SettingsError


def test_nothing_listens_unless_it_is_asked_for() -> None:
    assert ears_for(Settings()) is None
    assert ears_for(Settings(ears="dtmf", ears_workers=1)) is not None


def test_a_model_is_found_by_its_name_or_by_what_it_is(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "whisper"
    folder.mkdir()
    (folder / "model.bin").touch()
    (tmp_path / "voice").mkdir()
    there = str(folder.resolve())
    assert find_model(Settings(ears_model=str(folder))) == there
    assert find_model(Settings(ears_model="whisper", models_dir=str(tmp_path))) == there
    assert find_model(Settings(models=("voice", "whisper"), models_dir=str(tmp_path))) == there
    assert find_model(Settings(ears_model="owner/some-model")) == "owner/some-model"


@pytest.mark.parametrize("settings", [Settings(ears="whisper"), Settings(ears="trumpet")])
def test_what_cannot_listen_is_a_mistake_of_the_settings(settings: Settings) -> None:
    with pytest.raises(SettingsError):
        ears_for(settings)
