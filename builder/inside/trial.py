"""Runs inside an environment: starts a program, waits until it can work, uses it as its trials say, stops it.

Only the standard library, and what Python 3.8 understands. Its one argument is its task as JSON; what it saw
it prints as one line of JSON; it judges nothing. The task:

    name, programs, env     the program's name, what is known of all of them, the variables they share
    trials                  in order; each asks for a `path`, runs a `command`, or the program itself
    starts                  whether it is started at all, or its command is only looked for
    deadline, grace         seconds to become ready, and to prove that it goes on where nothing says how
    refusal                 seconds after which a refusal at the path of its health ends the wait, or none
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import IO, Any, Dict, Iterator, List, Optional

from . import asking, health, program

TAIL = 4000
"""Bytes at the end of a program's output that are reported."""
SEARCHED = 64 << 20
"""Bytes of a command's output in which what a trial expects is looked for."""
HOST = "127.0.0.1"
LATER = ("408", "425", "429")
"""Statuses that say: ask again later. Source: RFC 9110, RFC 8470, RFC 6585."""
CARDS = ("/dev/nvidia0", "/dev/dxg", "/dev/kfd")
"""What is there where a card is. Source: the drivers of NVIDIA, of WSL and of AMD."""


def main(arguments: List[str]) -> int:
    """The program: see the head of the file."""
    task = json.loads(arguments[0])
    facts = Trial(task).facts()
    sys.stdout.write("\n" + json.dumps(facts) + "\n")
    return 0


