"""Running other programs: bounded, captured, and ended with all they started."""

import os
import pathlib
import sys
import time
from collections.abc import Callable

import pytest

from envspec.system.errors import OutsideError
from envspec.system.process import ProcessError, run_process

PYTHON = sys.executable


def alive(number: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return "\nState:\tZ" not in pathlib.Path(f"/proc/{number}/status").read_text()
    except OSError:
        return False


def gone(number: int, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while alive(number) and time.monotonic() < end:
        time.sleep(0.01)
    return not alive(number)


def test_what_it_says_is_captured() -> None:
    done = run_process([PYTHON, "-c", "import sys; print('out'); sys.stderr.write('err')"])
    assert (done.ok, done.stdout, done.stderr) == (True, "out\n", "err")


def test_a_failure_is_a_value_unless_it_must_not_be() -> None:
    command = [PYTHON, "-c", "print('why'); raise SystemExit(3)"]
    assert run_process(command).code == 3
    with pytest.raises(ProcessError, match=r"ended with 3\nwhy") as caught:
        run_process(command, check=True)
    assert caught.value.exit_code == 3


def test_a_signal_is_a_negative_code() -> None:
    assert run_process([PYTHON, "-c", "import os; os.kill(os.getpid(), 9)"]).code == -9


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert run_process([PYTHON, "-c", "import os; os.write(1, b'a\\xff')"]).stdout == "a\ufffd"


def test_input_reaches_it() -> None:
    assert run_process(["cat"], input_text="für 你好").stdout == "für 你好"


def test_without_input_it_reads_nothing() -> None:
    assert run_process(["cat"], timeout=5).stdout == ""


@pytest.mark.parametrize("program", ["no-such-program-here", "/no/such/program"])
def test_a_missing_program_is_said_so(program: str) -> None:
    with pytest.raises(OutsideError, match="is not on this machine") as caught:
        run_process([program])
    assert caught.value.exit_code == 4


def test_a_file_that_is_no_program_is_said_so(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "text"
    file.write_text("")
    with pytest.raises(OutsideError, match="may not be run"):
        run_process([file])


def test_a_program_for_another_machine_is_said_so(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "program"
    file.write_bytes(b"\x7fELF\x02\x01\x01" + b"\0" * 60)
    file.chmod(0o755)
    with pytest.raises(OutsideError, match="may not be run"):
        run_process([file])


GROUP = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
sys.stderr.write("begun\\n"); sys.stderr.flush()
time.sleep(60)
"""


@pytest.mark.parametrize("on_line", [None, lambda _: None], ids=["captured", "followed"])
def test_a_time_out_ends_the_whole_group(on_line: Callable[[str], None] | None) -> None:
    began = time.monotonic()
    done = run_process([PYTHON, "-c", GROUP], timeout=1, on_line=on_line)
    assert done.timed_out
    assert not done.ok
    assert gone(int(done.stdout))
    assert time.monotonic() - began < 10


def test_an_interruption_ends_the_whole_group() -> None:
    """Raised where Ctrl-C arrives: while its lines are read."""
    said: list[str] = []

    def interrupt(line: str) -> None:
        said.append(line)
        raise KeyboardInterrupt

    marked = f"{GROUP}# {os.getpid()}-{time.monotonic_ns()}"
    with pytest.raises(KeyboardInterrupt):
        run_process([PYTHON, "-c", marked], on_line=interrupt, timeout=20)
    assert said == ["begun"]
    left = [path for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if marked.encode() in _read(path)]
    assert left == []


def _read(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_descendant_that_left_the_group_cannot_hold_the_run() -> None:
    leave = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(6)'], start_new_session=True)\n"
        "time.sleep(60)"
    )
    began = time.monotonic()
    assert run_process([PYTHON, "-c", leave], timeout=0.5).timed_out
    assert time.monotonic() - began < 5


def test_lines_come_as_they_are_said_and_input_is_fed_meanwhile() -> None:
    """More input and output than any pipe holds: nobody may wait for the other."""
    script = "import sys\nfor line in sys.stdin:\n    sys.stderr.write(line); sys.stdout.write(line)"
    text = "".join(f"line {number:060}\n" for number in range(20_000))
    lines: list[str] = []
    done = run_process([PYTHON, "-c", script], input_text=text, on_line=lines.append, timeout=30)
    assert "".join(f"{line}\n" for line in lines) == text == done.stdout == done.stderr


def test_the_tail_is_the_last_that_was_said() -> None:
    done = run_process([PYTHON, "-c", "print('\\n\\n'.join(map(str, range(50))))"])
    assert done.tail.splitlines() == [str(number) for number in range(38, 50)]


def test_a_command_is_shown_as_a_shell_would_read_it() -> None:
    with pytest.raises(ProcessError, match="`false 'a b'` ended with 1"):
        run_process(["false", "a b"], check=True)
