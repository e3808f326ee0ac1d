"""Images on disk, as `envspec init` reads them: layers over each other, whiteouts, and what is no image."""

from __future__ import annotations

import gzip
import io
import json
import pathlib
import tarfile

import pytest

from builder.oci.image.contents import is_saved_image, read_contents
from envspec.system.errors import OutsideError

Layer = dict[str, str | None]
"""Text by path; None for a link to `goal`."""


def packed(files: Layer, mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            if text is None:
                info.type, info.linkname = tarfile.SYMTYPE, "goal"
            else:
                info.size = len(text)
            archive.addfile(info, io.BytesIO((text or "").encode()))
    return buffer.getvalue()


def saved(file: pathlib.Path, *layers: Layer) -> pathlib.Path:
    """What `docker save` writes."""
    members = {f"{number}/layer.tar": packed(layer, "w") for number, layer in enumerate(layers)}
    members["config.json"] = json.dumps({"config": {"Cmd": ["x"]}}).encode()
    listed = [{"Config": "config.json", "RepoTags": ["shop/demo:1"], "Layers": list(members)[: len(layers)]}]
    members["manifest.json"] = json.dumps(listed).encode()
    with tarfile.open(file, "w") as archive:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return file


LOWER: Layer = {"./a/one": "1", "a/two": "2", "b/three": "3", "b/c/four": "4", "other": "x", "link": None}
UPPER: Layer = {"a/.wh.one": "", "b/.wh..wh..opq": "", "b/five": "5", "a/two": "22"}


def test_layers_lie_over_each_other(tmp_path: pathlib.Path) -> None:
    place = saved(tmp_path / "image.tar", LOWER, UPPER)
    assert is_saved_image(place)
    found = read_contents(place, lambda path: path != "other")
    assert found.files == {"a/two": b"22", "b/five": b"5", "link": b"goal"}
    assert (found.name, found.settings) == ("shop/demo:1", {"Cmd": ["x"]})


def test_a_folder_that_is_gone_takes_all_that_is_in_it(tmp_path: pathlib.Path) -> None:
    place = saved(tmp_path / "image.tar", LOWER, {".wh.b": ""})
    assert read_contents(place, lambda path: path.startswith("b/")).files == {}


def test_a_layout_is_read_for_its_processor(tmp_path: pathlib.Path) -> None:
    blobs = tmp_path / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(name: str, body: bytes) -> dict[str, str]:
        (blobs / name).write_bytes(body)
        return {"digest": f"sha256:{name}"}

    plain = packed({"a": "1"}, "w")
    members = b"".join(gzip.compress(plain[begin : begin + 512]) for begin in range(0, len(plain), 512))
    layer = put("layer", members)
    config = put("config", json.dumps({"config": None}).encode())
    manifest = put("manifest", json.dumps({"config": config, "layers": [layer]}).encode())
    entries = [
        {"digest": "sha256:gone", "platform": {"architecture": "arm64"}},
        {**manifest, "platform": {"architecture": "amd64"}},
    ]
    (tmp_path / "index.json").write_text(json.dumps({"manifests": entries}))
    assert not is_saved_image(tmp_path)
    (tmp_path / "oci-layout").write_text("{}")
    assert is_saved_image(tmp_path)
    assert read_contents(tmp_path, lambda _: True).files == {"a": b"1"}


@pytest.mark.parametrize("body", [b"", b"no archive", packed({"a": "1"}, "w")])
def test_what_is_no_image_is_none(tmp_path: pathlib.Path, body: bytes) -> None:
    place = tmp_path / "x.tar"
    place.write_bytes(body)
    assert not is_saved_image(place)
    assert not is_saved_image(tmp_path / "gone.tar")


def test_a_broken_image_is_refused_in_words(tmp_path: pathlib.Path) -> None:
    place = saved(tmp_path / "image.tar", LOWER)
    place.write_bytes(place.read_bytes()[:2000])
    with pytest.raises(OutsideError, match="cannot be read as an image"):
        read_contents(place, lambda _: True)
