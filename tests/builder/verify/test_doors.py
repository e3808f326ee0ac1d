"""Commands and plugins: the modules in which they begin are imported as well."""

from __future__ import annotations

import pytest

from builder.inside.probe.doors import entry_points
from builder.judge import judge_subject
from builder.values.verdict import Verdict
from envspec.system.finding import Finding, Severity
from tests.builder.verify.environments import Environment, errors

TOOL = "tool-1.0.dist-info/entry_points.txt"


def install(
    environment: Environment, code: str, points: str = "[console_scripts]\nrun = tool.cli:main\n"
) -> None:
    """A distribution that is wanted for itself, beside one whose names it may use."""
    environment.install("helper", {"helper.py": "import os\n"}, version="2.0")
    files = {"tool/__init__.py": "import os\n", "tool/cli.py": code, TOOL: points}
    environment.install("tool", files, requires=("helper",))


def of_rule(verdict: Verdict, rule: str) -> list[Finding]:
    return [each for each in verdict.findings if each.rule == rule]


@pytest.mark.parametrize("code", ["from helper import old\n", "import helper\nhelper.old()\n", "1 / 0\n"])
def test_a_command_that_dies_when_it_is_imported_is_an_error(environment: Environment, code: str) -> None:
    install(environment, code)
    found = errors(judge_subject(environment.target))
    assert list(found) == ["EV201:tool.cli"]
    assert found["EV201:tool.cli"].endswith("; `run` cannot start")


@pytest.mark.parametrize(
    ("code", "points"),
    [
        ("import nowhere\n", "[console_scripts]\nrun = tool.cli:main\n"),
        ("import sys\nsys.exit('install tool[cli] for this')\n", "[console_scripts]\nrun = tool.cli:main\n"),
        ("import nowhere\n", "[pytest11]\nrun = tool.cli\n"),
    ],
)
def test_what_a_command_may_lack_is_no_error(environment: Environment, code: str, points: str) -> None:
    install(environment, code, points)
    assert errors(judge_subject(environment.target)) == {}


def test_a_command_that_refuses_is_told_with_its_words(environment: Environment) -> None:
    install(environment, "import sys\nsys.exit('install tool[cli] for this')\n")
    messages = [each.message for each in of_rule(judge_subject(environment.target), "EV212")]
    assert "is imported: install tool[cli] for this" in messages[0]


def test_a_command_of_what_is_there_for_another_is_nobodys_wish(environment: Environment) -> None:
    install(environment, "from helper import old\n")
    environment.install("host", {"host.py": "import os\n"}, requires=("tool",))
    assert errors(judge_subject(environment.target)) == {}


def test_marks_on_all_that_pip_installed_say_nothing(environment: Environment) -> None:
    """A list of all that was installed elsewhere asks for what is only there for others, too."""
    environment.install("inner", {"inner.py": "import nowhere\n"})
    environment.install("outer", {"outer.py": "import os\n"}, requires=("inner",))
    for name in ("inner", "outer"):
        (environment.site / f"{name}-1.0.dist-info" / "INSTALLER").write_text("pip\n")
        (environment.site / f"{name}-1.0.dist-info" / "REQUESTED").touch()
    environment.install("left", {"left.py": "import os\n"})
    assert errors(judge_subject(environment.target)) == {}
    environment.install("other", {"other.py": "import os\n"})
    environment.install("asking", {"asking.py": "import os\n"}, requires=("other",))
    assert list(errors(judge_subject(environment.target))) == ["EV209:inner"]


def test_entry_points_are_read_as_they_are_written() -> None:
    text = (
        "[console_scripts]\na = x.y:main\n; no\n# no = z:f\nb=x:f [more]\n\n[some]\n c = p.q \nd = not it\n"
    )
    assert entry_points(text) == [
        ("console_scripts", "a", "x.y"),
        ("console_scripts", "b", "x"),
        ("some", "c", "p.q"),
    ]


def test_a_public_name_that_fails_behind_a_lazy_package_is_an_error(environment: Environment) -> None:
    environment.install("helper", {"helper.py": "import os\n"}, version="2.0")
    lazy = "import importlib\n__all__ = ['Queue', 'Gone', 'Extra', 'Lost']\ndef __getattr__(name):\n"
    lazy += "    if name == 'Gone':\n        raise AttributeError(name)\n"
    lazy += "    if name == 'Lost':\n        return getattr(importlib.import_module('tool.queue_'), name)\n"
    lazy += "    return getattr(importlib.import_module('tool.' + name.lower()), name)\n"
    inner = {
        "tool/queue_.py": "",
        "tool/queue.py": "import helper\nQueue = helper.gone\n",
        "tool/extra.py": "import nowhere\n",
    }
    environment.install("tool", {"tool/__init__.py": lazy, **inner}, requires=("helper",))
    found = errors(judge_subject(environment.target))
    assert list(found) == ["EV201:tool.Queue"]
    assert "module 'helper' has no attribute 'gone' (tool/queue.py:2)" in found["EV201:tool.Queue"]


def test_arguments_beyond_what_is_taken_are_told(environment: Environment) -> None:
    environment.install(
        "helper", {"helper.py": "class Made:\n    def __init__(self, one):\n        self.a = one\n"}
    )
    code = (
        "import helper\ndef make():\n    return helper.Made(1, 2)\ndef fine():\n    return helper.Made(1)\n"
    )
    environment.install("tool", {"tool.py": code}, requires=("helper",))
    (found,) = of_rule(judge_subject(environment.target), "EV261")
    assert (
        "passes 2 arguments by their place to helper.Made.__init__, and helper 1.0 takes 1" in found.message
    )


def test_a_command_may_look_for_a_host_when_it_starts(environment: Environment) -> None:
    looks = "import socket\ntry:\n    socket.getaddrinfo('example.invalid', 80)\nexcept OSError:\n    pass\n"
    install(environment, looks)
    found = of_rule(judge_subject(environment.target), "EV207")
    assert [(each.where, each.severity) for each in found] == [("tool.cli", Severity.INFO)]


@pytest.mark.parametrize(("error", "weight"), [
    ("RuntimeError('Missing credentials. Please pass an `api_key`, or set OPENAI_API_KEY')", "INFO"),
    ("KeyError('SERVICE_TOKEN')", "ERROR"),
    ("TypeError('load() missing 1 required argument: API_KEY')", "ERROR"),
    ("RuntimeError('no such thing as in_place here')", "ERROR"),
    ("ImportError('no environment variable can help')", "ERROR"),
])  # fmt: skip
def test_a_command_that_waits_for_a_key_is_information(
    environment: Environment, error: str, weight: str
) -> None:
    install(environment, f"raise {error}\n")
    found = of_rule(judge_subject(environment.target), "EV201")
    assert [(each.where, each.severity.name) for each in found] == [("tool.cli", weight)]
