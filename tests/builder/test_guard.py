"""The guard: what a stage moved, doubled, brought in or wrote over."""

import pathlib
import zipfile

import pytest

from builder.inside import guard
from tests.support.wheels import wheel


@pytest.fixture
def site(tmp_path: pathlib.Path) -> pathlib.Path:
    place = tmp_path / "site-packages"
    place.mkdir()
    return place


def install(site: pathlib.Path, *wheels: pathlib.Path) -> None:
    """As every installer does: the later one writes over the earlier."""
    for each in wheels:
        with zipfile.ZipFile(each) as archive:
            archive.extractall(site)


def test_what_was_planned_is_fine(site: pathlib.Path, tmp_path: pathlib.Path) -> None:
    install(site, wheel(tmp_path, "My_Package", "1.0"), wheel(tmp_path, "torch", "2.0+cpu"))
    assert guard.check(site, {"my-package": "1.0", "torch": "2.0+cpu"}) == []


def test_a_moved_version_is_named(site: pathlib.Path, tmp_path: pathlib.Path) -> None:
    install(site, wheel(tmp_path, "numpy", "2.0"))
    assert guard.check(site, {"numpy": "1.23.5"}) == ["numpy 1.23.5 became 2.0"]


def test_a_lost_package_is_named(site: pathlib.Path) -> None:
    assert guard.check(site, {"numpy": "1.23.5"}) == ["numpy 1.23.5 is gone"]


def test_a_package_that_is_there_twice_is_named(site: pathlib.Path, tmp_path: pathlib.Path) -> None:
    install(site, wheel(tmp_path, "numpy", "1.0"), wheel(tmp_path, "numpy", "2.0"))
    assert guard.check(site, {"numpy": "1.0"})[0] == "numpy is there more than once: 1.0, 2.0"


def test_what_nobody_planned_is_named(site: pathlib.Path, tmp_path: pathlib.Path) -> None:
    install(site, wheel(tmp_path, "uninvited"))
    assert guard.check(site, {}) == ["uninvited was never planned"]


def test_what_came_with_the_base_is_fine(site: pathlib.Path, tmp_path: pathlib.Path) -> None:
    install(site, wheel(tmp_path, "pip"))
    assert guard.check(site, {}, base=["pip"]) == []


def test_a_wheel_that_writes_over_another_is_named(site: pathlib.Path, tmp_path: pathlib.Path) -> None:
    evil = wheel(tmp_path, "evil", files={"numpy/__init__.py": "print('mine now')\n"})
    install(site, wheel(tmp_path, "numpy"), evil)
    assert guard.check(site, {"numpy": "1.0", "evil": "1.0"}) == [
        "evil and numpy both bring numpy/__init__.py, with different content"
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"shared/__init__.py": ""}, {"shared/__init__.py": ""}),
        ({"tests/__init__.py": "1"}, {"tests/__init__.py": "2"}),
        ({"README.md": "1"}, {"README.md": "2"}),
    ],
    ids=["same content", "careless folder", "no code"],
)
def test_harmless_sharing_is_fine(
    site: pathlib.Path, tmp_path: pathlib.Path, one: dict[str, str], other: dict[str, str]
) -> None:
    install(site, wheel(tmp_path, "a", files=one), wheel(tmp_path, "b", files=other))
    assert guard.check(site, {"a": "1.0", "b": "1.0"}) == []


@pytest.mark.parametrize("record", [b"", b"a,b\n", b"\xff\x00,,\n", b'"', b"x" * 200_000 + b",,\n"])
def test_a_record_that_is_none_does_no_harm(site: pathlib.Path, record: bytes) -> None:
    (site / "a-1.0.dist-info").mkdir()
    (site / "a-1.0.dist-info" / "RECORD").write_bytes(record)
    assert guard.check(site, {"a": "1.0"}) == []
