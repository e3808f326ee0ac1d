"""Live conversations through a WebSocket, on the real server: heard, answered, interrupted, and bounded."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest
from wsproto.events import TextMessage

from service.app import create_app
from service.errors import UnavailableError
from service.settings.environment import Settings
from tests.service.conftest import until
from tests.service.fakes import FakeEars, FakeEngine, keys
from tests.service.serving import Serving, serve
from tests.service.talking import Talker, talking

QUIET = bytes(2 * 16000)
"""A second of silence."""


MOST = 4


@pytest.fixture(scope="module")
def parts() -> Iterator[tuple[Serving, FakeEngine, FakeEars]]:
    """A server for all tests, which takes half a second to end."""
    engine, ears = FakeEngine(), FakeEars()
    settings = Settings(responder="echo", idle_wait=0.5, live=MOST, max_audio=60.0)
    with serve(create_app(settings, engine, ears=ears)) as running:
        yield running, engine, ears


@pytest.fixture
def serving(parts: tuple[Serving, FakeEngine, FakeEars]) -> Serving:
    """The server, when nobody converses any more."""
    until(lambda: not parts[0].web._conversing)
    parts[1].said.clear()
    parts[2].heard.clear()
    return parts[0]


@pytest.fixture
def engine(parts: tuple[Serving, FakeEngine, FakeEars]) -> FakeEngine:
    return parts[1]


@pytest.fixture
def ears(parts: tuple[Serving, FakeEngine, FakeEars]) -> FakeEars:
    return parts[2]


def kinds(found: list[dict[str, object]]) -> list[object]:
    return [event["type"] for event in found]


def ask(talker: Talker, number: str) -> None:
    talker.say(keys(number, seconds=0.15).pcm + QUIET)


def test_a_question_is_heard_and_answered(serving: Serving, ears: FakeEars) -> None:
    """What was heard at the pause is the question: it is not heard a second time at the end."""
    with talking(serving.port, "/v1/dialogue?language=en") as talker:
        ask(talker, "42")
        found = talker.until("answer.done")
    assert kinds(found) == [
        "speech.started", "heard.partial", "heard", "answer.delta", "speech.audio.delta", "answer.done",
    ]  # fmt: skip
    assert [event.get("text") for event in found if "text" in event] == ["42", "42", "42"]
    assert [(wish.language, wish.soon) for _, wish in ears.heard] == [("en", True)]


def test_a_conversation_goes_on(serving: Serving) -> None:
    with talking(serving.port) as talker:
        for number in ("1", "23", "4"):
            ask(talker, number)
            assert talker.until("answer.done")[-1]["text"] == number


def test_what_is_typed_is_answered_and_a_button_ends_a_question(serving: Serving) -> None:
    with talking(serving.port) as talker:
        talker.tell(type="text", text="好。")
        assert talker.until("answer.done")[-1]["text"] == "好。"
        talker.say(keys("5", seconds=0.3).pcm)
        talker.until("speech.started")
        talker.tell(type="commit")
        assert talker.until("answer.done")[-1]["text"] == "5"


@pytest.mark.parametrize("way", ["speech", "word"])
def test_who_speaks_interrupts_the_answer(serving: Serving, engine: FakeEngine, way: str) -> None:
    """Nothing of the rest is spoken."""
    engine.hold = threading.Event()
    with talking(serving.port) as talker:
        talker.tell(type="text", text="一句话。二句话。三句话。")
        talker.until("answer.delta")
        if way == "speech":
            talker.say(keys("7", seconds=0.3).pcm)
            talker.until("speech.started")
        else:
            talker.tell(type="interrupt")
            talker.say(b"")
            time.sleep(0.2)
        engine.hold.set()
        talker.until("answer.interrupted")
    engine.hold = None
    assert len(engine.said) == 1


def test_ears_that_fail_end_a_turn_alone(serving: Serving, ears: FakeEars) -> None:
    ears.error = UnavailableError("no", code="ears_failed")
    with talking(serving.port) as talker:
        ask(talker, "1")
        assert talker.until("error")[-1]["code"] == "ears_failed"
        ears.error = None
        ask(talker, "2")
        assert talker.until("answer.done")[-1]["text"] == "2"


def test_a_mistake_of_ours_is_told_and_the_conversation_goes_on(serving: Serving, ears: FakeEars) -> None:
    ears.error = RuntimeError("a bug")
    with talking(serving.port) as talker:
        ask(talker, "1")
        assert talker.until("error")[-1]["code"] == "internal_error"
        ears.error = None
        ask(talker, "2")
        assert talker.until("answer.done")[-1]["text"] == "2"


@pytest.mark.parametrize(
    "sent", ["{", "[]", '{"type": "text"}', '{"type": 1}', "1", '{"type":"text","text":""}']
)
def test_a_message_that_means_nothing_is_told(serving: Serving, sent: str) -> None:
    with talking(serving.port) as talker:
        talker.frame(TextMessage(sent))
        assert talker.until("error")[-1]["code"] == "invalid_message"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/dialogue?voice=nobody", 422, "unknown_voice"),
        ("/v1/dialogue?language=xx-none", 422, "unknown_language"),
        ("/v1/dialogue?colour=red", 422, "invalid_field"),
        ("/v1/nothing", 404, "not_found"),
    ],
)
def test_a_mistake_is_answered_with_its_status(serving: Serving, path: str, status: int, code: str) -> None:
    with talking(serving.port, path) as talker:
        list(talker.events())
        assert (talker.status, talker.refusal["error"]["code"]) == (status, code)


def test_pages_of_other_places_are_refused(serving: Serving) -> None:
    with talking(serving.port, origin="https://elsewhere.example") as talker:
        assert talker.status == 403
    with talking(serving.port, origin=f"http://127.0.0.1:{serving.port}") as talker:
        assert talker.status == 101


def test_a_key_is_asked_for() -> None:
    settings = Settings(responder="echo", api_keys=("secret",))
    with serve(create_app(settings, FakeEngine(), ears=FakeEars())) as running:
        with talking(running.port) as talker:
            assert talker.status == 401
        with talking(running.port, authorization="Bearer secret") as talker:
            assert talker.status == 101


@pytest.mark.parametrize(("asked", "status"), [("", b" 426 "), ("?colour=red", b" 422 ")])
def test_by_get_alone_it_says_what_is_needed_or_wrong(serving: Serving, asked: str, status: bytes) -> None:
    with serving.connect() as sock:
        sock.sendall(f"GET /v1/dialogue{asked} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert status in sock.recv(1000)


@pytest.mark.parametrize(
    "headers",
    [
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13",
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAA\r\nSec-WebSocket-Version: 8",
    ],
)
def test_what_is_no_handshake_is_refused(serving: Serving, headers: bytes) -> None:
    with serving.connect() as sock:
        sock.sendall(b"GET /v1/dialogue HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n")
        assert b" 400 " in sock.recv(1000)


def test_what_came_with_the_handshake_counts(serving: Serving) -> None:
    """Frames may follow the handshake before it is answered."""
    handshake = (
        b"GET /v1/dialogue HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    text = b'{"type": "nonsense"}'
    with serving.connect() as sock:
        sock.sendall(handshake + bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
        received = b""
        while b"invalid_message" not in received:
            received += sock.recv(1000)
        assert received.startswith(b"HTTP/1.1 101 ")


def test_one_more_than_there_may_be_is_told_to_come_back(serving: Serving) -> None:
    with contextlib.ExitStack() as stack:
        talkers = [stack.enter_context(talking(serving.port)) for _ in range(MOST)]
        with talking(serving.port) as another:
            list(another.events())
            assert (another.status, another.refusal["error"]["code"]) == (429, "busy")
        talkers[0].close()
        until(lambda: serving.web._conversing < MOST)
        with talking(serving.port) as another:
            assert another.status == 101


def test_who_is_silent_is_asked_and_then_given_up(serving: Serving) -> None:
    with talking(serving.port) as talker:
        list(talker.events(1.3))
        assert talker.closed is None
        assert talker.pings >= 1
        talker.answers_pings = False
        assert talker.wait_for_end(5) < 4


def test_a_conversation_gives_back_what_it_held(serving: Serving) -> None:
    ledger = serving.web._ledger
    with talking(serving.port) as talker:
        ask(talker, "1")
        talker.until("answer.done")
        assert ledger.held().bytes > 0
    until(lambda: not ledger.held().bytes)


def test_more_sound_than_there_may_be_ends_it(serving: Serving) -> None:
    """Also where it comes much faster than anybody speaks."""
    with talking(serving.port) as talker:
        talker.say(QUIET * 61, size=32000)
        talker.wait_for_end(10)
        assert talker.closed == 1000


def test_a_server_that_ends_says_so() -> None:
    app = create_app(Settings(responder="echo"), FakeEngine(), ears=FakeEars())
    with serve(app) as running, talking(running.port) as talker:
        running.web.call(running.web.drain)
        talker.wait_for_end(5)
        assert talker.closed == 1001
