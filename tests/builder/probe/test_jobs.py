"""Which jobs share a process, and what becomes of them where it is lost."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

import pytest

from builder.inside.probe import group, jobs, main


def family(root: str, *below: str, weight: int = 10) -> dict[str, Any]:
    return {"root": root, "roots": [[root, list(below)]], "weight": weight}


SMALL = [family(name) for name in "abcdefghi"]
LARGE = family("large", weight=500)
DEEP = family("deep", *(f"deep.{number}" for number in range(30)))
ALONE = {"root": "retried", "roots": [["retried", []]]}


@pytest.mark.parametrize(
    ("ahead", "workers", "taken"),
    [
        ([], 2, ""),
        ([LARGE, *SMALL], 1, "large"),
        ([DEEP, *SMALL], 1, "deep"),
        ([ALONE, *SMALL], 1, "retried"),
        ([*SMALL, LARGE], 1, "a b c d e f g h"),
        ([*SMALL], 4, "a b c"),
        ([*SMALL[:2], LARGE, *SMALL], 1, "a b"),
        ([*SMALL[:2]], 2, "a"),
        ([*SMALL[:1], ALONE, *SMALL], 1, "a"),
    ],
)
def test_small_families_share_a_process(ahead: list[dict[str, Any]], workers: int, taken: str) -> None:
    queue = list(reversed(ahead))
    assert [job["root"] for job in jobs.next_jobs(queue, workers)] == taken.split()
    assert len(queue) == len(ahead) - len(taken.split())


class Heard:
    """What one process said."""

    def __init__(self, lines: list[dict[str, Any]], done: bool) -> None:
        self.lines, self.done = lines, done


class LostRunner(jobs.Runner):
    """A runner of which the process that imports `killer` is lost with all that it would still have done."""

    def __init__(self) -> None:
        self.follows, self.lock, self.deadline = False, threading.Lock(), time.monotonic() + 60
        self.begun: list[list[str]] = []

    def run_group(self, job: dict[str, Any]) -> Any:
        together = [each["root"] for each in job.get("together", [job])]
        self.begun.append(together)
        lines: list[dict[str, Any]] = []
        for root in together:
            if root == "killer":
                return Heard(
                    [*lines, {"begin": root}, {"end": "half", "outcome": {}}], done=len(together) == 1
                )
            lines += [{"begin": root}, {"end": root, "outcome": {"file": root}}, {"through": root}]
        return Heard(lines, done=True)


def test_what_shared_a_lost_process_is_run_by_itself() -> None:
    runner = LostRunner()
    told = runner.run_all([family("a"), family("killer"), family("b")], 1)
    assert [each["module"] for each in told] == ["a", "half", "b"]
    assert runner.begun == [["a", "killer", "b"], ["killer"], ["b"]]


def reading(*, files: int, hot: bool) -> dict[str, Any]:
    return {"kind": "usage", "root": "r", "files": [["r.m", "/r/m.py", False]] * files, "hot": hot}


@pytest.mark.parametrize(("files", "hot", "below", "apart"), [
    (500, False, 50, True),
    (500, True, 50, False),
    (5, False, 50, False),
    (500, False, 2, False),
])  # fmt: skip
def test_much_code_of_a_large_family_is_read_beside_it(
    files: int, hot: bool, below: int, apart: bool
) -> None:
    job = family("r", *(f"r.{number}" for number in range(below)))
    job["uses"] = {"r": [reading(files=files, hot=hot)], "s": [reading(files=1, hot=False)]}
    found = main.read_beside(job)
    assert [each.get("kind", "group") for each in found] == (["group", "usage"] if apart else ["group"])
    assert set(found[0]["uses"]) == ({"s"} if apart else {"r", "s"})


def test_what_a_parent_has_imported_is_not_imported_again() -> None:
    told: list[dict[str, Any]] = []
    asked = {"timeout": 60, "guarded": [], "attributes": {"json": ["loads"]}}
    own = group.Group(asked, told.append)
    went: list[str] = []
    assert own.step("os.path", lambda: went.append("below"))
    assert [list(each) for each in told] == [["begin"], ["end", "outcome"]]
    assert told[1]["outcome"]["file"] == os.path.realpath(os.__file__).replace("os.py", "posixpath.py")
    assert went == ["below"]
    # Whose attributes are wanted is looked at in a process of its own.
    assert own.loaded("json") == ""
    assert own.loaded("not.there") == ""
    own.dump.close()


def test_a_stand_in_for_a_module_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lazy:
        @property
        def __file__(self) -> str:
            raise AssertionError("foreign code ran")

    monkeypatch.setitem(sys.modules, "lazily", Lazy())
    own = group.Group({"timeout": 60, "guarded": []}, print)
    assert own.loaded("lazily") == ""
    own.dump.close()
