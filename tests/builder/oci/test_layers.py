"""Layers of wheels: the same bytes everywhere, and nothing half-made."""

import gzip
import io
import pathlib
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest

from builder.oci.store.blobs import Blobs, Layer
from builder.values.stages import InstallStage, PlannedWheel
from builder.wheels import layers
from builder.wheels.groups import LARGE, MOST_LARGE, group_wheels
from builder.wheels.prefix import Prefix
from envspec.supply.wheel import WheelError
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import BuildError, SpoiledError
from envspec.system.progress import SILENT

MakeWheel = Callable[..., pathlib.Path]
MakeStage = Callable[..., InstallStage]


def names(blobs: Blobs, layer: Layer) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blobs.path(layer.digest).read_bytes()))) as archive:
        return [info.name for info in archive]


def wheel_of(size: int, name: str) -> PlannedWheel:
    return PlannedWheel(
        name=name, version="1", file=f"{name}-1-py3-none-any.whl", sha256=f"{size:064x}", size=size
    )


def test_large_wheels_come_first_and_small_ones_share_their_stage() -> None:
    big, small, other = wheel_of(LARGE, "big"), wheel_of(10, "small"), wheel_of(11, "other")
    stages = [
        InstallStage(name="one", why="", wheels=(small, other)),
        InstallStage(name="none", why="", wheels=()),
        InstallStage(name="two", why="", wheels=(big,)),
    ]
    assert [(group.title, len(group.wheels)) for group in group_wheels(stages)] == [
        ("big 1", 1),
        ("stage one", 2),
    ]


def test_an_image_never_has_too_many_layers() -> None:
    wheels = tuple(wheel_of(LARGE + n, f"w{n}") for n in range(200))
    assert len(group_wheels([InstallStage(name="one", why="", wheels=wheels)])) == MOST_LARGE + 1


def test_entries_are_sorted_with_folders_first(
    make_wheel: MakeWheel, make_stage: MakeStage, prefix: Prefix, store: Wheelhouse, blobs: Blobs
) -> None:
    stage = make_stage("one", make_wheel("b", {"b/x.py": ""}), make_wheel("a", {"a/y.py": ""}))
    (layer,) = layers.wheel_layers([stage], prefix, store, blobs, SILENT)
    found = names(blobs, layer)
    assert found == sorted(found)
    assert found[:3] == ["opt", "opt/env", "opt/env/lib"]


def test_the_same_wheels_give_the_same_bytes_whatever_the_process(
    make_wheel: MakeWheel, make_stage: MakeStage, prefix: Prefix, store: Wheelhouse, tmp_path: pathlib.Path
) -> None:
    """Three processes with their own hash seeds and folders."""
    stage = make_stage(
        "one", make_wheel("a", {f"a/{n}.py": str(n) for n in range(30)}), make_wheel("b", {"b.py": ""})
    )
    script = (
        "import sys, pathlib; from builder.wheels import layers; from builder.oci.store.blobs import Blobs;"
        "from builder.wheels.prefix import Prefix; from builder.values.stages import InstallStage;"
        "from envspec.supply.wheelhouse import Wheelhouse; from envspec.system.progress import SILENT;"
        "prefix = Prefix(root='/opt/env', version='3.11', base_python='/usr/bin/python3.11');"
        "stage = InstallStage.model_validate_json(sys.argv[1]);"
        "print(layers.wheel_layers([stage], prefix, Wheelhouse(pathlib.Path(sys.argv[2])),"
        " Blobs(pathlib.Path(sys.argv[3])), SILENT)[0].digest)"
    )
    digests = set()
    for seed in ("0", "1", "2"):
        command = [
            sys.executable,
            "-c",
            script,
            stage.model_dump_json(),
            str(store.root),
            str(tmp_path / seed),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, env={"PYTHONHASHSEED": seed}, timeout=60
        )
        assert done.returncode == 0, done.stderr
        digests.add(done.stdout)
    assert len(digests) == 1


def test_the_recipe_knows_everything_that_changes_the_bytes(
    make_wheel: MakeWheel, make_stage: MakeStage, prefix: Prefix, store: Wheelhouse, blobs: Blobs
) -> None:
    wheel = make_wheel("a", {"a/x.py": "", "a/tests/y.py": ""})
    whole = layers.wheel_layers([make_stage("one", wheel)], prefix, store, blobs, SILENT)
    less = layers.wheel_layers(
        [make_stage("one", wheel, trim=("**/tests/**",))], prefix, store, blobs, SILENT
    )
    assert whole[0].diff_id != less[0].diff_id


def test_two_wheels_with_one_path_are_refused_by_name(
    make_wheel: MakeWheel, make_stage: MakeStage, prefix: Prefix, store: Wheelhouse, blobs: Blobs
) -> None:
    stage = make_stage("one", make_wheel("a", {"same.py": "1"}), make_wheel("b", {"same.py": "2"}))
    with pytest.raises(BuildError, match=r"a and b both bring /opt/env/.*/same.py"):
        layers.wheel_layers([stage], prefix, store, blobs, SILENT)


