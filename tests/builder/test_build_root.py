"""The root that sources are built in: which Debian, which packages, and what a failed build is advised."""

import pathlib
from typing import Any

import pytest

from builder.debian import archive, mirrors
from builder.flow.build_root import DebianBuildRoot, build_suite
from envspec.lockfile.lock import DebianPackage, Lock, LockedBase, dump_lock, parse_lock
from envspec.spec.load import parse_spec
from envspec.spec.model import Spec
from envspec.supply.build_root import Missing
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError, SpecError
from tests.support import specs

HEADER = Missing(kind="header", name="portaudio.h")


def spec(base: str, stage: str = "") -> Spec:
    return parse_spec(specs.spec_text(specs.stage("one", "six", more=stage), tail=f"[base]\n{base}\n"))


def package(name: str, version: str = "1") -> DebianPackage:
    file = f"{name}_amd64.deb"
    sha256 = f"{abs(hash((name, version))):064x}"[:64]
    return DebianPackage(
        name=name, version=version, path=f"pool/{name}/{file}", file=file, sha256=sha256, size=1
    )


def root(wanted: Spec, tmp_path: pathlib.Path, held: Lock | None = None) -> DebianBuildRoot:
    return DebianBuildRoot(wanted, held, Wheelhouse(tmp_path / "wheelhouse"))


@pytest.mark.parametrize(
    ("base", "suite"),
    [
        ('debian = "bookworm"', "bookworm"),
        ('image = "python:3.11-slim-bookworm"', "bookworm"),
        ('image = "registry.example/team/base:bookworm-1"', "bookworm"),
        ('image = "python:3.11-slim-trixie"', None),
        ('image = "python:3.11-slim"', None),
        ("host = true", None),
    ],
)
def test_the_suite_is_that_of_the_base_where_it_has_the_spec_s_python(base: str, suite: str | None) -> None:
    assert build_suite(spec(base)) == suite


def test_packages_of_the_base_and_of_stages_are_one_set() -> None:
    found = spec('debian = "bookworm"\nbuild-apt = ["gcc", "libpq-dev"]', 'build-apt = ["gcc", "cmake"]')
    assert found.build_packages == ("cmake", "gcc", "libpq-dev")


def test_what_is_built_with_changes_the_lock_and_not_the_image() -> None:
    plain, own = spec('debian = "bookworm"'), spec('debian = "bookworm"\nbuild-apt = ["gcc"]')
    assert plain.digest != own.digest
    assert "build" not in specs.lock().model_dump(mode="json", exclude_defaults=True)


def test_without_packages_it_is_this_machine_and_asks_nobody(tmp_path: pathlib.Path) -> None:
    found = root(spec('debian = "bookworm"'), tmp_path)
    assert (found.key, found.packages, found.added(specs.lock())) == ("", (), ())


def test_a_lock_s_own_packages_are_taken_beside_its_base_s(tmp_path: pathlib.Path) -> None:
    wanted = spec('debian = "bookworm"\nbuild-apt = ["gcc"]')
    base = LockedBase(debian="bookworm", packages=(package("libc6"), package("zlib1g")))
    held = specs.lock().model_copy(update={"base": base, "build": (package("gcc"), package("zlib1g", "2"))})
    found = root(wanted, tmp_path, held)
    assert [(each.name, each.version) for each in found.packages] == [
        ("gcc", "1"),
        ("libc6", "1"),
        ("zlib1g", "2"),
    ]
    assert found.added(held) == held.build
    other = held.model_copy(update={"build": (package("gcc", "2"),)})
    assert root(wanted, tmp_path, other).key != found.key
    assert parse_lock(dump_lock(held)).build == held.build


def test_a_base_whose_debian_nobody_knows_is_refused_with_what_to_do(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SpecError) as caught:
        _ = root(spec('host = true\nbuild-apt = ["gcc"]'), tmp_path).packages
    assert caught.value.problems[0].path == "base.build-apt"
    assert "bookworm (Python 3.11)" in caught.value.hint


def listed(monkeypatch: pytest.MonkeyPatch, *lines: bytes) -> None:
    monkeypatch.setattr(mirrors, "archive_pockets", lambda suite: ())
    monkeypatch.setattr(archive, "contents_lists", lambda *words: iter([lines]))


def test_the_advice_is_a_line_to_add(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch, b"usr/include/portaudio.h  libdevel/portaudio19-dev")
    said = root(spec('debian = "bookworm"'), tmp_path).advise(HEADER)
    assert '`build-apt = ["gcc", "portaudio19-dev"]`' in said
    more = root(spec('debian = "bookworm"\nbuild-apt = ["g++"]'), tmp_path).advise(HEADER)
    assert '`build-apt = ["g++", "portaudio19-dev"]`' in more


def test_what_cannot_be_looked_up_is_said_and_not_guessed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*words: Any) -> Any:
        raise OutsideError("the archive did not answer")

    monkeypatch.setattr(mirrors, "archive_pockets", fails)
    said = root(spec('debian = "bookworm"'), tmp_path).advise(HEADER)
    assert said == (
        "which package of Debian bookworm brings the header portaudio.h could not be looked up: "
        "the archive did not answer"
    )
    assert root(spec("host = true"), tmp_path).advise(HEADER) == ""


def test_what_no_package_brings_gets_no_advice(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(monkeypatch, b"usr/include/other.h  libdevel/other-dev")
    assert root(spec('debian = "bookworm"'), tmp_path).advise(HEADER) == ""
