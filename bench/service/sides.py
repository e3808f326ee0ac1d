"""The two servers, each started as its users start it, and ended."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

ROOT = pathlib.Path(__file__).resolve().parents[2]


@contextmanager
def ours(log: pathlib.Path = pathlib.Path(os.devnull), **settings: str) -> Iterator[tuple[int, int]]:
    """`python -m service` with its own defaults and `settings`; its port and its process.

    What it says goes into `log`.
    """
    with _running(["-m", "service", "--host", "127.0.0.1", "--port"], settings, log) as started:
        yield started


@contextmanager
def theirs() -> Iterator[tuple[int, int]]:
    """The article's service; its port and its process."""
    with _running(["-m", "bench.service.article"], {}, pathlib.Path(os.devnull)) as started:
        yield started


@contextmanager
def _running(words: list[str], settings: Mapping[str, str], log: pathlib.Path) -> Iterator[tuple[int, int]]:
    port = _free_port()
    with log.open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, *words, str(port)],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        _await(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(60)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _await(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing listens on port {port} after 60 s")
