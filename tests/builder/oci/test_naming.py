"""What a pushed name means: one image, or an index with one for each processor; against Debian's registry."""

import concurrent.futures
import functools
import json
import pathlib
from collections.abc import Iterator

import pytest
import requests

from builder.backends.oci import ship
from builder.oci.image import attest
from builder.oci.image.attest import Referrer
from builder.oci.image.base import BaseImage
from builder.oci.image.documents import ContainerSettings, Image, assemble_image
from builder.oci.registry import names, reference
from builder.oci.registry.repository import Registry
from builder.oci.store import pieces
from builder.oci.store.blobs import Blobs
from builder.oci.store.pieces import file_piece
from builder.values.verdict import Verdict
from envspec.system.errors import OutsideError
from envspec.system.progress import SILENT
from tests.builder.oci.conftest import NETWORK
from tests.builder.oci.fake_registry import Fake
from tests.support.registry import registry

VERDICT = Verdict(
    target="x", findings=(), python="3.11.2", platform="linux", distributions=(), counts={}, timings={}
)
ACCEPT = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"


def image(machine: str, blobs: Blobs, *, content: str = "", title: str = "demo") -> Image:
    """A small image of a spec of that name."""
    layer = pieces.layer_of_pieces(
        "base", [file_piece("usr/bin/python3.11", f"{machine}{content}".encode())], blobs, known=()
    )
    labels = {"org.opencontainers.image.title": title}
    settings = ContainerSettings(
        user="1:1", folder="/", variables={}, labels=labels, entrypoint=(), command=("x",)
    )
    return assemble_image(
        BaseImage(name="x", machine=machine, layers=(layer,)), (), settings, "/usr/bin/python3", blobs
    )


def push(one: Image, machine: str, place: str, blobs: Blobs, artifacts: tuple[Referrer, ...] = ()) -> str:
    return ship.push_image(one, machine, place, blobs, NETWORK, SILENT, artifacts).digest


@pytest.fixture
def address(tmp_path: pathlib.Path) -> Iterator[str]:
    (tmp_path / "registry").mkdir()
    with registry(tmp_path / "registry") as found:
        yield found


def document(address: str, target: str) -> dict[str, object]:
    """What the registry has behind a tag or a digest of `team/demo`."""
    answer = requests.get(
        f"http://{address}/v2/team/demo/manifests/{target}", headers={"Accept": ACCEPT}, timeout=10
    )
    answer.raise_for_status()
    found: dict[str, object] = json.loads(answer.text)
    return found


def machines(address: str, target: str = "1") -> dict[str, str]:
    """Digest of a name's image by processor, as its index lists them; empty for one image alone."""
    listed = document(address, target).get("manifests", [])
    assert isinstance(listed, list)
    return {entry["platform"]["architecture"]: entry["digest"] for entry in listed}


def test_a_second_processor_makes_an_index(address: str, blobs: Blobs) -> None:
    """Each image stays reachable by its digest, with the artifacts that refer to it."""
    pushed = {}
    for machine in ("amd64", "arm64"):
        one = image(machine, blobs)
        proof = attest.attest_verdict(one, "demo:1", VERDICT, blobs)
        pushed[machine] = one.manifest.digest
        digest = push(one, machine, f"{address}/team/demo:1", blobs, (proof,))
        subject = document(address, proof.manifest.digest)["subject"]
        assert isinstance(subject, dict)
        assert subject["digest"] == one.manifest.digest
        assert document(address, one.manifest.digest.replace(":", "-"))["manifests"], "the fallback's tag"
    assert machines(address) == pushed == machines(address, digest)
    later = image("amd64", blobs, content="2")
    push(later, "amd64", f"{address}/team/demo:1", blobs)
    assert machines(address) == {**pushed, "amd64": later.manifest.digest}


def test_the_same_processor_takes_the_name(address: str, blobs: Blobs) -> None:
    for content in ("1", "2"):
        one = image("amd64", blobs, content=content)
        assert push(one, "amd64", f"{address}/team/demo:1", blobs) == one.manifest.digest
    assert machines(address) == {}


def test_an_image_of_another_spec_is_not_joined(address: str, blobs: Blobs) -> None:
    push(image("arm64", blobs, title="other"), "arm64", f"{address}/team/demo:1", blobs)
    push(image("amd64", blobs), "amd64", f"{address}/team/demo:1", blobs)
    assert machines(address) == {}
    push(image("arm64", blobs), "arm64", f"{address}/team/demo:1", blobs)
    assert set(machines(address)) == {"amd64", "arm64"}
    push(image("amd64", blobs, title="other"), "amd64", f"{address}/team/demo:1", blobs)
    assert machines(address) == {}


def test_two_at_once_are_both_there(address: str, tmp_path: pathlib.Path) -> None:
    """As from two machines: nothing is shared but the registry."""
    stores = {machine: Blobs(tmp_path / machine) for machine in ("amd64", "arm64")}
    for number in range(5):
        place = f"{address}/team/demo:{number}"
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            jobs = [
                pool.submit(push, image(machine, blobs), machine, place, blobs)
                for machine, blobs in stores.items()
            ]
            for job in jobs:
                job.result()
        assert set(machines(address, str(number))) == {"amd64", "arm64"}


class Other:
    """Another run, which gives the name to its image while this one waits, so many times."""

    def __init__(self, registry: Registry, image: Image, blobs: Blobs, times: int) -> None:
        registry.push(image.config, blobs)
        self._give = functools.partial(registry.tag, image.manifest, blobs, "1")
        self._left = times

    def __call__(self, _: float) -> None:
        if self._left:
            self._left -= 1
            self._give()


@pytest.fixture
def asked(fake: Fake) -> Iterator[Registry]:
    with requests.Session() as session:
        yield Registry(reference.parse_reference(f"{fake.host}/team/demo"), session, lambda _: None)


def test_an_image_that_another_run_overlooked_is_added_again(asked: Registry, blobs: Blobs) -> None:
    """The other looked before this one was there, and writes after it was."""
    one, other = image("amd64", blobs), image("arm64", blobs)
    once = names.name_image(asked, one, "amd64", "1", blobs, wait=Other(asked, other, blobs, 1))
    assert once.machines == ("amd64", "arm64")
    with pytest.raises(OutsideError, match="all the time"):
        names.name_image(asked, one, "amd64", "1", blobs, wait=Other(asked, other, blobs, names.ROUNDS))


def test_a_later_image_for_the_same_processor_is_not_fought(asked: Registry, blobs: Blobs) -> None:
    one, later = image("amd64", blobs), image("amd64", blobs, content="2")
    names.name_image(asked, one, "amd64", "1", blobs, wait=Other(asked, later, blobs, names.ROUNDS))
    found = asked.find("1")
    assert found is not None
    assert found[0].digest == later.manifest.digest
