"""Folders of one process: gone when it is done, swept when it died, left alone while it works."""

import pathlib
import subprocess
import sys

import pytest

from envspec.system.temporary import scratch_folder, sweep


@pytest.fixture
def shop(home: pathlib.Path) -> pathlib.Path:
    """A folder for workshops."""
    place = home / "shop"
    place.mkdir(parents=True)
    return place


WORKER = """
import pathlib, sys, time
from envspec.system.temporary import scratch_folder
with scratch_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "half").write_text("")
    print(folder, flush=True)
    time.sleep(300)
"""


def test_a_scratch_folder_is_gone_afterwards_whatever_happens(shop: pathlib.Path) -> None:
    with scratch_folder(shop / "a") as folder:
        (folder / "x").write_text("")
    with pytest.raises(KeyError), scratch_folder(shop / "a") as other:
        raise KeyError(other)
    assert list((shop / "a").iterdir()) == []


def test_who_died_is_swept_and_who_lives_is_not(shop: pathlib.Path, home: pathlib.Path) -> None:
    words = [sys.executable, "-c", WORKER, str(shop)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        folder = pathlib.Path(worker.stdout.readline().strip())
        sweep(shop)
        assert (folder / "half").exists()
        worker.kill()
    sweep(shop)
    assert not folder.exists()
    assert list((home / "locks").iterdir()) == []


def test_what_nobody_owns_goes_and_what_is_called_otherwise_stays(shop: pathlib.Path) -> None:
    (shop / ".unpacking-old" / "deep").mkdir(parents=True)
    (shop / ".unpacking-file").write_text("")
    (shop / ".unpacking-link").symlink_to(shop / "whole")
    (shop / "whole").mkdir()
    with scratch_folder(shop, ".unpacking-") as folder:
        assert sorted(each.name for each in shop.iterdir()) == [folder.name, "whole"]
    sweep(shop / "nowhere")


def test_a_folder_without_permissions_goes_as_well(shop: pathlib.Path) -> None:
    locked = shop / "shop" / "old" / "locked"
    locked.mkdir(parents=True)
    (locked / "x").write_text("")
    locked.chmod(0)
    sweep(shop)
    assert list(shop.iterdir()) == []