class Trial:
    """One program under trial."""

    def __init__(self, task: Dict[str, Any]) -> None:
        self.task = task
        self.wanted = task["programs"][task["name"]]
        self.env = program.variables(task["name"], task["programs"], task.get("env", {}), os.environ)
        self.folder = self.wanted.get("folder")
        if self.folder and not os.path.isdir(self.folder):
            self.folder = None  # on this machine, whose folders are not an image's
        self.port = self._port()
        self.command = program.words(self.wanted["command"], HOST, self.port)

    def _port(self) -> Optional[int]:
        """The program's port: any that is free where its words can say which, else its own."""
        own = self.wanted.get("port")
        return free_port() if own and any("{port}" in word for word in self.wanted["command"]) else own

    @property
    def address(self) -> str:
        """Where it is asked."""
        return "http://%s:%d" % (HOST, self.port or 0)

    def facts(self) -> Dict[str, Any]:
        """All that was seen."""
        why = program.missing(self.command, self.env, self.folder)
        if why:
            return {"missing": why}
        if not self.task["starts"]:
            return {"found": True}
        uses = [each for each in self.task["trials"] if "path" in each or "command" in each]
        if not (self.wanted.get("lasting") or any("path" in each for each in uses)):
            return {"trials": [self.used(each) for each in self.task["trials"]]}
        if self.port and health.connects(self.port):
            return {"in_use": self.port}
        with tempfile.TemporaryFile() as log, started(self.command, self.env, self.folder, log) as process:
            seen = self.observed(process)
            seen["log"] = tail(log)
        return seen

    def observed(self, process: "subprocess.Popen[bytes]") -> Dict[str, Any]:
        """What the program does: seconds until ready, memory in bytes, and how its trials went."""
        facts = self.awaited(process)
        if facts["ready"]:
            facts["trials"] = [self.used(each) for each in self.task["trials"]]
            facts["memory"] = memory(process.pid)
            if process.poll() is not None:
                facts["ended"] = process.returncode
        return facts

    def awaited(self, process: "subprocess.Popen[bytes]") -> Dict[str, Any]:
        """How it became ready, or why it did not."""
        began = time.monotonic()
        facts: Dict[str, Any] = {"ready": False}
        refusing = Refusing(self.task.get("refusal"))
        wish = self.moved(self.wanted.get("health"))
        patience = self.task["deadline"] if wish else self.task["grace"]
        pause = 0.05
        while time.monotonic() - began < patience:
            if process.poll() is not None:
                return dict(facts, ended=process.returncode)
            if wish:
                well, facts["seen"] = health.asked(wish, self.port, self.env, self.folder)
                if well:
                    break
                if "path" in wish and refusing.lasts(facts["seen"]):
                    return dict(facts, refused=asking.answered(self.address, wish, health.TIMEOUT))
            time.sleep(pause)
            pause = min(0.5, pause * 1.1)
        else:
            if wish:
                return facts
        return dict(facts, ready=True, ready_seconds=round(time.monotonic() - began, 3))

    def moved(self, wish: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
        """The way to see its health, where its port is another one now."""
        if wish and wish.get("tcp") is not None and wish["tcp"] == self.wanted.get("port"):
            return {"tcp": self.port}
        if wish and "command" in wish:
            return {"command": program.words(wish["command"], HOST, self.port)}
        return wish

    def used(self, trial: Dict[str, Any]) -> Dict[str, Any]:
        """How one trial went."""
        if "gpu" in trial.get("needs", ()) and not any(map(os.path.exists, CARDS)):
            return {"lacks": "gpu"}
        timeout = trial["timeout"]
        if "path" in trial:
            return asking.answered(self.address, trial, timeout)
        words = program.words(trial["command"], HOST, self.port) if "command" in trial else None
        return ended(words or [*self.command, *trial.get("args", ())], self.env, self.folder, trial, timeout)


class Refusing:
    """Whether a program that answers goes on to refuse the path of its health."""

    def __init__(self, patience: Optional[float]) -> None:
        """`patience` is how many seconds it may; None for any number."""
        self.patience = patience
        self.seen = ""
        self.since = 0.0

    def lasts(self, seen: str) -> bool:
        """Whether what was seen now has been seen for that long, and is a refusal."""
        now = time.monotonic()
        if seen != self.seen:
            self.seen, self.since = seen, now
        status = seen.rpartition(" ")[2]
        refused = len(status) == 3 and status[0] == "4" and status not in LATER
        return refused and self.patience is not None and now - self.since >= self.patience


def ended(
    words: List[str],
    env: Dict[str, str],
    folder: Optional[str],
    trial: Dict[str, Any],
    timeout: float,
) -> Dict[str, Any]:
    """How a command ended: its exit code, or that it was late; and whether it said what was expected."""
    began = time.monotonic()
    why = program.missing(words, env, folder)
    if why:
        return {"missing": why}
    facts: Dict[str, Any] = {}
    with tempfile.TemporaryFile() as log:
        with started(words, env, folder, log) as process:
            try:
                facts["exit"] = process.wait(timeout)
            except subprocess.TimeoutExpired:
                facts["late"] = True
        if trial.get("output") is not None:
            log.seek(0)
            facts["holds"] = trial["output"].encode() in log.read(SEARCHED)
        facts["said"] = tail(log)
    return dict(facts, seconds=round(time.monotonic() - began, 3))


def free_port() -> int:
    """A port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def started(
    words: List[str], env: Dict[str, str], folder: Optional[str], log: IO[bytes]
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process, in a group of its own that is ended with the block.

    Its program was looked for before; one that the kernel does not take ends as a shell would have it.
    """
    try:
        process = subprocess.Popen(
            words,
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    except OSError as error:
        log.write((program.refusal(words[0], error) + "\n").encode())
        log.flush()
        process = subprocess.Popen([sys.executable, "-I", "-S", "-c", "raise SystemExit(126)"])
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


def tail(log: IO[bytes]) -> str:
    """The end of what was said."""
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - TAIL))
    return log.read().decode("utf-8", "replace")


def memory(leader: int) -> int:
    """Bytes that the program's processes hold resident, what they share counted once (PSS)."""
    total = 0
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            if name.isdigit() and os.getpgid(int(name)) == leader:
                with open("/proc/%s/smaps_rollup" % name) as stream:
                    total += sum(int(line.split()[1]) * 1024 for line in stream if line.startswith("Pss:"))
    return total
