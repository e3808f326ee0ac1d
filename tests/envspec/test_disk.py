"""What the machine refuses, in words: errors of the system, what programs say, and what reached the top."""

import errno
import os
import pathlib
import signal

import pytest

from envspec.system import disk
from envspec.system.disk import DiskError, Place, refusal, refusal_of, spoken_refusal
from envspec.system.errors import OutsideError
from envspec.system.home import disk_refusals, known_places, refused

LARGE = 10**18
"""Bytes that no disk has."""


def full(path: pathlib.Path) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def test_a_full_disk_is_named_as_it_was_set(tmp_path: pathlib.Path) -> None:
    known = (Place(path=tmp_path, setting="ENVSPEC_HOME", hint="set it"), Place(path=tmp_path / "other"))
    told = refusal(full(tmp_path / "a" / "b"), None, known, needed=LARGE, free=2_500_000)
    assert told.message.startswith(f"no space left on the disk that holds {tmp_path} (ENVSPEC_HOME): ")
    assert "1000000000000.0 MB are needed, 2.5 MB were free" in told.message
    assert (told.hint, told.exit_code) == ("set it", 4)


def test_an_unknown_place_is_the_nearest_folder(tmp_path: pathlib.Path) -> None:
    told = refusal(full(tmp_path / "a" / "envspec.lock"), None, ())
    assert f"holds {tmp_path}: " in told.message
    assert told.hint == "free some there"


