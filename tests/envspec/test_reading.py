"""Files that users name are read within bounds, and told from what is no file."""

import os
import pathlib

import pytest

from envspec.system.errors import SpecError
from envspec.system.reading import read_text


def test_a_text_is_read_without_its_byte_order_mark(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"\xef\xbb\xbfname\r\n")
    assert read_text(file, 100) == "name\r\n"


def test_a_text_of_just_the_limit_is_read(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "a"
    file.write_text("x" * 100)
    assert len(read_text(file, 100)) == 100


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("/dev/zero", "a pipe or a device"),
        ("pipe", "a pipe or a device"),
        (".", "cannot be read: Is a directory"),
        ("absent", "cannot be read: No such file"),
        ("a/b", "cannot be read: "),
        ("n" * 300, "cannot be read: File name too long"),
        ("nul\0", "embedded null"),
        ("large", "larger than 1 MiB"),
        ("latin", "latin:2: not UTF-8"),
    ],
)
def test_what_is_no_text_says_what_it_is(tmp_path: pathlib.Path, place: str, message: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a").touch()
    (tmp_path / "large").write_bytes(b"x" * ((1 << 20) + 1))
    (tmp_path / "latin").write_bytes(b"\nna\xefve")
    with pytest.raises(SpecError) as caught:
        read_text(tmp_path / place, 1 << 20, hint="write it")
    assert message in str(caught.value)
    assert caught.value.hint == "write it"
