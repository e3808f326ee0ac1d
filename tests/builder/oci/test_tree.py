"""Layers unpacked for a run; those of foreign images may hold anything."""

import io
import pathlib
import tarfile

import pytest

from builder.oci.store.blobs import LAYER, Blobs, Layer
from builder.oci.store.compress import LayerWriter
from builder.oci.store.tree import unpack_layers, unpack_libraries
from envspec.proof.abi.base import RootBase
from envspec.system.errors import OutsideError


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.mode = 0o755
    return info


def layer(blobs: Blobs, *entries: tarfile.TarInfo) -> Layer:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for each in entries:
            archive.addfile(each)
    with blobs.incoming() as stream:
        written = LayerWriter(stream).copy([buffer.getvalue()])
        blobs.keep(stream, written.digest)
    return Layer(
        media=LAYER,
        digest=written.digest,
        size=written.size,
        diff_id=written.diff_id,
        length=written.length,
        title="demo",
    )


def test_a_base_is_one_folder_and_every_other_layer_has_its_own(blobs: Blobs) -> None:
    below = [layer(blobs, entry("a")), layer(blobs, entry("b"))]
    folders = unpack_layers(below, [layer(blobs, entry("c"))], blobs)
    assert [sorted(path.name for path in folder.iterdir()) for folder in folders] == [["a", "b"], ["c"]]
    assert unpack_layers(below, [], blobs) == folders[:1]


def test_what_an_upper_layer_of_the_base_removes_is_gone(blobs: Blobs) -> None:
    lower = layer(
        blobs, entry("d", tarfile.DIRTYPE), entry("d/one"), entry("e", tarfile.DIRTYPE), entry("e/two")
    )
    upper = layer(blobs, entry(".wh.d"), entry("e/.wh..wh..opq"), entry("e/three"))
    (folder,) = unpack_layers([lower, upper], [], blobs)
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    assert found == ["e", "e/three"]


def test_the_libraries_of_a_base_are_unpacked_alone_and_found_with_their_links(blobs: Blobs) -> None:
    below = [
        layer(
            blobs,
            entry("lib", tarfile.SYMTYPE, "usr/lib"),
            entry("usr/lib/x86_64-linux-gnu/libdeep.so.1.2"),
            entry("usr/lib/x86_64-linux-gnu/libdeep.so.1", tarfile.SYMTYPE, "libdeep.so.1.2"),
            entry("etc/ld.so.conf"),
            entry("usr/bin/bash"),
        ),
        layer(blobs, entry("opt/libs/libgone.so"), entry("opt/libs/.wh.libgone.so")),
    ]
    folder = unpack_libraries(below, blobs)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    assert found == {
        "usr/lib/x86_64-linux-gnu/libdeep.so.1.2",
        "usr/lib/x86_64-linux-gnu/libdeep.so.1",
        "etc/ld.so.conf",
    }
    assert RootBase(folder).has("libdeep.so.1")
    assert unpack_libraries(below, blobs) == folder
    (whole,) = unpack_layers(below, [], blobs)
    assert unpack_libraries(below, blobs) == whole


def test_a_removal_never_reaches_out_of_the_folder(blobs: Blobs, tmp_path: pathlib.Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis").write_text("precious")
    way_out = entry("out", tarfile.SYMTYPE, str(mine))
    unpack_layers(
        [layer(blobs, way_out, entry("out/.wh.thesis"), entry("../../../mine/.wh.thesis"))], [], blobs
    )
    assert (mine / "thesis").is_file()


@pytest.mark.parametrize("name", ["out/evil", "../../../evil"])
def test_no_file_lands_outside(blobs: Blobs, tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(OutsideError, match="cannot be unpacked"):
        unpack_layers([layer(blobs, entry("out", tarfile.SYMTYPE, str(tmp_path)), entry(name))], [], blobs)
    assert not (tmp_path / "evil").exists()
    assert not [path for path in (blobs.root / "unpacked").iterdir() if path.is_dir()]


def test_devices_are_left_out(blobs: Blobs) -> None:
    (folder,) = unpack_layers(
        [layer(blobs, entry("null", tarfile.CHRTYPE), entry("pipe", tarfile.FIFOTYPE), entry("a"))], [], blobs
    )
    assert [path.name for path in folder.iterdir()] == ["a"]
