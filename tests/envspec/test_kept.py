"""What is kept by key: whole, found again, made anew where it cannot be read."""

import os
import pathlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.spec.part import Part
from envspec.system.kept import Kept


class Point(Part):
    """Two numbers."""

    x: int
    y: int = 0


@pytest.mark.parametrize("packed", [False, True])
def test_a_value_is_made_once_and_found_again(tmp_path: pathlib.Path, packed: bool) -> None:
    kept: Kept[Point] = Kept(tmp_path / "points", Point, packed=packed)
    made = []

    def make() -> Point:
        made.append(1)
        return Point(x=3)

    assert kept.get_or_make("a", make) == kept.get_or_make("a", make) == Point(x=3)
    assert len(made) == 1
    assert kept.get("b") is None


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"x": "no number"}', b"\xff\xfe", b"[" * 10_000])
@pytest.mark.parametrize("packed", [False, True])
def test_what_cannot_be_read_is_made_again(tmp_path: pathlib.Path, damage: bytes, packed: bool) -> None:
    kept: Kept[Point] = Kept(tmp_path, Point, packed=packed)
    kept.put("a", Point(x=1))
    kept.file("a").write_bytes(damage)
    assert kept.get("a") is None
    assert kept.get_or_make("a", lambda: Point(x=2)) == Point(x=2)
    assert kept.get("a") == Point(x=2)


def _value(file: pathlib.Path) -> None:
    """Another value of the right form, without the checksum that goes with it."""
    file.write_bytes(file.read_bytes().replace(b'"x":1', b'"x":7'))


def _folder(file: pathlib.Path) -> None:
    file.unlink()
    (file / "inside").mkdir(parents=True)


def _dangling(file: pathlib.Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")


@pytest.mark.parametrize("damage", [_value, _folder, _dangling])
def test_what_is_damaged_is_named_once_and_made_anew(
    home: pathlib.Path, damage: Callable[[pathlib.Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    kept: Kept[Point] = Kept(home / "points", Point)
    kept.put("a", Point(x=1))
    damage(kept.file("a"))
    assert kept.get_or_make("a", lambda: Point(x=2)) == kept.get("a") == Point(x=2)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"kept file points/{kept.file('a').name} ")


def test_a_file_where_the_folder_should_be_is_in_nobodys_way(
    home: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    home.mkdir()
    (home / "points").write_text("")
    kept: Kept[Point] = Kept(home / "points", Point)
    assert kept.get_or_make("a/b", lambda: Point(x=2)) == kept.get("a/b") == Point(x=2)
    assert caplog.messages == ["kept file points is no folder: thrown away, made anew"]


def test_a_file_of_another_form_is_not_damaged(home: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    kept: Kept[Point] = Kept(home / "points", Point)
    (home / "points").mkdir(parents=True)
    (home / "points" / "a.json").write_text('{"x": 1}')
    assert kept.get("a") is None
    assert caplog.text == ""


def test_the_date_of_a_file_says_when_it_was_used(home: pathlib.Path) -> None:
    kept: Kept[Point] = Kept(home / "points", Point)
    kept.put("a", Point(x=1))
    os.utime(kept.file("a"), (1, 1))
    kept.get("a")
    assert kept.file("a").stat().st_mtime > 1


@pytest.mark.parametrize("key", ["", "../a", "a/../../b", "/a", "a//b", ".hidden", "a\n", "a/.."])
def test_a_key_never_leaves_the_folder(tmp_path: pathlib.Path, key: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        Kept[int](tmp_path, int).put(key, 1)


VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@given(value=VALUES.filter(lambda value: value is not None))
def test_any_json_value_comes_back(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    kept: Kept[object] = Kept(tmp_path_factory.getbasetemp() / "kept", object, packed=True)
    kept.put("any", value)
    assert kept.get("any") == value
