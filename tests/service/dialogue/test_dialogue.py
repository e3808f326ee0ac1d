"""The loop: what was heard is answered, and the answer is spoken while it is written."""

from __future__ import annotations

import base64
import http.server
import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.audio.formats import wav_header
from service.dialogue.loop import cut_sentences
from service.settings.environment import Settings, SettingsError
from service.workers.leaving import Visit, working_for
from tests.service.fakes import FakeEars, FakeEngine, keys


def client(engine: FakeEngine, **settings: Any) -> FlaskClient:
    return create_app(Settings(**settings), engine, ears=FakeEars()).test_client()


def ask(http: FlaskClient, **fields: Any) -> list[dict[str, Any]]:
    response = http.post("/v1/dialogue", data=fields, content_type="multipart/form-data")
    assert response.status_code == 200, response.data
    return [json.loads(line[6:]) for line in response.data.decode().split("\n\n") if line]


class Server(http.server.BaseHTTPRequestHandler):
    """Speaks the chat API as far as it is needed: two sentences, in small pieces."""

    asked: list[dict[str, Any]]
    pieces: tuple[str, ...]

    def do_POST(self) -> None:
        type(self).asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        for piece in self.pieces:
            event = {"choices": [{"delta": {"content": piece}}]} if piece != "broken" else {"no": "event"}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def chat() -> Iterator[tuple[str, type[Server]]]:
    class Own(Server):
        asked: list[dict[str, Any]] = []  # noqa: RUF012
        pieces = ("今天", "很好。", "明天", "也好")

    with http.server.HTTPServer(("127.0.0.1", 0), Own) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1", Own
        server.shutdown()


def test_what_is_heard_is_answered_and_spoken(engine: FakeEngine) -> None:
    sound = keys("42")
    data = wav_header(sound.sample_rate, len(sound.pcm)) + sound.pcm
    events = ask(client(engine, responder="echo"), file=(io.BytesIO(data), "x.wav"), language="en")
    assert [one["type"] for one in events] == ["heard", "answer.delta", "speech.audio.delta", "answer.done"]
    assert (events[0]["text"], events[-1]["text"]) == ("42", "42")
    assert len(base64.b64decode(events[2]["audio"])) == 2 * 0.2 * events[2]["sample_rate"]
    assert engine.said[0].voice == "english"


def test_a_question_is_heard_in_a_hurry_and_a_recording_is_not(engine: FakeEngine) -> None:
    sound, ears = keys("4"), FakeEars()
    data = wav_header(sound.sample_rate, len(sound.pcm)) + sound.pcm
    http = create_app(Settings(responder="echo"), engine, ears=ears).test_client()
    ask(http, file=(io.BytesIO(data), "x.wav"))
    form = {"file": (io.BytesIO(data), "x.wav"), "model": "whisper-1"}
    http.post("/v1/audio/transcriptions", data=form, content_type="multipart/form-data")
    assert [wish.soon for _, wish in ears.heard] == [True, False]


def test_an_answer_is_spoken_while_it_is_written(engine: FakeEngine, chat: tuple[str, type[Server]]) -> None:
    """The first sentence is spoken before the second one is there."""
    address, server = chat
    http = client(engine, responder=address, responder_model="tiny", responder_prompt="be brief")
    earlier = [{"role": "user", "content": "早"}, {"role": "assistant", "content": "早！"}]
    events = ask(http, text="怎么样", messages=json.dumps(earlier))
    kinds = [one["type"].split(".")[0] for one in events]
    assert kinds == ["heard", "answer", "answer", "speech", "answer", "answer", "speech", "answer"]
    assert [one.text for one in engine.said] == ["今天很好。", "明天也好"]
    assert server.asked[0]["model"] == "tiny"
    assert [one["role"] for one in server.asked[0]["messages"]] == ["system", "user", "assistant", "user"]


def test_a_responder_that_breaks_off_is_told_of(engine: FakeEngine, chat: tuple[str, type[Server]]) -> None:
    address, server = chat
    server.pieces = ("好。", "broken")
    events = ask(client(engine, responder=address), text="怎么样")
    assert events[-1]["type"] == "error"
    assert events[-1]["code"] == "responder_failed"
    assert [one.text for one in engine.said] == ["好。"]


def test_nobody_there_is_told_of(engine: FakeEngine) -> None:
    events = ask(client(engine, responder="http://127.0.0.1:9/v1"), text="怎么样")
    assert events[-1]["code"] == "responder_failed"


def test_a_caller_who_leaves_stops_the_answer(engine: FakeEngine) -> None:
    """Barge-in: whoever speaks again closes the connection."""
    app = create_app(Settings(responder="echo"), engine, ears=FakeEars())
    visit = Visit()
    events: Any = app.extensions["speech-service"].dialogue
    from service.dialogue.port import Message

    running = events.events([Message("user", "一。二。三。")], "")
    with working_for(visit):
        assert next(running)["type"] == "answer.delta"
        assert next(running)["type"] == "speech.audio.delta"
        visit.leave()
        with pytest.raises(Exception, match="left"):
            list(running)
    assert len(engine.said) < 3


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({}, 400, "file_missing"),
        ({"text": "好", "voice": "nobody"}, 422, "unknown_voice"),
        ({"text": "好", "messages": "[1]"}, 422, "invalid_field"),
        ({"text": "好", "messages": "{"}, 422, "invalid_field"),
        ({"text": "好", "colour": "red"}, 422, "invalid_field"),
        ({"text": "好" * 6000}, 422, "text_too_long"),
    ],
)
def test_refusals(engine: FakeEngine, fields: dict[str, str], status: int, code: str) -> None:
    response = client(engine, responder="rules").post(
        "/v1/dialogue", data=fields, content_type="multipart/form-data"
    )
    assert (response.status_code, response.get_json()["error"]["code"]) == (status, code)


def test_a_service_where_nobody_answers_says_so(http: FlaskClient) -> None:
    response = http.post("/v1/dialogue", data={"text": "好"}, content_type="multipart/form-data")
    assert (response.status_code, response.get_json()["error"]["code"]) == (404, "no_responder")


def test_rules_answer_in_the_language_of_the_question(engine: FakeEngine) -> None:
    http = client(engine, responder="rules")
    assert ask(http, text="Hello there")[-1]["text"].startswith("Hello!")
    assert ask(http, text="苹果")[-1]["text"] == "你刚才说的是：苹果"


def test_an_answer_is_cut_into_sentences() -> None:
    assert cut_sentences("One. Two! Three") == (["One.", " Two!"], " Three")
    assert cut_sentences("他说：“好！”然后") == (["他说：“好！”"], "然后")
    ready, rest = cut_sentences("word " * 60)
    assert "".join([*ready, rest]) == "word " * 60
    assert max(map(len, ready)) <= 120


def test_the_first_clause_of_an_answer_is_spoken_at_once() -> None:
    """Where a voice pauses anyway, and never inside of a figure."""
    assert cut_sentences("你刚才说的是：好，对。不", begins=True) == (["你刚才说的是：", "好，对。"], "不")
    assert cut_sentences("In 1,000 years, all is", begins=True) == (["In 1,000 years,"], " all is")
    assert cut_sentences("好。今天，明天", begins=True) == (["好。"], "今天，明天")
    assert cut_sentences("今天，明天") == ([], "今天，明天")


def test_a_responder_that_means_nothing_is_a_mistake(engine: FakeEngine) -> None:
    with pytest.raises(SettingsError, match="TTS_RESPONDER: 'oracle'"):
        create_app(Settings(responder="oracle"), engine)
