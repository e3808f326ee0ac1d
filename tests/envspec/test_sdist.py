"""Wheels from source distributions: built once, in isolation, the same bytes every time."""

import os
import pathlib
import re
import shutil
import socket
import sys

import pytest

from envspec.lockfile.lock import File, Lock
from envspec.proof.prove import prove_lock
from envspec.source.backend import _answer
from envspec.source.fetch import fetch_locked
from envspec.source.sdist import BuildSite, built_wheel
from envspec.spec.target import Target
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system import confine
from envspec.system.errors import BuildError
from envspec.system.finding import must_fix
from envspec.system.sandbox import Sandbox, best_sandbox
from tests.support.fakes import Recorder
from tests.support.specs import artifact, lock, spec, stage
from tests.support.wheels import sdist

HERE = Target(python=f"3.{sys.version_info[1]}", machine="x86_64", glibc=(2, 17))
ALONE = PipSettings(no_index=True)
pytestmark = pytest.mark.usefixtures("home")


def build(source: pathlib.Path, root: pathlib.Path, said: Recorder | None = None) -> File:
    store = Wheelhouse(root)
    site = BuildSite(store=store, target=HERE, machine=ALONE, progress=said or Recorder())
    return built_wheel(store.add(source), site)


def test_it_is_built_once_and_remembered(tmp_path: pathlib.Path) -> None:
    source, said = sdist(tmp_path), Recorder()
    assert build(source, tmp_path / "store", said) == build(source, tmp_path / "store", said)
    assert said.said == ["building a wheel from source-1.0.tar.gz: its index has none"]


def test_another_machine_builds_the_same_bytes(tmp_path: pathlib.Path) -> None:
    source = sdist(tmp_path)
    assert build(source, tmp_path / "one") == build(source, tmp_path / "two")


def test_a_build_that_fails_says_why(tmp_path: pathlib.Path) -> None:
    source = sdist(tmp_path, extra='raise SystemExit("no such header: zlib.h")')
    with pytest.raises(BuildError, match=r"no wheel could be built from source-1\.0\.tar\.gz") as caught:
        build(source, tmp_path / "store")
    assert "zlib.h" in caught.value.message
    assert "under `wheels`" in caught.value.hint


def test_a_file_that_is_no_source_distribution_is_said_so(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "source-1.0.tar.gz"
    source.write_bytes(b"no archive")
    with pytest.raises(BuildError, match="no wheel could be built"):
        build(source, tmp_path / "store")


def test_a_wheel_that_was_lost_is_built_again(tmp_path: pathlib.Path) -> None:
    source = sdist(tmp_path)
    first = build(source, tmp_path / "store")
    shutil.rmtree(Wheelhouse(tmp_path / "store").path(first).parent)
    assert build(source, tmp_path / "store") == first


@pytest.fixture
def held(tmp_path: pathlib.Path) -> Lock:
    source = sdist(tmp_path / "files")
    wheel = build(source, tmp_path / "elsewhere")
    return lock(artifact(source).model_copy(update={"wheel": wheel}), python=HERE.python)


def there(folder: pathlib.Path, *, offline: bool = False) -> Sources:
    return Sources(spec(stage("one", "source==1.0")), PipSettings(index_url=str(folder)), offline=offline)


def test_fetching_builds_what_was_locked(tmp_path: pathlib.Path, held: Lock) -> None:
    store = Wheelhouse(tmp_path / "store")
    fetch_locked(held, there(tmp_path / "files"), store)
    assert store.verify(held.artifact[0].installed)


def test_a_wheel_with_other_bytes_than_the_lock_is_refused(tmp_path: pathlib.Path, held: Lock) -> None:
    (entry,) = held.artifact
    other = entry.model_copy(update={"wheel": entry.installed.model_copy(update={"sha256": "0" * 64})})
    with pytest.raises(BuildError, match="is not the one that was locked"):
        fetch_locked(
            held.model_copy(update={"artifact": (other,)}),
            there(tmp_path / "files"),
            Wheelhouse(tmp_path / "s"),
        )


def test_once_built_nothing_is_needed(tmp_path: pathlib.Path, held: Lock) -> None:
    fetch_locked(held, there(tmp_path / "gone", offline=True), Wheelhouse(tmp_path / "elsewhere"))


def test_a_lock_is_proved_where_its_source_was_never_built(tmp_path: pathlib.Path, held: Lock) -> None:
    wanted = spec(stage("one", "source==1.0"))
    found = prove_lock(wanted, held, there(tmp_path / "files"), Wheelhouse(tmp_path / "store"))
    assert not must_fix(found)
    assert Wheelhouse(tmp_path / "store").verify(held.artifact[0].installed)


REACHES = """
    import os, socket
    found = []
    for place in (pathlib.Path({outside!r}), pathlib.Path.home() / "was-here"):
        try:
            place.write_text("x")
            found.append("wrote")
        except OSError:
            found.append("kept")
    try:
        socket.create_connection(("127.0.0.1", {port}), 5)
        found.append("reached")
    except OSError:
        found.append("alone")
    found += [name for name in os.environ if "INDEX" in name or "TOKEN" in name]
    raise SystemExit("SAW " + " ".join(found))
"""


def test_a_build_writes_and_reaches_nothing_of_this_machine(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if best_sandbox().kind == confine.NONE:
        pytest.skip("this kernel has neither namespaces nor Landlock")
    for name in ("PIP_INDEX_URL", "UV_INDEX_URL", "ENVSPEC_INDEX_OURS", "SOME_TOKEN"):
        monkeypatch.setenv(name, "a secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        extra = REACHES.format(outside=str(tmp_path / "outside"), port=server.getsockname()[1]).strip()
        source = sdist(tmp_path, extra=extra)
        with pytest.raises(BuildError) as caught:
            build(source, tmp_path / "store")
    # In a temporary folder it may believe that it wrote.
    assert re.search(r"^SAW (?:kept|wrote) wrote alone$", caught.value.message, re.MULTILINE)
    assert not (tmp_path / "outside").exists()


def test_a_build_without_a_whole_sandbox_says_so(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Sandbox(kind=confine.NONE, why="no namespaces")
    for module in ("envspec.source.sdist", "envspec.system.sandbox"):
        monkeypatch.setattr(f"{module}.best_sandbox", lambda: bare)
    said = Recorder()
    build(sdist(tmp_path), tmp_path / "store", said)
    assert any("no whole sandbox is allowed here" in line for line in said.said)


def test_what_a_build_wants_is_read_with_care(tmp_path: pathlib.Path) -> None:
    """A step of the build may have put anything in the place of its answer."""
    (tmp_path / "secret").write_text('["secret"]')
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "deep").write_text("[" * 100_000)
    assert [_answer(tmp_path / name) for name in ("link", "pipe", "deep", "absent")] == [[], [], [], []]
    assert _answer(tmp_path / "secret") == ["secret"]
