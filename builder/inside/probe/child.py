"""One bounded step in a forked process: its time, its output, its end and what it leaves behind."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import sys
import time

from .. import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

HEAD = 4000
"""Characters of a step's output that are kept."""
FLOOD = 32 * 1024 * 1024
"""Bytes of output after which a step is stopped."""
PATIENCE = 4
"""Times its limit that a step may take on a machine that does not let it run."""
COMPUTING = 0.75
"""Share of its limit after which a step is ended that has computed all the while: it is nobody's victim."""


def job() -> Any:
    """What this process was started to do."""
    with open(sys.argv[2], encoding="utf-8") as stream:
        return json.load(stream)


def step(
    work: Callable[[], Any],
    *,
    timeout: float,
    tell: Callable[[dict[str, Any]], None],
    then: Callable[[Any], None] | None = None,
) -> None:
    """Run `work` in a forked process and `tell` once how it went, as soon as that is known.

    `then`, if given, goes on in the same process with the value of `work`, and `step` returns only when
    that is over as well: this is how modules are imported below their real parents.
    Keys told: `value` (JSON) or `signal` or `exit` or `timeout` or `flood`, `seconds`, `output`, `bytes`;
    `computed` beside `timeout` where it was not waiting for anything.
    """
    answer_read, answer_write = os.pipe()
    output_read, output_write = os.pipe()
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(answer_read)
        os.close(output_read)
        _child(work, then, answer_write, output_write)
    os.close(answer_write)
    os.close(output_write)
    watch = Watch(pid, answer_read, output_read, began + timeout)
    try:
        tell(watch.outcome(began))
        watch.linger()
    finally:
        watch.close()


