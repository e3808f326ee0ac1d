"""Scratch is gone after its block, and swept when its owner was killed; nothing else ever is."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest

from envspec.system.errors import OutsideError
from envspec.system.process import run_process
from envspec.system.scratch import scratch_file, scratch_folder, scratch_for_all, sweep_scratch

OWNER = """
import sys
from envspec.system.scratch import scratch_file, scratch_folder
with scratch_folder("root") as folder, scratch_file("blob") as file:
    (folder / "inside").mkdir()
    (folder / "inside" / "text").write_text("x")
    print(folder, file, sep="\\n", flush=True)
    sys.stdin.read()
"""
TOKEN = "0123456789abcdef"


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[str]]:
    """Another process that has scratch of its own."""
    command = [sys.executable, "-c", OWNER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def owned(owner: subprocess.Popen[str]) -> list[pathlib.Path]:
    assert owner.stdout
    return [pathlib.Path(owner.stdout.readline().strip()) for _ in range(2)]


def test_a_folder_is_private_and_gone_afterwards(temporary: pathlib.Path) -> None:
    with scratch_folder("solve") as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "deep" / "deeper").mkdir(parents=True)
    with pytest.raises(KeyError), scratch_folder("solve") as folder:
        raise KeyError(folder)
    assert list(temporary.iterdir()) == []


def test_folders_that_nobody_may_write_to_are_gone_too(temporary: pathlib.Path) -> None:
    with scratch_folder("solve") as folder:
        (folder / "fixed").mkdir()
        (folder / "fixed" / "text").write_text("x")
        (folder / "fixed").chmod(0o500)
    assert list(temporary.iterdir()) == []


def test_what_libraries_and_programs_leave_is_gone_too(temporary: pathlib.Path) -> None:
    with scratch_for_all():
        theirs = pathlib.Path(tempfile.mkdtemp())
        made = run_process(["mktemp"]).stdout.strip()
        assert pathlib.Path(made).parent == theirs.parent
        assert theirs.parent.parent == temporary
    assert list(temporary.iterdir()) == []
    assert tempfile.gettempdir() == str(temporary)


def test_without_room_for_a_folder_all_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with scratch_for_all():
        assert tempfile.gettempdir() == "/nowhere"


def test_what_was_renamed_stays(temporary: pathlib.Path) -> None:
    with scratch_file("blob") as file, scratch_folder("layer") as folder:
        file.write_text("whole")
        file.rename(temporary / "kept")
        folder.rename(temporary / "tree")
    assert sorted(path.name for path in temporary.iterdir()) == ["kept", "tree"]


def test_a_place_that_cannot_be_made_is_said_so(temporary: pathlib.Path) -> None:
    (temporary / "file").touch()
    with (
        pytest.raises(OutsideError, match=r"cannot be written: Not a directory"),
        scratch_folder("layer", temporary / "file" / "below"),
    ):
        pass


def test_what_a_killed_process_left_is_swept(owner: subprocess.Popen[str], temporary: pathlib.Path) -> None:
    left = owned(owner)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert all(place.exists() for place in left)
    sweep_scratch()
    assert list(temporary.iterdir()) == []


def test_what_a_living_process_has_is_left_alone(owner: subprocess.Popen[str]) -> None:
    left = owned(owner)
    with scratch_folder("mine") as mine:
        sweep_scratch()
        assert all(place.exists() for place in (*left, mine))


def test_a_place_of_its_own_is_swept_when_it_is_named(tmp_path: pathlib.Path) -> None:
    place = tmp_path / "unpacked"
    (place / f"envspec-layer-{TOKEN}").mkdir(parents=True)
    (place / "0123").mkdir()
    sweep_scratch()
    assert len(list(place.iterdir())) == 2
    sweep_scratch(place)
    assert [path.name for path in place.iterdir()] == ["0123"]


def test_what_earlier_versions_left_in_a_place_is_swept_by_its_name(tmp_path: pathlib.Path) -> None:
    place = tmp_path / "unpacked"
    for name in (".unpacking-old", ".unpacking-young", f"envspec-layer-{TOKEN}", "0123"):
        (place / name).mkdir(parents=True)
    for name in (".unpacking-old", "0123"):
        os.utime(place / name, (0, 0))
    sweep_scratch(place, earlier=r"\.unpacking-.*")
    assert sorted(path.name for path in place.iterdir()) == [".unpacking-young", "0123"]


def test_links_are_not_followed(temporary: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("target")
    (target / "precious").write_text("x")
    (temporary / f"envspec-root-{TOKEN}").symlink_to(target)
    inside = temporary / f"envspec-order-{TOKEN}"
    inside.mkdir()
    (inside / "link").symlink_to(target)
    sweep_scratch()
    assert (target / "precious").exists()
    assert not inside.exists()


@pytest.mark.parametrize(
    "name",
    ["envspec", "envspec-main", "envspec-build-20240101", "envspec-docker-examples", "envspec-root-old"],
)
def test_what_users_call_their_own_is_left_alone(temporary: pathlib.Path, name: str) -> None:
    (temporary / name).mkdir()
    os.utime(temporary / name, (0, 0))
    sweep_scratch()
    assert (temporary / name).is_dir()


def test_what_an_earlier_version_left_is_swept_after_a_day(temporary: pathlib.Path) -> None:
    old, young = temporary / "envspec-root-ab12_xyz", temporary / "envspec-root-cd34_xyz"
    for folder in (old, young):
        folder.mkdir(mode=0o700)
    os.utime(old, (0, 0))
    sweep_scratch()
    assert [path.name for path in temporary.iterdir()] == [young.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files that are somebody else's")
def test_what_is_somebody_elses_is_left_alone(temporary: pathlib.Path) -> None:
    folder = temporary / f"envspec-root-{TOKEN}"
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    sweep_scratch()
    assert folder.is_dir()
