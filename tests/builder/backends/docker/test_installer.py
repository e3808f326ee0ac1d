"""The uv of build steps: this program's own, or one for musl that is fetched once."""

import pathlib

import pytest

from builder.backends.docker import installer as subject
from builder.values.plan import Plan
from envspec.lockfile.lock import LockedBase
from envspec.spec.target import Target
from envspec.supply.uv import uv_program
from envspec.system.errors import OutsideError
from envspec.system.progress import SILENT

pytestmark = pytest.mark.usefixtures("home")


def plan(glibc: tuple[int, int] | None = None, musl: tuple[int, int] | None = None) -> Plan:
    return Plan(
        name="x", variant=None, python="3.12", machine="x86_64", glibc=glibc, musl=musl,
        base=LockedBase(image="x"), stages=(), payload=None, service=None, lock="",
    )  # fmt: skip


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The machines for which a uv was fetched."""
    asked: list[str] = []

    def fetch(_: str, machine: str, folder: pathlib.Path) -> None:
        asked.append(machine)
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "uv").write_text("uv")

    monkeypatch.setattr(subject, "_fetch", fetch)
    return asked


def test_a_base_on_glibc_gets_the_uv_of_this_program(fetched: list[str]) -> None:
    found = subject.installer(plan(glibc=(2, 36)), offline=True, progress=SILENT)
    assert (str(found), fetched) == (uv_program(), [])


def test_a_base_on_musl_gets_one_of_its_own_that_is_kept(fetched: list[str]) -> None:
    first = subject.installer(plan(musl=(1, 2)), offline=False, progress=SILENT)
    assert first.read_text() == "uv"
    assert subject.installer(plan(musl=(1, 2)), offline=True, progress=SILENT) == first
    assert fetched == ["x86_64"]


def test_offline_it_is_said_what_is_missing() -> None:
    with pytest.raises(OutsideError, match="was not fetched yet") as raised:
        subject.installer(plan(musl=(1, 2)), offline=True, progress=SILENT)
    assert "--backend oci" in raised.value.hint


def test_on_a_machine_on_musl_its_own_serves_every_base(
    monkeypatch: pytest.MonkeyPatch, fetched: list[str]
) -> None:
    here = Target(python="3.12", machine="x86_64", musl=(1, 2))
    monkeypatch.setattr(subject, "host_target", lambda _: here)
    assert str(subject.installer(plan(musl=(1, 2)), offline=True, progress=SILENT)) == uv_program()
    assert fetched == []
