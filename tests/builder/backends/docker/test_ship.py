"""Shipping from a real engine: names, files, and a real registry on the loopback address."""

import base64
import contextlib
import io
import json
import pathlib
import tarfile
import urllib.request
from typing import Any

import pytest

from builder.backends.docker import ship
from builder.backends.docker.address import Address
from builder.backends.docker.engine import Engine
from builder.values.environment import Environment
from builder.values.shipping import Shipping
from builder.values.verdict import Verdict
from envspec.system.errors import OutsideError, UsageError
from envspec.system.progress import SILENT
from tests.support.registry import registry

from .conftest import Workshop

pytestmark = pytest.mark.docker


def verdict(**changes: object) -> Verdict:
    values: dict[str, Any] = {
        "target": "x",
        "findings": (),
        "python": "3.11.2",
        "platform": "linux-x86_64, glibc 2.36",
        "distributions": (),
        "counts": {},
        "timings": {},
    }
    return Verdict(**{**values, **changes})


def test_the_verdict_becomes_a_label(serving_image: tuple[Workshop, Environment]) -> None:
    workshop, environment = serving_image
    name = ship.seal_image(workshop.engine, environment, verdict(), f"{workshop.name}/own:1")
    labels = workshop.engine.client.images.get(name).attrs["Config"]["Labels"]
    assert labels["io.envspec.verdict"] == "ships"
    assert labels["io.envspec.python-version"] == "3.11.2"
    assert labels["io.envspec.packages"] == "gunicorn==1.0"


def test_an_image_without_a_wanted_name_is_called_as_its_spec(
    serving_image: tuple[Workshop, Environment],
) -> None:
    workshop, environment = serving_image
    assert ship.seal_image(workshop.engine, environment, None) == f"{workshop.name}:latest"


def test_tells_how_to_run_it(serving_image: tuple[Workshop, Environment]) -> None:
    workshop, environment = serving_image
    line = ship.how_to_run(workshop.engine, environment.reference)
    assert "docker run --rm --read-only" in line
    assert line.endswith(environment.reference)


def test_a_file_that_another_engine_loads(
    serving_image: tuple[Workshop, Environment], tmp_path: pathlib.Path
) -> None:
    workshop, environment = serving_image
    wanted = Shipping(tag=f"{workshop.name}-saved:1", output=tmp_path / "deep" / "image.tar")
    shipped = workshop.backend.ship(environment, verdict(), wanted, SILENT)
    with tarfile.open(tmp_path / "deep" / "image.tar") as tar:
        stream = tar.extractfile("manifest.json")
        assert stream is not None
        assert json.load(stream)[0]["RepoTags"] == [shipped.reference]
    before = workshop.engine.image_id(shipped.reference)
    workshop.engine.client.images.remove(shipped.reference, force=True)
    workshop.engine.client.images.load((tmp_path / "deep" / "image.tar").read_bytes())
    assert workshop.engine.image_id(shipped.reference) == before
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["image.tar"]


def test_a_folder_is_not_what_this_backend_writes(
    serving_image: tuple[Workshop, Environment], tmp_path: pathlib.Path
) -> None:
    workshop, environment = serving_image
    with pytest.raises(UsageError):
        workshop.backend.ship(environment, verdict(), Shipping(output=tmp_path / "layout"), SILENT)


def test_a_full_disk_leaves_nothing(
    serving_image: tuple[Workshop, Environment], tiny_disk: pathlib.Path
) -> None:
    workshop, environment = serving_image
    with pytest.raises(OutsideError, match="no space left on the disk"):
        ship.save_image(workshop.engine, environment.reference, tiny_disk / "image.tar")
    assert list(tiny_disk.iterdir()) == []


def test_a_registry_takes_it(serving_image: tuple[Workshop, Environment], tmp_path: pathlib.Path) -> None:
    workshop, environment = serving_image
    with registry(tmp_path) as address:
        name = ship.seal_image(workshop.engine, environment, verdict(), f"{address}/{workshop.name}:1")
        digest = ship.push_image(workshop.engine, name)
        request = urllib.request.Request(
            f"http://{address}/v2/{workshop.name}/manifests/1",
            headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.headers["Docker-Content-Digest"] == digest
        workshop.engine.client.images.remove(name)


@pytest.fixture
def tiny_image(serving_image: tuple[Workshop, Environment]) -> tuple[Engine, str]:
    """An image of one file, for what does not depend on what is in it."""
    workshop, _ = serving_image
    text = io.BytesIO(b"FROM scratch\nLABEL own=yes\n")
    image, _ = workshop.engine.client.images.build(fileobj=text, tag=f"{workshop.name}-tiny")
    return workshop.engine, image.tags[0].partition(":")[0]


def test_a_registry_that_wants_a_login(
    tiny_image: tuple[Engine, str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, image = tiny_image
    with registry(tmp_path, closed=True) as address:
        name = f"{address}/{image}:1"
        engine.client.images.get(image).tag(f"{address}/{image}", "1")
        with pytest.raises(OutsideError, match="could not be pushed") as caught:
            ship.push_image(engine, name)
        assert caught.value.hint.startswith(f"`docker login {address}`")
        login = base64.b64encode(b"someone:secret").decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {address: {"auth": login}}}))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        with contextlib.closing(Engine(Address(host=engine.address.host, context=None))) as again:
            assert ship.push_image(again, name).startswith("sha256:")


def test_a_registry_that_is_not_there(serving_image: tuple[Workshop, Environment]) -> None:
    workshop, environment = serving_image
    name = ship.seal_image(workshop.engine, environment, verdict(), f"127.0.0.1:9/{workshop.name}:1")
    with pytest.raises(OutsideError, match="could not be pushed"):
        ship.push_image(workshop.engine, name)
