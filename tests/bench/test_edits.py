"""The comparison of two locks by entry, and what counts as said."""

from typing import Any

from bench.edits import Outcome, _touched

BEFORE = """\
version = 1
spec = "sha256:a"
glibc = [2, 36]

[base]
debian = "bookworm"

[[artifact]]
name = "one"
version = "1.0"
stage = "packages"

[[artifact]]
name = "two"
version = "1.0"
stage = "packages"
"""


def test_the_lines_of_an_entry_are_its_package_s() -> None:
    assert _touched(BEFORE, BEFORE.replace("sha256:a", "sha256:b")) == set()
    moved = BEFORE.replace('name = "two"\nversion = "1.0"', 'name = "two"\nversion = "2.0"')
    assert _touched(BEFORE, moved) == {"two"}
    gone = BEFORE.replace('[[artifact]]\nname = "one"\nversion = "1.0"\nstage = "packages"\n\n', "")
    assert _touched(BEFORE, gone) == {"one"}


def test_other_lines_stand_for_themselves() -> None:
    after = BEFORE.replace("[2, 36]", "[2, 41]").replace('"bookworm"', '"trixie"')
    assert _touched(BEFORE, after) == {"glibc", "[base]"}


def test_what_moved_in_silence_is_no_good_outcome() -> None:
    told: dict[str, Any] = {"project": "x", "edit": "add a", "packages": 1, "seconds": 1.0}
    assert Outcome(**told, result="along").good
    assert not Outcome(**told, result="moved without a reason: b").good
