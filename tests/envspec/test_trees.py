"""Source trees as archives: equal bytes for equal contents, another for every edit, nothing from outside."""

import os
import pathlib
import socket
import tarfile

import pytest

from envspec.source import trees
from envspec.source.trees import pack_tree, tree_folder
from envspec.system.errors import SpecError
from tests.support.projects import written


def packed(tree: pathlib.Path, name: str = "a.tar") -> str:
    return pack_tree(tree, tree.parent / name, within=tree.parent)


def names(tree: pathlib.Path) -> list[str]:
    packed(tree)
    with tarfile.open(tree.parent / "a.tar") as archive:
        return [member.name.removeprefix("source/") for member in archive]


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    return written(tmp_path / "tree", {"pyproject.toml": "", "src/x/__init__.py": "A = 1\n"})


def test_dates_and_places_change_nothing(tree: pathlib.Path, tmp_path: pathlib.Path) -> None:
    other = written(tmp_path / "elsewhere" / "tree", {"src/x/__init__.py": "A = 1\n", "pyproject.toml": ""})
    os.utime(other / "pyproject.toml", (1, 1))
    assert packed(tree) == packed(other)


def test_an_edit_of_the_same_size_and_date_is_seen(tree: pathlib.Path) -> None:
    file = tree / "src" / "x" / "__init__.py"
    before, date = packed(tree), file.stat()
    file.write_text("A = 2\n")
    os.utime(file, ns=(date.st_atime_ns, date.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (date.st_size, date.st_mtime_ns)
    assert packed(tree) != before


def test_a_file_that_may_be_run_is_another(tree: pathlib.Path) -> None:
    before = packed(tree)
    (tree / "pyproject.toml").chmod(0o755)
    assert packed(tree) != before


def test_what_git_ignores_and_tools_leave_is_no_part(tree: pathlib.Path) -> None:
    written(
        tree,
        {
            ".gitignore": "*.log\n/data/\n!keep.log\n",
            "src/.gitignore": "*.dat\n!own.dat\n",
            "a.log": "",
            "keep.log": "",
            "data/large": "",
            "src/data/small": "",
            "src/x.dat": "",
            "src/own.dat": "",
            "env/pyvenv.cfg": "",
            "image/oci-layout": "",
            "build/lib/x.py": "",
            "dist/x-1.0.tar.gz": "",
            "src/x.egg-info/PKG-INFO": "",
            "src/x/__pycache__/x.pyc": "",
            ".git/config": "",
            "envspec.lock": "",
        },
    )
    kept = {".gitignore", "src/.gitignore", "keep.log", "src/data/small", "src/own.dat"}
    assert set(names(tree)) == {"pyproject.toml", "src/x/__init__.py", *kept}


def test_rules_of_the_repository_above_count(tmp_path: pathlib.Path) -> None:
    written(tmp_path, {".git/HEAD": "", ".gitignore": "*.log\n"})
    tree = written(tmp_path / "libs" / "core", {"pyproject.toml": "", "a.log": ""})
    assert names(tree) == ["pyproject.toml"]


def test_a_link_within_the_spec_s_folder_is_packed_as_what_it_leads_to(tree: pathlib.Path) -> None:
    (tree.parent / "README").write_text("of all\n")
    (tree / "README").symlink_to("../README")
    assert "README" in names(tree)
    with tarfile.open(tree.parent / "a.tar") as archive:
        stream = archive.extractfile("source/README")
        assert stream is not None
        assert stream.read() == b"of all\n"


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../../../etc/passwd", "/etc"])
def test_a_link_that_leads_out_is_refused(tree: pathlib.Path, target: str) -> None:
    (tree / "out").symlink_to(target)
    with pytest.raises(SpecError, match="out is a link that leaves"):
        packed(tree)


def test_a_link_to_nothing_outside_brings_nothing(tree: pathlib.Path) -> None:
    (tree / "gone").symlink_to(tree.parent / "absent")
    assert "gone" not in names(tree)


def test_links_in_a_circle_are_refused(tree: pathlib.Path) -> None:
    (tree / "one").symlink_to("two")
    (tree / "two").symlink_to("one")
    with pytest.raises(SpecError, match="its links form a loop"):
        packed(tree)


def test_a_folder_that_holds_itself_ends(tree: pathlib.Path) -> None:
    (tree / "src" / "again").symlink_to("..")
    assert "src/again" in names(tree)


def test_a_socket_is_no_part(tree: pathlib.Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        before = pathlib.Path.cwd()
        os.chdir(tree)  # such a name may have only some hundred characters
        try:
            listener.bind("door")
        finally:
            os.chdir(before)
        assert "door" not in names(tree)


@pytest.mark.parametrize(("limit", "value"), [("MOST_BYTES", 5), ("MOST_FILES", 1)])
def test_a_large_tree_is_refused(
    tree: pathlib.Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(trees, limit, value)
    with pytest.raises(SpecError, match="holds more than") as caught:
        packed(tree)
    assert ".gitignore" in caught.value.hint


def test_a_name_that_is_no_text_is_refused(tree: pathlib.Path) -> None:
    pathlib.Path(os.fsdecode(os.fsencode(tree) + b"/\xff")).touch()
    with pytest.raises(SpecError, match="is no UTF-8"):
        packed(tree)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("gone", "is not there"),
        ("file", "neither a folder nor"),
        ("empty", "holds no project"),
        ("out", "leaves the folder"),
        ("loop", "form a loop"),
    ],
)
def test_what_is_no_tree_is_said_with_its_place(tmp_path: pathlib.Path, path: str, said: str) -> None:
    written(tmp_path / "spec", {"file": "", "empty/x": ""})
    (tmp_path / "spec" / "out").symlink_to(written(tmp_path / "else", {"setup.py": ""}))
    (tmp_path / "spec" / "loop").symlink_to("loop")
    with pytest.raises(SpecError, match=said) as caught:
        tree_folder(path, tmp_path / "spec", "stage[0].install[1]")
    assert caught.value.problems[0].path == "stage[0].install[1]"
