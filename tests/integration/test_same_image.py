"""One lock, one image: made by two users, in two folders, with other hash seeds and a year between them."""

import pathlib
import shutil
import subprocess

import pytest

from builder.cli import digest
from builder.cli.digest import FILE
from envspec.lockfile import lock
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.home import tool_home
from tests.support.paths import EXAMPLES
from tests.support.program import BIN, machine

ANOTHER = ("unshare", "--user", "--map-user=12345", "--map-group=12345")
"""Makes a command see itself, and the files that it makes, as those of a user that no machine has."""

YEAR = 365 * 24 * 3600
"""Seconds."""

pytestmark = pytest.mark.network


def fill(wheelhouse: pathlib.Path, name: str) -> None:
    """Put all that the example's lock lists into a new wheelhouse, out of the user's own."""
    digest.digest_of_image(EXAMPLES / name)  # fetches what is not there
    held = lock.read_lock(lock.lock_file(EXAMPLES / name / "envspec.toml", None))
    assert held is not None
    own, new = Wheelhouse(tool_home() / "wheelhouse"), Wheelhouse(wheelhouse)
    for file in (*(artifact.installed for artifact in held.artifact), *held.base.packages):
        new.path(file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(own.path(file), new.path(file))


def make(name: str, folder: pathlib.Path, *before: str, **variables: str) -> str:
    """Make the image of an example from a copy of it, in a home below the folder; what it is, in lines."""
    shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns(FILE))
    fill(folder / "home" / "wheelhouse", name)
    done = subprocess.run(
        [*before, BIN / "python", "-m", "builder.cli.digest", folder / name],
        env={**machine(folder / "home"), **variables},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return (folder / name / FILE).read_text()


def seen(*before: str) -> tuple[int, float]:
    """Who a command started so takes itself for, and when."""
    program = "import os, time; print(os.getuid(), time.time())"
    user, time = subprocess.check_output([*before, BIN / "python", "-c", program], text=True).split()
    return int(user), float(time)


def blobs(folder: pathlib.Path) -> set[str]:
    """Digests of everything that was made: packed layers, configuration and manifest."""
    return {blob.name for blob in (folder / "home" / "oci" / "blobs" / "sha256").iterdir()}


@pytest.mark.parametrize("name", ["espeak", pytest.param("sambert-hifigan", marks=pytest.mark.reference)])
def test_another_user_in_another_year_makes_the_same_image(name: str, tmp_path: pathlib.Path) -> None:
    """Down to the packed bytes, which the manifest's digest covers."""
    if not shutil.which("faketime"):
        pytest.skip("the clock is moved by faketime, a package of Debian")
    one, other = tmp_path / "one", tmp_path / "else" / "where"
    early = ("faketime", "-f", "-100d")
    late = (*ANOTHER, "faketime", "-f", "+265d")
    (user, then), (stranger, now) = seen(*early), seen(*late)
    assert user != stranger
    assert now - then == pytest.approx(YEAR, abs=60)
    first = make(name, one, *early, PYTHONHASHSEED="1", TZ="Asia/Shanghai")
    second = make(name, other, *late, PYTHONHASHSEED="2", HOME=str(other), LC_ALL="C.UTF-8")
    assert digest.digest_differences(first, second) == ()
    assert blobs(one) == blobs(other)


def test_the_image_of_the_example_is_the_one_that_the_tree_promises() -> None:
    changed = digest.digest_differences(
        (EXAMPLES / "espeak" / FILE).read_text(), digest.digest_of_image(EXAMPLES / "espeak")
    )
    assert not changed, f"{'; '.join(changed)}. If that is meant: `make digest` writes the new one"
