"""Locks of extra indexes, constraints and overrides, and locks that keep another tool's pins."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import pytest

from envspec.ingest.draft import Pin, PinFile
from envspec.lockfile.lock import Lock, dump_lock, parse_lock
from envspec.resolve.keep import Kept, keep_lock
from envspec.resolve.keeper import UnkeptError
from envspec.resolve.resolver import resolve_spec
from envspec.source.complete import complete_lock
from envspec.source.yard import SourceYard
from envspec.spec.load import parse_spec
from envspec.spec.model import Spec
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from tests.support.index import sha256, simple_index
from tests.support.wheels import sdist, wheel

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


def locked(tmp_path: pathlib.Path, shop: str, spec: Spec) -> Lock:
    sources = Sources(spec, PipSettings(index_url=shop)).within(tmp_path)
    return resolve_spec(spec, sources, Wheelhouse(tmp_path / "store"))


def kept(tmp_path: pathlib.Path, shop: str, spec: Spec, *pins: Pin, builds: bool = True) -> Kept:
    sources = Sources(spec, PipSettings(index_url=shop)).within(tmp_path)
    return keep_lock(spec, sources, Wheelhouse(tmp_path / "store"), pins, by="uv.lock", builds=builds)


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


NOWHERE = "http://127.0.0.1:9/simple"
"""An index that nobody reaches."""

APP, LIB = "app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"


def pin(tmp_path: pathlib.Path, name: str, version: str) -> Pin:
    """A pin by digest alone, as a Pipfile.lock has it."""
    file = tmp_path / "files" / f"{name}-{version}-py3-none-any.whl"
    return Pin(name=name, version=version, files=(PinFile(sha256=sha256(file)),))


def told(name: str, *files: str, requires: tuple[str, ...] = (), size: int | None = 9, **more: Any) -> Pin:
    """A pin that tells its files and what it requires, as uv.lock does."""
    offered = (PinFile(sha256=f"{number:064x}", file=file, size=size) for number, file in enumerate(files, 1))
    return Pin(name=name, version="1.0", files=tuple(offered), requires=requires, **more)


def test_pins_become_a_lock_with_the_same_versions_and_digests(tmp_path: pathlib.Path, shop: str) -> None:
    spec = wanted('"app"')
    pins = (pin(tmp_path, "app", "1.0"), pin(tmp_path, "lib", "1.0"), pin(tmp_path, "heavy", "2.8.0"))
    held = kept(tmp_path, shop, spec, *pins).lock
    assert {entry.name: entry.sha256 for entry in held.artifact} == {
        each.name: each.files[0].sha256 for each in pins
    }
    assert held.pins["lib"] == "1.0"  # and not the newest
    assert parse_lock(dump_lock(held)).fits(spec)


def test_what_a_lock_tells_of_its_files_needs_no_index(tmp_path: pathlib.Path) -> None:
    pins = (
        told("app", "app-1.0.tar.gz", APP, requires=("lib>=1",)),
        told("lib", "lib-1.0-cp312-cp312-win_amd64.whl", "lib-1.0-py2.py3-none-any.whl"),
    )
    found = kept(tmp_path, NOWHERE, wanted('"app"'), *pins)
    assert [entry.file for entry in found.lock.artifact] == [
        APP,
        "lib-1.0-py2.py3-none-any.whl",
    ]
    assert (found.notes, found.lock.gaps) == ((), frozenset())


def test_a_size_that_nobody_tells_is_left_open(tmp_path: pathlib.Path) -> None:
    found = kept(tmp_path, NOWHERE, wanted('"app"'), told("app", APP, size=None)).lock
    assert found.gaps == {"app"}
    assert "size" not in dump_lock(found)
    assert parse_lock(dump_lock(found)) == found


def test_a_source_that_cannot_be_built_here_is_held_by_its_digest(tmp_path: pathlib.Path) -> None:
    """The others are not lost for it, and the next run builds it."""
    pins = told("app", "app-1.0.tar.gz"), told("lib", LIB)
    found = kept(tmp_path, NOWHERE, wanted('"app", "lib"'), *pins)
    assert {entry.name: entry.sha256 for entry in found.lock.artifact} == {
        "app": f"{1:064x}",
        "lib": f"{1:064x}",
    }
    assert found.lock.gaps == {"app"}
    assert [note for note in found.notes if note.startswith("app 1.0 is source alone")]
    assert parse_lock(dump_lock(found.lock)) == found.lock


def test_a_package_without_a_file_for_the_target_is_named_and_others_stay(
    tmp_path: pathlib.Path,
) -> None:
    pins = told("app", "app-1.0-cp311-cp311-win_amd64.whl"), told("lib", LIB)
    found = kept(tmp_path, NOWHERE, wanted('"lib", "app"'), *pins)
    assert set(found.lock.pins) == {"lib"}
    assert [
        note for note in found.notes if "app 1.0 is not in the lock: it has no file for Python 3.11" in note
    ]


def test_a_commit_that_cannot_be_fetched_is_held(tmp_path: pathlib.Path) -> None:
    word = f"tool @ git+http://127.0.0.1:9/a/tool.git@{'1' * 40}"
    pins = (
        told("lib", LIB),
        Pin(name="tool", version="2.0", word=word, requires=("lib",)),
    )
    found = kept(tmp_path, NOWHERE, wanted(f'"{word}"'), *pins)
    assert [source.commit for source in found.lock.source] == ["1" * 40]
    assert found.lock.gaps == {"tool"}
    assert found.lock.pins == {"lib": "1.0"}
    assert [note for note in found.notes if "the lock holds its commit alone" in note]


def test_what_nobody_is_known_to_need_stays(tmp_path: pathlib.Path) -> None:
    """A lock has its reasons; of one beside a Dockerfile only what that needs is taken."""
    pins = told("app", APP), told("lib", LIB)
    assert set(kept(tmp_path, NOWHERE, wanted('"app"'), *pins).lock.pins) == {"app", "lib"}
    loose = [dataclasses.replace(each, loose=True) for each in pins]
    assert set(kept(tmp_path, NOWHERE, wanted('"app"'), *loose).lock.pins) == {"app"}


def test_pins_that_lack_what_a_package_needs_are_kept_with_a_note(tmp_path: pathlib.Path) -> None:
    found = kept(tmp_path, NOWHERE, wanted('"app"'), told("app", APP, requires=("lib",)))
    assert set(found.lock.pins) == {"app"}
    assert found.notes == ("it does not hold lib, which its packages say that they need",)


@pytest.mark.parametrize(("name", "version"), [("app", "2.0"), ("six", "1.0")])
def test_pins_that_are_not_what_is_asked_for_are_refused(
    tmp_path: pathlib.Path, name: str, version: str
) -> None:
    with pytest.raises(UnkeptError, match=r"does not hold app==1\.0"):
        kept(tmp_path, NOWHERE, wanted('"app==1.0"'), Pin(name=name, version=version))


def test_the_gaps_of_a_lock_are_closed_by_a_run(tmp_path: pathlib.Path) -> None:
    """What could not be had when the lock was kept is fetched and built, with the digests that it holds."""
    archive = sdist(tmp_path / "files", "app")
    offered = [archive, wheel(tmp_path / "files", "lib")]
    files = {"app": archive.name, "lib": LIB}
    pins = [
        Pin(
            name=name,
            version="1.0",
            requires=(),
            files=(PinFile(sha256=sha256(tmp_path / "files" / file), file=file),),
        )
        for name, file in files.items()
    ]
    spec = wanted('"app", "lib"')
    held = kept(tmp_path, NOWHERE, spec, *pins).lock
    assert held.gaps == {"app", "lib"}
    sources = Sources(spec, PipSettings(index_url=simple_index(tmp_path / "simple", offered)))
    yard = SourceYard(spec=spec, sources=sources.within(tmp_path), store=Wheelhouse(tmp_path / "store"))
    whole = complete_lock(held, yard)
    assert not whole.gaps
    assert {entry.name: entry.sha256 for entry in whole.artifact} == {
        entry.name: entry.sha256 for entry in held.artifact
    }
    assert whole.artifact[0].installed.file == APP


def test_where_nothing_is_built_sources_are_held_open(tmp_path: pathlib.Path, shop: str) -> None:
    """As `envspec init` keeps a lock: no code of a project runs while it is read."""
    (tmp_path / "setup.py").write_text("raise SystemExit('this was run')\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "Own.Name"\nversion = "1"\n')
    archive = sdist(tmp_path / "files", "app")
    pins = [
        Pin(name="own-name", version="1", word=".", files=()),
        Pin(name="app", version="1.0", files=(PinFile(sha256=sha256(archive), file=archive.name),)),
    ]
    held = kept(tmp_path, shop, wanted('".", "app==1.0"'), *pins, builds=False)
    assert held.lock.gaps == {"own-name", "app"}
    assert [entry.sha256 for entry in held.lock.artifact] == [sha256(archive)]
    assert all("nothing is built while a description is read" in note for note in held.notes)
