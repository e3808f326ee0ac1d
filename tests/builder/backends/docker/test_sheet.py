"""A folder is brought to what it should hold, whatever it held, and what is right in it is left alone."""

import os
import pathlib

import pytest

from builder.backends.docker.sheet import Sheet


def laid_out(place: pathlib.Path, wheel: pathlib.Path, code: bytes = b"A = 1\n") -> None:
    sheet = Sheet(place)
    sheet.put("Dockerfile", b"FROM x\n")
    sheet.put("payload/service/main.py", code)
    sheet.put("payload/run", b"#!/bin/sh\n", 0o755)
    sheet.link("stages/one/wheels/x.whl", wheel)
    sheet.folder("empty")
    sheet.done()


@pytest.fixture
def wheel(tmp_path: pathlib.Path) -> pathlib.Path:
    file = tmp_path / "x.whl"
    file.write_bytes(b"wheel")
    return file


def seen(place: pathlib.Path) -> dict[str, tuple[object, ...]]:
    """What there is, with what tells files that were written anew."""
    found: dict[str, tuple[object, ...]] = {}
    for each in place.rglob("*"):
        its = each.lstat()
        data = each.read_bytes() if each.is_file() else None
        found[each.relative_to(place).as_posix()] = (data, its.st_mode, its.st_ino, its.st_mtime_ns)
    return found


def test_what_is_right_is_left_alone(tmp_path: pathlib.Path, wheel: pathlib.Path) -> None:
    place = tmp_path / "context"
    laid_out(place, wheel)
    before = seen(place)
    laid_out(place, wheel)
    assert seen(place) == before
    assert (place / "payload" / "run").stat().st_mode & 0o777 == 0o755
    assert (place / "stages" / "one" / "wheels" / "x.whl").samefile(wheel)


def test_an_edit_writes_one_file(tmp_path: pathlib.Path, wheel: pathlib.Path) -> None:
    place = tmp_path / "context"
    laid_out(place, wheel)
    before = seen(place)
    laid_out(place, wheel, b"A = 2\n")
    after = seen(place)
    assert {path for path in after if after[path] != before[path]} <= {
        "payload/service/main.py",
        "payload/service",  # its date
    }
    assert after["payload/service/main.py"][0] == b"A = 2\n"


def test_whatever_else_stands_there_goes(tmp_path: pathlib.Path, wheel: pathlib.Path) -> None:
    place, outside = tmp_path / "context", tmp_path / "outside"
    outside.write_text("mine")
    laid_out(place, wheel)
    right = {path: each[:2] for path, each in seen(place).items()}
    (place / "copies").mkdir()
    (place / "copies" / "1.tar").touch()
    (place / "payload" / "secret.py").symlink_to(outside)
    (place / "Dockerfile").unlink()
    (place / "Dockerfile").hardlink_to(outside)
    (place / "empty").rmdir()
    (place / "empty").symlink_to(tmp_path)
    (place / "payload" / "run").unlink()
    (place / "payload" / "run").mkdir()
    (place / "stages" / "one" / "wheels" / "x.whl").unlink()
    (place / "stages" / "one" / "wheels" / "x.whl").symlink_to(outside)
    laid_out(place, wheel)
    assert {path: each[:2] for path, each in seen(place).items()} == right
    assert outside.read_text() == "mine"


def test_another_wheel_takes_the_place_of_one_of_its_name(
    tmp_path: pathlib.Path, wheel: pathlib.Path
) -> None:
    place, other = tmp_path / "context", tmp_path / "other.whl"
    laid_out(place, wheel)
    other.write_bytes(b"newer")
    os.utime(other, ns=(1, 1))
    laid_out(place, other)
    assert (place / "stages" / "one" / "wheels" / "x.whl").read_bytes() == b"newer"
    assert wheel.read_bytes() == b"wheel"


def test_a_file_in_its_place_is_no_folder(tmp_path: pathlib.Path, wheel: pathlib.Path) -> None:
    place = tmp_path / "context"
    place.write_text("no folder")
    laid_out(place, wheel)
    assert (place / "Dockerfile").read_bytes() == b"FROM x\n"
