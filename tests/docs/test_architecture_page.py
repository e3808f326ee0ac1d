"""The page on architecture has the rooms, floors and phases that the code has."""

from __future__ import annotations

import re

from builder.flow.pipeline import FLOW
from tests.docs.markdown import read
from tests.floors import FLOORS
from tests.support.paths import ROOT

PAGE = read(ROOT / "docs" / "architecture.md")
SERVICE = read(ROOT / "docs" / "service.md")


def in_order(package: str) -> list[str]:
    """The rooms of a package from the top floor down."""
    return [room for floor in FLOORS[package] for room in floor.split()]


def test_every_room_has_a_sentence_in_order() -> None:
    for package in ("builder", "envspec"):
        section = PAGE.partition(f"\n### `{package}`")[2].partition("\n##")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == in_order(package)


def test_every_room_of_the_service_has_a_sentence() -> None:
    section = SERVICE.partition("\n## The rooms")[2].partition("\n## ")[0]
    rows = "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))
    assert sorted(re.findall(r"`(\w+)[/.]", rows)) == sorted(in_order("service"))


def test_the_picture_has_every_floor() -> None:
    picture = PAGE.partition("   builder      ")[2].partition("```")[0]
    columns: dict[str, list[str]] = {name: [] for name in ("builder", "envspec", "service")}
    for line in picture.splitlines()[2:]:
        for name, start, end in (("builder", 3, 36), ("envspec", 36, 66), ("service", 66, 110)):
            if floor := " ".join(line[start:end].split()):
                columns[name].append(floor)
    assert {name: tuple(floors) for name, floors in columns.items()} == {
        name: FLOORS[name] for name in columns
    }


def test_the_flow_is_told_as_it_is() -> None:
    assert f"is the table of contents: {', '.join(name for name, _ in FLOW)}." in PAGE
