"""Locks of extra indexes, constraints and overrides, and locks that keep another tool's pins."""

from __future__ import annotations

import pathlib

import pytest

from envspec.ingest.draft import Pin, PinFile
from envspec.lockfile.lock import Lock, dump_lock, parse_lock
from envspec.resolve.keep import UnkeptError
from envspec.resolve.resolver import resolve_spec
from envspec.spec.load import parse_spec
from envspec.spec.model import Spec
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from tests.support.index import sha256, simple_index
from tests.support.wheels import wheel

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def shop(tmp_path: pathlib.Path) -> str:
    """The machine's own index."""
    files = tmp_path / "files"
    offered = [wheel(files, "lib", version) for version in ("1.0", "2.0")]
    offered += [wheel(files, "heavy", "2.8.0"), wheel(files, "app", requires=["lib", "heavy"])]
    return simple_index(tmp_path / "simple", offered)


@pytest.fixture
def torch(tmp_path: pathlib.Path) -> str:
    """An index with builds of its own, and an old version of what others have too."""
    files = tmp_path / "torch-files"
    offered = [wheel(files, "heavy", "2.8.0+cpu"), wheel(files, "lib", "1.0"), wheel(files, "kernel")]
    return simple_index(tmp_path / "torch", offered)


def wanted(words: str, head: str = "", tail: str = "") -> Spec:
    text = f'name = "x"\npython = "3.11"\n{head}\n[[stage]]\nname = "one"\ninstall = [{words}]\n{tail}'
    return parse_spec(text)


def locked(tmp_path: pathlib.Path, shop: str, spec: Spec, *, pins: tuple[Pin, ...] = ()) -> Lock:
    sources = Sources(spec, PipSettings(index_url=shop)).within(tmp_path)
    resolver = "uv.lock" if pins else "uv"
    return resolve_spec(spec, sources, Wheelhouse(tmp_path / "store"), resolver=resolver, pins=pins)


def test_an_extra_index_is_asked_besides_and_the_best_version_wins(
    tmp_path: pathlib.Path, shop: str, torch: str
) -> None:
    """As with pip's --extra-index-url: its builds win, its old versions do not, nothing else is lost."""
    tail = f'[index.torch]\nurl = "{torch}"\nextra = true\n'
    pins = locked(tmp_path, shop, wanted('"app", "kernel"', tail=tail)).pins
    assert pins == {"app": "1.0", "heavy": "2.8.0+cpu", "kernel": "1.0", "lib": "2.0"}


def test_constraints_limit_what_others_require_and_install_nothing(tmp_path: pathlib.Path, shop: str) -> None:
    pins = locked(tmp_path, shop, wanted('"app"', 'constraints = ["lib<2", "kernel==1.0"]')).pins
    assert pins == {"app": "1.0", "heavy": "2.8.0", "lib": "1.0"}


def test_overrides_count_instead_of_all_that_is_required(tmp_path: pathlib.Path, shop: str) -> None:
    assert (
        locked(tmp_path, shop, wanted('"app", "lib==2.0"', 'overrides = ["lib==1.0"]')).pins["lib"] == "1.0"
    )


def pin(tmp_path: pathlib.Path, name: str, version: str) -> Pin:
    file = tmp_path / "files" / f"{name}-{version}-py3-none-any.whl"
    return Pin(name=name, version=version, files=(PinFile(sha256=sha256(file)),))


def test_pins_become_a_lock_with_the_same_versions_and_digests(tmp_path: pathlib.Path, shop: str) -> None:
    spec = wanted('"app"')
    pins = (pin(tmp_path, "app", "1.0"), pin(tmp_path, "lib", "1.0"), pin(tmp_path, "heavy", "2.8.0"))
    held = locked(tmp_path, shop, spec, pins=pins)
    assert {entry.name: entry.sha256 for entry in held.artifact} == {
        each.name: each.files[0].sha256 for each in pins
    }
    assert held.pins["lib"] == "1.0"  # and not the newest
    assert parse_lock(dump_lock(held)).fits(spec)


def test_pins_that_lack_what_a_package_needs_are_no_lock(tmp_path: pathlib.Path, shop: str) -> None:
    with pytest.raises(UnkeptError, match="does not hold lib, which its packages need"):
        locked(
            tmp_path,
            shop,
            wanted('"app"'),
            pins=(pin(tmp_path, "app", "1.0"), pin(tmp_path, "heavy", "2.8.0")),
        )
