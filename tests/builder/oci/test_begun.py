"""Layout folders that were begun: what may be written to, what a stopped run leaves, and several at once."""

import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from builder.oci.image import begun, layout
from builder.oci.image.base import BaseImage
from builder.oci.image.documents import ContainerSettings, Image, assemble_image
from builder.oci.store import pieces
from builder.oci.store.blobs import Blobs, Descriptor
from builder.oci.store.pieces import file_piece
from envspec.system.errors import UsageError

BLOB = f"blobs/sha256/{1:064}"
INDEX = '{"schemaVersion": 2, "manifests": []}'

OURS: dict[str, dict[str, str]] = {
    "empty": {},
    "blobs under way of a killed run": {"partial/tmpab12_x9z": "half"},
    "an empty folder for them": {"partial/": ""},
    "blobs": {BLOB: "x"},
    "no blob yet": {"blobs/sha256/": ""},
    "a blob being copied": {f"blobs/sha256/.{2:064}.abcd1234": "half", BLOB: "x"},
    "the first file being written": {".oci-layout.abcd1234": ""},
    "an index without its word": {BLOB: "x", "index.json": INDEX},
    "all of it": {"oci-layout": "{}", "index.json": INDEX, BLOB: "x", "README": "beside a layout"},
}
THEIRS: dict[str, dict[str, str]] = {
    "a file": {"thesis.txt": "precious"},
    "a hidden file": {".bashrc": "precious"},
    "a file beside blobs": {BLOB: "x", "thesis.txt": "precious"},
    "other blobs": {"blobs/photo.jpg": "precious"},
    "other blobs by digest": {"blobs/sha256/photo.jpg": "precious"},
    "another partial": {"partial/thesis.txt": "precious"},
    "another index": {"index.json": '{"name": "precious"}'},
    "no json": {"index.json": "precious"},
    "a file of the name": {"blobs": "precious"},
}


def fill(folder: pathlib.Path, files: dict[str, str]) -> pathlib.Path:
    folder.mkdir()
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir() if name.endswith("/") else place.write_text(text)
    return folder


@pytest.fixture
def image(home: pathlib.Path, blobs: Blobs) -> Image:
    """One of two layers, in the store of blobs."""
    base = pieces.layer_of_pieces("base", [file_piece("etc/passwd", b"root:x:0:0\n")], blobs, known=())
    layer = pieces.layer_of_pieces("payload", [file_piece("app/run.py", b"print(1)\n" * 1000)], blobs)
    settings = ContainerSettings(
        user="0:0", folder="/", variables={}, labels={}, entrypoint=(), command=("serve",)
    )
    below = BaseImage(name="demo:1", machine="amd64", layers=(base,))
    return assemble_image(below, [layer], settings, "/usr/bin/python3.11", blobs)


def whole(folder: pathlib.Path) -> list[str]:
    """The names in a layout, once all that it names has been found there, and nothing besides."""
    assert sorted(path.name for path in folder.iterdir()) == ["blobs", "index.json", "oci-layout"]
    held = Blobs(folder)
    listed = json.loads((folder / "index.json").read_text())["manifests"]
    for entry in listed:
        manifest = json.loads(held.path(entry["digest"]).read_bytes())
        for part in (entry, manifest["config"], *manifest["layers"]):
            named = Descriptor(media=part["mediaType"], digest=part["digest"], size=part["size"])
            assert len(held.read(named)) == part["size"]
    return sorted(entry["annotations"][layout.REF] for entry in listed)


@pytest.mark.parametrize("left", OURS)
def test_what_a_stopped_run_left_is_completed(
    image: Image, blobs: Blobs, tmp_path: pathlib.Path, left: str
) -> None:
    out = fill(tmp_path / "out", OURS[left])
    layout.write_image(image, "amd64", "demo:1", blobs, out)
    (out / "README").unlink(missing_ok=True)
    assert whole(out) == ["demo:1"]
    assert not list(out.rglob(".*"))


@pytest.mark.parametrize("held", THEIRS)
def test_somebody_elses_folder_is_refused_and_left_as_it_is(
    image: Image, blobs: Blobs, tmp_path: pathlib.Path, held: str
) -> None:
    out = fill(tmp_path / "out", THEIRS[held])
    before = {str(path): path.is_file() and path.read_text() for path in out.rglob("*")}
    with pytest.raises(UsageError, match="no OCI layout"):
        layout.write_image(image, "amd64", "demo:1", blobs, out)
    assert {str(path): path.is_file() and path.read_text() for path in out.rglob("*")} == before


def test_a_sweep_leaves_what_is_somebodys(tmp_path: pathlib.Path) -> None:
    out = fill(tmp_path / "out", {"oci-layout": "{}", "partial/thesis.txt": "x", ".notes.abcd1234": "x"})
    begun.sweep_layout(out)
    assert (out / "partial" / "thesis.txt").exists()
    assert (out / ".notes.abcd1234").exists()


class StoppedBlobs(Blobs):
    """A store that stops whoever reads it, in the middle of the blob of that number."""

    def __init__(self, root: pathlib.Path, number: int) -> None:
        super().__init__(root)
        self._left = number

    def chunks(self, blob: Descriptor) -> Iterator[bytes]:
        body = b"".join(super().chunks(blob))
        yield body[:3]
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        yield body[3:]


@pytest.mark.parametrize("number", range(4))
def test_a_run_that_is_stopped_is_completed_by_the_next(
    image: Image, blobs: Blobs, tmp_path: pathlib.Path, number: int
) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        layout.write_image(image, "amd64", "demo:1", StoppedBlobs(blobs.root, number), out)
    assert layout.read_manifests(out) == []
    assert not list(out.rglob(".*"))
    layout.write_image(image, "amd64", "demo:1", blobs, out)
    assert whole(out) == ["demo:1"]


def test_a_layout_that_has_all_of_it_is_not_written(
    image: Image, blobs: Blobs, tmp_path: pathlib.Path
) -> None:
    """So a folder that is read only will do."""
    out = tmp_path / "out"
    layout.write_image(image, "amd64", "demo:1", blobs, out)
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in (out, *out.rglob("*"))}
    layout.write_image(image, "amd64", "demo:1", blobs, out)
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in (out, *out.rglob("*"))} == before


WRITE = """
import os, pathlib, sys
from builder.oci.image import layout
from builder.oci.image.documents import Image
from builder.oci.store.blobs import Blobs
image = Image.model_validate_json(sys.stdin.read())
os.environ["ENVSPEC_HOME"] = sys.argv[4]
layout.write_image(image, "amd64", sys.argv[1], Blobs(pathlib.Path(sys.argv[2])), pathlib.Path(sys.argv[3]))
"""


def test_several_runs_at_once_all_end_well_whatever_homes_they_have(
    image: Image, blobs: Blobs, tmp_path: pathlib.Path
) -> None:
    out, names = tmp_path / "out", ["a:1", "b:1", "c:1", "d:1"]
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, name, str(blobs.root), str(out), str(tmp_path / name)],
            stdin=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for run in runs:
        assert run.stdin is not None
        run.stdin.write(image.model_dump_json())
        run.stdin.close()
    assert [run.wait(60) for run in runs] == [0, 0, 0, 0]
    assert whole(out) == names
