"""The packages of a base, resolved in lists as Debian's archives have them."""

import gzip
import hashlib
import pathlib
from typing import Any

import pytest

from builder.debian import archive
from builder.debian.locked import resolve_packages
from builder.debian.mirrors import Pocket
from builder.debian.request import DebianRequest
from envspec.system.errors import OutsideError

WANTED = DebianRequest(suite="bookworm", python="3.11", machine="x86_64", apt=("curl",))


class Archive:
    """An archive of the wanted packages, each without needs, at a version that moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lists = 0
        self.move("1")
        # Who signed it is not the question here.
        monkeypatch.setattr(archive, "verified_release", lambda signed, pocket: signed.decode())

    def move(self, version: str) -> None:
        names = sorted({*WANTED.roots, *WANTED.apt})
        text = "\n\n".join(
            f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nFilename: pool/{name}.deb\n"
            f"Size: 1\nSHA256: {'0' * 64}"
            for name in names
        )
        self.packed = gzip.compress(text.encode(), mtime=0)

    def read(self, address: str, *, missing_ok: bool = False) -> bytes | None:
        if address.endswith("/InRelease"):
            digest = hashlib.sha256(self.packed).hexdigest()
            return (
                None
                if "updates" in address
                else f"SHA256:\n {digest} {len(self.packed)} main/binary-amd64/Packages.gz\n".encode()
            )
        self.lists += 1
        return self.packed

    def bring(self, address: str, file: Any, store: Any) -> None:
        raise AssertionError("nothing is brought")


def pockets(*suites: str) -> list[Pocket]:
    return [
        Pocket(archive="http://archive.example/debian", suite=suite, keyring=pathlib.Path("keys"))
        for suite in suites
    ]


def test_lists_are_read_anew_only_where_they_changed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path))
    asked = Archive(monkeypatch)
    there = pockets("bookworm", "bookworm-updates")
    first = resolve_packages(WANTED, there, asked)
    assert {package.version for package in first} == {"1"}
    # Not even what was kept of the lists is opened.
    for kept in (tmp_path / "debian" / "lists").iterdir():
        kept.unlink()
    assert resolve_packages(WANTED, there, asked) == first
    assert asked.lists == 1
    asked.move("2")
    assert {package.version for package in resolve_packages(WANTED, there, asked)} == {"2"}
    assert asked.lists == 2


def test_other_packages_are_another_question(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path))
    asked = Archive(monkeypatch)
    first = resolve_packages(WANTED, pockets("bookworm"), asked)
    fewer = resolve_packages(WANTED.model_copy(update={"apt": ()}), pockets("bookworm"), asked)
    assert {each.name for each in first} - {each.name for each in fewer} == {"curl"}
    with pytest.raises(OutsideError, match="no packages for arm64"):
        resolve_packages(WANTED.model_copy(update={"machine": "aarch64"}), pockets("bookworm"), asked)
