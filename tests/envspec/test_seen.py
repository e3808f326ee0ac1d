"""Files and folders that are read again only where they look otherwise than when they were right."""

import hashlib
import os
import pathlib
import stat
from collections.abc import Callable
from typing import Any

import pytest

from envspec.system.seen import holds, note_tree, settled, tree_holds

BODY = b"the whole of it"
SHA256 = hashlib.sha256(BODY).hexdigest()

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def file(home: pathlib.Path) -> pathlib.Path:
    """A file that was found right."""
    place = home / "store" / "file"
    place.parent.mkdir(parents=True)
    place.write_bytes(BODY)
    assert holds(place, SHA256, len(BODY))
    return place


def test_what_is_not_there_does_not_hold(home: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not holds(home / "a" / "b", SHA256)
    assert caplog.text == ""


def test_a_file_is_read_once_until_it_looks_otherwise(
    file: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    digest = hashlib.file_digest

    def counted(*given: Any) -> Any:
        read.append(1)
        return digest(*given)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    assert holds(file, SHA256)
    assert read == []
    os.utime(file, (1, 1))
    assert holds(file, SHA256)
    assert holds(file, SHA256)
    assert read == [1]
    assert holds(file, SHA256, read=True)
    assert read == [1, 1]


def flipped(file: pathlib.Path) -> None:
    file.write_bytes(bytes([BODY[0] ^ 1]) + BODY[1:])


def emptied(file: pathlib.Path) -> None:
    file.write_bytes(b"")


def folder(file: pathlib.Path) -> None:
    file.unlink()
    (file / "inside").mkdir(parents=True)


def dangling(file: pathlib.Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")


@pytest.mark.parametrize("damage", [flipped, emptied, folder, dangling])
def test_what_is_damaged_is_named_and_gone(
    file: pathlib.Path, damage: Callable[[pathlib.Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    damage(file)
    assert not holds(file, SHA256, len(BODY))
    assert len(caplog.messages) == 1
    assert "kept file store/file " in caplog.text
    assert not os.path.lexists(file)


def test_a_lost_or_damaged_note_costs_only_a_reading(home: pathlib.Path, file: pathlib.Path) -> None:
    (note,) = (each for each in (home / "seen").rglob("*") if each.is_file())
    note.write_text("{}")
    assert holds(file, SHA256)
    assert note.read_text() != "{}"


@pytest.fixture
def tree(home: pathlib.Path) -> pathlib.Path:
    """A folder that was noted as it was made, and then renamed to its place."""
    made, place = home / "made", home / "place"
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "file").write_bytes(BODY)
    (made / "link").symlink_to("deep")
    pathlib.Path(os.fsdecode(os.fsencode(made) + b"/\xff\n")).write_bytes(b"a name of any bytes")
    note_tree(made, place)
    made.rename(place)
    assert tree_holds(place)
    return place


def test_what_others_put_beside_it_is_theirs(tree: pathlib.Path) -> None:
    (tree / "deep" / "__pycache__").mkdir()
    (tree / "deep" / "__pycache__" / "file.pyc").write_bytes(b"")
    assert settled(tree)


def changed_in_secret(tree: pathlib.Path) -> None:
    file = tree / "deep" / "file"
    before = file.stat()
    flipped(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def gone(tree: pathlib.Path) -> None:
    (tree / "deep" / "file").unlink()


def programs(tree: pathlib.Path) -> None:
    (tree / "deep" / "file").chmod(stat.S_IRWXU)


def led_elsewhere(tree: pathlib.Path) -> None:
    (tree / "link").unlink()
    (tree / "link").symlink_to("else")


def no_folder(tree: pathlib.Path) -> None:
    tree.rename(tree.with_name("away"))
    tree.write_text("")


@pytest.mark.parametrize("damage", [changed_in_secret, gone, programs, led_elsewhere, no_folder])
def test_a_folder_that_was_changed_is_named_and_gone(
    tree: pathlib.Path, damage: Callable[[pathlib.Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    damage(tree)
    assert not tree_holds(tree)
    assert not settled(tree)
    assert caplog.messages == ["kept file place is not as it was made: thrown away, made anew"]
    assert not os.path.lexists(tree)


def test_a_folder_that_nobody_noted_is_not_trusted(
    home: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "old" / "x").mkdir(parents=True)
    assert tree_holds(home / "old") is None
    assert not settled(home / "old")
    assert not (home / "old").exists()
    assert caplog.messages == ["kept file old has no note of how it was made: thrown away, made anew"]
