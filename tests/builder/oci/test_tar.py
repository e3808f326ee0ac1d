"""The archives' headers, read back by Python's own reader."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.oci.store import tar
from builder.oci.store.tar import Kind, TarEntry

NAMES = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0/"), min_size=1, max_size=40
)
PATHS = st.lists(NAMES.filter(lambda name: name not in (".", "..")), min_size=1, max_size=8).map("/".join)


@given(path=PATHS, mode=st.integers(0, 0o7777), size=st.integers(0, 2**40), time=st.integers(0, 2**32))
def test_a_file_reads_back_as_it_was_written(path: str, mode: int, size: int, time: int) -> None:
    """Long names, names in any script and sizes beyond the plain header included."""
    info = read(tar.tar_header(TarEntry(path=path, mode=mode, size=size), time))
    assert (info.name, info.mode, info.size, info.mtime) == (path, mode, size, time)
    assert (info.uid, info.gid, info.uname, info.gname) == (0, 0, "", "")


@given(path=PATHS, target=PATHS)
def test_a_link_reads_back(path: str, target: str) -> None:
    info = read(tar.tar_header(TarEntry(path=path, kind=Kind.LINK, link=target), 0))
    assert (info.issym(), info.name, info.linkname) == (True, path, target)


def test_a_folder_reads_back() -> None:
    info = read(tar.tar_header(tar.folder_entry("a/b"), 0))
    assert (info.isdir(), info.name, info.mode) == (True, "a/b", 0o755)


@given(st.lists(PATHS, max_size=8))
def test_the_folders_of_many_paths_are_those_above_each(paths: list[str]) -> None:
    assert tar.folders_above(paths) == {folder for path in paths for folder in tar.parent_paths(path)}


def test_the_time_is_fixed_unless_the_caller_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert tar.archive_epoch() == tar.EPOCH
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert tar.archive_epoch() == 1_700_000_000
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert tar.archive_epoch() == tar.EPOCH


def test_parents_come_outermost_first() -> None:
    assert tar.parent_paths("a/b/c") == ("a", "a/b")


def read(header: bytes) -> tarfile.TarInfo:
    with tarfile.open(fileobj=io.BytesIO(header + tar.END), mode="r|") as archive:
        info = archive.next()
    assert info is not None
    return info
