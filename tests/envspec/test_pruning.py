"""What a home holds, and what of it goes when its user wants it smaller."""

import os
import pathlib
import time

import pytest

from envspec.system.holdings import holdings
from envspec.system.home import holding
from envspec.system.kept import DAY, Kept
from envspec.system.pruning import prune_home
from envspec.system.runs import RUNS, beginnings, under_way
from envspec.system.seen import note, note_tree, tree_holds

NOW = time.time()


def aged(place: pathlib.Path, days: float) -> pathlib.Path:
    """The file or folder as it looks when nobody used it for so long."""
    os.utime(place, (NOW - days * DAY,) * 2)
    return place


def file(place: pathlib.Path, days: float = 0, size: int = 1) -> pathlib.Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"x" * size)
    return aged(place, days)


def folder(place: pathlib.Path, days: float, size: int = 1) -> pathlib.Path:
    file(place / "pyvenv.cfg", days, size)
    note_tree(place, place)
    return aged(place, days)


def wheel(home: pathlib.Path, name: str, days: float, size: int = 1000) -> pathlib.Path:
    return file(home / "wheelhouse" / name[:2] / name, days, size)


def test_holdings_are_by_kind_and_count_no_byte_twice(home: pathlib.Path) -> None:
    wheel(home, "abcd", 1)
    file(home / "wheelhouse" / "built" / "y.json", size=10)
    (home / "contexts" / "small").mkdir(parents=True)
    (home / "contexts" / "small" / "x.whl").hardlink_to(home / "wheelhouse" / "ab" / "abcd")
    (home / "contexts" / "small" / "machine").symlink_to("/")
    file(home / "swept", size=5)
    found = {each.kind: each for each in holdings(home)}
    assert found["wheelhouse/built"].size == 10
    assert found["wheelhouse"].size + found["contexts"].size == 1000
    assert found["contexts"].files == 1, "links are not followed"
    assert (found["other"].place.name, found["other"].size) == ("swept", 5)
    assert not found["other"].goes


def test_what_was_not_used_for_long_goes(home: pathlib.Path) -> None:
    old, young = wheel(home, "old", 31), wheel(home, "young", 29)
    done = prune_home(home, older=30)
    assert (old.exists(), young.exists()) == (False, True)
    assert done.removed == {"wheelhouse": (1, 1000)}


def test_what_was_used_least_goes_until_the_rest_fits(home: pathlib.Path) -> None:
    places = [wheel(home, f"wheel-{days}", days) for days in (4, 1, 3, 2)]
    done = prune_home(home, keep=2500)
    assert [place.exists() for place in places] == [False, True, False, True]
    assert done.left <= 2500


def test_what_was_looked_up_is_used_whatever_its_date(home: pathlib.Path) -> None:
    old, looked_up = wheel(home, "old", 10), wheel(home, "looked-up", 20)
    note(looked_up, "0" * 64)
    prune_home(home, keep=1500)
    assert (old.exists(), looked_up.exists()) == (False, True)


def test_the_environment_that_a_spec_used_last_goes_by_age_alone(home: pathlib.Path) -> None:
    first, last = (folder(home / "environments" / f"small-{number}", 3 - number) for number in range(2))
    prune_home(home, keep=0)
    assert (first.exists(), last.exists()) == (False, True)
    prune_home(home, older=1)
    assert not last.exists()
    assert tree_holds(last) is None, "its note goes with it"


def test_nothing_is_removed_to_say_what_would_go(home: pathlib.Path) -> None:
    place = wheel(home, "old", 31)
    done = prune_home(home, keep=0, older=30, dry=True)
    assert done.removed == {"wheelhouse": (1, 1000)}
    assert place.exists()


def test_what_a_run_may_use_stays_while_it_is_under_way(home: pathlib.Path) -> None:
    used, unused = wheel(home, "used", 0), wheel(home, "unused", 1)
    with under_way():
        os.utime(used)
        done = prune_home(home, keep=0)
        assert (used.exists(), unused.exists()) == (True, False)
        assert (done.running, done.in_use) == (1, 1000)
    assert prune_home(home, keep=0).removed == {"wheelhouse": (1, 1000)}
    assert not used.exists()


def test_a_run_that_was_killed_holds_nothing_back(home: pathlib.Path) -> None:
    file(home / RUNS / "envspec-run-0123456789abcdef")
    assert beginnings(home) == []
    prune_home(home)
    assert list((home / RUNS).iterdir()) == []


def test_a_run_says_when_it_began(home: pathlib.Path) -> None:
    with under_way(), under_way():
        assert len(beginnings(home)) == 2
        assert time.time() - min(beginnings(home)) < 60
    assert beginnings(home) == []


def test_what_somebody_holds_stays(home: pathlib.Path) -> None:
    place = folder(home / "payloads" / "abcd", 40)
    with holding(place):
        assert prune_home(home, older=30).in_use > 0
        assert place.exists()
    prune_home(home, older=30)
    assert not place.exists()


def test_contexts_go_in_any_case(home: pathlib.Path) -> None:
    file(home / "contexts" / "small" / "Dockerfile", 0.1)
    aged(home / "contexts" / "small", 0.1)
    prune_home(home, older=30)
    assert not (home / "contexts" / "small").exists()


def test_names_of_images_stay(home: pathlib.Path) -> None:
    kept: Kept[int] = Kept(home / "oci" / "index", int)
    kept.put("names", 1)
    aged(kept.file("names"), 400)
    prune_home(home, keep=0, older=30)
    assert kept.get("names") == 1


@pytest.mark.usefixtures("home")
def test_a_home_that_is_not_there_is_empty(tmp_path: pathlib.Path) -> None:
    assert prune_home(tmp_path / "nowhere", keep=0).left == 0
