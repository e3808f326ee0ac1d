"""The payload's trial: what runs inside is asked, and what it saw is judged."""

import base64
import io
import json
import math
import pathlib
import struct
import subprocess
import sys
import wave
from typing import Any

import pytest

from builder.image import travelling
from builder.inside import trial as inside
from builder.judge import trial
from envspec.spec.model import Service
from tests.support.fakes import FakeBackend, environment

SERVICE = Service(module="app:app")
TRIED = Service.model_validate(
    {"module": "app:app", "trial": {"path": "/tts", "json": {"text": "x"}, "audio": "audio"}}
)


def sound(seconds: float = 1.0, height: int = 8000, rate: int = 8000) -> bytes:
    """A JSON answer that holds a tone."""
    samples = [round(height * math.sin(number / 5)) for number in range(int(rate * seconds))]
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return json.dumps({"audio": base64.b64encode(file.getvalue()).decode()}).encode()


def test_audio_is_measured() -> None:
    facts = inside.measured(sound(2.0), "audio")
    assert (facts["rate"], facts["channels"], facts["bits"], facts["seconds"]) == (8000, 1, 16, 2.0)
    assert facts["rms"] == pytest.approx(8000 / math.sqrt(2), rel=0.01)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"audio": 7}', b'{"audio": "AAAA"}', b'{"audio": "%"}', b"\xff"]
)
def test_what_is_no_audio_is_said_so(body: bytes) -> None:
    assert "no WAV under 'audio'" in inside.measured(body, "audio")["error"]


def rules(facts: dict[str, object], service: Service = TRIED) -> list[str]:
    return [finding.rule for finding in trial.judge_trial(facts, service)]


READY = {"ready": True, "ready_seconds": 0.5, "memory": 1e6}


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (READY, ["EV305"]),
        ({**READY, "answer": {"status": 200, "audio": {"seconds": 1.0, "rms": 3000}}}, ["EV305"]),
        ({**READY, "answer": {"status": 200, "audio": {"seconds": 1.0, "rms": 3}}}, ["EV304", "EV305"]),
        ({**READY, "answer": {"status": 200, "audio": {"seconds": 0.0, "rms": 0}}}, ["EV304", "EV305"]),
        ({**READY, "answer": {"status": 200, "audio": {"error": "no WAV"}}}, ["EV304", "EV305"]),
        ({**READY, "answer": {"status": 500, "said": "oops"}}, ["EV303", "EV305"]),
        ({**READY, "answer": {"error": "timed out"}}, ["EV303", "EV305"]),
        ({"ready": False, "ended": 1, "log": "no module x"}, ["EV301"]),
        ({"ready": False, "broken": True, "log": ""}, ["EV301"]),
        ({"ready": False, "health_status": 503}, ["EV302"]),
    ],
)
def test_what_the_facts_mean(facts: dict[str, object], found: list[str]) -> None:
    assert rules(facts) == found


def test_the_last_words_of_a_payload_that_ends_are_the_hint() -> None:
    (finding,) = trial.judge_trial({"ready": False, "ended": 1, "log": "Traceback\nno module x"}, TRIED)
    assert "no module x" in finding.hint


def test_last_words_are_alike_whenever_they_were_said() -> None:
    logs = (f"[2026-11-26 18:10:{second} +0000] [{second}] [ERROR] no voice" for second in (18, 19))
    first, second = ([*trial.judge_trial({"ready": False, "ended": 1, "log": log}, TRIED)] for log in logs)
    assert first == second


def test_an_environment_that_answers_nonsense_is_no_crash() -> None:
    facts = trial.try_payload(FakeBackend(says="Segmentation fault", code=-11), environment(), SERVICE)
    assert rules(facts, SERVICE) == ["EV301"]


PAYLOAD = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.end_headers(); self.wfile.write(open(sys.argv[2], "rb").read())
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def tried(*command: object, deadline: float = 20) -> dict[str, Any]:
    """Run the script as it runs inside an environment."""
    task = {"command": list(map(str, command)), "health": "/readyz", "deadline": deadline,
            "request": {"path": "/tts", "json": {"text": "x"}, "audio": "audio"}}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-", json.dumps(task)],
        input=travelling.program("trial"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


def test_a_payload_is_started_asked_and_stopped(tmp_path: pathlib.Path) -> None:
    (tmp_path / "answer").write_bytes(sound())
    facts = tried(sys.executable, "-c", PAYLOAD, "{port}", tmp_path / "answer")
    assert facts["ready"]
    assert facts["answer"]["audio"]["seconds"] == 1.0
    assert facts["memory"] > 1_000_000
    assert rules(facts) == ["EV305"]


def test_a_payload_that_ends_is_reported_with_its_words() -> None:
    facts = tried(sys.executable, "-c", "raise SystemExit('no voice')")
    assert (facts["ready"], facts["ended"]) == (False, 1)
    assert "no voice" in facts["log"]


def test_a_payload_that_never_gets_ready_is_stopped() -> None:
    facts = tried(sys.executable, "-c", "import time; time.sleep(60)", deadline=0.5)
    assert not facts["ready"]
    assert rules(facts) == ["EV302"]
