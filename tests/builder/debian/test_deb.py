"""Reading Debian packages, hostile ones above all."""

import io
import pathlib
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.debian.deb import Deb, DebError, ar_members
from tests.support.debs import ar, tar_of

MakeDeb = Callable[..., pathlib.Path]


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    return info


def test_a_package_tells_what_it_holds(make_deb: MakeDeb) -> None:
    deb = Deb(make_deb("demo", special("./usr", tarfile.DIRTYPE), ("./usr/file", b"content")))
    found = [(path, stream.read() if stream else None) for _, path, stream in deb.data()]
    assert found == [("usr", None), ("usr/file", b"content")]
    assert "Package: demo" in deb.control()


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (("../evil", b""), "leaves the place"),
        (("a/../../evil", b""), "leaves the place"),
        (special("dev/sda", tarfile.BLKTYPE), "neither file, folder nor link"),
        (special("pipe", tarfile.FIFOTYPE), "neither file, folder nor link"),
    ],
)
def test_what_must_not_be_unpacked_is_refused(
    make_deb: MakeDeb, entry: tarfile.TarInfo | tuple[str, bytes], problem: str
) -> None:
    with pytest.raises(DebError, match=problem):
        list(Deb(make_deb("demo", entry)).data())


@pytest.mark.parametrize("cut", [0, 4, 8, 40, 68, 200, -1])
def test_a_cut_file_is_no_package(make_deb: MakeDeb, tmp_path: pathlib.Path, cut: int) -> None:
    whole = make_deb("demo", ("a", b"x" * 100)).read_bytes()
    file = tmp_path / "cut.deb"
    file.write_bytes(whole[:cut] if cut >= 0 else whole[: len(whole) - 60])
    with pytest.raises(DebError):
        list(Deb(file).data())


@given(st.binary(max_size=300).map(b"!<arch>\n".__add__))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    stream = io.BytesIO(data)
    try:
        found = ar_members(stream, "fuzz.deb")
    except DebError:
        return
    assert all(member.offset + member.size <= len(data) for member in found)


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_flipped_byte_never_escapes_as_another_error(
    flipped: tuple[pathlib.Path, bytes], place: int, value: int
) -> None:
    file, whole = flipped
    body = bytearray(whole)
    body[place % len(body)] = value
    file.write_bytes(body)
    try:
        deb = Deb(file)
        deb.control()
        for _, _, stream in deb.data():
            if stream:
                stream.read()
    except DebError:
        pass


@pytest.fixture(scope="module")
def flipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, bytes]:
    body = ar(
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", tar_of(("./control", b"Package: a\n"))),
        ("data.tar.xz", tar_of(("./a", b"content"), ("./b", b"more"))),
    )
    return tmp_path_factory.mktemp("flipped") / "flipped.deb", body
