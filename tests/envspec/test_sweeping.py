"""What goes from the tool's home by itself, what stays, and what is measured of it."""

import hashlib
import os
import pathlib
import time

import pytest

from envspec.system.home import holding
from envspec.system.keeping import KINDS, Kind
from envspec.system.kept import DAY, Kept
from envspec.system.scratch import scratch_folder
from envspec.system.seen import holds, note_tree, tree_holds
from envspec.system.sweeping import SCRATCH, STAMP, remove_unused, sweep_home
from tests.support.paths import ROOT

NOW = time.time()


def aged(place: pathlib.Path, days: float) -> pathlib.Path:
    """The file or folder as it looks when nobody used it for so long."""
    os.utime(place, (NOW - days * DAY,) * 2)
    return place


def file(place: pathlib.Path, days: float = 0, body: bytes = b"x") -> pathlib.Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(body)
    return aged(place, days)


def environment(home: pathlib.Path, name: str, days: float) -> pathlib.Path:
    place = home / "environments" / name
    file(place / "pyvenv.cfg", days)
    return aged(place, days)


@pytest.mark.parametrize("parent", [place for place, _ in SCRATCH])
def test_what_killed_runs_left_goes_with_the_next_run(home: pathlib.Path, parent: str) -> None:
    file(home / parent / "envspec-dead-0123456789abcdef" / "half")
    file(home / parent / "envspec-dead-fedcba9876543210")
    with scratch_folder("other", home / "other") as elsewhere, holding(home / "held"):
        file(home / "locks" / "dead.lock")
        sweep_home()
        assert list((home / parent).iterdir()) == []
        assert elsewhere.is_dir()
        assert len(list((home / "locks").iterdir())) == 1, "that of the place that is held"


def test_who_works_is_left_alone(home: pathlib.Path) -> None:
    for parent, _ in SCRATCH:
        with scratch_folder("living", home / parent) as living:
            sweep_home()
            assert living.is_dir()


@pytest.mark.parametrize(
    ("parent", "name"),
    [("payloads", ".payload-x"), ("oci/unpacked", ".unpacking-x"), ("oci/partial", "tmpx"),
     ("environments/building", "small-x")],
)  # fmt: skip
def test_what_earlier_versions_left_goes_after_a_day(home: pathlib.Path, parent: str, name: str) -> None:
    file(home / parent / name / "half")
    aged(home / parent / name, 0.5)
    sweep_home()
    assert (home / parent / name).exists()
    aged(home / parent / name, 1.5)
    sweep_home()
    assert not (home / parent / name).exists()


def test_where_no_home_is_none_is_made(home: pathlib.Path) -> None:
    sweep_home()
    assert not home.exists()


def test_old_things_are_looked_for_once_a_day(home: pathlib.Path) -> None:
    old = file(home / "proof" / "old.json", 31)
    sweep_home()
    assert not old.exists()
    file(old, 31)
    sweep_home()
    assert old.exists()
    aged(home / STAMP, 2)
    sweep_home()
    assert not old.exists()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.days], ids=lambda kind: str(kind.place))
def test_what_was_not_used_for_long_goes(home: pathlib.Path, kind: Kind) -> None:
    place = home / kind.place
    if kind.folders:
        file(place / "old-0" / "x")  # of environments, the newest stays
        file(place / "old-1" / "x")
        file(place / "old-2" / "x")
        old, young = aged(place / "old-1", 31), aged(place / "old-2", 29)
    else:
        old, young = file(place / "ab" / "old", 31), file(place / "ab" / "young", 29)
    remove_unused(home, NOW)
    assert not old.exists()
    assert young.exists()


def test_downloads_stay(home: pathlib.Path) -> None:
    wheel = file(home / "wheelhouse" / "ab" / "abcd" / "x.whl", 400)
    half = file(home / "wheelhouse" / "partial" / "abcd", 31)
    remove_unused(home, NOW)
    assert wheel.exists()
    assert not half.exists()


def test_a_blob_that_is_looked_at_is_used(home: pathlib.Path) -> None:
    sha256 = hashlib.sha256(b"x").hexdigest()
    blob = file(home / "oci" / "blobs" / "sha256" / sha256, 400)
    holds(blob, sha256)
    remove_unused(home, NOW)
    assert blob.exists()
    remove_unused(home, NOW + 31 * DAY)
    assert not blob.exists()


def test_what_is_read_is_used(home: pathlib.Path) -> None:
    kept: Kept[int] = Kept(home / "proof", int)
    kept.put("a", 1)
    aged(kept.file("a"), 31)
    kept.get("a")
    remove_unused(home, NOW)
    assert kept.get("a") == 1


def test_of_a_specs_environments_the_newest_stay_longer_and_the_last_for_ever(home: pathlib.Path) -> None:
    several = [environment(home, f"small-{number}", 2 + number) for number in range(7)]
    alone = environment(home, "other-spec-1", 100)
    remove_unused(home, NOW)
    assert [place.exists() for place in several] == [True] * 5 + [False] * 2
    assert alone.exists()
    remove_unused(home, NOW + 60 * DAY)
    assert [place.exists() for place in several] == [True] + [False] * 6


def test_an_environment_that_somebody_starts_is_used(home: pathlib.Path) -> None:
    for number in range(2):
        environment(home, f"small-{number}", 40)
    os.utime(home / "environments" / "small-1" / "pyvenv.cfg", (NOW, NOW - 40 * DAY))  # read, not written
    aged(home / "environments" / "small-1", 40)
    environment(home, "small-2", 1)
    remove_unused(home, NOW)
    assert sorted(place.name for place in (home / "environments").iterdir()) == ["small-1", "small-2"]


def test_the_note_of_a_folder_goes_with_it(home: pathlib.Path) -> None:
    place = file(home / "payloads" / "abcd" / "app.py").parent
    note_tree(place, place)
    remove_unused(home, NOW + 31 * DAY)
    assert tree_holds(place) is None
    assert not [each for each in (home / "trees").rglob("*") if each.is_file()]


def test_what_a_killed_writer_left_goes_after_a_day(home: pathlib.Path) -> None:
    left = file(home / "metadata" / "ab" / ".abcd.json.partial", 2)
    under_way = file(home / "metadata" / "ab" / ".efgh.json.partial", 0)
    remove_unused(home, NOW)
    assert not left.exists()
    assert under_way.exists()


def test_the_page_shows_the_table() -> None:
    page = (ROOT / "docs" / "home.md").read_text()
    for kind in KINDS:
        goes = "never" if kind.days is None else f"{kind.days} days{'; see below' if kind.newest else ''}"
        assert f"| `{kind.place}/` | {kind.what} | {kind.check} | {goes} |" in page
