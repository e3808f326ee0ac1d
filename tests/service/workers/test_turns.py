"""Turns: what is free is had at once, and who waits longest is next."""

from __future__ import annotations

import threading

from service.workers.turns import Rank, Turns
from tests.service.conftest import until


def test_what_is_free_is_had_at_once() -> None:
    turns = Turns("ab")
    assert {turns.take(0), turns.take(0)} == {"a", "b"}
    assert turns.take(0) is None


def test_what_is_given_back_is_had_again() -> None:
    turns = Turns("a")
    turns.give(turns.take(0) or "")
    assert turns.take(0) == "a"


def test_who_came_first_is_served_first() -> None:
    """Also before those who ask at the moment when something is given back."""
    turns = Turns("a")
    turns.take(0)
    served: list[int] = []
    started = threading.Semaphore(0)

    def wait(number: int) -> None:
        started.release()
        thing = turns.take(20)
        served.append(number)
        turns.give(thing or "")

    threads = []
    for number in range(8):
        threads.append(threading.Thread(target=wait, args=(number,)))
        threads[-1].start()
        started.acquire()
        until(lambda number=number: sum(map(len, turns._lines)) == number + 1)
    turns.give("a")
    late = turns.take(20)
    served.append(8)
    turns.give(late or "")
    for thread in threads:
        thread.join()
    assert served == list(range(9))


def test_who_gave_up_is_passed_over() -> None:
    turns = Turns("a")
    turns.take(0)
    assert turns.take(0.01) is None
    turns.give("a")
    assert turns.take(0) == "a"


def test_ranks_come_before_each_other() -> None:
    turns = Turns("a")
    turns.take(0)
    served: list[str] = []
    ranks = {"first": Rank.FIRST, "one": Rank.USUAL, "two": Rank.USUAL, "last": Rank.LAST}

    def wait(name: str) -> None:
        thing = turns.take(20, ranks[name.split()[0]])
        served.append(name)
        turns.give(thing or "")

    threads = []
    for number, name in enumerate(("last", "one", "first", "two", "first too")):
        threads.append(threading.Thread(target=wait, args=(name,)))
        threads[-1].start()
        until(lambda number=number: sum(map(len, turns._lines)) == number + 1)
    turns.give("a")
    for thread in threads:
        thread.join()
    assert served == ["first", "first too", "one", "two", "last"]
