"""Standard streams in every state: the exit code is right, the words are few, and there is no traceback."""

import dataclasses
import io
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from hypothesis import given
from rich.console import Console

from builder.cli.bars import PlainLines, amount
from builder.cli.streams import Sink, say_text
from tests.support.hostile import acting, hostile_texts
from tests.support.paths import ROOT
from tests.support.specs import spec_text, stage

LOST = "error: standard output cannot be written: No space left on device\n"


@dataclasses.dataclass(frozen=True)
class Said:
    """How a program ended, and what of its output arrived."""

    code: int
    out: bytes
    err: str


@pytest.fixture
def wrong(tmp_path: pathlib.Path) -> pathlib.Path:
    """A spec with findings, so that 1 is the right exit code."""
    file = tmp_path / "envspec.toml"
    file.write_text(spec_text(stage("one", "a==1"), stage("one", "b==1")))
    return file


def start(redirection: str, *words: object, **more: str) -> Said:
    """Start `envspec` with its streams as a shell redirects them."""
    program = [sys.executable, "-m", "builder.cli.launch", "envspec", *map(str, words)]
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "LC_", "LANG"))}
    done = subprocess.run(
        ["bash", "-c", f'"$@" {redirection}; exit ${{PIPESTATUS[0]}}', "x", *program],
        cwd=ROOT, env={**env, **more}, capture_output=True, timeout=120,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr.decode())


@pytest.mark.parametrize(
    ("redirection", "code", "err"),
    [
        (">&-", 1, ""),
        (">&- 2>&-", 1, ""),
        ("<&- >&- 2>&-", 1, ""),
        (">/dev/full 2>&-", 4, ""),
        (">/dev/full 2>/dev/full", 4, ""),
        ("2>/dev/full", 1, ""),
        ("| true", 1, ""),
        ("2>&1 | true", 1, ""),
    ],
)
def test_the_exit_code_is_the_verdicts_unless_its_words_are_lost(
    wrong: pathlib.Path, redirection: str, code: int, err: str
) -> None:
    said = start(redirection, "check", wrong, "-q")
    assert (said.code, said.err) == (code, err)


@pytest.mark.parametrize("words", [("schema",), ("--help",), ("--version",)])
def test_a_full_output_is_told_in_one_sentence(words: tuple[str, ...]) -> None:
    said = start(">/dev/full", *words)
    assert said.code == 4
    assert said.err.startswith(LOST)
    assert said.err.splitlines()[1:] == [line for line in said.err.splitlines() if line.startswith("hint: ")]


def test_progress_that_nobody_reads_stops_nothing(wrong: pathlib.Path) -> None:
    said = start("2>&1 >/dev/null | true", "check", wrong)
    assert (said.code, said.err) == (1, "")


@pytest.mark.parametrize("encoding", [{"PYTHONIOENCODING": "ascii"}, {"LANG": "C"}, {"LC_ALL": "POSIX"}])
def test_a_narrow_encoding_loses_no_word(tmp_path: pathlib.Path, encoding: dict[str, str]) -> None:
    (tmp_path / "你好").mkdir()
    said = start("", "check", tmp_path / "你好", "-q", **encoding)
    assert said.code == 2
    assert r"\u4f60" in said.err or "你好" in said.err
    assert "Traceback" not in said.err


def test_documents_are_utf_8_whatever_the_encoding_is(tmp_path: pathlib.Path) -> None:
    (tmp_path / "envspec.toml").write_text(spec_text(stage("one", "a==1"), stage("one", "b==1")))
    said = start("", "check", tmp_path, "-q", "--format", "json", PYTHONIOENCODING="ascii")
    assert json.loads(said.out.decode())["exit_code"] == 1
    page = start("", "check", tmp_path, "-q", "--format", "html", PYTHONIOENCODING="latin-1").out.decode()
    assert "“" in page


def test_a_sink_remembers_why_and_goes_on() -> None:
    with pathlib.Path("/dev/full").open("wb", buffering=0) as full:
        sink = Sink(full.fileno())
        assert sink.write(b"lost") == 4
        assert sink.write(b"lost as well") == 12
        assert sink.failure is not None


def test_a_reader_that_has_left_is_no_failure() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    sink = Sink(writing)
    assert sink.write(b"lost") == 4
    assert sink.failure is None
    os.close(writing)


def test_a_pipe_that_does_not_wait_is_waited_for() -> None:
    """As Node leaves the pipes of the programs that it starts."""
    program = (
        "import os; os.set_blocking(1, False)\n"
        "from builder.cli.streams import keep_streams; keep_streams(); print('x' * 1_000_000)"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, timeout=120)
    assert (said.returncode, len(said.stdout), said.stderr) == (0, 1_000_001, b"")


def test_what_is_closed_is_no_place_for_files() -> None:
    program = (
        "from builder.cli.streams import keep_streams; keep_streams()\n"
        "import os; print(os.open('/dev/zero', os.O_RDONLY) > 2, file=open('/dev/stderr', 'w'))"
    )
    done = subprocess.run(
        ["bash", "-c", '"$@" <&- >&-', "x", sys.executable, "-c", program],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stderr == "True\n"


@given(text=hostile_texts())
def test_progress_shows_what_others_say_and_obeys_none_of_it(text: str) -> None:
    page = io.StringIO()
    lines = PlainLines(Console(file=page, width=40))
    lines.step(text)
    lines.note(f"{'x' * 36} {text}")
    assert acting(page.getvalue()) == []
    assert not re.search(r"(?m)^\s*::|##(?:vso|teamcity)?\[", page.getvalue())


def test_it_is_told_how_long_what_was_long_took() -> None:
    page, clock = io.StringIO(), iter([0.0, 0.5, 0.5, 4.75])
    lines = PlainLines(Console(file=page, width=40), lambda: next(clock))
    lines.step("resolve")
    lines.step("build")
    lines.rest()
    lines.rest()
    assert page.getvalue().splitlines() == ["• resolve", "• build", "  build: 4.2 s"]


def test_a_transfer_says_how_much_there_is_and_how_fast_it_goes() -> None:
    assert amount(12_300_000, 45_600_000, 3_100_000, transfer=True) == "12.3 MB of 45.6 MB, 3.1 MB/s"
    assert amount(0, 45_600_000, 0, transfer=True) == "0 bytes of 45.6 MB"
    assert amount(3, 64, 1, transfer=False) == "3 of 64"


@pytest.mark.parametrize("aside", [False, True])
def test_what_is_said_is_readable(aside: bool, capsys: pytest.CaptureFixture[str]) -> None:
    say_text("a\x1b[2J\n::error::x\u202e 你好", aside=aside)
    assert capsys.readouterr()[aside] == "a\\x1b[2J\n: :error::x\\u202e 你好\n"