def _child(work: Callable[[], Any], then: Callable[[Any], None] | None, answer: int, output: int) -> None:
    code = 70
    try:
        os.setsid()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(null)
        os.close(output)
        value = work()
        _write(answer, json.dumps(value).encode("utf-8", "replace") + b"\n")
        os.close(answer)
        code = 0
        if then is not None:
            then(value)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        # Never the interpreter's own farewell: exit handlers of foreign modules may hang or crash.
        os._exit(code)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class Watch:
    """The parent's side of a step: reads both pipes, keeps the clock, and cleans up."""

    def __init__(self, pid: int, answer: int, output: int, deadline: float) -> None:
        self.pid = pid
        self.answer = answer
        self.output = output
        self.deadline = deadline
        self.data = b""
        self.head = b""
        self.size = 0
        self.status = None  # type: int | None
        for fd in (answer, output):
            os.set_blocking(fd, False)

    def outcome(self, began: float) -> dict[str, Any]:
        """Wait for the answer, or for what came instead of one."""
        result = {}  # type: dict[str, Any]
        answered = False
        while not answered and not result:
            if self.computes(began):
                result.update(timeout=True, computed=True)
            elif time.monotonic() > self.deadline and not self.starved(began):
                result["timeout"] = True
            elif self.size > FLOOD:
                result["flood"] = True
            else:
                answered = self._read(0.2) or self._ended()
        result["seconds"] = round(time.monotonic() - began, 4)
        value = self._value()
        if value is None:
            self.kill()
            if answered:
                result.update(_how(self.status))
        else:
            result["value"] = value
        self._drain()
        result["output"] = self.head.decode("utf-8", "replace")
        result["bytes"] = self.size
        return result

    def computes(self, began: float) -> bool:
        """Whether it has computed for most of its time, as if it would never end."""
        enough = COMPUTING * (self.deadline - began)
        return time.monotonic() - began > enough and self._processor_time() > enough

    def starved(self, began: float) -> bool:
        """Whether a process that is late has hardly been let run: a busy machine is no hang.

        A thread of it must be runnable or wait for a disk, it must have had less than half its time of
        processor, and it gets four times its time at most.
        """
        allowed = self.deadline - began
        if time.monotonic() - began > PATIENCE * allowed:
            return False
        return self._processor_time() < allowed / 2 and any(state in "RD" for state in states(self.pid))

    def _processor_time(self) -> float:
        """Seconds of processor that it has used; none where nobody can tell, as of one that is gone."""
        try:
            with open("/proc/%d/stat" % self.pid) as stream:
                fields = stream.read().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _value(self) -> Any:
        try:
            return json.loads(self.data.decode("utf-8"))
        except ValueError:
            return None

    def _read(self, wait: float) -> bool:
        """Take what both pipes hold; True when the answer is complete."""
        ready, _, _ = select.select([self.answer, self.output], [], [], wait)
        if self.output in ready:
            self._take_output()
        if self.answer in ready:
            block = _read(self.answer)
            if block == b"":
                return True
            self.data += block or b""
        return self.data.endswith(b"\n")

    def _take_output(self) -> None:
        block = _read(self.output)
        if block:
            self.size += len(block)
            if len(self.head) < HEAD:
                self.head = (self.head + block)[:HEAD]
        elif block == b"":
            time.sleep(0.01)

    def _drain(self) -> None:
        for _ in range(64):
            block = _read(self.output)
            if not block:
                return
            self.size += len(block)
            self.head = (self.head + block)[:HEAD]

    def _ended(self) -> bool:
        if self.status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = self.pid, 0
            if pid:
                self.status = status
        if self.status is None:
            return False
        while True:  # the answer may have been written just before the end
            block = _read(self.answer)
            if not block:
                return True
            self.data += block

    def linger(self) -> None:
        """Go on draining until the process ends, however long its own children take."""
        pause = 0.0005
        while not self._ended():
            ready, _, _ = select.select([self.output], [], [], pause)
            pause = min(pause * 2, 0.2)
            if ready:
                self._take_output()

    def kill(self) -> None:
        """Stop the step with all that it started."""
        for victim in descendants(self.pid):
            kill(victim)
        kill_group(self.pid)
        kill(self.pid)
        deadline = time.monotonic() + 5
        while self.status is None and time.monotonic() < deadline:
            self._drain()
            if not self._ended():
                time.sleep(0.005)

    def close(self) -> None:
        """Close the pipes and stop whatever the step left behind."""
        os.close(self.answer)
        os.close(self.output)
        kill_group(self.pid)
        reap()


def _how(status: int | None) -> dict[str, Any]:
    if status is None:
        return {"signal": int(signal.SIGKILL)}
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status)}
    return {"exit": os.WEXITSTATUS(status)}


def _read(fd: int) -> bytes | None:
    """A block; empty at the end; None where nothing is there yet."""
    try:
        return os.read(fd, 1 << 18)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EINTR):
            return None
        return b""


def kill(pid: int) -> None:
    """Kill a process that may be gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


def kill_group(pid: int) -> None:
    """Kill a process group that may be gone."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass


def states(pid: int) -> list[str]:
    """What each thread of a process is about, as proc(5) has it: `R`, `S`, `D`..."""
    found = []
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/stat" % (pid, task)) as stream:
                found.append(stream.read().rpartition(")")[2].split()[0])
    except OSError:
        pass  # it may just have ended
    return found


def children(pid: int) -> list[int]:
    """Direct children of a process as the kernel lists them; empty where it does not."""
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as stream:
            return [int(word) for word in stream.read().split()]
    except (OSError, ValueError):
        return []


def descendants(pid: int) -> list[int]:
    """All processes below this one, nearest first."""
    found = []  # type: list[int]
    todo = children(pid)
    while todo and len(found) < 10000:
        found.extend(todo)
        todo = [below for each in todo for below in children(each)]
    return found


def reap() -> None:
    """Kill and collect what this process has inherited from children that ended."""
    for _ in range(50):
        mine = children(os.getpid())
        if not mine:
            break
        for pid in descendants(os.getpid()):
            kill(pid)
        for pid in mine:
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                pass
