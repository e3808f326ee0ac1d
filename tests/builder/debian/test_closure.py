"""Which packages a base needs."""

import pytest

from builder.debian.closure import Universe, package_closure
from builder.debian.lists import PackageList
from builder.debian.package import Relation
from envspec.system.errors import OutsideError


def listing(*packages: str) -> PackageList:
    """`name version: field value; ...` a package."""
    blocks = []
    for text in packages:
        head, _, fields = text.partition(":")
        name, number = head.split()
        lines = [f"Package: {name}", f"Version: {number}", "Architecture: amd64", "Size: 1"]
        lines += [f"Filename: pool/{name}_{number}.deb", f"SHA256: {number.encode().hex():0>64}"]
        lines += [field.strip() for field in fields.split(";") if field.strip()]
        blocks.append("\n".join(lines))
    return PackageList("\n\n".join(blocks).encode() + b"\n")


def chosen(lists: list[PackageList], *wanted: str) -> list[str]:
    relations = [
        Relation(name=name.partition("=")[0], how="=" * ("=" in name), version=name.partition("=")[2])
        for name in wanted
    ]
    return [f"{p.name} {p.version}" for p in package_closure(relations, Universe(lists))]


def test_everything_below_is_taken() -> None:
    lists = [listing("a 1: Depends: b (>= 1)", "b 1: Pre-Depends: c", "c 1", "d 1")]
    assert chosen(lists, "a") == ["a 1", "b 1", "c 1"]


def test_the_newest_of_all_archives_is_taken() -> None:
    lists = [listing("a 1.9"), listing("a 1.10"), listing("a 1.10~rc1")]
    assert chosen(lists, "a") == ["a 1.10"]


def test_a_pinned_version_is_kept() -> None:
    assert chosen([listing("a 1"), listing("a 2")], "a=1") == ["a 1"]


def test_the_first_alternative_that_is_there_is_taken_unless_another_is_chosen_already() -> None:
    lists = [listing("a 1: Depends: x | b | c", "b 1", "c 1")]
    assert chosen(lists, "a") == ["a 1", "b 1"]
    assert chosen(lists, "c", "a") == ["a 1", "c 1"]


def test_a_provider_stands_in_for_a_virtual_package() -> None:
    lists = [listing("a 1: Depends: virtual", "z 1: Provides: virtual", "y 1: Provides: virtual (= 3)")]
    assert chosen(lists, "a") == ["a 1", "y 1"]
    lists = [
        listing("a 1: Depends: virtual (>= 2)", "z 1: Provides: virtual", "y 1: Provides: virtual (= 3)")
    ]
    assert chosen(lists, "a") == ["a 1", "y 1"]


def test_what_only_maintainer_scripts_need_stays_out_unless_it_is_asked_for() -> None:
    lists = [listing("a 1: Depends: debconf (>= 0.5) | debconf-2.0", "debconf 1: Depends: perl", "perl 1")]
    assert chosen(lists, "a") == ["a 1"]
    assert chosen(lists, "a", "debconf") == ["a 1", "debconf 1", "perl 1"]


def test_circles_end() -> None:
    assert chosen([listing("a 1: Depends: b", "b 1: Depends: a")], "a") == ["a 1", "b 1"]


def test_what_is_missing_is_named_with_who_needs_it() -> None:
    with pytest.raises(OutsideError, match=r"b >= 2, which a needs"):
        chosen([listing("a 1: Depends: b (>= 2)", "b 1")], "a")
    with pytest.raises(OutsideError, match=r"nothing, which \[base\] apt needs"):
        chosen([listing("a 1")], "nothing")
