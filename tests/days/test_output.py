"""Writing an image out: killed at random moments, several at once, and into what others left.

`ENVSPEC_DAYS=all` tries many more.
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tarfile
import time

import pytest

from builder.oci.image import layout
from builder.oci.image.base import BaseImage
from builder.oci.image.documents import ContainerSettings, Image, assemble_image
from builder.oci.store import pieces
from builder.oci.store.blobs import Blobs, Descriptor
from builder.oci.store.pieces import file_piece
from tests.support.amount import ALL

pytestmark = pytest.mark.days

KILLS = 40 if ALL else 4
ROUNDS = 12 if ALL else 1
WRITERS = 4
LAYERS = 12

WRITE = """
import os, pathlib, sys
from builder.oci.image import layout
from builder.oci.image.documents import Image
from builder.oci.store.blobs import Blobs
image = Image.model_validate_json(pathlib.Path(sys.argv[1]).read_text())
print("ready", flush=True)
layout.write_image(image, "amd64", sys.argv[2], Blobs(pathlib.Path(sys.argv[3])), pathlib.Path(sys.argv[4]))
"""
"""Writes an image out in a process of its own; says when it begins."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Blobs:
    """A store with an image of 24 MB, whose description stands beside it."""
    folder, noise = tmp_path_factory.mktemp("store"), random.Random(3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENVSPEC_HOME", str(folder / "home"))
        blobs = Blobs(folder / "oci")
        layers = [
            pieces.layer_of_pieces(
                f"layer {number}", [file_piece(f"app/{number}", noise.randbytes(2 << 20))], blobs
            )
            for number in range(LAYERS)
        ]
        settings = ContainerSettings(
            user="0:0", folder="/", variables={}, labels={}, entrypoint=(), command=("serve",)
        )
        base = BaseImage(name="demo:1", machine="amd64", layers=tuple(layers[:1]))
        image = assemble_image(base, layers[1:], settings, "/usr/bin/python3.11", blobs)
    (folder / "image.json").write_text(image.model_dump_json())
    return blobs


def begin(store: Blobs, tag: str, output: pathlib.Path, home: pathlib.Path) -> subprocess.Popen[str]:
    """A writer, once it has loaded what it needs."""
    words = [str(store.root.parent / "image.json"), tag, str(store.root), str(output)]
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE, *words],
        env={**os.environ, "ENVSPEC_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    """Wait until the writer has ended, and well."""
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said


def names(folder: pathlib.Path) -> list[str]:
    """What a layout names, once all of it has been found there."""
    held, found = Blobs(folder), []
    for entry in layout.read_manifests(folder):
        manifest = json.loads(held.path(entry["digest"]).read_bytes())
        for part in (entry, manifest["config"], *manifest["layers"]):
            named = Descriptor(media=part["mediaType"], digest=part["digest"], size=part["size"])
            assert sum(map(len, held.chunks(named))) == part["size"]
        found.append(entry["annotations"][layout.REF])
    return sorted(found)


def nothing_besides(folder: pathlib.Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["blobs", "index.json", "oci-layout"]
    assert not list(folder.rglob(".*"))


def seconds(store: Blobs, tmp_path: pathlib.Path, name: str) -> float:
    """How long one takes to write."""
    began = time.monotonic()
    end(begin(store, "timed:1", tmp_path / "timed" / name, tmp_path / "home"))
    return time.monotonic() - began


@pytest.mark.parametrize("held", [False, True], ids=["new", "beside another"])
def test_a_layout_is_complete_after_any_number_of_kills(
    store: Blobs, tmp_path: pathlib.Path, *, held: bool
) -> None:
    out, before, moments = tmp_path / "out", ["old:1"] if held else [], random.Random(11)
    takes = seconds(store, tmp_path, "layout")
    for _ in range(KILLS):
        subprocess.run(["rm", "-rf", out], check=True)
        if held:
            image = Image.model_validate_json((store.root.parent / "image.json").read_text())
            layout.write_layout(image, "amd64", "old:1", store, out)
            for blob in random.Random(1).sample(image.layers, 6):  # so that there is something to write
                moved = out / "blobs" / "sha256" / blob.digest.removeprefix("sha256:")
                moved.unlink()
        process = begin(store, "new:1", out, tmp_path / "home")
        time.sleep(moments.uniform(0, takes / 2))
        process.kill()
        process.communicate()
        listed = [entry["annotations"][layout.REF] for entry in layout.read_manifests(out)]
        assert sorted(listed) in ([], before, sorted([*before, "new:1"]))
        end(begin(store, "new:1", out, tmp_path / "home"))
        assert names(out) == sorted([*before, "new:1"])
        nothing_besides(out)


@pytest.mark.parametrize("held", [False, True], ids=["new", "over another"])
def test_an_archive_is_the_old_or_the_new_one_after_any_number_of_kills(
    store: Blobs, tmp_path: pathlib.Path, *, held: bool
) -> None:
    out, moments = tmp_path / "folder" / "image.tar", random.Random(12)
    takes = seconds(store, tmp_path, "image.tar")
    for _ in range(KILLS):
        subprocess.run(["rm", "-rf", out.parent], check=True)
        out.parent.mkdir()
        if held:
            out.write_bytes(b"old")
        process = begin(store, "new:1", out, tmp_path / "home")
        time.sleep(moments.uniform(0, takes / 2))
        process.kill()
        process.communicate()
        if out.exists() and out.read_bytes()[:3] != b"old":
            tarfile.open(out).close()
        assert held <= out.exists()
        for left in out.parent.glob(".*"):  # one that was killed before it wrote stays a minute
            os.utime(left, (time.time() - 120,) * 2)
        end(begin(store, "new:1", out, tmp_path / "home"))
        with tarfile.open(out) as archive:
            assert len(archive.getnames()) == LAYERS + 2
        assert [path.name for path in out.parent.iterdir()] == ["image.tar"]


@pytest.mark.parametrize("name", ["layout", "image.tar"])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_writers_at_once_all_end_well(store: Blobs, tmp_path: pathlib.Path, name: str, number: int) -> None:
    out = tmp_path / "out" / name
    tags = [f"tag{writer}:1" for writer in range(WRITERS)]
    writers = [
        begin(store, tag, out, tmp_path / f"home{place % (number + 1)}") for place, tag in enumerate(tags)
    ]
    for writer in writers:
        end(writer)
    if name == "layout":
        assert names(out) == tags
        nothing_besides(out)
    else:
        with tarfile.open(out) as archive:
            assert len(archive.getnames()) == LAYERS + 2
        assert [path.name for path in out.parent.iterdir()] == [name]
