"""Differences in users' words."""

from envspec.lockfile.diff import Side, compare_sides


def side(python: str = "3.11", **pins: str) -> Side:
    return Side(label="x", python=python, pins=pins)


def said(before: Side, after: Side) -> list[str]:
    return [str(change) for change in compare_sides(before, after)]


def test_equal_sides_have_no_difference() -> None:
    assert said(side(numpy="1.23.5"), side(numpy="1.23.5")) == []


def test_two_spellings_of_one_version_are_one_version() -> None:
    assert said(side(numpy="1.0"), side(numpy="1.0.0")) == []


def test_added_removed_and_changed_packages_are_told_apart() -> None:
    found = said(side(a="1", b="1", c="2"), side(b="2", c="1", d="1"))
    assert found == ["- a 1", "~ b 1 -> 2", "~ c 2 -> 1", "+ d 1"]


def test_directions_are_known() -> None:
    assert [change.kind for change in compare_sides(side(a="1", b="2"), side(a="2", b="1"))] == ["up", "down"]


def test_another_python_comes_first() -> None:
    assert said(side("3.9", a="1"), side("3.11"))[0] == "~ python 3.9 -> 3.11"


def test_another_file_of_the_same_version_is_a_difference() -> None:
    one = Side(label="x", python="3.11", pins={"a": "1"}, files={"a": "00"})
    other = Side(label="y", python="3.11", pins={"a": "1"}, files={"a": "11"})
    assert said(one, other) == ["~ a 1: the same version in another file"]


def test_a_package_that_moved_to_another_stage_is_a_difference() -> None:
    one = Side(label="x", python="3.11", pins={"a": "1"}, stages={"a": "first"})
    other = Side(label="y", python="3.11", pins={"a": "1"}, stages={"a": "second"})
    assert said(one, other) == ["~ a: stage first -> second"]


def test_trees_are_compared_by_what_they_require() -> None:
    def tree(digest: str | None, **pins: str) -> Side:
        trees = {"core": digest} if digest else {}
        return Side(label="x", python="3.11", pins=pins, files={"a": "00"}, trees=trees)

    assert said(tree("1"), tree("1")) == []
    assert said(tree("1"), tree("2")) == ["~ core: its tree requires other things"]
    assert said(tree(None), tree("1")) == ["+ core the spec's own tree"]
    assert said(tree("1"), tree(None)) == ["- core the spec's own tree"]
    assert said(tree(None, core="1.0"), tree("1")) == ["~ core: 1.0 -> the spec's own tree"]
    assert said(tree("1"), Side(label="env", python="3.11", pins={"core": "1.0"})) == []
