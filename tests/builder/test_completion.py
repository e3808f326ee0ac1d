"""What a shell is offered for a word; `tests/integration/test_completion.py` asks in real shells."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from builder.cli import main
from envspec.spec.load import load_spec
from tests.support.paths import EXAMPLES, ROOT

STAGES = {stage.name for stage in load_spec(EXAMPLES / "sambert-hifigan").stage}


def offered(line: str) -> list[str]:
    """What is offered for the last word of a command line."""
    program, *words, last = line.split(" ")
    command = main.envspec if program == "envspec" else main.load_command("build_image")
    found = BashComplete(command, {}, program, "UNUSED").get_completions(words, last)
    return [item.value for item in found if item.type == "plain"]


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES / "sambert-hifigan")


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("envspec ", {"lock", "check", "rules", "completion"}),
        ("envspec --v", {"--version"}),
        ("envspec check --variant ", {"cuda", "full", "slim"}),
        ("envspec check --variant c", {"cuda"}),
        ("envspec simulate . --variant s", {"slim"}),
        ("envspec explain . mode", {"modelscope"}),
        ("envspec lock --upgrade-package mode", {"modelscope"}),
        ("envspec add --stage ", STAGES),
        ("envspec remove mode", {"modelscope"}),
        ("envspec rules EV10", {"EV101", "EV106"}),
        ("envspec completion f", {"fish"}),
        ("build-image --backend o", {"oci"}),
        ("build-image --variant f", {"full"}),
        ("build-image --format s", {"sarif"}),
    ],
)
def test_names_are_offered(line: str, some: set[str]) -> None:
    found = offered(line)
    assert some <= set(found)
    assert all(each.startswith(line.rpartition(" ")[2]) for each in found)


def test_a_spec_that_means_nothing_offers_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "envspec.toml").write_text("name =")
    assert offered("envspec check --variant ") == []
    (tmp_path / "envspec.lock").write_text("[[")
    assert offered("envspec explain . num") == []


def test_commands_are_offered_without_being_loaded() -> None:
    program = "import sys; from click.shell_completion import BashComplete as B\n"
    program += "from builder.cli import main\n"
    program += "B(main.envspec, {}, 'envspec', 'X').get_completions([], '')\n"
    program += "sys.exit(any(f'builder.cli.{name}' in sys.modules for name in main.COMMANDS))"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_for_both_programs(shell: str) -> None:
    said = CliRunner().invoke(main.envspec, ["completion", shell])
    assert said.exit_code == 0
    assert "_ENVSPEC_COMPLETE" in said.output
    assert "_BUILD_IMAGE_COMPLETE" in said.output


def test_a_shell_that_is_not_known_is_refused() -> None:
    assert CliRunner().invoke(main.envspec, ["completion", "tcsh"]).exit_code == 2


class TestRules:
    def said(self, *words: str) -> str:
        return CliRunner().invoke(main.envspec, ["rules", *words], catch_exceptions=False).output

    def test_without_an_id_all_are_listed_by_family(self) -> None:
        said = self.said()
        assert said.startswith("The spec\n  EV001  warning  a version is left open\n")
        assert "\n\nThe lock's proof\n  EV101  error" in said

    def test_pages_are_shown_by_their_ids(self) -> None:
        said = self.said("ev101", "EV001")
        assert said.startswith("# EV101: the stages have no joint solution\n")
        assert "\n# EV001: a version is left open\n" in said
        assert "**What to do.**" in said
        assert CliRunner().invoke(main.envspec, ["rule", "EV101"]).output == self.said("EV101")


def test_the_help_has_each_command_once_below_its_topic() -> None:
    said = CliRunner().invoke(main.envspec, ["--help"]).output
    assert all(f"\n{topic}:\n" in said for topic in main.TOPICS)
    assert sum(map(len, main.TOPICS.values())) == len(main.COMMANDS)
    assert all(said.count(f"\n  {name} ") == 1 for name in main.COMMANDS)
