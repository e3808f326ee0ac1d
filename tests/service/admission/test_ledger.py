"""The ledger: requests are admitted by what they will hold, by all processes together."""

from __future__ import annotations

import os
import threading
import time

import pytest

from service.admission.flights import Flights
from service.admission.ledger import SHORT_BYTES, Budget, Ledger
from service.errors import BodyTooLargeError, BusyError, DeadlineError, GoneError
from service.workers.leaving import Visit, working_for
from tests.service.conftest import until

LONG = 2 * SHORT_BYTES


def test_long_requests_leave_room_for_short_ones() -> None:
    ledger = Ledger(Budget(4, 100 * SHORT_BYTES))
    for _ in range(3):
        ledger.enter(LONG)
    with pytest.raises(BusyError):
        ledger.enter(LONG)
    ledger.enter(1)
    with pytest.raises(BusyError):
        ledger.enter(1)


def test_bytes_count_and_not_only_requests() -> None:
    ledger = Ledger(Budget(100, 8 * SHORT_BYTES))
    for _ in range(3):
        ledger.enter(LONG)
    with pytest.raises(BusyError):
        ledger.enter(LONG)
    ledger.enter(SHORT_BYTES)
    assert ledger.held().bytes == 7 * SHORT_BYTES


def test_what_can_never_fit_is_said_so() -> None:
    with pytest.raises(BodyTooLargeError, match="MB") as caught:
        Ledger(Budget(4, 4 * SHORT_BYTES)).enter(4 * SHORT_BYTES)
    assert (caught.value.status, caught.value.code) == (413, "too_much_sound")


def test_an_answer_counts_until_it_was_sent() -> None:
    ledger = Ledger(Budget(1, 8 * SHORT_BYTES))
    lease = ledger.enter(LONG)
    lease.grow(3 * SHORT_BYTES)
    lease.answered(100)
    assert (ledger.held().requests, ledger.held().bytes) == (0, 100)
    lease.leave()
    lease.leave()
    assert ledger.held() == ledger.held()._replace(requests=0, bytes=0, long_requests=0, long_bytes=0)


def test_no_request_grows_beyond_what_there_is() -> None:
    ledger = Ledger(Budget(4, 8 * SHORT_BYTES))
    lease = ledger.enter(LONG)
    with pytest.raises(BusyError):
        lease.grow(7 * SHORT_BYTES)
    lease.leave()
    assert ledger.held().bytes == 0


def test_processes_share_it_and_the_dead_are_forgotten() -> None:
    ledger = Ledger(Budget(2, 8 * SHORT_BYTES), slots=2)
    ledger.use(0)
    pid = os.fork()
    if not pid:
        ledger.use(1)
        ledger.enter(LONG)
        os._exit(0)
    os.waitpid(pid, 0)
    assert ledger.held().requests == 1
    ledger.clear(1)
    assert ledger.held().bytes == 0
    ledger.close()


def test_what_many_ask_for_is_made_once() -> None:
    flights: Flights[str] = Flights()
    go, made, got = threading.Event(), list[int](), list[str]()

    def make() -> str:
        made.append(1)
        go.wait(10)
        return "sound"

    def ask() -> None:
        got.append(flights.once("a", make, time.monotonic() + 60))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    until(lambda: len(flights._flying["a"].waiting) == 6)
    go.set()
    for thread in threads:
        thread.join()
    assert (got, made) == (["sound"] * 6, [1])


def test_it_is_stopped_only_when_all_have_left() -> None:
    flights: Flights[str] = Flights()
    visits, go, seen = [Visit(), Visit()], threading.Event(), list[bool]()
    errors: list[type] = []

    def ask(visit: Visit) -> None:
        def make() -> str:
            from service.workers.leaving import current_visit

            mine = current_visit()
            go.wait(10)
            seen.append(mine.gone)
            mine.check()
            return "sound"

        try:
            with working_for(visit):
                flights.once("a", make, time.monotonic() + 60)
        except (GoneError, DeadlineError) as error:
            errors.append(type(error))

    threads = [threading.Thread(target=ask, args=(visit,)) for visit in visits]
    for thread in threads:
        thread.start()
    until(lambda: "a" in flights._flying and len(flights._flying["a"].waiting) == 2)
    visits[0].leave()
    assert not flights._flying["a"].visit.gone
    visits[1].leave()
    assert flights._flying["a"].visit.gone
    go.set()
    for thread in threads:
        thread.join()
    assert (seen, errors) == ([True], [GoneError, GoneError])
