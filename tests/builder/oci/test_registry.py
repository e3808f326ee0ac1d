"""Pulling and pushing, against a registry that this test runs itself."""

import json
import pathlib

import pytest
import requests

from builder.backends.oci import ship
from builder.oci.image import layout
from builder.oci.image.base import BaseImage
from builder.oci.image.documents import ContainerSettings, Image, assemble_image
from builder.oci.registry import pull as pulled
from builder.oci.registry import reference
from builder.oci.registry.repository import Registry
from builder.oci.store import pieces
from builder.oci.store.blobs import Blobs
from builder.oci.store.network import Network
from builder.oci.store.pieces import file_piece
from envspec.supply.pip_settings import PipSettings
from envspec.system.errors import OutsideError
from envspec.system.progress import SILENT
from tests.builder.oci.fake_registry import Fake


@pytest.fixture
def image(blobs: Blobs) -> Image:
    layer = pieces.layer_of_pieces("base", [file_piece("usr/bin/python3.11", b"elf")], blobs, known=())
    settings = ContainerSettings(
        user="1:1", folder="/", variables={}, labels={}, entrypoint=(), command=("x",)
    )
    return assemble_image(
        BaseImage(name="demo", machine="amd64", layers=(layer,)), (), settings, "/usr/bin/python3", blobs
    )


NETWORK = Network(PipSettings())


def pull(fake: Fake, target: str, blobs: Blobs, secret: tuple[str, str] | None = None) -> BaseImage:
    found = reference.parse_reference(
        f"{fake.host}/team/demo:{target}" if ":" not in target else f"{fake.host}/team/demo@{target}"
    )
    with requests.Session() as session:
        registry = Registry(found, session, lambda _: secret)
        return pulled.pull_base("demo", found.target, "amd64", "3.11", registry, blobs, SILENT)


def test_what_was_pushed_can_be_pulled(
    fake: Fake, image: Image, blobs: Blobs, tmp_path: pathlib.Path
) -> None:
    digest = ship.push_image(image, "amd64", f"{fake.host}/team/demo:one", blobs, NETWORK, SILENT).digest
    assert digest == image.manifest.digest
    for target in ("one", digest):
        base = pull(fake, target, Blobs(tmp_path / target.replace(":", "-")))
        assert [layer.diff_id for layer in base.layers] == [layer.diff_id for layer in image.layers]


def test_what_is_there_is_not_sent_again(fake: Fake, image: Image, blobs: Blobs) -> None:
    for tag in ("one", "two"):
        ship.push_image(image, "amd64", f"{fake.host}/team/demo:{tag}", blobs, NETWORK, SILENT)
    assert fake.uploads == 2  # the layer and the configuration
    assert {"one", "two"} <= fake.manifests.keys()


def test_the_image_of_the_processor_is_taken_from_a_list(
    fake: Fake, image: Image, blobs: Blobs, tmp_path: pathlib.Path
) -> None:
    ship.push_image(image, "amd64", f"{fake.host}/team/demo:one", blobs, NETWORK, SILENT)
    entries = [
        {"digest": "sha256:0", "platform": {"architecture": "arm64", "os": "linux"}},
        {"digest": image.manifest.digest, "platform": {"architecture": "amd64", "os": "linux"}},
    ]
    fake.manifests["many"] = "x", json.dumps({"manifests": entries}).encode()
    assert pull(fake, "many", Blobs(tmp_path / "other")).layers
    fake.manifests["many"] = "x", json.dumps({"manifests": entries[:1]}).encode()
    with pytest.raises(OutsideError, match="not there for amd64"):
        pull(fake, "many", Blobs(tmp_path / "other"))


def test_the_token_that_a_registry_wants_is_fetched(
    fake: Fake, image: Image, blobs: Blobs, tmp_path: pathlib.Path
) -> None:
    ship.push_image(image, "amd64", f"{fake.host}/team/demo:one", blobs, NETWORK, SILENT)
    fake.secret = ("me", "secret")
    assert pull(fake, "one", Blobs(tmp_path / "a"), ("me", "secret")).layers
    with pytest.raises(OutsideError, match="does not let us in") as caught:
        pull(fake, "one", Blobs(tmp_path / "b"), ("me", "wrong"))
    assert "docker login" in caught.value.hint
    assert "wrong" not in str(caught.value)


def test_writing_wants_a_token_of_its_own(fake: Fake, blobs: Blobs) -> None:
    """Reading comes first: whether the registry has the blob."""
    fake.secret = ("me", "secret")
    blob = blobs.put(b"body", "text/plain")
    with requests.Session() as session:
        registry = Registry(
            reference.parse_reference(f"{fake.host}/team/demo"), session, lambda _: ("me", "secret")
        )
        assert not registry.has(blob)
        registry.push(blob, blobs)
        assert registry.has(blob)


def test_other_bytes_than_those_asked_for_are_refused(
    fake: Fake, image: Image, blobs: Blobs, tmp_path: pathlib.Path
) -> None:
    ship.push_image(image, "amd64", f"{fake.host}/team/demo:one", blobs, NETWORK, SILENT)
    fake.broken = True
    with pytest.raises(OutsideError, match="not what was asked for"):
        pull(fake, image.manifest.digest, Blobs(tmp_path / "a"))
    with pytest.raises(OutsideError, match="digest differs"):
        pull(fake, "one", Blobs(tmp_path / "a"))
    assert not (tmp_path / "a" / "blobs").exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"config": 1, "layers": []}', b'{"manifests": []}'])
def test_what_is_no_manifest_is_refused(fake: Fake, tmp_path: pathlib.Path, body: bytes) -> None:
    fake.manifests["odd"] = "x", body
    with pytest.raises(OutsideError):
        pull(fake, "odd", Blobs(tmp_path / "a"))


def test_an_image_that_is_not_there_is_said_so(fake: Fake, tmp_path: pathlib.Path) -> None:
    with pytest.raises(OutsideError, match="no such image"):
        pull(fake, "none", Blobs(tmp_path / "a"))


def test_layouts_and_registries_agree_on_the_digest(
    fake: Fake, image: Image, blobs: Blobs, tmp_path: pathlib.Path
) -> None:
    layout.write_layout(image, "amd64", "demo:one", blobs, tmp_path / "out")
    pushed = ship.push_image(image, "amd64", f"{fake.host}/team/demo:one", blobs, NETWORK, SILENT).digest
    assert layout.read_manifests(tmp_path / "out")[0]["digest"] == pushed


@pytest.mark.parametrize(
    ("name", "address", "repository", "target"),
    [
        ("registry.example/team/a:1", "https://registry.example", "team/a", "1"),
        ("registry.example:5000/a", "https://registry.example:5000", "a", "latest"),
        ("localhost:5000/a:1", "http://localhost:5000", "a", "1"),
        ("127.0.0.1:5000/a@sha256:ab", "http://127.0.0.1:5000", "a", "sha256:ab"),
        ("python:3.11-slim", "https://mirror.example", "python", "3.11-slim"),
        ("team/a", "https://mirror.example", "team/a", "latest"),
    ],
)
def test_names_mean_what_engines_take_them_for(name: str, address: str, repository: str, target: str) -> None:
    found = reference.parse_reference(name, variables={reference.REGISTRY: "mirror.example"})
    assert (found.address, found.repository, found.target) == (address, repository, target)


def test_a_name_without_registry_means_dockers_own() -> None:
    found = reference.parse_reference("python:3.11", variables={})
    assert found.address.startswith("https://")
    assert found.repository == "library/python"
    assert reference.parse_reference("a:1", "sha256:ab", variables={}).target == "sha256:ab"
