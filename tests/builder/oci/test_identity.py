"""The lines that say what an image is, and what they say when it is another one."""

import pathlib

import pytest
from click.testing import CliRunner, Result

from builder.cli import digest
from builder.oci.image.base import BaseImage
from builder.oci.image.documents import ContainerSettings, Image, assemble_image
from builder.oci.store.blobs import Blobs
from builder.oci.store.pieces import file_piece, layer_of_pieces
from envspec.system.errors import BuildError

SETTINGS = ContainerSettings(user="0:0", folder="/", variables={}, labels={}, entrypoint=(), command=())


def image(blobs: Blobs, *, settings: ContainerSettings = SETTINGS, **contents: str) -> Image:
    layers = [
        layer_of_pieces(title, [file_piece(title, body.encode())], blobs) for title, body in contents.items()
    ]
    return assemble_image(
        BaseImage(name="x", machine="amd64", layers=()), layers, settings, "/usr/bin/python", blobs
    )


def test_every_layer_has_a_line(blobs: Blobs) -> None:
    made = image(blobs, low="1", high="2")
    lines = [line.split("  ") for line in digest.digest_lines(made).splitlines()[1:]]
    assert lines == [
        [made.config.digest, "image"],
        [made.layers[0].diff_id, "low"],
        [made.layers[1].diff_id, "high"],
    ]


def test_what_differs_is_named(blobs: Blobs) -> None:
    kept = digest.digest_lines(image(blobs, low="1", high="2"))
    assert digest.digest_differences(kept, kept) == ()
    assert digest.digest_differences(kept, digest.digest_lines(image(blobs, low="1", high="3"))) == (
        "high is another one",
    )
    assert digest.digest_differences(kept, digest.digest_lines(image(blobs, low="1", top="2"))) == (
        "high is no longer there",
        "top is new",
    )
    assert digest.digest_differences(kept, digest.digest_lines(image(blobs, high="2", low="1"))) == (
        "the layers stand in another order",
    )
    labelled = SETTINGS.model_copy(update={"labels": {"a": "b"}})
    other = digest.digest_lines(image(blobs, settings=labelled, low="1", high="2"))
    assert digest.digest_differences(kept, other) == ("image is another one",)


def test_the_program_writes_and_compares(
    blobs: Blobs, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "digest_of_image", lambda spec: digest.digest_lines(image(blobs, low="1")))

    def run(*words: str) -> Result:
        return CliRunner().invoke(digest.write_digest, [str(tmp_path), *words])

    missing = run("--check")
    assert isinstance(missing.exception, BuildError)
    assert run().exit_code == 0
    assert run("--check").exit_code == 0
    monkeypatch.setattr(digest, "digest_of_image", lambda spec: digest.digest_lines(image(blobs, low="2")))
    changed = run("--check").exception
    assert isinstance(changed, BuildError)
    assert "low is another one" in changed.message
    assert "make digest" in changed.hint
