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
print(OwnFolder("own-", sys.argv[1]).path, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "NEW", 0.0)


def test_it_is_removed_with_its_files(tmp_path: pathlib.Path) -> None:
    own = OwnFolder("own-", str(tmp_path))
    (own.path / "file").write_text("x")
    own.remove()
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_has_is_not(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        theirs = pathlib.Path(process.stdout.readline().strip())
        first = OwnFolder("own-", str(tmp_path))
        assert theirs.is_dir()
        process.send_signal(signal.SIGKILL)
    second = OwnFolder("own-", str(tmp_path))
    assert set(tmp_path.iterdir()) == {first.path, second.path}


def test_only_old_folders_of_the_prefix_are_swept(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "own-file").write_text("x")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "own-link").symlink_to(elsewhere)
    folders.sweep(tmp_path, "own-")
    assert {each.name for each in tmp_path.iterdir()} == {"other", "own-file", "elsewhere", "own-link"}
    monkeypatch.setattr(folders, "NEW", 60.0)
    (tmp_path / "own-new").mkdir()
    folders.sweep(tmp_path, "own-")
    assert (tmp_path / "own-new").is_dir()