def test_an_error_without_a_name_is_of_the_place_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a stream into the temporary folder, in the middle of a build below the home."""
    free = {"/home": 10**9, "/temporary": 4096}
    monkeypatch.setattr(disk, "free_bytes", lambda path: free.get(str(path), 10**9))
    known = (
        Place(path=pathlib.Path("/temporary"), setting="TMPDIR"),
        Place(path=pathlib.Path("/home"), setting="ENVSPEC_HOME"),
    )
    unnamed = OSError(errno.ENOSPC, "")
    assert "(TMPDIR)" in refusal(unnamed, pathlib.Path("/home/x"), known).message
    assert "(TMPDIR)" in refusal(unnamed, None, known).message
    free["/home"] = 2_000_000
    assert "(ENVSPEC_HOME)" in refusal(unnamed, pathlib.Path("/home/x"), known).message


def test_a_link_to_another_disk_is_what_is_full(tmp_path: pathlib.Path) -> None:
    elsewhere = pathlib.Path("/dev/shm")
    if elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one disk here")
    (tmp_path / "wheelhouse").symlink_to(elsewhere)
    told = refusal(full(tmp_path / "wheelhouse" / "x"), None, (Place(path=tmp_path, setting="ENVSPEC_HOME"),))
    assert f"holds {tmp_path}/wheelhouse (below ENVSPEC_HOME)" in told.message


def test_a_file_beside_temporary_ones_is_none_of_them(tmp_path: pathlib.Path) -> None:
    temporary = Place(path=tmp_path, setting="TMPDIR", only=("envspec-",))
    assert temporary.holds(tmp_path / "envspec-stage-1" / "x")
    assert temporary.holds(tmp_path)
    assert not temporary.holds(tmp_path / "project" / "envspec.lock")


@pytest.mark.parametrize(
    ("number", "said", "advice"),
    [
        (errno.EMFILE, "too many files are open", "ulimit -n"),
        (errno.EFBIG, "would become larger than files may be", ""),
        (errno.ENOMEM, "no memory left", "ulimit -v"),
        (errno.EROFS, "cannot be written: Read-only file system", "set ENVSPEC_HOME to a folder"),
        (errno.EACCES, "cannot be written: Permission denied", "set ENVSPEC_HOME to a folder"),
        (errno.ENOENT, "cannot be used: No such file", ""),
        (errno.EAGAIN, "no further process or thread", "ulimit -u"),
    ],
)
def test_every_refusal_has_its_words(tmp_path: pathlib.Path, number: int, said: str, advice: str) -> None:
    error = OSError(number, os.strerror(number), str(tmp_path / "x"))
    told = refusal(error, None, (Place(path=tmp_path, setting="ENVSPEC_HOME"),))
    assert said in told.message
    assert advice in told.hint
    assert told.exit_code == 4


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("error: failed to write `{home}/x`: No space left on device (os error 28)", errno.ENOSPC),
        ("OSError: [Errno 122] Disk quota exceeded: '{home}/y'", errno.EDQUOT),
        ("failed to create {home}/uv/.tmp: Read-only file system (os error 30)", errno.EROFS),
        ("  Caused by: {home}: permission denied (os error 13)", errno.EACCES),
        ("error: Too many open files (os error 24)", errno.EMFILE),
        ("fork: Cannot allocate memory", errno.ENOMEM),
        ("MemoryError", errno.ENOMEM),
        ("memory allocation of 524288 bytes failed", errno.ENOMEM),
        ('panicked: `Err` value: Os {{ code: 11, kind: WouldBlock, message: "x" }}', errno.EAGAIN),
    ],
)
def test_what_a_program_says_of_the_machine_is_heard(tmp_path: pathlib.Path, said: str, number: int) -> None:
    known = (Place(path=tmp_path / "home", setting="ENVSPEC_HOME"),)
    told = spoken_refusal(2, f"a line\n{said.format(home=tmp_path / 'home')}\nanother", known)
    assert told is not None
    assert told.number == number


@pytest.mark.parametrize(
    "said",
    [
        "SyntaxError: invalid syntax",
        "error: could not create '/usr/lib/x': Permission denied",
        "[Errno 30] Read-only file system: '/opt/sandbox/x'",
        "",
    ],
)
def test_what_a_program_says_of_other_things_is_left_to_it(tmp_path: pathlib.Path, said: str) -> None:
    assert spoken_refusal(1, said, (Place(path=tmp_path, setting="ENVSPEC_HOME"),)) is None


def test_a_program_that_finds_no_temporary_folder_is_told_so() -> None:
    told = spoken_refusal(
        1, "FileNotFoundError: [Errno 2] No usable temporary directory found in ['/tmp']", ()
    )
    assert told is not None
    assert "TMPDIR" in told.hint


def test_a_program_ended_by_a_limit_of_files_is_told_so() -> None:
    told = spoken_refusal(-signal.SIGXFSZ, "", ())
    assert told is not None
    assert told.number == errno.EFBIG


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "no memory left"),
        (RuntimeError("can't start new thread"), "no further process or thread"),
        (ImportError("libx.so: failed to map segment from shared object"), "no memory left"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/a']"), "no folder for"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_reached_the_top_is_told_in_words(error: Exception, said: str) -> None:
    told = refusal_of(error, ())
    assert isinstance(told, OutsideError)
    assert said in told.message


@pytest.mark.parametrize("error", [RuntimeError("x"), ImportError("no module named x"), RecursionError()])
def test_a_mistake_of_the_tool_stays_one(error: Exception) -> None:
    assert refused(error) is None


@pytest.mark.usefixtures("home")
def test_who_knows_the_place_tells_an_inner_error_anew(tmp_path: pathlib.Path) -> None:
    out = tmp_path / "out"
    with (
        pytest.raises(DiskError) as caught,
        disk_refusals(out, setting="--output", needed=lambda: LARGE),
        disk_refusals(out / "blobs"),
    ):
        raise full(out / "blobs" / "x")
    assert f"{out} (--output): 1000000000000.0 MB are needed" in caught.value.message
    assert "give --output another place" in caught.value.hint


@pytest.mark.usefixtures("home")
def test_an_inner_error_of_another_place_stays_what_it_is(tmp_path: pathlib.Path) -> None:
    with (
        pytest.raises(DiskError) as caught,
        disk_refusals(tmp_path / "out", setting="--output"),
        disk_refusals(tmp_path / "home" / "x"),
    ):
        raise full(tmp_path / "home" / "x" / "y")
    assert "(ENVSPEC_HOME)" in caught.value.message


def test_a_user_without_a_home_has_a_place_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "ENVSPEC_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pathlib.Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert [place.setting for place in known_places()] == ["TMPDIR"]
