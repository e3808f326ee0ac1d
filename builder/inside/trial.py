"""Runs inside an environment: starts the payload, waits until it is ready, asks it once, stops it.

Only the standard library, and what Python 3.8 understands. Its one argument is its task as JSON; what it saw
it prints as one line of JSON; it judges nothing.
"""

from __future__ import annotations

import array
import base64
import binascii
import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import wave
from typing import IO, Any, Dict, Iterator, List, Optional

TAIL = 4000
"""Bytes at the end of the payload's output that are reported."""


def main(arguments: List[str]) -> int:
    """The program: see the head of the file."""
    task = json.loads(arguments[0])
    port = free_port()
    with tempfile.TemporaryFile() as log, started(task["command"], port, log) as process:
        facts = observed(task, process, "http://127.0.0.1:%d" % port)
        log.seek(0, os.SEEK_END)
        log.seek(max(0, log.tell() - TAIL))
        facts["log"] = log.read().decode("utf-8", "replace")
    sys.stdout.write("\n" + json.dumps(facts) + "\n")
    return 0


def free_port() -> int:
    """A port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def started(command: List[str], port: int, log: IO[bytes]) -> Iterator["subprocess.Popen[bytes]"]:
    """The payload's process, in a group of its own that is ended with the block."""
    words = [word.replace("{port}", str(port)) for word in command]
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )
    try:
        yield process
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, wait a little, then end the whole group."""
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)


def observed(task: Dict[str, Any], process: "subprocess.Popen[bytes]", url: str) -> Dict[str, Any]:
    """What the payload does: seconds until ready, memory in bytes, and its answer."""
    began = time.monotonic()
    facts: Dict[str, Any] = {"ready": False}
    while time.monotonic() - began < task["deadline"]:
        if process.poll() is not None:
            return dict(facts, ended=process.returncode)
        status = asked(url + task["health"], None, 5.0).get("status")
        facts["health_status"] = status
        if status == 200:
            facts.update(ready=True, ready_seconds=round(time.monotonic() - began, 3))
            break
        time.sleep(0.05)
    if facts["ready"] and task.get("request"):
        facts["answer"] = answered(url, task["request"], task["deadline"])
    facts["memory"] = memory(process.pid)
    return facts


def asked(url: str, body: Optional[Any], timeout: float) -> Dict[str, Any]:
    """Status and body of one request, or the error that stood in its way."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=timeout) as answer:
            return {"status": answer.status, "body": answer.read()}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read()}
    except (OSError, ValueError) as error:
        return {"error": str(error)}


def answered(url: str, wanted: Dict[str, Any], timeout: float) -> Dict[str, Any]:
    """The answer to the one real request, its audio measured when the task names where it stands."""
    began = time.monotonic()
    got = asked(url + wanted["path"], wanted.get("json"), timeout)
    body = got.pop("body", b"")
    got["seconds"] = round(time.monotonic() - began, 3)
    got["bytes"] = len(body)
    if got.get("status") != 200:
        got["said"] = body[:300].decode("utf-8", "replace")
    elif wanted.get("audio"):
        got["audio"] = measured(body, wanted["audio"])
    return got


def measured(body: bytes, key: str) -> Dict[str, Any]:
    """Rate, length, channels and loudness of the base64 WAV that a JSON answer holds under `key`."""
    try:
        data = base64.b64decode(json.loads(body)[key], validate=True)
        with contextlib.closing(wave.open(io.BytesIO(data))) as sound:
            frames = sound.readframes(sound.getnframes())
            facts = {
                "rate": sound.getframerate(),
                "channels": sound.getnchannels(),
                "bits": sound.getsampwidth() * 8,
            }
    except (ValueError, KeyError, TypeError, EOFError, wave.Error, binascii.Error) as error:
        return {"error": "no WAV under %r: %s" % (key, error)}
    facts["seconds"] = round(len(frames) / (facts["rate"] * facts["channels"] * facts["bits"] // 8), 3)
    if facts["bits"] == 16:
        samples = array.array("h", frames)
        facts["rms"] = round((sum(value * value for value in samples) / max(1, len(samples))) ** 0.5)
    return facts


def memory(leader: int) -> int:
    """Bytes that the payload's processes hold resident, what they share counted once (PSS)."""
    total = 0
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            if name.isdigit() and os.getpgid(int(name)) == leader:
                with open("/proc/%s/smaps_rollup" % name) as stream:
                    total += sum(int(line.split()[1]) * 1024 for line in stream if line.startswith("Pss:"))
    return total
