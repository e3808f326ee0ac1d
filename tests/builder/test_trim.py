"""Trimming: files go, and every RECORD stays true to what is there."""

import csv
import pathlib
import zipfile

import pytest

from builder.inside.trim import trim
from envspec.system.pattern import expression
from tests.support.wheels import wheel

FILES = {
    "demo/__init__.py": "x" * 100,
    "demo/tests/__init__.py": "y" * 50,
    "demo/tests/deep/test_a.py": "z" * 25,
    "demo/lib/libx.a": "a" * 10,
}


@pytest.fixture
def site(tmp_path: pathlib.Path) -> pathlib.Path:
    place = tmp_path / "env" / "site-packages"
    with zipfile.ZipFile(wheel(tmp_path, files=FILES)) as archive:
        archive.extractall(place)
    return place


def recorded(site: pathlib.Path) -> set[str]:
    with (site / "demo-1.0.dist-info" / "RECORD").open(newline="") as stream:
        return {row[0] for row in csv.reader(stream)}


def there(site: pathlib.Path) -> set[str]:
    return {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def test_files_and_their_lines_go_together(site: pathlib.Path) -> None:
    assert trim(site, expression(["**/tests/**", "**/*.a"])) == 85
    assert there(site) == recorded(site)
    assert not {path for path in there(site) if "tests" in path or path.endswith(".a")}


def test_folders_that_became_empty_go_too(site: pathlib.Path) -> None:
    trim(site, expression(["**/tests/**"]))
    assert not (site / "demo" / "tests").exists()
    assert (site / "demo" / "lib").exists()


def test_what_matches_nothing_changes_nothing(site: pathlib.Path) -> None:
    before = (site / "demo-1.0.dist-info" / "RECORD").stat()
    assert trim(site, expression(["**/*.nothing"])) == 0
    assert (site / "demo-1.0.dist-info" / "RECORD").stat() == before


def test_twice_is_once(site: pathlib.Path) -> None:
    trim(site, expression(["**/tests/**"]))
    assert trim(site, expression(["**/tests/**"])) == 0


def test_even_everything_leaves_what_the_package_is_known_by(site: pathlib.Path) -> None:
    trim(site, expression(["**"]))
    assert there(site) == {"demo-1.0.dist-info/METADATA", "demo-1.0.dist-info/RECORD"} == recorded(site)


@pytest.mark.parametrize("path", ["../bystander.a", "demo/../../bystander.a", "{site}/../bystander.a"])
def test_a_record_cannot_point_outside(site: pathlib.Path, path: str) -> None:
    bystander = site.parent / "bystander.a"
    bystander.write_text("stays")
    with (site / "demo-1.0.dist-info" / "RECORD").open("a") as stream:
        stream.write(f"{path.format(site=site)},,\n")
    trim(site, expression(["**/*.a", "**"]))
    assert bystander.read_text() == "stays"


def test_a_line_whose_file_is_gone_already_goes(site: pathlib.Path) -> None:
    (site / "demo" / "lib" / "libx.a").unlink()
    assert trim(site, expression(["**/*.a"])) == 0
    assert "demo/lib/libx.a" not in recorded(site)
