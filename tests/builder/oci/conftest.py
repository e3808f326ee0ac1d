"""Wheels and packages made on the spot."""

import base64
import csv
import hashlib
import io
import pathlib
import zipfile
from collections.abc import Callable, Iterator, Mapping

import pytest

from builder.backends.oci import ship
from builder.backends.oci.backend import OciBackend
from builder.oci.image.base import BaseImage
from builder.oci.image.documents import ContainerSettings, assemble_image
from builder.oci.store import pieces
from builder.oci.store.blobs import Blobs
from builder.oci.store.network import Network
from builder.oci.store.pieces import file_piece
from builder.values.environment import Environment
from builder.values.payload import collect_payload
from builder.values.plan import Plan
from builder.values.program import service_program
from builder.values.stages import InstallStage, PlannedWheel
from builder.wheels.prefix import Prefix
from envspec.lockfile.lock import LockedBase
from envspec.spec.model import Service
from envspec.supply.pip_settings import PipSettings
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.progress import SILENT
from tests.builder.oci.fake_registry import Fake, serving

Content = Mapping[str, str | bytes]
MakeWheel = Callable[..., pathlib.Path]
MakePlan = Callable[..., Plan]
Build = Callable[..., tuple[OciBackend, Environment]]

NETWORK = Network(PipSettings())


def metadata(name: str, version: str) -> dict[str, str | bytes]:
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    return {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }


@pytest.fixture
def make_wheel(tmp_path: pathlib.Path) -> MakeWheel:
    """Writes a wheel with those files; `executable` names members marked as programs."""

    def make(
        name: str,
        files: Content,
        *,
        version: str = "1.0",
        executable: tuple[str, ...] = (),
        stored: bool = False,
    ) -> pathlib.Path:
        stem = f"{name.replace('-', '_')}-{version}"
        place = tmp_path / "wheels" / f"{stem}-py3-none-any.whl"
        place.parent.mkdir(exist_ok=True)
        members = {**files, **metadata(name, version)}
        record = f"{stem}.dist-info/RECORD"
        text = io.StringIO()
        rows = [(member, _hash(body), len(_bytes(body))) for member, body in members.items()]
        csv.writer(text, lineterminator="\n").writerows([*rows, (record, "", "")])
        members.setdefault(record, text.getvalue())
        with zipfile.ZipFile(place, "w") as archive:
            for member, body in members.items():
                info = zipfile.ZipInfo(member, (2020, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
                info.external_attr = (0o100755 if member in executable else 0o100644) << 16
                archive.writestr(info, body)
        return place

    return make


def _bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body


def _hash(body: str | bytes) -> str:
    code = base64.urlsafe_b64encode(hashlib.sha256(_bytes(body)).digest()).rstrip(b"=").decode()
    return f"sha256={code}"


@pytest.fixture
def prefix() -> Prefix:
    return Prefix(root="/opt/env", version="3.11", base_python="/usr/bin/python3.11")


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Wheelhouse:
    return Wheelhouse(tmp_path / "wheelhouse")


@pytest.fixture
def blobs(tmp_path: pathlib.Path) -> Blobs:
    return Blobs(tmp_path / "oci")


@pytest.fixture
def make_stage(store: Wheelhouse) -> Callable[..., InstallStage]:
    """A stage of wheels, which are put into the wheelhouse."""

    def make(name: str, *wheels: pathlib.Path, trim: tuple[str, ...] = ()) -> InstallStage:
        planned = []
        for wheel in wheels:
            package, version = wheel.name.split("-")[:2]
            held = store.add(wheel)
            planned.append(PlannedWheel(name=package.replace("_", "-"), version=version, **held.model_dump()))
        return InstallStage(name=name, why="", wheels=tuple(planned), trim=trim)

    return make


@pytest.fixture
def fake() -> Iterator[Fake]:
    with serving() as server:
        yield server


@pytest.fixture
def base_name(fake: Fake, tmp_path: pathlib.Path) -> str:
    """An image in a registry that has a Python, as far as anyone can tell without running it."""
    blobs = Blobs(tmp_path / "makers")
    files = [
        file_piece("usr/bin/python3.11", b"elf"),
        file_piece("etc/passwd", b"root:x:0:0::/root:/bin/sh\n"),
    ]
    layer = pieces.layer_of_pieces("base", files, blobs, known=())
    settings = ContainerSettings(
        user="0:0",
        folder="/",
        variables={"PATH": "/usr/bin", "PYTHON_VERSION": "3.11.9", "KEPT": "1"},
        labels={"maker": "them"},
        entrypoint=(),
        command=(),
    )
    base = BaseImage(name="base", machine="amd64", layers=(layer,))
    image = assemble_image(base, (), settings, "/usr/bin/python3.11", blobs)
    name = f"{fake.host}/team/base:1"
    ship.push_image(image, "amd64", name, blobs, NETWORK, SILENT)
    return name


@pytest.fixture
def spec_folder(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "spec"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text("app = 1\n")
    return folder


@pytest.fixture
def make_plan(
    base_name: str,
    make_wheel: Callable[..., pathlib.Path],
    make_stage: Callable[..., InstallStage],
    spec_folder: pathlib.Path,
) -> MakePlan:
    stages = (
        make_stage("one", make_wheel("lib", {"lib.py": "x = 1\n"})),
        make_stage("two", make_wheel("gunicorn", {"gunicorn/__init__.py": ""})),
    )

    def make(**changes: object) -> Plan:
        service = Service(module="app:app", source="src")
        plan = Plan(
            name="demo",
            variant=None,
            python="3.11",
            machine="x86_64",
            glibc=(2, 36),
            base=LockedBase(image=base_name),
            stages=stages,
            payload=collect_payload(service, spec_folder),
            service=service,
            lock=f"sha256:{1:064}",
            named=("lib",),
            compiled=False,  # a base that nothing can run
        )
        made = plan.model_copy(update=changes)
        if made.service is None or "programs" in changes:
            return made
        return made.model_copy(update={"programs": (service_program(made.service),)})

    return make


@pytest.fixture
def build(home: pathlib.Path, make_plan: MakePlan, spec_folder: pathlib.Path, store: Wheelhouse) -> Build:
    def run(**changes: object) -> tuple[OciBackend, Environment]:
        backend = OciBackend(network=NETWORK)
        return backend, backend.build(make_plan(**changes), spec_folder, store, SILENT)

    return run
