"""The floor: few compute at a time, in order, and whoever waits for something else lets go of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from service.settings.environment import Settings
from service.speech.metrics import Metrics
from service.speech.readiness import SelfTest
from service.speech.request import SpeechRequest
from service.speech.speaker import Speaker
from service.workers.floor import FLOOR, Floor
from service.workers.turns import Rank
from tests.service.conftest import until
from tests.service.fakes import FakeEngine


def test_one_has_it_at_a_time() -> None:
    floor = Floor()
    with floor.shared():
        floor.take()
        second = threading.Event()
        waiting = _with_the_floor(floor, second.set)
        assert not second.wait(0.05)
        floor.leave()
        assert second.wait(10)
    waiting.join()


def test_it_is_let_go_at_the_end_and_by_an_error() -> None:
    floor = Floor()

    def fail() -> None:
        with floor.shared():
            floor.take()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not floor.mine
    with floor.shared():
        floor.take()
        assert floor.mine


def test_who_takes_no_part_never_waits() -> None:
    """The server's own thread, and every test that calls the application without a server."""
    floor = Floor(patience=60)
    with floor.shared():
        floor.take()

        def pass_through() -> None:
            floor.take()
            floor.leave()

        outside = threading.Thread(target=pass_through)
        outside.start()
        outside.join(10)
        assert not outside.is_alive()
        assert floor.mine


def test_who_was_aside_is_the_next() -> None:
    """Before those who came while it was away."""
    floor, order = Floor(), list[str]()
    gone, come_back = threading.Event(), threading.Event()

    def aside() -> None:
        with floor.aside():
            gone.set()
            come_back.wait(10)
        order.append("back")

    threads = [_with_the_floor(floor, aside)]
    assert gone.wait(10)
    with floor.shared():
        floor.take()
        threads.append(_with_the_floor(floor, lambda: order.append("new")))
        until(lambda: len(floor._turns._lines[Rank.USUAL]) == 1)
        come_back.set()
        until(lambda: len(floor._turns._lines[Rank.FIRST]) == 1)
    for thread in threads:
        thread.join()
    assert order == ["back", "new"]


def test_nothing_hangs_on_it() -> None:
    """Whoever has waited too long goes on without it, and takes it from nobody by letting go."""
    floor = Floor(patience=0.01)
    with floor.shared():
        floor.take()
        late = _with_the_floor(floor, lambda: None)
        late.join(10)
        assert not late.is_alive()
        assert floor.mine


@pytest.mark.parametrize("wait", ["speech", "readiness"])
def test_it_is_free_while_a_voice_is_waited_for(wait: str) -> None:
    engine = FakeEngine()
    engine.hold = threading.Event()
    speaker = Speaker(engine, Settings(), Metrics())
    asks: dict[str, Callable[[], object]] = {
        "speech": lambda: speaker.speak(SpeechRequest(text="你好")),
        "readiness": SelfTest(engine).answer,
    }
    thread = _with_the_floor(FLOOR, asks[wait])
    until(lambda: engine.said and FLOOR._turns._free)
    engine.hold.set()
    thread.join(10)
    assert not thread.is_alive()


def _with_the_floor(floor: Floor, work: Callable[[], object]) -> threading.Thread:
    """A thread that does the work when it has the floor, or when it has lost patience."""

    def run() -> None:
        with floor.shared():
            floor.take()
            work()

    thread = threading.Thread(target=run)
    thread.start()
    return thread
