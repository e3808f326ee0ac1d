"""The store of layers when the machine lets it down: a full disk, a kill at any moment, leftovers."""

import pathlib
import random
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from builder.oci.image.records import Records
from builder.oci.store.blobs import Blobs
from builder.values.stages import InstallStage
from envspec.system.sweeping import sweep_home

MakeWheel = Callable[..., pathlib.Path]
MakeStage = Callable[..., InstallStage]

BUILD = """
import pathlib, sys
from builder.wheels import layers
from builder.oci.store.blobs import Blobs
from builder.oci.image.records import LayerStack, Records
from builder.wheels.prefix import Prefix
from builder.values.stages import InstallStage
from envspec.system.errors import EnvspecError
from envspec.system.progress import SILENT
from envspec.supply.wheelhouse import Wheelhouse
stage = InstallStage.model_validate_json(pathlib.Path(sys.argv[1]).read_text())
prefix = Prefix(root="/opt/env", version="3.11", base_python="/usr/bin/python3.11")
store, blobs = Wheelhouse(pathlib.Path(sys.argv[2])), Blobs(pathlib.Path(sys.argv[3]))
try:
    made = Records(blobs).stack("k", lambda: layers.wheel_layers([stage], prefix, store, blobs, SILENT))
except EnvspecError as error:
    sys.exit(f"{type(error).__name__}: {error.message} ({error.hint})")
print(*(layer.digest for layer in made))
"""
"""Makes the layers of a stage in a process of its own, and says their digests."""


@pytest.fixture
def words(make_wheel: MakeWheel, make_stage: MakeStage, tmp_path: pathlib.Path) -> list[str]:
    """The command that makes three layers of 6 MB each and a small one; its last word names its store."""
    noise = random.Random(1)
    large = [make_wheel(f"large{n}", {f"large{n}.bin": noise.randbytes(6 << 20)}) for n in range(3)]
    small = [make_wheel(f"small{n}", {f"small{n}.py": f"x = {n}\n"}) for n in range(20)]
    (tmp_path / "stage.json").write_text(make_stage("one", *large, *small).model_dump_json())
    program = [sys.executable, "-c", BUILD, str(tmp_path / "stage.json"), str(tmp_path / "wheelhouse")]
    return [*program, str(tmp_path / "oci")]


def whole(blobs: Blobs) -> bool:
    """Whether all that looks finished is: every blob has the digest that it is named by."""
    stored = blobs.root / "blobs" / "sha256"
    found = stored.iterdir() if stored.is_dir() else ()
    check = ["sha256sum", *map(str, found)]
    if len(check) == 1:
        return True
    said = subprocess.run(check, capture_output=True, text=True, check=True).stdout
    return all(line.split()[0] == pathlib.Path(line.split()[1]).name for line in said.splitlines())


def test_a_full_disk_ends_with_a_sentence_and_room_is_all_that_is_needed(
    words: list[str], tmp_path: pathlib.Path
) -> None:
    """A file system of 9 MB for layers of 18, made larger in between."""
    store = tmp_path / "oci"
    store.mkdir()
    script = (
        f'mount -t tmpfs -o size=9m tmpfs "{store}" || exit 99\n'
        '"$@"; echo "ended with $?"\n'
        f'ls -A "{store}/partial"\n'
        f'cd "{store}/blobs/sha256" && for name in *; do\n'
        '  [ ! -e "$name" ] || [ "$(sha256sum <"$name")" = "$name  -" ] || echo "$name is broken"\n'
        "done\n"
        f'mount -o remount,size=64m "{store}" && "$@"\n'
    )
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", *words]
    done = subprocess.run(inside, capture_output=True, text=True, timeout=300)
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip(f"no file system of one's own can be mounted here: {done.stderr.strip()}")
    assert "DiskError: " in done.stderr
    assert "no space left" in done.stderr
    assert "Traceback" not in done.stderr
    ended, *rest = done.stdout.splitlines()
    assert ended == "ended with 1"
    assert len(rest) == 1, "nothing unfinished stays, and what stays is whole"
    assert rest[0].split() == made_elsewhere(words, tmp_path)


def made_elsewhere(words: list[str], tmp_path: pathlib.Path) -> list[str]:
    clean = [*words[:-1], str(tmp_path / "clean")]
    return subprocess.run(clean, capture_output=True, text=True, check=True).stdout.split()


def test_a_run_after_a_kill_makes_the_same_layers(words: list[str], tmp_path: pathlib.Path) -> None:
    expected, blobs = made_elsewhere(words, tmp_path), Blobs(tmp_path / "oci")
    began = time.monotonic()
    subprocess.run([*words[:-1], str(tmp_path / "timed")], check=True, capture_output=True)
    takes, moments = time.monotonic() - began, random.Random(7)
    stopped = 0
    for _ in range(8):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(takes * moments.uniform(0.3, 0.95))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            stopped += 1
        assert whole(blobs)
    assert stopped > 0
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.split() == expected


def test_what_killed_runs_left_goes_and_what_is_under_way_stays(home: pathlib.Path) -> None:
    blobs = Blobs(home / "oci")
    with blobs.incoming() as stream:
        dead = blobs.root / "partial" / "envspec-blob-0123456789abcdef"
        dead.write_bytes(b"half a layer")
        sweep_home()
        assert not dead.exists()
        assert pathlib.Path(stream.name).exists()


def test_a_damaged_record_is_made_again(blobs: Blobs) -> None:
    records = Records(blobs)
    made = records.stack("key", tuple)
    (file,) = (blobs.root / "stacks").iterdir()
    whole = file.read_bytes()
    file.write_text('{"layers": [{"dig')
    assert records.stack("key", tuple) == made
    assert file.read_bytes() == whole
