"""Hardship: mixed load while workers are killed at random, every answer compared with that of calm times."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import pathlib
import random
import re
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from bench.service import sides, texts
from service.client import Client, ClientError

RETRYABLE = (429, 502, 503, 504)
GROWTH = 16.0
"""MB by which memory may differ between the beginning and the end; a worker alone has some 20."""
_PAUSE = (0.1, 1.0)
"""Seconds between two kills, at least and at most."""
_LONG_PAUSE = (1.0, 12.0)
"""The same where models are loaded anew after each."""
_KILLED = re.compile(rb"(espeak|fastspeech|whisper|decoder)_worker")
"""Processes that are."""
_HEARD = 4
"""Sentences that are heard, where something listens."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Hardship:
    """What came of it."""

    seconds: float
    killed: int
    """Workers."""
    right: int
    """Answers, byte for byte those of calm times."""
    retryable: int
    """Answers of 429, 502, 503 and 504, and streams that visibly broke off."""
    wrong: int
    """Everything else: other statuses, other bytes, no answer."""
    memory: tuple[float, ...]
    """MB resident in all processes of the server, second by second."""
    codes: Mapping[str, int]
    """How often each error was seen."""
    complaints: tuple[str, ...]
    """The errors in the server's log, which say why an answer is missing."""

    @property
    def growth(self) -> float:
        """MB: the median of the last quarter against that of the second; the first one warms up."""
        quarter = max(1, len(self.memory) // 4)
        return statistics.median(self.memory[-quarter:]) - statistics.median(
            self.memory[quarter : 2 * quarter]
        )

    @property
    def survived(self) -> bool:
        """Whether nothing was wrong and memory stayed flat."""
        return self.wrong == 0 and self.growth <= GROWTH and self.right > 0


def endure(seconds: float, *, clients: int = 6, seed: int = 1, models: str = "") -> Hardship:
    """Start a server without a cache, load it and kill its workers for so many seconds.

    With `models`, folders of Whisper's and the neural voice's with a comma between, it listens as well.
    """
    hears = {"TTS_EARS": "whisper", "TTS_MODELS": models} if models else {}
    with (
        tempfile.NamedTemporaryFile("rb") as log,
        sides.ours(pathlib.Path(log.name), TTS_CACHE_BYTES="0", TTS_LOG_TEXT="0", **hears) as (port, process),
    ):
        patient = Client(f"http://127.0.0.1:{port}", timeout=300.0)
        patient.wait_until_ready(180.0)
        mixture = [*_mixture(), *(_sounds(patient) if models else ())]
        known = tuple((asked, _ask(patient, asked)) for asked in mixture)
        client = Client(f"http://127.0.0.1:{port}", retries=0, timeout=300.0)
        end = time.monotonic() + seconds
        outcomes: collections.Counter[str] = collections.Counter()
        load = [
            threading.Thread(target=_load, args=(client, known, end, random.Random(seed + n), outcomes))
            for n in range(clients)
        ]
        for thread in load:
            thread.start()
        killed, memory = _kill(process, end, random.Random(seed), _LONG_PAUSE if models else _PAUSE)
        for thread in load:
            thread.join()
        complaints = tuple(_errors(log.read().decode()))
    right, retryable = outcomes.pop("right", 0), outcomes.pop("retryable", 0)
    wrong = sum(count for outcome, count in outcomes.items() if outcome.startswith("wrong"))
    return Hardship(
        seconds=seconds,
        killed=killed,
        right=right,
        retryable=retryable,
        wrong=wrong,
        memory=memory,
        codes=outcomes,
        complaints=complaints,
    )


def _mixture() -> Iterator[dict[str, Any]]:
    """Requests of every kind: voices, emotions, formats, numbers, SSML, long ones, streams, and mistakes."""
    sentences = texts.distinct(7)
    for emotion in ("neutral", "happy", "sad", "angry", "fear", "hate", "surprise"):
        yield {"text": next(sentences), "emotion": emotion, "intensity": 1.5}
    for voice in ("mandarin-female", "mandarin-deep", "cantonese"):
        yield {"text": next(sentences), "voice": voice, "speed": 1.3}
    yield {"text": "The quick brown fox jumps over the lazy dog.", "voice": "english", "pitch": 1.2}
    yield {"text": "2024年3月15日，气温-5℃，下降了12.5%，电话13812345678。"}
    for form in ("flac", "mp3", "pcm"):
        yield {"text": next(sentences), "format": form}
    yield {"ssml": "<speak>你<break time='200ms'/><prosody rate='120%'>好</prosody>，世界。</speak>"}
    yield {"text": "".join(next(sentences) for _ in range(12))}
    yield {"text": "".join(next(sentences) for _ in range(4)), "stream": True}
    yield {"text": "好", "speed": 9}
    yield {"ssml": "<speak><audio src='file:///etc/passwd'/></speak>"}


def _sounds(client: Client) -> Iterator[dict[str, Any]]:
    """Recordings to be heard: sentences that the service speaks itself."""
    for text in itertools.islice(texts.distinct(11), _HEARD):
        yield {"sound": client.speak(text).audio}


def _ask(client: Client, asked: Mapping[str, Any]) -> str:
    """A digest of the answer; a refusal's status and code. Raises `ClientError` for what may work later."""
    choices = {name: value for name, value in asked.items() if name not in ("text", "stream")}
    try:
        if "sound" in asked:
            return client.hear(asked["sound"], language="zh").text
        if asked.get("stream"):
            sound = b"".join(client.stream(asked["text"], **choices))
        else:
            sound = client.speak(asked.get("text", ""), **choices).audio
    except ClientError as error:
        if error.status in RETRYABLE or "broke off" in str(error):
            raise
        return f"{error.status} {error.code or error}"
    return hashlib.sha256(sound).hexdigest()


def _load(
    client: Client,
    known: tuple[tuple[Mapping[str, Any], str], ...],
    end: float,
    chance: random.Random,
    outcomes: collections.Counter[str],
) -> None:
    """Ask until the end; then add what came of it to the outcomes."""
    mine: collections.Counter[str] = collections.Counter()
    while time.monotonic() < end:
        asked, expected = chance.choice(known)
        try:
            answer = _ask(client, asked)
        except ClientError as error:
            mine["retryable"] += 1
            mine[f"retryable {error.status} {error.code}".rstrip()] += 1
            continue
        if answer == expected:
            mine["right"] += 1
        else:
            mine[f"wrong {answer if ' ' in answer else 'bytes'}"] += 1
    outcomes.update(mine)


def _kill(
    server: int, end: float, chance: random.Random, pause: tuple[float, float]
) -> tuple[int, tuple[float, ...]]:
    """Kill workers of a server at random until the end; how many, and the memory of all its processes."""
    killed = 0
    memory = []
    second = due = time.monotonic()
    while (now := time.monotonic()) < end:
        if now >= second:
            memory.append(resident(server))
            second = now + 1.0
        if now >= due:
            workers = [process for process in family(server) if _KILLED.search(_command(process))]
            with contextlib.suppress(ProcessLookupError, IndexError):  # it has just died; there is none
                os.kill(chance.choice(workers), chance.choice((signal.SIGKILL, signal.SIGSEGV)))
                killed += 1
            due = now + chance.uniform(*pause)
        time.sleep(max(0.0, min(second, due, end) - time.monotonic()))
    return killed, tuple(memory)


def _errors(log: str) -> Iterator[str]:
    """The lines of a log that tell of an error; its own or what another program has printed into it."""
    for line in log.splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            yield line
        else:
            if told["level"] == "error":
                yield line


def family(root: int) -> list[int]:
    """A process, its children and theirs; those that end meanwhile may be in it or not."""
    found = [root]
    for process in found:
        try:
            for thread in pathlib.Path(f"/proc/{process}/task").iterdir():
                found.extend(map(int, (thread / "children").read_text().split()))
        except OSError:
            continue
    return found


def resident(root: int) -> float:
    """MB resident in a process and all below it; what they share counts for each of them."""
    pages = 0
    for process in family(root):
        try:
            pages += int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _command(process: int) -> bytes:
    try:
        return pathlib.Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""
