"""The load: many clients of one server, each asking again as soon as it has been answered.

A program of its own (a `Job` as JSON in, an `Outcome` as JSON out) with one thread, one poll and no HTTP
library, so that it takes as little as possible of the machine that is measured.
"""

from __future__ import annotations

import dataclasses
import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.service import texts


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What to ask of whom."""

    port: int
    """Of the loopback address."""
    seed: int
    """Decides the texts; two jobs of one seed ask for the same."""
    repeated: float = 0.0
    """Share of the requests that ask for one of ten popular texts."""
    clients: int = 32
    warm_up: float = 1.0
    """Seconds that do not count."""
    seconds: float = 10.0
    """Seconds that count."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of it; only requests that began and ended within the seconds that count."""

    latencies: tuple[float, ...]
    """Seconds of each answer of status 200 that was whole."""
    fresh: tuple[float, ...]
    """Of these, the answers to texts that are not among the popular ones."""
    refused: int
    """Answers of 429 and 503: asked to come back."""
    errors: int
    """Everything else: other statuses, broken answers, broken connections."""
    seconds: float
    bytes: int
    """Of the bodies, all of them."""
    cpu: float
    """Share of one processor that the load itself took."""


def run(job: Job) -> Outcome:
    """Do the job in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", "from bench.service import load; load.main()"],
        input=json.dumps(dataclasses.asdict(job)),
        capture_output=True,
        text=True,
        check=True,
    )
    fields = json.loads(done.stdout)
    return Outcome(**{**fields, **{name: tuple(fields[name]) for name in ("latencies", "fresh")}})


class Client:
    """One client: a request at a time, over a connection that it keeps for as long as the server does."""

    __slots__ = ("began", "body", "fresh", "head", "left", "sock", "status", "tail")

    def __init__(self) -> None:
        self.sock: socket.socket | None = None
        self.head = b""
        self.left = -1
        self.status = 0
        self.tail = b""
        self.began = 0.0
        self.body = 0
        self.fresh = True


class Load:
    """All clients, and what they were answered."""

    def __init__(self, job: Job) -> None:
        self._job = job
        source = texts.repeated(job.seed, job.repeated) if job.repeated else texts.distinct(job.seed)
        self._texts: Iterator[str] = source
        self._popular = frozenset(texts.favourites() if job.repeated else ())
        self._poll = selectors.DefaultSelector()
        self._buffer = memoryview(bytearray(1 << 20))
        self._latencies: list[float] = []
        self._fresh: list[float] = []
        self._refused = self._errors = self._bytes = 0
        self._begin = self._end = 0.0

    def run(self) -> Outcome:
        began, spent = time.perf_counter(), time.process_time()
        self._begin = began + self._job.warm_up
        self._end = self._begin + self._job.seconds
        for _ in range(self._job.clients):
            self._ask(Client())
        while time.perf_counter() < self._end:
            for key, _ in self._poll.select(0.2):
                self._read(key.data)
        return Outcome(
            latencies=tuple(self._latencies),
            fresh=tuple(self._fresh),
            refused=self._refused,
            errors=self._errors,
            seconds=self._job.seconds,
            bytes=self._bytes,
            cpu=(time.process_time() - spent) / (time.perf_counter() - began),
        )

    def _ask(self, client: Client) -> None:
        client.began = time.perf_counter()
        client.head, client.left, client.tail, client.body = b"", -1, b"", 0
        try:
            if client.sock is None:
                client.sock = socket.create_connection(("127.0.0.1", self._job.port), timeout=30)
                self._poll.register(client.sock, selectors.EVENT_READ, client)
            text = next(self._texts)
            client.fresh = text not in self._popular
            client.sock.sendall(_request(text))
        except OSError:
            self._drop(client)
            self._errors += 1
            time.sleep(0.01)  # a server that is gone must not make this spin
            self._ask(client)

    def _read(self, client: Client) -> None:
        assert client.sock is not None
        try:
            count = client.sock.recv_into(self._buffer)
        except OSError:
            count = 0
        if not count:
            self._drop(client)
            self._answered(client, whole=False)
            return
        received = self._buffer[:count]
        if client.left < 0:
            received = self._read_head(client, received)
        client.left -= len(received)
        client.tail = bytes(received[-40:]) if len(received) >= 40 else (client.tail + bytes(received))[-40:]
        if client.left == 0:
            if b"connection: close" in client.head or client.head.startswith(b"http/1.0"):
                self._drop(client)
            self._answered(client, whole=b"success" in client.tail)

    def _read_head(self, client: Client, received: memoryview) -> memoryview:
        """What of the received bytes belongs to the body; nothing while the head is not whole."""
        before = len(client.head)
        client.head += bytes(received[:8192])
        end = client.head.find(b"\r\n\r\n")
        if end < 0:
            return received[:0]
        client.head = client.head[:end].lower()
        client.status = int(client.head[9:12])
        client.body = client.left = int(client.head.split(b"content-length:")[1].split(b"\r\n")[0])
        return received[end + 4 - before :]

    def _answered(self, client: Client, *, whole: bool) -> None:
        now = time.perf_counter()
        if client.began >= self._begin and now <= self._end:
            if client.status == 200 and whole:
                self._latencies.append(now - client.began)
                if client.fresh:
                    self._fresh.append(now - client.began)
                self._bytes += client.body
            elif client.status in (429, 503):
                self._refused += 1
            else:
                self._errors += 1
        self._ask(client)

    def _drop(self, client: Client) -> None:
        if client.sock is not None:
            self._poll.unregister(client.sock)
            client.sock.close()
            client.sock = None


def _request(text: str) -> bytes:
    body = json.dumps({"text": text, "emotion": "neutral", "speed": 1.0}).encode()
    head = (
        f"POST /tts HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    return head.encode() + b"\r\n\r\n" + body


def main() -> None:
    """The program."""
    outcome = Load(Job(**json.load(sys.stdin))).run()
    json.dump(dataclasses.asdict(outcome), sys.stdout)
