"""A busy machine is no hang: who gets more time, and what is tried again."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from builder.inside.probe import child, jobs, main
from builder.inside.probe.protocol import READING


class Runner:
    """Answers with what it was given, one list a call."""

    def __init__(self, *answers: list[dict[str, Any]]) -> None:
        self.answers = list(answers)
        self.asked: list[list[str]] = []

    def run_all(self, plan: list[dict[str, Any]], workers: int, title: str = "") -> list[dict[str, Any]]:
        self.asked.append([f"{job['root']} by {workers}{title and ' ' + title}" for job in plan])
        return self.answers.pop(0)


def test_a_late_round_trip_is_sent_again_alone() -> None:
    runner = Runner([{"module": "a"}, {"module": "b", "timeout": True}], [{"module": "b"}])
    plan = [{"root": "a"}, {"root": "b"}]
    assert main.send_twice(cast("Any", runner), plan, 2) == ([{"module": "a"}, {"module": "b"}], [])
    assert runner.asked == [["a by 2 exchange", "b by 2 exchange"], ["b by 1"]]


class Done:
    """What a group says that did its one job."""

    done = True

    def __init__(self, root: str) -> None:
        self.lines = [{"end": root, "outcome": {}}]


class QuickRunner(jobs.Runner):
    """A runner whose groups are done at once."""

    def __init__(self, deadline: float) -> None:
        self.follows, self.lock, self.deadline = False, threading.Lock(), deadline

    def run_group(self, job: dict[str, Any]) -> Any:
        return Done(job["root"])


def test_what_comes_next_has_time_of_its_own_when_imports_took_all_of_it() -> None:
    runner = QuickRunner(time.monotonic() - 1)
    assert runner.run_all([{"root": "a"}], 1) == [{"module": "a", "late": True}]
    runner.allow(600)
    assert runner.run_all([{"root": "a"}], 1) == [{"module": "a"}]
    known = runner.deadline
    runner.allow(1)  # less than is left takes nothing away
    assert runner.deadline == known


@contextlib.contextmanager
def watched(source: str) -> Iterator[child.Watch]:
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE)
    answer, output = os.pipe()
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield child.Watch(process.pid, answer, output, 0.0)
    finally:
        process.kill()
        process.communicate()
        os.close(answer)
        os.close(output)


SPIN = "import threading\nthreading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()\n"


@pytest.mark.parametrize(
    ("source", "allowed", "starved"),
    [
        (SPIN + "print('here', flush=True)\nthreading.Event().wait()", 1000.0, True),
        (SPIN + "print('here', flush=True)\nthreading.Event().wait()", 0.0, False),
        ("import time\nprint('here', flush=True)\ntime.sleep(60)", 1000.0, False),
    ],
)
def test_only_what_would_run_is_given_more_time(source: str, allowed: float, starved: bool) -> None:
    with watched(source) as watch:
        until = time.monotonic() + 30
        while ("R" in child.states(watch.pid)) is not ("threading" in source):
            assert time.monotonic() < until
        began = time.monotonic()
        watch.deadline = began + allowed
        assert watch.starved(began) is starved


@pytest.mark.parametrize("computes", [True, False])
def test_what_has_computed_all_the_while_is_ended_early(computes: bool) -> None:
    waits = "import threading\nprint('here', flush=True)\nthreading.Event().wait()"
    with watched(SPIN + "print('here', flush=True)" if computes else waits) as watch:
        began = time.monotonic()
        watch.deadline = began + 0.2 / child.COMPUTING
        until = began + (30 if computes else 0.4)
        while not watch.computes(began) and time.monotonic() < until:
            time.sleep(0.02)
        assert watch.computes(began) is computes


@pytest.mark.parametrize(("end", "tries"), [({}, 1), ({"computed": True}, 0)])
def test_what_computed_all_the_while_is_not_tried_again(end: dict[str, Any], tries: int) -> None:
    ended = cast("Any", {"module": "a", "timeout": True, **end})
    assert [job["root"] for job in main.again([ended], [{"roots": [["a", []]]}])] == ["a"] * tries


class Reading(main.Probe):
    """A probe that has imported everything already, of which only its way of reading is looked at."""

    def __init__(self, runner: Any) -> None:
        self.fast, self.workers, self.options = True, 1, {"deadline": 900.0}
        self.runner, self.clock = runner, main.Clock()


class Generous:
    """A runner that keeps what it was allowed, and does nothing."""

    def __init__(self) -> None:
        self.allowed: list[float] = []

    def allow(self, seconds: float) -> None:
        self.allowed.append(seconds)

    def run_all(self, jobs: list[dict[str, Any]], workers: int, kind: str) -> list[dict[str, Any]]:
        assert self.allowed, "nothing is read before there is time for it"
        return []


def test_reading_is_allowed_time_of_its_own() -> None:
    runner = Generous()
    assert Reading(runner).read_rest({}, [], set()) == []
    assert runner.allowed == [900.0 * READING]
