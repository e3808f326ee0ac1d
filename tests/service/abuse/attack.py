"""What attackers need: raw connections, many of them, and a server that is watched while they come."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.service.conftest import ROOT, free_port

QUICK = {"TTS_HEAD_WAIT": "2", "TTS_BODY_WAIT": "3", "TTS_SEND_WAIT": "2", "TTS_IDLE_WAIT": "3"}
"""Waits that a test has time for."""
CONFINED = """
import os, resource, sys
group, descriptors, *words = sys.argv[1:]
if group:
    with open(group, "w") as members:
        members.write(str(os.getpid()))
if int(descriptors):
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(descriptors), int(descriptors)))
os.execv(sys.executable, [sys.executable, *words])
"""
"""Becomes the service, within bounds."""
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def post(asked: dict[str, Any] | bytes, path: str = "/tts", *headers: str) -> bytes:
    """A whole request."""
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: x",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came on a connection."""

    status: int
    """0 where the connection was closed, or nothing came."""
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Victim:
    """`python -m service` as it is started by default, watched."""

    def __init__(
        self, settings: Mapping[str, str] | None = None, *, memory: int = 0, descriptors: int = 0
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - lives as long as this
        self._group = MemoryGroup(memory) if memory else None

        words = [str(self._group.members) if self._group else "", str(descriptors)]
        command = ["-m", "service", "--host", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONFINED, *words, *command],
            cwd=ROOT,
            env={**os.environ, **(settings or {})},
            stderr=self._log,
        )
        end = time.monotonic() + 60
        while self.get("/readyz", 5).status != 200:
            assert time.monotonic() < end, "it is never ready"
            assert self.process.poll() is None
            time.sleep(0.05)

    def connect(self, data: bytes = b"", *, buffer: int = 0, timeout: float = 20.0) -> socket.socket:
        """A connection on which something was said already."""
        sock = socket.socket()
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.settimeout(timeout)
        try:
            sock.connect(("127.0.0.1", self.port))
            if data:
                sock.sendall(data)
        except BaseException:
            sock.close()
            raise
        return sock

    def ask(self, data: bytes, timeout: float = 60.0) -> Answer:
        """What one connection is answered first."""
        began = time.monotonic()
        try:
            with self.connect(data, timeout=timeout) as sock:
                return read(sock, began)
        except OSError:
            return Answer(0, {}, b"", time.monotonic() - began)

    def get(self, path: str, timeout: float = 10.0) -> Answer:
        return self.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode(), timeout)

    def say(self, text: str, timeout: float = 60.0, **more: Any) -> Answer:
        return self.ask(post({"text": text, **more}), timeout)

    def metric(self, name: str) -> float:
        for line in self.get("/metrics").body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise AssertionError(name)

    @property
    def webs(self) -> list[int]:
        """The web processes: children that were forked, and so look as their parent does."""
        return [pid for pid in children(self.process.pid) if command(pid) == command(self.process.pid)]

    @property
    def voices(self) -> list[int]:
        return [pid for pid in children(self.process.pid) if b"espeak_worker" in command(pid)]

    @property
    def codecs(self) -> list[int]:
        return [pid for pid in children(self.process.pid) if b"codec_worker" in command(pid)]

    @property
    def memory(self) -> float:
        """MB that all of it takes, as the kernel counts them."""
        if self._group is not None:
            return self._group.used / 1e6
        return sum(_proportional(pid) for pid in (self.process.pid, *children(self.process.pid))) / 1e6

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def stop(self) -> str:
        """End it; what it logged."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(45)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            if self._group is not None:
                self._group.close()
        log = self.log()
        self._log.close()
        assert code == 0, log[-2000:]
        return log


@contextlib.contextmanager
def victim(*, memory: int = 0, descriptors: int = 0, **settings: str) -> Iterator[Victim]:
    """A server for the length of the block; afterwards its log is whole lines of JSON without a traceback."""
    one = Victim(settings, memory=memory, descriptors=descriptors)
    try:
        yield one
    finally:
        log = one.stop()
    judge_log(log)


def judge_log(log: str, *, deaths: bool = True) -> None:
    """Every line is JSON; nothing went wrong inside."""
    for line in log.splitlines():
        said = json.loads(line)
        assert said["message"] != "internal error", line
        assert "traceback" not in said or said["level"] == "error", line


def read(sock: socket.socket, began: float) -> Answer:
    """One answer, from its first byte to its last."""
    file = sock.makefile("rb")
    with file:
        line = file.readline(65536)
        if not line.startswith(b"HTTP/1.1 "):
            return Answer(0, {}, line, time.monotonic() - began)
        headers = {}
        while (field := file.readline(65536).strip()) != b"":
            name, _, value = field.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        if "content-length" in headers:
            body = file.read(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            body = b"".join(_chunks(file))
        else:
            body = file.read()
        return Answer(int(line.split()[1]), headers, body, time.monotonic() - began)


def _chunks(file: Any) -> Iterator[bytes]:
    while size := int(file.readline() or b"0", 16):
        yield file.read(size)
        file.readline()
    file.readline()


def closed_after(sock: socket.socket, most: float) -> float:
    """Seconds until the other end closes, whatever it sends before. Fails when it does not."""
    began = time.monotonic()
    sock.settimeout(most)
    closed = False
    with contextlib.suppress(TimeoutError):
        try:
            while sock.recv(1 << 16):
                assert time.monotonic() - began < most
            closed = True
        except ConnectionError:
            closed = True
    assert closed, f"still open after {most:g} s"
    return time.monotonic() - began


@contextlib.contextmanager
def crowd(one: Victim, count: int, data: bytes, buffer: int = 0) -> Iterator[list[socket.socket]]:
    """So many connections on which the same was said."""
    socks = []
    try:
        for _ in range(count):
            with contextlib.suppress(OSError):
                socks.append(one.connect(data, buffer=buffer))
        yield socks
    finally:
        for sock in socks:
            sock.close()


class Flood:
    """Attackers who do the same again and again, each as soon as its connection is closed."""

    def __init__(
        self, one: Victim, data: Callable[[int], bytes], *, clients: int = 64, reads: bool = True
    ) -> None:
        self._victim, self._data = one, data
        self._piece = 1 << 18 if reads else 1
        self._buffer = 0 if reads else 4096
        self._stopping = False
        self.sent = 0
        self._thread = threading.Thread(target=self._run, args=(clients,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self, clients: int) -> None:
        socks: list[socket.socket] = []
        while not self._stopping:
            while len(socks) < clients and self._begin(socks):
                pass
            ready, _, _ = select.select(socks, [], [], 0.05)
            for sock in ready:
                try:
                    came = sock.recv(self._piece)
                except OSError:
                    came = b""
                if not came:
                    socks.remove(sock)
                    sock.close()
            if self._piece == 1:
                time.sleep(0.1)
        for sock in socks:
            sock.close()

    def _begin(self, socks: list[socket.socket]) -> bool:
        try:
            sock = self._victim.connect(self._data(self.sent), buffer=self._buffer, timeout=2)
        except OSError:
            return False
        self.sent += 1
        sock.setblocking(False)
        socks.append(sock)
        return True


class MemoryGroup:
    """A control group of a memory, of either version. Skips the test where none can be made."""

    def __init__(self, limit: int) -> None:
        import pytest

        self._limit_file, self._used_file = "memory.max", "memory.current"
        root = pathlib.Path("/sys/fs/cgroup")
        if (root / "memory").is_dir():
            root, self._limit_file, self._used_file = (
                _own_group(root / "memory"), "memory.limit_in_bytes", "memory.usage_in_bytes",
            )  # fmt: skip
        self._folder = root / f"abuse-{os.getpid()}-{time.monotonic_ns()}"
        try:
            self._folder.mkdir()
            (self._folder / self._limit_file).write_text(str(limit))
        except OSError as error:
            pytest.skip(f"no memory group can be made here: {error}")

    @property
    def used(self) -> int:
        return int((self._folder / self._used_file).read_text())

    @property
    def failures(self) -> int:
        for name in ("memory.oom_control", "memory.events"):
            with contextlib.suppress(OSError):
                for line in (self._folder / name).read_text().splitlines():
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        return 0

    @property
    def members(self) -> pathlib.Path:
        """The file into which a process writes its id to be bound."""
        return self._folder / "cgroup.procs"

    def close(self) -> None:
        for _ in range(50):
            try:
                self._folder.rmdir()
            except OSError:
                time.sleep(0.1)
            else:
                return


def _own_group(root: pathlib.Path) -> pathlib.Path:
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(",") and (root / path.lstrip("/")).is_dir():
            return root / path.lstrip("/")
    return root


def children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            found.extend(map(int, (task / "children").read_text().split()))
    return found


def command(pid: int) -> bytes:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _proportional(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def honest(one: Victim, count: int, pause: float = 0.25) -> list[Answer]:
    """What one honest client is answered, who asks for something new each time."""
    answers = []
    for number in range(count):
        answers.append(one.say(f"诚实的第{number}句，{time.monotonic_ns()}。", 20))
        time.sleep(pause)
    return answers


def served(answers: Sequence[Answer], within: float = 2.0) -> float:
    """The share of answers that hold a sound and came in time."""
    return sum(answer.status == 200 and answer.seconds <= within for answer in answers) / len(answers)
