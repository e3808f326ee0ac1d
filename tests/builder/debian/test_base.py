"""The base of Debian packages that both backends of images stand on."""

import hashlib
import pathlib

import pytest

from builder.debian.base import base_image_name, obtain_base
from builder.debian.request import MIRROR, ROOTS, debian_hint, debian_request, python_release
from builder.oci.store.blobs import Blobs
from builder.values.plan import Plan
from envspec.lockfile.lock import DebianPackage, File, LockedBase
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError, SpecError
from envspec.system.progress import SILENT
from tests.support.debs import deb_of


class Archive:
    """An archive on which only these packages are left."""

    def __init__(self, folder: pathlib.Path, *names: str) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.packages = tuple(self._package(name) for name in names)

    def _package(self, name: str) -> DebianPackage:
        body = deb_of(name, (f"./usr/lib/{name}.txt", name.encode()))
        (self.folder / f"{name}_amd64.deb").write_bytes(body)
        return DebianPackage(
            name=name,
            version="1.0",
            path=f"pool/{name}_1.0_amd64.deb",
            file=f"{name}_amd64.deb",
            sha256=hashlib.sha256(body).hexdigest(),
            size=len(body),
        )

    def read(self, address: str, *, missing_ok: bool = False) -> bytes | None:
        raise OutsideError(f"{address} is gone")

    def bring(self, address: str, file: File, store: Wheelhouse) -> None:
        self.asked.append(file.file)
        store.add(self.folder / file.file)


def unreachable() -> Archive:
    raise AssertionError("everything is here already")


@pytest.fixture
def archive(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.setenv(MIRROR, "http://mirror.example/debian")
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path / "home"))
    (tmp_path / "archive").mkdir()
    return Archive(tmp_path / "archive", "alpha", "beta")


def plan(*packages: DebianPackage, **base: object) -> Plan:
    return Plan(
        name="demo",
        variant=None,
        python="3.11",
        machine="x86_64",
        glibc=(2, 36),
        base=LockedBase.model_validate({"debian": "bookworm", "packages": packages, **base}),
        stages=(),
        payload=None,
        service=None,
        lock="",
    )


def test_the_locks_packages_are_fetched_once_and_laid_out_once(
    archive: Archive, tmp_path: pathlib.Path
) -> None:
    store, blobs = Wheelhouse(tmp_path / "wheelhouse"), Blobs(tmp_path / "oci")
    wanted = plan(*archive.packages)
    first = obtain_base(wanted, store, blobs, lambda: archive, SILENT)
    assert sorted(archive.asked) == ["alpha_amd64.deb", "beta_amd64.deb"]
    content = b"".join(blobs.plain(first.layer))
    assert b"usr/lib/alpha.txt" in content
    assert b"usr/lib/beta.txt" in content
    again = obtain_base(wanted, Wheelhouse(tmp_path / "empty"), blobs, unreachable, SILENT)
    assert again == first


def test_equal_packages_give_equal_bytes_elsewhere(archive: Archive, tmp_path: pathlib.Path) -> None:
    layers = [
        obtain_base(
            plan(*archive.packages),
            Wheelhouse(tmp_path / name / "wheelhouse"),
            Blobs(tmp_path / name / "oci"),
            lambda: archive,
            SILENT,
        ).layer
        for name in ("here", "there")
    ]
    assert layers[0] == layers[1]


def test_a_lock_without_packages_asks_the_archive(archive: Archive, tmp_path: pathlib.Path) -> None:
    store, blobs = Wheelhouse(tmp_path / "wheelhouse"), Blobs(tmp_path / "oci")
    with pytest.raises(OutsideError, match="InRelease is gone"):
        obtain_base(plan(), store, blobs, lambda: archive, SILENT)


def test_a_bases_name_says_what_its_lock_lists(archive: Archive) -> None:
    one, other = archive.packages
    name = base_image_name(plan(one, other))
    assert name.startswith("envspec/base:bookworm-")
    assert name == base_image_name(plan(one, other, apt=("beta",))), "only what is in it counts"
    assert (
        len({name, base_image_name(plan(one)), base_image_name(plan()), base_image_name(plan(apt=("beta",)))})
        == 4
    )


def test_a_suite_with_another_python_is_refused(archive: Archive) -> None:
    with pytest.raises(SpecError, match=r"Debian trixie has Python 3\.13, the spec wants 3\.11"):
        base_image_name(plan(debian="trixie"))


def test_a_suite_with_several_pythons_brings_the_one_that_is_wanted() -> None:
    def roots(python: str) -> set[str]:
        asker = plan(debian="forky").model_copy(update={"python": python})
        return set(debian_request(asker).roots)

    assert roots("3.14") == set(ROOTS), "it is the suite's own python3"
    assert roots("3.15") == {*ROOTS, "python3.15"} - {"python3"}


def test_a_hint_names_a_suite_only_where_one_has_that_python() -> None:
    assert debian_hint("3.15", "has it") == '[base] debian = "forky" has it'
    assert "no Debian suite has it" in debian_hint("3.14t", "has it")


def test_the_release_of_a_base_is_read_off_its_packages() -> None:
    python = DebianPackage(
        name="python3.11",
        version="1:3.11.2-6+deb12u6",
        path="pool/p.deb",
        file="p.deb",
        sha256="0" * 64,
        size=1,
    )
    assert python_release([python], "3.11") == "3.11.2"
    assert python_release([python], "3.12") == ""


def test_every_base_has_a_python_and_certificates() -> None:
    assert {"python3", "ca-certificates"} <= set(ROOTS)
