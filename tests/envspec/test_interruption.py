"""Signals are answered at once and in words, whatever a program is doing; SIGKILL leaves nothing running."""

import os
import pathlib
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.paths import ROOT
from tests.support.processes import below, within

HANGING = 20.0
"""Seconds: no measure, but the end of a test that hangs."""

ANSWERS = {
    signal.SIGINT: (130, "interrupted; nothing half-made is left behind\n"),
    signal.SIGTERM: (143, "ended by SIGTERM; nothing half-made is left behind\n"),
    signal.SIGHUP: (129, "ended, for the terminal is gone; nothing half-made is left behind\n"),
}

HEAD = """
import concurrent.futures, ctypes, os, sys, time, zlib
from envspec.system.interruption import answer_signals
answer_signals()
from envspec.system.process import run_process
from envspec.system.scratch import scratch_folder
def ready(): os.write(1, b"ready\\n")
"""

FAMILY = """
import subprocess, sys, time
for apart in (False, True):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=apart)
sys.stderr.write("begun\\n"); sys.stderr.flush()
time.sleep(300)
"""

PHASES = {
    "alone": "ready(); time.sleep(300)",
    "in a loop that catches everything": """
ready()
while True:
    try:
        time.sleep(0.001)
    except BaseException:
        pass
""",
    "waiting for threads that inflate": """
def work(_):
    while True:
        zlib.compress(bytes(1 << 22))
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    jobs = pool.map(work, range(8))
    ready()
    list(jobs)
""",
    "in a call that no signal ends": """
libc, lock = ctypes.CDLL(None), ctypes.create_string_buffer(64)
libc.pthread_mutex_lock(lock)
ready()
libc.pthread_mutex_lock(lock)
""",
    "waiting for a program": f"""
with scratch_folder("solve") as folder:
    (folder / "half").write_text("x")
    run_process([sys.executable, "-c", {FAMILY!r}], on_line=lambda _: ready())
""",
    "waiting for programs in threads": f"""
def work(_):
    with scratch_folder("order"):
        run_process([sys.executable, "-c", {FAMILY!r}], on_line=lambda _: ready())
with concurrent.futures.ThreadPoolExecutor(3) as pool:
    list(pool.map(work, range(3)))
""",
    "making and removing folders": """
ready()
while True:
    with scratch_folder("layer") as folder:
        for number in range(20):
            (folder / str(number)).write_text("x")
""",
}


@pytest.fixture(autouse=True)
def hang_ups_count() -> Iterator[None]:
    """Whoever runs the tests under `nohup` has SIGHUP ignored, and what the tests start would inherit it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def start(tmp_path: pathlib.Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a program that answers signals and waits until it is in its phase."""
    started = []

    def starting(program: str, *before: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*before, sys.executable, "-c", HEAD + program],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        return process

    yield starting
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", ANSWERS, ids=lambda number: number.name)
@pytest.mark.parametrize("phase", PHASES)
def test_a_signal_is_answered_in_every_phase(
    start: Callable[..., subprocess.Popen[str]], tmp_path: pathlib.Path, phase: str, number: signal.Signals
) -> None:
    process = start(PHASES[phase])
    family = below(process.pid)
    process.send_signal(number)
    _, said = process.communicate(timeout=HANGING)
    assert (process.returncode, said) == ANSWERS[number]
    assert [each for each in family if each.lives] == []
    assert list(tmp_path.iterdir()) == []


def test_the_first_of_many_signals_counts(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(PHASES["waiting for programs in threads"])
    for number in (signal.SIGTERM, *[signal.SIGINT] * 20):
        process.send_signal(number)
        time.sleep(0.001)
    _, said = process.communicate(timeout=HANGING)
    assert (process.returncode, said) in (ANSWERS[signal.SIGTERM], ANSWERS[signal.SIGINT])


@pytest.mark.parametrize("phase", ["waiting for a program", "waiting for programs in threads"])
def test_what_a_sigkill_leaves_running_ends_as_well(
    start: Callable[..., subprocess.Popen[str]], phase: str
) -> None:
    process = start(PHASES[phase])
    family = below(process.pid)
    assert len(family) >= 5, "ourselves, the warden, a program and what it started"
    process.kill()
    process.wait()
    assert within(HANGING, lambda: not any(each.lives for each in family))


def test_the_warden_goes_with_a_program_that_ends_well(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start("ready(); time.sleep(0.3)")
    family = below(process.pid)
    process.communicate(timeout=HANGING)
    assert [each for each in family if each.lives] == []


def test_what_is_ignored_stays_ignored(start: Callable[..., subprocess.Popen[str]]) -> None:
    """As `nohup` wants it."""
    process = start(PHASES["alone"], "sh", "-c", 'trap "" HUP; exec "$@"', "sh")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=HANGING)
    assert (process.returncode, said) == ANSWERS[signal.SIGTERM]


def test_an_answer_that_nobody_reads_is_not_waited_for(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(
        "import os; os.set_blocking(2, False)\ntry:\n    while True: os.write(2, b'x' * 4096)\n"
        "except OSError:\n    os.set_blocking(2, True)\nready(); time.sleep(300)"
    )
    process.send_signal(signal.SIGTERM)
    assert process.wait(HANGING) == 143


BARS = """
from builder.cli.bars import shown_progress
with shown_progress(quiet=False) as progress, progress.task("first", 9), progress.task("second", 9):
    progress.advance("first", 3)
    time.sleep(0.3)
    ready()
    time.sleep(300)
"""


def test_the_terminal_is_whole_again(tmp_path: pathlib.Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD + BARS],
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(theirs)
    with process, os.fdopen(ours, "rb", buffering=0) as terminal:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(HANGING) == 130
        seen = b""
        while b"left behind" not in seen:
            seen += terminal.read(4096)
    bars, _, answer = seen.rpartition(b"\x1b[?25h")
    assert b"second" in bars
    assert bars.endswith(b"\r\x1b[2K\x1b[1A\x1b[2K"), "both bars are wiped"
    assert answer == b"interrupted; nothing half-made is left behind\r\n"


@pytest.mark.parametrize("variables", [{}, {"PYTHONPATH": "/nowhere"}], ids=["as it is", "started again"])
def test_the_programs_answer_from_their_first_moment_on(
    variables: dict[str, str], tmp_path: pathlib.Path
) -> None:
    """Whenever it comes: the signal waits where there is no answer yet."""
    program = (
        "import os, signal, sys; os.kill(os.getpid(), signal.SIGSTOP)\n"
        "from envspec.system import start; start.envspec()"
    )
    for moment in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", program, "schema"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **variables, "TMPDIR": str(tmp_path)},
        )
        os.waitpid(process.pid, os.WUNTRACED)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.01 + 0.04 * moment)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=HANGING)
        assert process.returncode in (143, -signal.SIGTERM, 0), said
        assert said in ("", ANSWERS[signal.SIGTERM][1])
