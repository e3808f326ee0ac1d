"""The lines that say what an image is, and what they say when it is another one."""

import pathlib

import pytest
from click.testing import CliRunner, Result

from builder.cli import digest
from builder.oci.image.base import Base
from builder.oci.image.documents import Image, Settings, assemble
from builder.oci.store.blobs import Blobs
from builder.oci.store.pieces import file, layer_of_pieces
from envspec.system.errors import BuildError

SETTINGS = Settings(user="0:0", folder="/", variables={}, labels={}, entrypoint=(), command=())


def image(blobs: Blobs, *, settings: Settings = SETTINGS, **contents: str) -> Image:
    layers = [layer_of_pieces(title, [file(title, body.encode())], blobs) for title, body in contents.items()]
    return assemble(Base(name="x", machine="amd64", layers=()), layers, settings, "/usr/bin/python", blobs)


def test_every_layer_has_a_line(blobs: Blobs) -> None:
    made = image(blobs, low="1", high="2")
    lines = [line.split("  ") for line in digest.text(made).splitlines()[1:]]
    assert lines == [
        [made.config.digest, "image"],
        [made.layers[0].diff_id, "low"],
        [made.layers[1].diff_id, "high"],
    ]


def test_what_differs_is_named(blobs: Blobs) -> None:
    kept = digest.text(image(blobs, low="1", high="2"))
    assert digest.differences(kept, kept) == ()
    assert digest.differences(kept, digest.text(image(blobs, low="1", high="3"))) == ("high is another one",)
    assert digest.differences(kept, digest.text(image(blobs, low="1", top="2"))) == (
        "high is no longer there",
        "top is new",
    )
    assert digest.differences(kept, digest.text(image(blobs, high="2", low="1"))) == (
        "the layers stand in another order",
    )
    labelled = SETTINGS.model_copy(update={"labels": {"a": "b"}})
    other = digest.text(image(blobs, settings=labelled, low="1", high="2"))
    assert digest.differences(kept, other) == ("image is another one",)


def test_the_program_writes_and_compares(
    blobs: Blobs, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "made", lambda spec: digest.text(image(blobs, low="1")))

    def run(*words: str) -> Result:
        return CliRunner().invoke(digest.main, [str(tmp_path), *words])

    missing = run("--check")
    assert isinstance(missing.exception, BuildError)
    assert run().exit_code == 0
    assert run("--check").exit_code == 0
    monkeypatch.setattr(digest, "made", lambda spec: digest.text(image(blobs, low="2")))
    changed = run("--check").exception
    assert isinstance(changed, BuildError)
    assert "low is another one" in changed.message
    assert "make digest" in changed.hint
