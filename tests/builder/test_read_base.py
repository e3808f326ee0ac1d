"""The libraries of a base before the build: of this machine, of an image on disk, of one that is away."""

import pathlib
import sys
import tarfile

import pytest

from builder.flow.base import lock_base, read_base, seen_libc
from builder.flow.project import Project
from envspec.lockfile.lock import Lock, LockedBase
from envspec.spec.load import parse_spec
from envspec.system.progress import SILENT
from tests.support.base_image import write_base
from tests.support.specs import lock

pytestmark = pytest.mark.usefixtures("home")

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""That of the base, which is made of this one."""
IMAGE = "127.0.0.1:9/nowhere/python:3.11"


def project(folder: pathlib.Path, base: str, held: LockedBase) -> tuple[Project, Lock]:
    text = (
        f'name = "x"\npython = "{PYTHON}"\n[base]\n{base}\n[[stage]]\nname = "a"\ninstall = ["six==1.16.0"]\n'
    )
    made = Project(file=folder / "envspec.toml", spec=parse_spec(text))
    return made, lock().model_copy(update={"base": held, "python": PYTHON})


def test_this_machine_is_read_where_it_stands(tmp_path: pathlib.Path) -> None:
    found = read_base(*project(tmp_path, "host = true", LockedBase(host=True)))
    assert (found.root, found.complete) == (pathlib.Path("/"), True)


def test_a_registry_that_is_away_is_no_error(tmp_path: pathlib.Path) -> None:
    found = read_base(*project(tmp_path, f'image = "{IMAGE}"', LockedBase(image=IMAGE)))
    assert found.root is None
    assert IMAGE in found.why


@pytest.mark.parametrize(
    ("files", "more", "seen"),
    [
        (["lib/ld-musl-x86_64.so.1"], "", "musl"),
        (["usr/lib/ld-musl-x86_64.so.1", "lib/x86_64-linux-gnu/libc.so.6"], "", "glibc"),
        (["etc/hostname"], "", None),
        (["lib/ld-musl-x86_64.so.1"], 'libc = "glibc"', None),
    ],
)
def test_an_image_on_disk_is_asked_for_its_c_library(
    tmp_path: pathlib.Path, files: list[str], more: str, seen: str | None
) -> None:
    with tarfile.open(tmp_path / "base.tar", "w") as archive:
        for name in files:
            archive.addfile(tarfile.TarInfo(name))
    made, _ = project(tmp_path, f'image = "{IMAGE}"\narchive = "base.tar"\n{more}', LockedBase())
    assert seen_libc(made) == seen


def test_an_image_that_is_elsewhere_or_gone_is_asked_for_nothing(tmp_path: pathlib.Path) -> None:
    for base in (f'image = "{IMAGE}"', f'image = "{IMAGE}"\narchive = "gone.tar"', "host = true"):
        assert seen_libc(project(tmp_path, base, LockedBase())[0]) is None


@pytest.mark.parametrize("apt", [(), ("libgl1",)])
def test_an_image_on_disk_is_read_and_known_to_be_incomplete_with_packages(
    tmp_path: pathlib.Path, apt: tuple[str, ...]
) -> None:
    write_base(tmp_path / "base.tar")
    base = f'image = "{IMAGE}"\narchive = "base.tar"'
    made, held = project(tmp_path, base, LockedBase(image=IMAGE, apt=apt))
    found = read_base(made, lock_base(held, made, SILENT))
    assert found.root is not None, found.why
    assert found.complete is not bool(apt)
