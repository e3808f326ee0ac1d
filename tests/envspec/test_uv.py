"""uv's cache: what killed programs left there goes, unless one is at work."""

import fcntl
import pathlib

import pytest

from envspec.supply.uv import sweep_cache


@pytest.fixture
def cache(home: pathlib.Path) -> pathlib.Path:
    for name in (".tmpAb12cd/python", "sdists-v9/whole"):
        (home / "uv" / name).mkdir(parents=True)
    (home / "uv" / ".lock").touch()
    return home / "uv"


def names(cache: pathlib.Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir())


def test_what_killed_programs_left_is_swept(cache: pathlib.Path) -> None:
    sweep_cache()
    assert names(cache) == [".lock", "sdists-v9"]


def test_nothing_is_swept_while_a_program_of_uv_works(cache: pathlib.Path) -> None:
    with (cache / ".lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        sweep_cache()
    assert ".tmpAb12cd" in names(cache)


def test_a_home_without_a_cache_is_fine(home: pathlib.Path) -> None:
    sweep_cache()
    assert not home.exists()
