"""Which package brings a file: looked up in lists as Debian's archives have them."""

import gzip
import hashlib
import pathlib
from typing import Any

import pytest

from builder.debian import archive
from builder.debian.bringing import package_bringing
from builder.debian.mirrors import Pocket
from envspec.supply.build_root import Missing
from envspec.system.errors import OutsideError

CONTENTS = b"""\
bin/bash                                                shells/bash
usr/bin/gcc                                             devel/gcc
usr/bin/ninja                                           devel/ninja-build
usr/bin/pg_config                                       libdevel/libpq-dev,database/postgresql-common
usr/include/eigen3/Eigen/Dense                          libdevel/libeigen3-dev
usr/include/ITK-5.2/Eigen/Dense                         libdevel/libinsighttoolkit5-dev
usr/include/mariadb/mysql.h                             libdevel/libmariadb-dev
usr/include/openssl/ssl.h                               libdevel/libssl-dev
usr/include/postgresql/15/server/libpq-fe.h             libdevel/postgresql-server-dev-15
usr/include/postgresql/libpq-fe.h                       libdevel/libpq-dev
usr/include/wolfssl/openssl/ssl.h                       libdevel/libwolfssl-dev
usr/include/x86_64-linux-gnu/ffi.h                      libdevel/libffi-dev
usr/lib/x86_64-linux-gnu/libpq.a                        libdevel/libpq-dev
usr/lib/x86_64-linux-gnu/libpq.so                       libdevel/libpq-dev
usr/lib/x86_64-linux-gnu/libpq.so.5                     libs/libpq5
usr/lib/x86_64-linux-gnu/pkgconfig/libffi.pc            libdevel/libffi-dev
usr/include/cuda.h                                      non-free/libdevel/nvidia-cuda-dev
usr/share/doc/a file with spaces/ssl.h                  doc/some-doc
"""


def brought(kind: Any, name: str) -> str | None:
    return package_bringing(Missing(kind=kind, name=name), [CONTENTS.split(b"\n")], "x86_64-linux-gnu")


@pytest.mark.parametrize(
    ("kind", "name", "package"),
    [
        ("header", "libpq-fe.h", "libpq-dev"),
        ("header", "openssl/ssl.h", "libssl-dev"),
        ("header", "ffi.h", "libffi-dev"),
        ("header", "mysql.h", "libmariadb-dev"),
        ("header", "Eigen/Dense", "libeigen3-dev"),
        ("library", "pq", "libpq-dev"),
        ("pkg-config file", "libffi", "libffi-dev"),
        ("program", "pg_config", "libpq-dev"),
        ("program", "gcc", "gcc"),
        ("program", "ninja", "ninja-build"),
        ("program", "bash", "bash"),
        ("header", "cuda.h", None),
        ("header", "pq-fe.h", None),
        ("library", "q", None),
        ("program", "README.md", None),
    ],
)
def test_the_package_for_development_of_main_is_found(kind: str, name: str, package: str | None) -> None:
    assert brought(kind, name) == package


class Archive:
    """An archive that has one list, and counts who asks for it."""

    def __init__(self, packed: bytes) -> None:
        self.packed = packed
        self.asked: list[str] = []

    def read(self, address: str, *, missing_ok: bool = False) -> bytes | None:
        self.asked.append(address)
        return self.packed if "Contents" in address or "by-hash" in address else b"signed"

    def bring(self, address: str, file: Any, store: Any) -> None:
        raise AssertionError("nothing is brought")


@pytest.fixture
def pockets(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Pocket, ...]:
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path))
    return (Pocket(archive="http://archive.example/debian", suite="bookworm", keyring=tmp_path / "keys"),)


def release(monkeypatch: pytest.MonkeyPatch, packed: bytes) -> None:
    digest = hashlib.sha256(packed).hexdigest()
    text = f"Acquire-By-Hash: yes\nSHA256:\n {digest} {len(packed)} main/Contents-amd64.gz\n"
    monkeypatch.setattr(archive, "verified_release", lambda signed, pocket: text)


def test_a_list_is_fetched_once_by_its_hash_and_inflated_line_by_line(
    pockets: tuple[Pocket, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = gzip.compress(CONTENTS)
    release(monkeypatch, packed)
    asked = Archive(packed)
    for _ in range(2):
        (lines,) = archive.contents_lists(pockets, "amd64", asked)
        assert b"\n".join(lines) == CONTENTS
    assert [address for address in asked.asked if "by-hash" in address] == [
        f"http://archive.example/debian/dists/bookworm/main/by-hash/SHA256/{hashlib.sha256(packed).hexdigest()}"
    ]


@pytest.mark.parametrize("packed", [b"no gzip", gzip.compress(CONTENTS)[:-20]])
def test_a_damaged_list_is_no_answer(
    pockets: tuple[Pocket, ...], monkeypatch: pytest.MonkeyPatch, packed: bytes
) -> None:
    release(monkeypatch, packed)
    (lines,) = archive.contents_lists(pockets, "amd64", Archive(packed))
    with pytest.raises(OutsideError, match="a list of files cannot be read"):
        list(lines)


def test_a_list_beyond_all_bounds_is_not_read_on(
    pockets: tuple[Pocket, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = gzip.compress(CONTENTS)
    release(monkeypatch, packed)
    monkeypatch.setattr(archive, "_LARGEST", 100)
    (lines,) = archive.contents_lists(pockets, "amd64", Archive(packed))
    with pytest.raises(OutsideError, match="larger than any"):
        list(lines)
