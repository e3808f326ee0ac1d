"""The whole backend: from a plan to an image, without engine, root or network."""

import io
import json
import pathlib
import platform
import subprocess
import sys
import tarfile

import pytest

from builder.backends.oci.backend import OciBackend, foreign_processor
from builder.backends.port import Backend
from builder.inside import places
from builder.oci.image import saved
from builder.oci.image.documents import RUNTIME
from builder.oci.store.lookup import look_into_layers
from builder.values.copying import collect_copies
from builder.values.models import lock_models
from builder.values.shipping import Shipping
from builder.values.verdict import Verdict
from envspec.lockfile.lock import LockedArchive, LockedBase
from envspec.spec.files import Copy
from envspec.spec.model import Service
from envspec.system.errors import OutsideError
from envspec.system.progress import SILENT
from tests.builder.oci.conftest import Build, MakePlan
from tests.builder.oci.fake_registry import Fake

VERDICT = Verdict(
    target="x", findings=(), python="3.11.2", platform="linux", distributions=(), counts={}, timings={}
)


def test_what_no_processor_here_runs_is_said_to_be_foreign(tmp_path: pathlib.Path) -> None:
    here = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    other = {"amd64": "arm64", "arm64": "amd64"}[here]
    assert foreign_processor(here, tmp_path) == ""
    assert foreign_processor(other, tmp_path) == other
    (tmp_path / {"amd64": "qemu-x86_64", "arm64": "qemu-aarch64"}[other]).touch()
    assert foreign_processor(other, tmp_path) == "", "the kernel has an emulator for it"


def test_it_fills_the_port() -> None:
    backend: Backend = OciBackend()
    assert (backend.name, backend.available()) == ("oci", None)


def test_a_plan_becomes_an_image(build: Build) -> None:
    backend, environment = build()
    assert environment.reference.startswith("envspec/demo:")
    assert (environment.python, environment.payload, environment.reused) == (
        "/opt/env/bin/python",
        "/app",
        False,
    )
    image = backend.record(environment).image
    config = json.loads(backend.blobs.read(image.config))["config"]
    assert config["User"] == "10001:10001"
    assert "KEPT=1" in config["Env"]
    assert "PYTHONPATH=/app" in config["Env"]
    assert config["Labels"]["maker"] == "them"
    titles = [layer.title for layer in image.layers]
    assert titles[1:] == ["empty environment", "stage one", "stage two", "entrypoint and doctor", "payload"]


def test_an_image_whose_name_was_damaged_is_found_by_its_recipe(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    backend, _ = build()
    (named,) = (backend.blobs.root / "images").glob("envspec_demo*")
    named.write_text("{}")
    backend, again = build()
    assert again.reused
    assert backend.record(again).image.config.digest.startswith("sha256:")
    assert len(caplog.messages) == 1


def test_models_are_a_layer_of_their_own(build: Build, spec_folder: pathlib.Path) -> None:
    weights = spec_folder / "voices" / "mine" / "weights.bin"
    weights.parent.mkdir(parents=True)
    service = Service(module="app:app", source="src", models=("./voices/mine",))
    images, models = [], []
    for content in ("first", "second"):
        weights.write_text(content)
        (model,) = lock_models(service, spec_folder)
        models.append(model)
        backend, environment = build(service=service, models=(model,))
        assert environment.variables["TTS_MODELS_DIR"] == "/srv/models"
        images.append(backend.record(environment).image)
    path = "srv/models/voices/mine/weights.bin"
    assert look_into_layers(images[0].layers, backend.blobs, {path}) == {path: b"first"}
    changed = [
        one.title
        for one, other in zip(images[0].layers, images[1].layers, strict=True)
        if one.digest != other.digest
    ]
    assert changed == ["models", RUNTIME], "the bill of materials names the model's digest"
    bills = [
        look_into_layers(image.layers, backend.blobs, {places.SBOM[1:]})[places.SBOM[1:]] for image in images
    ]
    assert [model.digest.encode() in bill for model, bill in zip(models, bills, strict=True)] == [True, True]


def test_the_files_stand_where_the_dockerfile_road_puts_them(build: Build) -> None:
    backend, environment = build()
    wanted = {
        "etc/passwd",
        "opt/env/pyvenv.cfg",
        "opt/env/bin/python",
        "opt/env/lib/python3.11/site-packages/lib.py",
        "opt/envspec/__main__.py",
        "opt/envspec/builder/inside/entrypoint/doctor.py",
        "opt/envspec/environment.json",
        "opt/envspec/sbom.cdx.json",
        "app/app.py",
    }
    found = look_into_layers(backend.record(environment).image.layers, backend.blobs, wanted)
    assert found.keys() == wanted
    assert found["etc/passwd"].decode().splitlines() == [
        "root:x:0:0::/root:/bin/sh",
        "app:x:10001:10001::/tmp:/usr/sbin/nologin",
    ]
    assert b"version = 3.11.9" in found["opt/env/pyvenv.cfg"]
    assert json.loads(found["opt/envspec/environment.json"])["pins"] == {"gunicorn": "1.0", "lib": "1.0"}


def test_what_stands_is_found_again(build: Build) -> None:
    first = build()[1]
    backend, second = build()
    assert second.reused
    assert second.reference == first.reference
    backend.blobs.path(backend.record(second).image.layers[2].digest).unlink()
    _, third = build()
    assert not third.reused
    assert third.reference == first.reference


def test_finding_an_image_again_waits_for_no_library_that_only_making_one_needs() -> None:
    program = (
        "import sys, builder.cli.build_image, builder.flow.pipeline\n"
        "import builder.backends.oci.backend, builder.backends.oci.ship\n"
        "heavy = {'bs4', 'capstone', 'cyclonedx', 'docker', 'jinja2', 'requests', 'rich'}\n"
        "print(*heavy & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_another_machine_makes_the_same_image(
    build: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    first, one = build()
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path / "another"))
    second, other = build()
    assert not other.reused
    assert first.record(one).image == second.record(other).image


