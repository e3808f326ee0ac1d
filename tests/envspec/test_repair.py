"""Edits of a spec's text, and the choice of versions."""

import datetime as dt

import pytest
from packaging.specifiers import SpecifierSet

from builder.fix.edit import AsOf, Pin, Python, difference, edited, mentioned, nearest, other_python
from envspec.spec.load import parse_spec
from envspec.spec.target import Target
from envspec.supply.page import RemoteFile

TEXT = """\
# why this stands here
name = "x"   # the name
python = "3.9"

[base]
image = "python:3.9-slim-bullseye"

[[stage]]
name = "numeric"
install = [
    "numpy==1.23.5",  # the ABI
    "Scipy",
]
"""

TARGET = Target(python="3.9", machine="x86_64", glibc=(2, 31))


def wheel(
    version: str,
    tags: str = "py3-none-any",
    *,
    yanked: str | None = None,
    requires_python: str | None = None,
) -> RemoteFile:
    name = f"thing-{version}-{tags}.whl"
    return RemoteFile(file=name, url=f"file:///{name}", yanked=yanked, requires_python=requires_python)


def test_a_pin_rewrites_the_requirement_that_is_there() -> None:
    text = edited(TEXT, [Pin(name="numpy", version="1.26.4", stage="numeric", why="")])
    assert '"numpy==1.26.4",  # the ABI' in text


def test_a_pin_finds_its_requirement_however_it_is_spelled() -> None:
    text = edited(TEXT, [Pin(name="scipy", version="1.11.4", stage="numeric", why="")])
    assert '"Scipy==1.11.4"' in text


def test_a_pin_rewrites_every_word_that_excludes_it() -> None:
    twice = TEXT + '\n[[stage]]\nname = "late"\ninstall = ["numpy>=1.24", "numpy==1.25.0"]\n'
    spec = parse_spec(edited(twice, [Pin(name="numpy", version="1.26.4", stage="numeric", why="")]))
    assert spec.stage[0].install[0] == "numpy==1.26.4"
    assert spec.stage[1].install == ("numpy>=1.24", "numpy==1.26.4")


def test_a_pin_of_a_package_that_nobody_names_is_added_to_its_stage() -> None:
    text = edited(TEXT, [Pin(name="pyarrow", version="14.0.2", stage="numeric", why="")])
    assert parse_spec(text).stage[0].install == ("numpy==1.23.5", "Scipy", "pyarrow==14.0.2")


def test_comments_and_order_stay() -> None:
    text = edited(TEXT, [Pin(name="numpy", version="1.26.4", stage="numeric", why="")])
    assert text == TEXT.replace("1.23.5", "1.26.4")


def test_an_era_stands_behind_python() -> None:
    spec = parse_spec(edited(TEXT, [AsOf(date=dt.date(2024, 4, 1), why="")]))
    assert spec.as_of == dt.date(2024, 4, 1)


def test_an_era_takes_the_place_of_an_earlier_one() -> None:
    first = edited(TEXT, [AsOf(date=dt.date(2024, 4, 1), why="")])
    assert parse_spec(edited(first, [AsOf(date=dt.date(2023, 1, 1), why="")])).as_of == dt.date(2023, 1, 1)


def test_another_python_changes_the_base_too() -> None:
    spec = parse_spec(edited(TEXT, [Python(version="3.11", why="")]))
    assert (spec.python, spec.base.image) == ("3.11", "python:3.11-slim-bullseye")


def test_the_difference_shows_only_what_changed() -> None:
    text = edited(TEXT, [Pin(name="numpy", version="1.26.4", stage="numeric", why="")])
    changed = [line for line in difference(TEXT, text, "envspec.toml").splitlines() if line[:1] in "+-"]
    assert [line[:1] for line in changed[2:]] == ["-", "+"]


@pytest.mark.parametrize(
    ("said", "demands"),
    [
        ("modelscope==1.13.0 depends on datasets>=2.14.5 and", ">=2.14.5"),
        ("you require datasets>=2.0,<3", ">=2.0,<3"),
        ("you require datasets==2.13.0", ""),
        ("my-datasets>=9 is something else", ""),
    ],
)
def test_demands_are_read_from_an_explanation(said: str, demands: str) -> None:
    assert mentioned(said, "datasets") == SpecifierSet(demands)


def test_the_nearest_newer_version_comes_before_any_older() -> None:
    files = [wheel("1.0"), wheel("2.0"), wheel("2.2"), wheel("3.0")]
    assert nearest(files, "2.0", SpecifierSet("!=2.0"), TARGET) == "2.2"


def test_without_a_newer_one_the_nearest_older_is_taken() -> None:
    files = [wheel("1.0"), wheel("1.5"), wheel("2.0")]
    assert nearest(files, "2.0", SpecifierSet("<2"), TARGET) == "1.5"


def test_a_wheel_is_taken_before_a_nearer_version_that_must_be_built() -> None:
    source = RemoteFile(file="thing-2.1.tar.gz", url="file:///thing-2.1.tar.gz")
    assert nearest([wheel("1.0"), source, wheel("3.0")], "2.0", SpecifierSet("!=2.0"), TARGET) == "3.0"
    assert nearest([source], "2.0", SpecifierSet("!=2.0"), TARGET) == "2.1"


@pytest.mark.parametrize(
    "file",
    [
        wheel("2.1", yanked="broken"),
        wheel("2.1rc1"),
        wheel("2.1", "cp311-cp311-manylinux_2_17_x86_64"),
        wheel("2.1", requires_python=">=3.10"),
    ],
)
def test_versions_that_would_not_do_are_passed_over(file: RemoteFile) -> None:
    assert nearest([file], "2.0", SpecifierSet(">2"), TARGET) is None


def test_the_nearest_python_that_has_a_wheel_is_offered() -> None:
    files = [wheel("1.0", f"cp3{minor}-cp3{minor}-manylinux_2_28_x86_64") for minor in (11, 13)]
    assert other_python(files, TARGET) == "3.11"


def test_no_python_is_offered_where_none_has_a_wheel() -> None:
    assert other_python([wheel("1.0", "cp311-cp311-win_amd64")], TARGET) is None