def test_of_programs_and_data_in_two_wheels_the_later_one_counts(
    make_wheel: MakeWheel, make_stage: MakeStage, prefix: Prefix, store: Wheelhouse, blobs: Blobs
) -> None:
    first, second = (
        make_wheel(name, {f"{name}-1.0.data/scripts/run": f"#!python\n{name}", "README.md": name})
        for name in ("a", "b")
    )
    (layer,) = layers.wheel_layers([make_stage("one", first, second)], prefix, store, blobs, SILENT)
    found = names(blobs, layer)
    assert [name.rpartition("/")[2] for name in found].count("run") == 1
    assert [name.rpartition("/")[2] for name in found].count("README.md") == 1


def test_one_file_in_two_wheels_is_written_once(
    make_wheel: MakeWheel, make_stage: MakeStage, prefix: Prefix, store: Wheelhouse, blobs: Blobs
) -> None:
    first = make_stage("one", make_wheel("a", {"space/__init__.py": "", "space/a.py": "", "tests/t.py": "1"}))
    then = make_stage("two", make_wheel("b", {"space/__init__.py": "", "space/b.py": "", "tests/t.py": "2"}))
    lower, upper = layers.wheel_layers([first, then], prefix, store, blobs, SILENT)
    shared = f"{prefix.site[1:]}/space/__init__.py"
    careless = f"{prefix.site[1:]}/tests/t.py"
    assert shared not in names(blobs, lower)
    assert shared in names(blobs, upper)
    assert careless not in names(blobs, lower)
    assert careless in names(blobs, upper)


def test_a_file_where_another_wheel_has_a_folder_is_refused(
    make_wheel: MakeWheel, make_stage: MakeStage, prefix: Prefix, store: Wheelhouse, blobs: Blobs
) -> None:
    stage = make_stage("one", make_wheel("a", {"x": "1"}), make_wheel("b", {"x/y.py": "2"}))
    with pytest.raises(BuildError, match="is a folder of another package"):
        layers.wheel_layers([stage], prefix, store, blobs, SILENT)


def test_a_damaged_wheel_is_named_and_thrown_away(
    make_wheel: MakeWheel, make_stage: MakeStage, prefix: Prefix, store: Wheelhouse, blobs: Blobs
) -> None:
    stage = make_stage("one", make_wheel("a", {"a.py": "x" * 5000}))
    file = store.path(stage.wheels[0])
    file.chmod(0o644)
    body = bytearray(file.read_bytes())
    body[60] ^= 255
    file.write_bytes(body)
    with pytest.raises(SpoiledError, match=stage.wheels[0].file):
        layers.wheel_layers([stage], prefix, store, blobs, SILENT)
    assert not file.exists()
    assert not (blobs.root / "blobs").exists()


def test_a_wheel_whose_checksum_lies_is_refused(
    make_wheel: MakeWheel, make_stage: MakeStage, prefix: Prefix, store: Wheelhouse, blobs: Blobs
) -> None:
    """Its sha256 is the lock's, and still a member is not what the archive says."""
    wheel = make_wheel("a", {"a.py": "x" * 5000})
    body = wheel.read_bytes()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        crc = archive.getinfo("a.py").CRC.to_bytes(4, "little")
    wheel.write_bytes(body.replace(crc, bytes(4)))
    with pytest.raises(WheelError, match=r"a.py.*checksum"):
        layers.wheel_layers([make_stage("one", wheel)], prefix, store, blobs, SILENT)


def test_a_layer_that_lost_its_blob_is_made_again(
    make_wheel: MakeWheel, make_stage: MakeStage, prefix: Prefix, store: Wheelhouse, blobs: Blobs
) -> None:
    stage = make_stage("one", make_wheel("a", {"a.py": "1"}))
    (before,) = layers.wheel_layers([stage], prefix, store, blobs, SILENT)
    blobs.path(before.digest).unlink()
    (after,) = layers.wheel_layers([stage], prefix, store, blobs, SILENT)
    assert after == before
    assert blobs.has(after)


def test_stored_members_are_taken_as_well(
    make_wheel: MakeWheel, make_stage: MakeStage, prefix: Prefix, store: Wheelhouse, blobs: Blobs
) -> None:
    stage = make_stage("one", make_wheel("a", {"a.py": "x = 1\n", "empty.py": ""}, stored=True))
    (layer,) = layers.wheel_layers([stage], prefix, store, blobs, SILENT)
    assert f"{prefix.site[1:]}/a.py" in names(blobs, layer)


def test_memory_does_not_grow_with_a_file(
    make_wheel: MakeWheel, make_stage: MakeStage, prefix: Prefix, store: Wheelhouse, blobs: Blobs
) -> None:
    stage = make_stage("one", make_wheel("a", {"a.bin": bytes(128 << 20)}))
    tracemalloc.start()
    try:
        layers.wheel_layers([stage], prefix, store, blobs, SILENT)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20
