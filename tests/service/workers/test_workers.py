"""Workers and their pool, with small programs of the test's own instead of a voice."""

from __future__ import annotations

import os
import pathlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from service.errors import DeadlineError, UnavailableError
from service.workers import wire
from service.workers.crew import REST_AFTER_FAILURE, Program
from service.workers.pool import Pool
from tests.service.conftest import until

PROGRAM = """
import os, signal, socket, sys, time
from service.workers import wire
from service.workers import attend
kind, folder = sys.argv[2], sys.argv[3]
open(os.path.join(folder, str(os.getpid())), "w").close()
starts = len(os.listdir(folder))
if kind == "cannot": sys.exit("no voice here")
if kind == "killed" and starts < 2: os.kill(os.getpid(), signal.SIGKILL)
if kind == "unlucky" and starts < 8:
    try: os.mkdir(folder + "/../lucky")
    except FileExistsError: os.kill(os.getpid(), signal.SIGKILL)
if kind == "slow": time.sleep(1)
def answer(sock, job):
    if job.get("die") == "always" or (job.get("die") == "once" and starts < 2): os._exit(9)
    time.sleep(job.get("seconds_long", 0))
    print("a library may print what it likes")
    wire.send_message(sock, {"said": job.get("text"), "pid": os.getpid()}, b"x" * job.get("bytes", 0))
def load():
    if kind == "refuses": raise attend.RefusedError("there is no card here")
    return answer, {"version": "1"}
attend.attend(sys.argv[1:], load)
"""


class Make(Protocol):
    """Makes a pool of workers that behave in one of the ways that the program above knows."""

    def __call__(self, kind: str = "good", size: int = 1, queue_wait: float = 10.0) -> Pool: ...


@pytest.fixture
def make(tmp_path: pathlib.Path) -> Iterator[Make]:
    """Pools of the program above, stopped at the end."""
    (tmp_path / "quirky_worker.py").write_text(PROGRAM)
    pools: list[Pool] = []

    def pool(kind: str = "good", size: int = 1, queue_wait: float = 10.0) -> Pool:
        folder = tmp_path / f"starts{len(pools)}"
        folder.mkdir()
        path = os.pathsep.join([str(pathlib.Path(__file__).parents[3]), str(tmp_path)])
        program = Program("quirky_worker", (kind, str(folder)), {"PYTHONPATH": path}, 10.0)
        pools.append(Pool(program, size, queue_wait=queue_wait))
        return pools[-1]

    yield pool
    for one in pools:
        one.stop()


def ask(pool: Pool, within: float = 10.0, **job: object) -> dict[str, Any]:
    return pool.ask(job, time.monotonic() + within)[0]


def starts(pool: Pool) -> int:
    """How many processes there have been."""
    assert pool._keeping is not None
    return sum(member.starts for crew in pool._keeping._crews for member in crew.members)


def test_a_job_is_answered_by_the_same_process_again(make: Make) -> None:
    pool = make()
    assert ask(pool, text="好")["said"] == "好"
    assert ask(pool)["pid"] == ask(pool)["pid"]


def test_large_answers_arrive_whole(make: Make) -> None:
    _, body = make().ask({"bytes": 5_000_000}, time.monotonic() + 10)
    assert len(body) == 5_000_000


def test_a_death_is_retried_once_and_stands_in_the_log(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    pool = make()
    assert ask(pool, die="once", text="again")["said"] == "again"
    assert pool.retried == 1
    (told,) = [each for each in caplog.records if each.message == "a worker ended and is started again"]
    assert told.__dict__["facts"] == {"program": "quirky_worker", "code": 9}


def test_what_always_kills_is_given_up(make: Make) -> None:
    pool = make()
    with pytest.raises(UnavailableError) as caught:
        ask(pool, die="always")
    assert (caught.value.code, caught.value.retry_after) == ("voice_crashed", 1)
    assert ask(pool)["pid"]
    assert starts(pool) == 3, "two that it killed, and the one that answers now"


def test_a_late_answer_is_not_waited_for(make: Make) -> None:
    pool = make()
    ask(pool)
    started = time.monotonic()
    with pytest.raises(DeadlineError):
        ask(pool, 0.2, seconds_long=30)
    assert time.monotonic() - started < 3
    assert ask(pool)["pid"]


def test_a_load_that_fails_is_not_tried_at_every_request(make: Make) -> None:
    pool = make("cannot")
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(UnavailableError) as caught:
            ask(pool)
        assert caught.value.code == "voice_failed"
    assert starts(pool) <= 1 + (time.monotonic() - began) / REST_AFTER_FAILURE


def test_a_load_that_says_why_it_fails_is_quoted(make: Make) -> None:
    """Also to those who ask while it is not tried again."""
    pool = make("refuses")
    for _ in range(3):
        with pytest.raises(UnavailableError) as caught:
            ask(pool)
        assert (caught.value.code, caught.value.message) == ("voice_failed", "there is no card here")
    assert not pool.board().greeting


def test_a_load_that_is_killed_is_tried_again(make: Make) -> None:
    assert ask(make("killed"), text="好")["said"] == "好"


def test_a_load_is_not_blamed_for_being_killed_while_others_load(make: Make) -> None:
    """One worker speaks; the other is killed at every load, more often than a lone one would be tried."""
    pool = make("unlucky", size=2)
    until(lambda: ask(pool)["pid"])
    for _ in range(10):
        assert ask(pool)["pid"]
    until(lambda: starts(pool) > 5, 30)
    assert ask(pool)["pid"]


def test_a_slow_load_is_left_to_finish(make: Make) -> None:
    """A request that cannot wait for it is told so; the process goes on loading."""
    pool = make("slow")
    with pytest.raises(UnavailableError) as caught:
        ask(pool, 0.3)
    assert caught.value.code == "loading"
    assert ask(pool)["pid"]
    assert starts(pool) == 1


def test_nobody_waits_for_ever_for_a_free_worker(make: Make) -> None:
    pool = make(queue_wait=0.2)
    ask(pool)
    thread = threading.Thread(target=lambda: pool.ask({"seconds_long": 1}, time.monotonic() + 10))
    thread.start()
    time.sleep(0.2)
    with pytest.raises(UnavailableError) as caught:
        ask(pool)
    thread.join()
    assert caught.value.code == "overloaded"


def test_messages_go_through_whole() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.send_message(ours, {"text": "好"}, b"\x00\xff")
        assert wire.receive_message(theirs) == ({"text": "好"}, b"\x00\xff")
        with pytest.raises(TimeoutError):
            wire.receive_message(theirs, time.monotonic() + 0.05)
        ours.close()
        with pytest.raises(wire.ClosedError):
            wire.receive_message(theirs)
