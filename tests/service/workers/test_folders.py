"""Folders that a process has for itself: they go with it, however it ends."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys

import pytest

from service.workers import folders
from service.workers.folders import OwnFolder
from tests.service.conftest import ROOT

HOLDS = """
import sys, time
from service.workers.folders import OwnFolder
print(OwnFolder("own", sys.argv[1]).path, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "NEW", 0.0)


def test_it_is_removed_with_its_files(tmp_path: pathlib.Path) -> None:
    own = OwnFolder("own", str(tmp_path))
    (own.path / "file").write_text("x")
    own.remove()
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_has_is_not(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        theirs = pathlib.Path(process.stdout.readline().strip())
        first = OwnFolder("own", str(tmp_path))
        assert theirs.is_dir()
        process.send_signal(signal.SIGKILL)
    second = OwnFolder("own", str(tmp_path))
    assert set(tmp_path.iterdir()) == {first.path, second.path}


def test_only_old_folders_of_the_kind_are_swept(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("elsewhere", "own-12345678", "tts-service-own-mine", "tts-service-other-12345678"):
        (tmp_path / name).mkdir()
    (tmp_path / "tts-service-own-file5678").write_text("x")
    (tmp_path / "tts-service-own-link5678").symlink_to(tmp_path / "elsewhere")
    before = set(tmp_path.iterdir())
    folders.sweep(tmp_path, "own")
    assert set(tmp_path.iterdir()) == before
    monkeypatch.setattr(folders, "NEW", 60.0)
    new = tmp_path / "tts-service-own-new45678"
    new.mkdir()
    folders.sweep(tmp_path, "own")
    assert new.is_dir()
    monkeypatch.setattr(folders, "NEW", 0.0)
    folders.sweep(tmp_path, "own")
    assert not new.exists()
