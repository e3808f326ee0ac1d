"""Writing whole files, holding places, and what is said when the disk refuses."""

import concurrent.futures
import errno
import multiprocessing
import os
import pathlib
import pwd
import subprocess
import threading
import time

import pytest

from envspec.system.errors import OutsideError
from envspec.system.home import (
    disk_refusals,
    holding,
    holding_folder,
    tool_home,
    whole_file,
    write_atomic,
)
from envspec.system.where import settle_home


def test_the_home_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path))
    assert tool_home() == tmp_path


@pytest.mark.parametrize("cache", ["/somewhere/cache", ""])
def test_the_home_is_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, cache: str) -> None:
    monkeypatch.delenv("ENVSPEC_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    assert tool_home() == pathlib.Path(cache or pathlib.Path.home() / ".cache") / "envspec"


@pytest.mark.parametrize("said", ["", None])
def test_a_missing_home_is_named_as_debian_does(monkeypatch: pytest.MonkeyPatch, said: str | None) -> None:
    for name in ("HOME", "ENVSPEC_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    if said is not None:
        monkeypatch.setenv("HOME", said)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: (_ for _ in ()).throw(KeyError("no such number")))
    settle_home()
    assert os.environ["HOME"] == "/nonexistent"
    with pytest.raises(OutsideError, match="no home folder"):
        tool_home()


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENVSPEC_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(OutsideError, match="no home folder") as caught:
        tool_home()
    assert "ENVSPEC_HOME" in caught.value.hint


@pytest.mark.usefixtures("home")
def test_what_a_killed_run_had_begun_of_a_file_is_taken_over(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "image.tar"
    (tmp_path / ".image.tar.partial").write_text("half of a long one")
    other = tmp_path / ".image.tar.backup"
    other.write_text("somebody's")
    write_atomic(file, "whole")
    assert file.read_text() == "whole"
    assert sorted(tmp_path.iterdir()) == [other, file]


@pytest.mark.usefixtures("home")
def test_two_writers_of_a_file_come_one_after_the_other(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "image.tar"
    other = threading.Thread(target=write_atomic, args=(file, "the other's"))
    with whole_file(file) as stream:
        other.start()
        stream.write(b"whole")
    other.join(60)
    assert file.read_text() == "the other's"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.usefixtures("home")
def test_a_folder_is_held_and_nothing_is_left_in_it(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "out"
    with holding_folder(folder):
        asked = subprocess.run(["flock", "--nonblock", folder, "true"])
        assert asked.returncode == 1
    assert subprocess.run(["flock", "--nonblock", folder, "true"]).returncode == 0
    assert list(folder.iterdir()) == []


def test_a_file_is_written_whole_and_alone(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "a" / "b.txt"
    write_atomic(file, "one")
    write_atomic(file, b"two")
    assert file.read_text() == "two"
    assert [path.name for path in file.parent.iterdir()] == ["b.txt"]
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_write_that_fails_leaves_what_was_there(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "taken"
    (file / "inside").mkdir(parents=True)
    with pytest.raises(OutsideError, match="cannot be written"):
        write_atomic(file, "x")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_stream_that_breaks_off_leaves_what_was_there(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "x"
    write_atomic(file, "before")
    with pytest.raises(KeyError), whole_file(file) as stream:
        raise KeyError(stream.write(b"half"))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "before")]


@pytest.mark.usefixtures("home")
def test_holding_a_place_leaves_nothing_beside_it(tmp_path: pathlib.Path) -> None:
    with holding(tmp_path / "out" / "x"):
        assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.usefixtures("home")
def test_a_lock_is_gone_when_nobody_holds_it(tmp_path: pathlib.Path) -> None:
    with holding(tmp_path / "x"):
        assert len(list((tool_home() / "locks").iterdir())) == 1
    assert list((tool_home() / "locks").iterdir()) == []


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("damage", ["folder", "link", "text"])
def test_whatever_stands_in_a_locks_place_is_in_nobodys_way(tmp_path: pathlib.Path, damage: str) -> None:
    with holding(tmp_path / "x"):
        (lock,) = (tool_home() / "locks").iterdir()
    match damage:
        case "folder":
            (lock / "inside").mkdir(parents=True)
        case "link":
            lock.symlink_to("nowhere")
        case _:
            lock.write_text("anything")
    with holding(tmp_path / "x"):
        assert lock.is_file()
    assert not lock.exists()


def test_what_a_killed_writer_left_is_taken_over(tmp_path: pathlib.Path) -> None:
    with whole_file(tmp_path / "x") as stream:
        stream.write(b"1")
        (left,) = tmp_path.iterdir()
    left.write_bytes(b"the half of something longer")
    write_atomic(tmp_path / "x", "2")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "2")]


def test_writers_of_one_file_come_one_after_the_other(tmp_path: pathlib.Path) -> None:
    texts = [letter * 100_000 for letter in "abcd"]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for job in [pool.submit(write_atomic, tmp_path / "x", text) for text in texts * 5]:
            job.result()
    assert (tmp_path / "x").read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_folder_in_the_place_of_a_kept_file_is_thrown_away(
    home: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "x" / "inside").mkdir(parents=True)
    write_atomic(home / "x", "y")
    assert (home / "x").read_text() == "y"
    assert caplog.messages == ["kept file x is a folder: thrown away, made anew"]


def test_a_file_in_the_place_of_a_folder_is_said_so(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutsideError, match=r"cannot be written: (Not a directory|File exists)"):
        write_atomic(tmp_path / "file" / "x", "y")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "no space left"),
        (errno.EACCES, "Permission denied"),
        (errno.EROFS, "Read-only file system"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_what_the_disk_refuses_is_said_in_words(number: int, said: str) -> None:
    with pytest.raises(OutsideError, match=said) as caught, disk_refusals(pathlib.Path("place")):
        raise OSError(number, os.strerror(number))
    assert caught.value.exit_code == 4


def test_a_full_home_is_answered_with_what_to_do(home: pathlib.Path) -> None:
    with pytest.raises(OutsideError) as caught, disk_refusals(home / "place" / "x"):
        raise OSError(errno.ENOSPC, "")
    assert f"{home} (ENVSPEC_HOME)" in caught.value.message
    assert "set ENVSPEC_HOME" in caught.value.hint
    assert "`envspec cache prune --keep 1GB`" in caught.value.hint


def _count(place: pathlib.Path) -> None:
    for _ in range(30):
        with holding(place):
            number = int(place.read_text())
            time.sleep(0.0005)
            place.write_text(str(number + 1))


def test_one_holds_a_place_at_a_time(tmp_path: pathlib.Path) -> None:
    place = tmp_path / "counter"
    place.write_text("0")
    context = multiprocessing.get_context("spawn")
    runs = [context.Process(target=_count, args=(place,)) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
    assert place.read_text() == "60"


def test_who_dies_holds_nothing(tmp_path: pathlib.Path) -> None:
    with pytest.raises(KeyError), holding(tmp_path / "x"):
        raise KeyError
    with holding(tmp_path / "x"):
        pass
