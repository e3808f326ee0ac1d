"""The one place that runs other programs: list arguments, explicit environment, bounded, typed failure."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import pathlib
import shlex
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence

from envspec.system.disk import LIMITS, DiskError, refusal, spoken_refusal
from envspec.system.errors import EnvspecError, OutsideError
from envspec.system.home import known_places
from envspec.system.interruption import undoing
from envspec.system.warden import end_family, watched

_PATIENCE = 2.0
"""Seconds that a killed program's pipes get to close."""

Words = list[str | os.PathLike[str]]
"""A command being put together."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """How a program ended."""

    command: tuple[str, ...]
    code: int
    """Exit code; negative is the signal that killed it, as `subprocess` has it."""
    stdout: str
    stderr: str
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        """Whether it ended with 0 in time."""
        return self.code == 0 and not self.timed_out

    @property
    def tail(self) -> str:
        """The last lines it said, for an error message."""
        said = [line for line in f"{self.stdout}\n{self.stderr}".splitlines() if line.strip()]
        return "\n".join(said[-12:])

    @property
    def refusal(self) -> DiskError | None:
        """What it says of this machine, where it failed for want of disk, memory or another limit."""
        return spoken_refusal(self.code, f"{self.stdout}\n{self.stderr}", known_places())


class ProcessError(EnvspecError):
    """A program that had to succeed did not; `completed` holds how it ended."""

    def __init__(self, completed: Completed, *, hint: str = "") -> None:
        how = "did not end in time" if completed.timed_out else f"ended with {completed.code}"
        super().__init__(f"`{quote_command(completed.command)}` {how}\n{completed.tail}".rstrip(), hint=hint)
        self.completed = completed


def quote_command(command: Sequence[str]) -> str:
    """The command as a shell would read it."""
    return shlex.join(command)


def run_process(
    command: Sequence[str | os.PathLike[str]],
    *,
    env: Mapping[str, str] | None = None,
    cwd: pathlib.Path | None = None,
    input_text: str | None = None,
    timeout: float | None = None,
    check: bool = False,
    on_line: Callable[[str], None] | None = None,
    keep: int | None = None,
) -> Completed:
    """Run a program to its end in a process group of its own and capture what it says.

    `keep` is how many bytes of each stream are kept, the last ones: for who may say gigabytes; it is not for
    use with `input_text` and `on_line`.

    `on_line` is called with every line of standard error as it comes. On time-out or interruption the
    whole group is killed, so that nothing is left running.

    Raises `OutsideError` when the program does not exist or this machine lacks what it needs, `ProcessError`
    when `check` and it failed otherwise.
    """
    words = tuple(os.fspath(word) for word in command)
    variables = _variables(os.environ if env is None else env)
    completed = _run(words, variables, cwd, input_text, timeout, on_line, keep)
    if check and not completed.ok:
        raise completed.refusal or ProcessError(completed)
    return completed


def _variables(env: Mapping[str, str]) -> dict[str, str]:
    """The variables of a program, whose temporary files stand where ours do: who is killed cannot tidy."""
    with contextlib.suppress(OSError):
        return {**env, "TMPDIR": tempfile.gettempdir()}
    return dict(env)  # there is no such place: the program may need none


def _run(
    words: tuple[str, ...],
    env: dict[str, str],
    cwd: pathlib.Path | None,
    input_text: str | None,
    timeout: float | None,
    on_line: Callable[[str], None] | None,
    keep: int | None,
) -> Completed:
    try:
        process = subprocess.Popen(
            words,
            env=env,
            cwd=cwd,
            stdin=subprocess.PIPE if input_text is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise OutsideError(f"{words[0]} is not on this machine", hint=f"install {words[0]}") from error
    except OSError as error:
        if error.errno in LIMITS:
            raise refusal(error, None, known_places()) from error
        # Not executable, or made for another machine.
        raise OutsideError(f"{words[0]} may not be run: {error.strerror}") from error
    # Whatever ends this process, a signal or a SIGKILL, ends the program and what it has started.
    with process, undoing(functools.partial(end_family, process.pid)), watched(process.pid):
        try:
            if keep is not None:
                stdout, stderr, timed_out = _tailed(process, timeout, keep)
            else:
                stdout, stderr, timed_out = _communicate(process, input_text, timeout, on_line)
        except BaseException:
            end_family(process.pid)
            raise
    return Completed(
        command=words, code=process.returncode, stdout=stdout, stderr=stderr, timed_out=timed_out
    )


def _communicate(
    process: subprocess.Popen[str],
    input_text: str | None,
    timeout: float | None,
    on_line: Callable[[str], None] | None,
) -> tuple[str, str, bool]:
    if on_line is not None:
        return _followed(process, input_text, timeout, on_line)
    try:
        stdout, stderr = process.communicate(input_text, timeout=timeout)
    except subprocess.TimeoutExpired:
        end_family(process.pid)
        return *_last_words(process), True
    return stdout, stderr, False


def _last_words(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What a killed program had said. A descendant that left its group may hold the pipes open: forget it."""
    try:
        return process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return "", ""


def _followed(
    process: subprocess.Popen[str],
    input_text: str | None,
    timeout: float | None,
    on_line: Callable[[str], None],
) -> tuple[str, str, bool]:
    """As `communicate`, with every line of standard error handed on as it comes."""
    out: list[str] = []
    err: list[str] = []
    late = threading.Event()

    def feed() -> None:
        if process.stdin:
            with contextlib.suppress(BrokenPipeError), process.stdin as stream:
                stream.write(input_text or "")

    def drain() -> None:
        out.append(process.stdout.read() if process.stdout else "")

    def expire() -> None:
        late.set()
        end_family(process.pid)

    threads = [threading.Thread(target=feed), threading.Thread(target=drain)]
    timer = threading.Timer(timeout, expire) if timeout else None
    for thread in (*threads, *([timer] if timer else ())):
        thread.start()
    try:
        for line in process.stderr or ():
            err.append(line)
            on_line(line.rstrip("\n"))
        process.wait()
    finally:
        if timer:
            timer.cancel()
    for thread in threads:
        thread.join()
    return "".join(out), "".join(err), late.is_set()


def _tailed(process: subprocess.Popen[str], timeout: float | None, keep: int) -> tuple[str, str, bool]:
    """As `communicate`, but of each stream only the last bytes are held at any time."""
    kept = [bytearray(), bytearray()]

    def drain(number: int) -> None:
        stream = (process.stdout, process.stderr)[number]
        with contextlib.suppress(ValueError, OSError):  # closed, since who holds it open is not waited for
            while stream is not None and (piece := os.read(stream.fileno(), 1 << 16)):
                kept[number] += piece
                del kept[number][:-keep]

    threads = [threading.Thread(target=drain, args=(number,), daemon=True) for number in (0, 1)]
    for thread in threads:
        thread.start()
    late = False
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        late = True
        end_family(process.pid)
        process.wait()
    for thread in threads:
        thread.join(_PATIENCE)
    stdout, stderr = (bytes(part).decode("utf-8", "replace") for part in kept)
    return stdout, stderr, late
