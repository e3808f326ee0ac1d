"""Debian packages made on the spot."""

import pathlib
import tarfile
from collections.abc import Callable

import pytest

from tests.support.debs import deb_of


@pytest.fixture
def make_deb(tmp_path: pathlib.Path) -> Callable[..., pathlib.Path]:
    """Writes a Debian package with those entries."""

    def make(name: str, *entries: tarfile.TarInfo | tuple[str, bytes], control: str = "") -> pathlib.Path:
        place = tmp_path / f"{name}.deb"
        place.write_bytes(deb_of(name, *entries, control=control))
        return place

    return make
