"""An end in time."""

import concurrent.futures
import signal
import sys
import time

import pytest

from builder.fix.deadline import Deadline, TimeIsOverError
from envspec.system.process import run_process


def test_work_that_is_done_in_time_is_left_alone() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with Deadline(60).enforced():
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_program_that_is_waited_for_is_interrupted() -> None:
    began = time.monotonic()
    with pytest.raises(TimeIsOverError), Deadline(0.2).enforced():
        run_process([sys.executable, "-c", "import time; time.sleep(60)"])
    assert time.monotonic() - began < 30


def test_outside_of_the_main_thread_it_is_said_behind_the_work() -> None:
    done: list[str] = []

    def work() -> None:
        with Deadline(0.05).enforced():
            time.sleep(0.1)
            done.append("to its end")

    with concurrent.futures.ThreadPoolExecutor(1) as pool, pytest.raises(TimeIsOverError):
        pool.submit(work).result()
    assert done == ["to its end"]
