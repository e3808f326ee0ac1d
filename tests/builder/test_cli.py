"""The command line: help for everything, an exit code for each mistake, words instead of tracebacks."""

import dataclasses
import gc
import json
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

import click
import pytest
from click.testing import CliRunner

from builder.cli import main
from envspec.system.errors import (
    BuildError,
    EnvspecError,
    FindingsError,
    OutsideError,
    Problem,
    SpecError,
    UsageError,
)
from tests.support.paths import EXAMPLES, ROOT
from tests.support.specs import spec_text, stage

pytestmark = pytest.mark.usefixtures("home")
COMMANDS = {"build-image": main.load_command("build_image"), "envspec": main.envspec} | {
    f"envspec {name}": main.load_command(name) for name in main.COMMANDS
}


@dataclasses.dataclass(frozen=True)
class Said:
    """How a program ended, and what it said."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`call("build-image", ...)` or `call("envspec", ...)`, as a shell does it."""

    def run(program: str, *words: object) -> Said:
        monkeypatch.setattr(sys, "argv", [program, *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main.run_program(program)
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, *capsys.readouterr())

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(COMMANDS[name], ["--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output
    assert (COMMANDS[name].help or "").strip()


def test_the_list_of_commands_loads_none_of_them() -> None:
    program = "from click.testing import CliRunner; from builder.cli.main import envspec; import sys\n"
    program += "print(CliRunner().invoke(envspec, ['--help']).output, *sys.modules)"
    said = subprocess.check_output([sys.executable, "-c", program], text=True, cwd=ROOT)
    assert all(f"  {name} " in said and f"builder.cli.{name}" not in said for name in main.COMMANDS)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x", hint="do y"), 2),
        (SpecError("a.toml", (Problem(path="name", message="missing", line=3),), hint="do y"), 2),
        (FindingsError("x", (), hint="do y"), 1),
        (BuildError("x", hint="do y"), 3),
        (OutsideError("x", hint="do y"), 4),
        (click.UsageError("x"), 2),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_of_error_has_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    class Failing(click.Command):
        def main(self, *_: object, **__: object) -> NoReturn:
            raise error

    with pytest.raises(SystemExit) as ended:
        main.run_command(Failing("x"), "x")
    said = capsys.readouterr().err
    assert ended.value.code == code
    assert "Traceback" not in said
    if isinstance(error, EnvspecError):
        assert error.message in said
        assert "hint: do y" in said


@pytest.fixture
def spec(tmp_path: pathlib.Path) -> pathlib.Path:
    file = tmp_path / "envspec.toml"
    file.write_text(spec_text(stage("one", "a==1"), stage("one", "b==1")))
    return file


def test_findings_of_a_spec_are_exit_1(call: Call, spec: pathlib.Path) -> None:
    said = call("build-image", spec, "-q")
    assert said.code == 1
    assert "EV004" in said.out
    assert "nothing was installed" in said.out


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_wrong_with_a_source_is_told_with_its_line(
    call: Call, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = spec_text(stage("one", "./gone"), tail="[base]\ndebian = 'bookworm'")
    pathlib.Path("envspec.toml").write_text(text)
    line = text.splitlines().index("install = ['./gone']") + 1
    said = call("build-image", "-q")
    assert said.code == 2
    assert f"envspec.toml:{line}: stage[0].install[0]: ./gone is not there" in said.out
    gc.collect()  # the Docker SDK leaves the connection that it could not make to the garbage collector


def test_json_stands_alone_on_standard_output(call: Call, spec: pathlib.Path) -> None:
    said = call("build-image", spec, "--format", "json")
    report = json.loads(said.out)
    assert (said.code, report["exit_code"], report["verdict"]) == (1, 1, "must be fixed")


def test_warnings_count_under_strict(call: Call, tmp_path: pathlib.Path) -> None:
    (tmp_path / "envspec.toml").write_text(spec_text(stage("one", "a")))
    assert call("build-image", tmp_path, "-q", "--stop-after", "lint").code == 0
    assert call("build-image", tmp_path, "-q", "--stop-after", "lint", "--strict").code == 1


WRONG = [
    ("build-image", "/nowhere"),
    ("build-image", "--no-such-option"),
    ("build-image", "a", "b"),
    ("build-image", "--backend", "cloud"),
    ("build-image", "--stop-after", "lunch"),
    ("build-image", EXAMPLES / "espeak", "--variant", "none"),
    ("envspec", "no-such-command"),
    ("envspec", "check", "/dev/null"),
    ("envspec", "lock", "/proc/self/mem"),
    ("envspec", "verify"),
    ("envspec", "verify", "--python", "/usr/bin/python3", "--venv", "/x"),
    ("envspec", "verify", "--venv", "/nowhere"),
    ("envspec", "serve", "--port", "70000"),
]


@pytest.mark.parametrize("words", WRONG, ids=lambda words: " ".join(map(str, words[:3])))
def test_a_wrong_command_line_is_exit_2(call: Call, words: tuple[object, ...]) -> None:
    said = call(*words)
    assert said.code == 2
    assert said.out == ""
    assert "rror" in said.err


def test_a_report_in_the_place_of_a_file_is_said_so(call: Call, spec: pathlib.Path) -> None:
    said = call("build-image", spec, "-q", "--report", spec)
    assert said.code == 4
    assert "cannot be written" in said.err


@pytest.mark.parametrize("python", ["/nowhere/python", "/dev/null", "/bin/true", "/bin/cat"])
def test_what_is_no_python_cannot_be_judged(call: Call, python: str) -> None:
    said = call("envspec", "verify", "--python", python, "-q")
    assert said.code in {2, 4}
    assert "Traceback" not in said.err
    assert python in said.err


def test_a_spec_without_a_lock_cannot_be_compared_with(call: Call, tmp_path: pathlib.Path) -> None:
    (tmp_path / "envspec.toml").write_text(spec_text(stage("one", "a==1")))
    said = call("envspec", "verify", "--python", "/usr/bin/python3", "--spec", tmp_path)
    assert said.code == 2
    assert "it has no lock" in said.err


def test_the_schema_is_json_on_standard_output(call: Call) -> None:
    said = call("envspec", "schema")
    assert said.code == 0
    assert json.loads(said.out)["title"] == "Spec"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    """As `envspec schema | head -1` does."""
    program = [sys.executable, "-m", "builder.cli.launch", "envspec"]
    with subprocess.Popen([*program, "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_source_that_is_not_there_is_said_before_a_spec_that_is(
    call: Call, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing over the spec would not help."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXAMPLES / "espeak" / "envspec.toml", tmp_path)
    said = call("envspec", "init", "nosuch")
    assert (said.code, said.err) == (2, "error: nosuch is not there\n")
    (tmp_path / "requirements.txt").write_text("six==1.17.0\n")
    assert "envspec.toml is there already" in call("envspec", "init", "requirements.txt").err


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "x" * 5000),
        ("check", "--report", "x" * 300),
        ("check", "--variant", "x" * 5000),
        ("diff", "x" * 5000, "."),
        ("explain", "x" * 5000, "six"),
        ("init", "x" * 5000),
        ("verify", "x" * 5000),
        ("verify", "--python", "x" * 5000),
        ("simulate", "/dev/zero"),
        ("check", "/dev/zero"),
        ("check", "/dev/stdin"),
        ("diff", "/dev/zero", "."),
    ],
    ids=lambda arguments: " ".join(word[:12] for word in arguments),
)
def test_a_place_that_is_none_is_refused_in_few_words(
    call: Call, arguments: tuple[str, ...], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXAMPLES / "espeak" / "envspec.toml", tmp_path)
    said = call("envspec", *arguments)
    assert said.code == 2
    assert len(said.err) < 1500