def test_an_edit_of_the_payload_changes_one_layer(build: Build, spec_folder: pathlib.Path) -> None:
    backend, before = build()
    (spec_folder / "src" / "app.py").write_text("app = 2\n")
    _, after = build()
    layers = zip(backend.record(before).image.layers, backend.record(after).image.layers, strict=True)
    assert [one == other for one, other in layers] == [True] * 5 + [False]
    assert before.contents == after.contents


def test_other_packages_are_judged_anew(build: Build, make_plan: MakePlan) -> None:
    _, before = build()
    _, after = build(stages=make_plan().stages[::-1])
    assert before.contents != after.contents


def test_every_image_stands_in_the_store_as_a_layout(build: Build) -> None:
    backend, environment = build()
    index = json.loads((backend.blobs.root / "index.json").read_text())
    names = [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in index["manifests"]]
    assert names == [environment.reference]


def test_shipping_seals_and_writes(build: Build, tmp_path: pathlib.Path) -> None:
    backend, environment = build()
    shipped = backend.ship(environment, VERDICT, Shipping(output=tmp_path / "x.tar", tag="me/demo"), SILENT)
    assert shipped.reference == "me/demo:latest"
    assert shipped.files[0] == str(tmp_path / "x.tar")
    assert any("docker load --input" in line for line in shipped.said)
    again = backend.ship(environment, VERDICT, Shipping(), SILENT)
    assert again.said[0] == shipped.said[0], "the same verdict gives the same image"


def test_an_image_that_cannot_be_had_says_what_else_there_is(build: Build, fake: Fake) -> None:
    with pytest.raises(OutsideError, match="no such image") as caught:
        build(base=LockedBase(image=f"{fake.host}/team/base:2"))
    assert 'debian = "bookworm"' in caught.value.hint
    with pytest.raises(OutsideError, match="without an engine"):
        build(base=LockedBase(image=f"{fake.host}/team/base:1", apt=("libgomp1",)))


def test_a_base_without_the_wanted_python_is_refused(build: Build) -> None:
    with pytest.raises(OutsideError, match=r"no Python 3\.12"):
        build(python="3.12")


def test_a_lost_image_is_said_to_be_lost(build: Build) -> None:
    backend, environment = build()
    backend.blobs.path(backend.record(environment).image.config.digest).unlink()
    with pytest.raises(OutsideError, match="no longer"):
        backend.run(environment, ["true"])


