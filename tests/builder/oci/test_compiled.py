"""Compiled modules in images: made by the image's own Python, above what they are made of."""

import io
import pathlib
import platform
import tarfile

import pytest

from builder.backends.oci import run as runner
from builder.backends.oci.backend import OciBackend, refuse_uncompilable
from builder.backends.oci.recipe import image_recipe
from builder.oci.image.base import BaseImage
from builder.oci.store.blobs import Blobs, Layer
from envspec.lockfile.lock import LockedBase
from envspec.system.errors import OutsideError
from tests.builder.oci.conftest import NETWORK, Build, MakePlan


def test_where_nothing_can_be_run_the_hint_says_what_to_do(tmp_path: pathlib.Path) -> None:
    with pytest.raises(OutsideError, match="cannot be run on this machine") as caught:
        runner.run_in_layers([tmp_path / "gone"], ["true"], user=1, folder="/", env={}, hint="turn it off")
    assert caught.value.hint == "turn it off"


def test_what_a_command_leaves_outside_stays(tmp_path: pathlib.Path) -> None:
    (tmp_path / "out").mkdir()
    words = ["/bin/sh", "-c", f"echo here > {runner.OUT}/file; echo there > /evil"]
    try:
        runner.run_in_layers(
            [pathlib.Path("/")], words, user=1, folder="/", env={}, hint="", out=tmp_path / "out"
        )
    except OutsideError as error:
        pytest.skip(error.message)
    assert (tmp_path / "out" / "file").read_text() == "here\n"
    assert not pathlib.Path("/evil").exists()


def test_an_image_that_cannot_be_run_here_is_not_made_without(build: Build, make_plan: MakePlan) -> None:
    """It would be another one than where it can be run."""
    here = platform.machine()
    backend = OciBackend(network=NETWORK)
    other = {"x86_64": "arm64", "aarch64": "amd64"}[here]
    _, made = build()
    base = backend.record(made).image.layers[:1]
    foreign = BaseImage(name="base", machine=other, layers=base)
    with pytest.raises(OutsideError, match="nothing here can run") as caught:
        refuse_uncompilable(image_recipe(make_plan(compiled=True), foreign))
    assert "`compile = false`" in caught.value.hint
    refuse_uncompilable(image_recipe(make_plan(), foreign))


def files(layer: Layer, blobs: Blobs) -> dict[str, bytes]:
    """The files of a layer."""
    found = {}
    with blobs.unpacked(layer) as stream, tarfile.open(fileobj=io.BytesIO(stream.read())) as archive:
        for info in archive:
            if (body := archive.extractfile(info)) is not None:
                found[info.name] = body.read()
    return found


@pytest.mark.network
def test_what_is_loaded_stands_compiled_above_its_stage(build: Build, spec_folder: pathlib.Path) -> None:
    """And a change of a late thing leaves the earlier layers as they are."""
    wanted = {
        "base": LockedBase(debian="bookworm"),
        "compiled": True,
        "named": ("gunicorn",),
        "loads": ("lib",),
    }
    backend, made = build(**wanted)
    layers = backend.record(made).image.layers
    assert [layer.title for layer in layers] == [
        "Debian bookworm",
        "standard library, compiled",
        "empty environment",
        "stage one",
        "stage one, compiled",
        "stage two",
        "stage two, compiled",
        "entrypoint and doctor",
        "payload",
        "payload, compiled",
    ]
    site = "opt/env/lib/python3.11/site-packages"
    compiled = files(layers[4], backend.blobs)
    assert list(compiled) == [f"{site}/__pycache__/lib.cpython-311.pyc"]
    assert list(files(layers[-1], backend.blobs)) == ["app/__pycache__/app.cpython-311.pyc"]
    script = "import lib, json, app; print([m.__cached__ for m in (lib, json, app)], lib.__loader__)"
    done = backend.run(made, ["python", "-v", "-c", script])
    for cached in (*compiled, "usr/lib/python3.11/json/__pycache__/__init__.cpython-311.pyc"):
        assert f"# code object from '/{cached}'" in done.stderr

    (spec_folder / "src" / "app.py").write_text("app = 2\n")
    _, edited = build(**wanted)
    same = [one == other for one, other in zip(layers, backend.record(edited).image.layers, strict=True)]
    assert same == [True] * 8 + [False] * 2