@pytest.fixture
def rootfs(spec_folder: pathlib.Path) -> LockedArchive:
    """A root file system below the spec's folder."""
    place = spec_folder / "bases" / "root.tar"
    place.parent.mkdir()
    with tarfile.open(place, "w") as archive:
        for name, body in (("usr/bin/python3.11", b"elf"), ("etc/passwd", b"root:x:0:0::/root:/bin/sh\n")):
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return LockedArchive(path="bases/root.tar", sha256=saved.saved_image_sha256(place))


def test_an_image_on_disk_is_a_base(build: Build, rootfs: LockedArchive, spec_folder: pathlib.Path) -> None:
    """No registry is asked: the name belongs to none. Once read, the file itself is no longer needed."""
    base = LockedBase(image="nowhere.invalid/team/base:1", archive=rootfs)
    backend, environment = build(base=base)
    image = backend.record(environment).image
    assert "etc/passwd" in look_into_layers(image.layers[:1], backend.blobs, {"etc/passwd"})
    labels = json.loads(backend.blobs.read(image.config))["config"]["Labels"]
    assert labels["org.opencontainers.image.base.name"] == "nowhere.invalid/team/base:1"
    (spec_folder / rootfs.path).unlink()
    assert build(base=base)[1].reused


def test_another_file_than_the_locked_one_is_refused(
    build: Build, rootfs: LockedArchive, spec_folder: pathlib.Path
) -> None:
    base = LockedBase(image="team/base:1", archive=rootfs)
    with (spec_folder / rootfs.path).open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(OutsideError, match="another one than when the lock was made"):
        build(base=base)
    (spec_folder / rootfs.path).unlink()
    with pytest.raises(OutsideError, match="there is no image in"):
        build(base=base)
    with pytest.raises(OutsideError, match="without an engine"):
        build(base=base.model_copy(update={"apt": ("libgomp1",)}))


@pytest.mark.network
def test_debian_packages_become_a_base_that_runs(
    build: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """The real archive: Python, certificates, users, the loader's cache; the same bytes in another home."""
    debian = LockedBase(debian="bookworm", apt=("libsndfile1",))
    backend, environment = build(base=debian)
    script = (
        "import ctypes.util, lib, pwd, os, ssl, sqlite3, sys, time\n"
        "print(sys.prefix, '%d.%d' % sys.version_info[:2], lib.x, pwd.getpwuid(os.getuid()).pw_name)\n"
        "print(ctypes.util.find_library('sndfile'), ctypes.util.find_library('stdc++'), time.tzname[0])\n"
        "print(ssl.create_default_context().cert_store_stats()['x509_ca'] > 100)\n"
    )
    done = backend.run(environment, ["python", "-c", script], timeout=120)
    assert done.stdout.splitlines() == [
        "/opt/env 3.11 1 app",
        "libsndfile.so.1 libstdc++.so.6 UTC",
        "True",
    ], done
    remembered = backend.blobs.root.parent / "debian"
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path / "another"))
    (tmp_path / "another").mkdir()
    (tmp_path / "another" / "debian").symlink_to(remembered)
    second, other = build(base=debian)
    assert backend.record(environment).image == second.record(other).image


def test_copies_stand_between_the_doctor_and_the_payload_in_their_order(
    build: Build, spec_folder: pathlib.Path
) -> None:
    (spec_folder / "conf").mkdir()
    (spec_folder / "conf" / "a.yaml").write_text("a")
    wanted = [{"from": "conf", "to": "/etc/shop", "owner": "app"}, {"from": "conf/a.yaml", "to": "conf/"}]
    copies = collect_copies([Copy.model_validate(each) for each in wanted], spec_folder)
    backend, plain = build()
    _, environment = build(copies=copies)
    image = backend.record(environment).image
    assert [layer.title for layer in image.layers][-4:] == [
        RUNTIME,
        "copy to /etc/shop",
        "copy to conf/a.yaml",
        "payload",
    ]
    found = look_into_layers(image.layers, backend.blobs, {"etc/shop/a.yaml", "app/conf/a.yaml"})
    assert found == {"etc/shop/a.yaml": b"a", "app/conf/a.yaml": b"a"}
    assert environment.contents != plain.contents, "the judge sees what goes anywhere in the system"
    _, below = build(copies=copies[1:])
    assert below.contents == plain.contents
