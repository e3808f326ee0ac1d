"""Failures in users' words, and placeholders."""

import pathlib

import pytest

from envspec.proof.abi.base import NamedBase
from envspec.proof.imports import link
from envspec.proof.imports.findings import link_findings
from envspec.proof.imports.process import Job, Member
from envspec.proof.imports.stub import is_stub
from envspec.system.finding import Severity
from tests.envspec.imports.conftest import Files, Linked, Make
from tests.support.wheels import wheel


def test_a_name_that_is_gone_names_both_versions(linked: Linked) -> None:
    report = linked({"app/__init__.py": "from other import gone"}, {"other/__init__.py": "x = 1"})
    (finding,) = link_findings(report, {"app": "1.0", "other": "3.0"}, python="3.11")
    assert (finding.rule, finding.severity) == ("EV140", Severity.ERROR)
    assert finding.message == "`import app` of app 1.0 fails: other 3.0 has no other.gone"
    assert finding.hint == "pin an older or a newer other, or a app that knows other 3.0"
    assert finding.where == "app:1"


@pytest.mark.parametrize(
    ("source", "words", "hint"),
    [
        ("import imp", "Python 3.12 has no imp", "older Python"),
        ("import nobody", "there is no module nobody", "provides nobody"),
        ("import pkg_resources", "there is no module pkg_resources", "setuptools below 81"),
        ("import ctypes\nctypes.CDLL('libGL.so.1')", "the base has no libGL.so.1", "libgl1"),
        ("raise ImportError('app needs the moon')", "app needs the moon", "another version"),
    ],
)
def test_reasons_and_what_to_do(linked: Linked, source: str, words: str, hint: str) -> None:
    report = linked({"app/__init__.py": source}, python="3.12", base=NamedBase(complete=True))
    (finding,) = link_findings(report, {"app": "1.0"}, python="3.12")
    assert words in finding.message
    assert hint in finding.hint


@pytest.mark.parametrize(
    ("python", "found"),
    [
        ("3.11", []),
        ("3.12", []),
        ("3.13", [("EV140", "`import app` of app 1.0 fails: Python 3.13 has no pipes")]),
    ],
)
def test_a_module_of_the_standard_library_fails_where_it_is_gone(
    tmp_path: pathlib.Path, python: str, found: list[tuple[str, str]]
) -> None:
    """`pipes` begins with the name of a package that interpreters happen to carry."""
    file = wheel(tmp_path, "app", files={"app/__init__.py": "import pipes\n\nQUOTED = pipes.quote('x')\n"})
    report = Job(members=(Member(wheel=file, name="app", requested=True),), python=python).report()
    told = [(each.rule, each.message) for each in link_findings(report, {"app": "1.0"}, python=python)]
    assert told == found


def test_doubtful_failures_are_warnings(linked: Linked) -> None:
    report = linked({"app/__init__.py": "", "app/inner.py": "from other import gone", "app/b.py": "x"}, None)
    assert [f.severity for f in link_findings(report, {}, python="3.11")] in ([], [Severity.WARNING])


PLACEHOLDERS = [
    {"app/__init__.py": ""},
    {"app/__init__.py": '"""app."""\n__version__ = "0.1.0"\n'},
    {"app.py": "def hello():\n    return 'Hello from app'\n"},
    {"app/__init__.py": "__all__ = ['a']\n", "app/py.typed": ""},
]
REAL = [
    {"app/__init__.py": "import os\n"},
    {"app/__init__.py": "", "app/data.json": "{}"},
    {"app/__init__.py": "x = compute()\n"},
    {"app/__init__.py": "def f(x):\n    return x + 1\n"},
    {"app/__init__.py": "", "app/_fast.so": ""},
    {"data/table.csv": "1"},
]


@pytest.mark.parametrize("files", PLACEHOLDERS)
def test_placeholders(make: Make, files: Files) -> None:
    package = make("app", files)
    assert is_stub(package)
    report = link([package], python="3.11")
    (finding,) = link_findings(report, {"app": "1.0"}, python="3.11")
    assert (finding.rule, finding.severity) == ("EV142", Severity.ERROR)


@pytest.mark.parametrize("files", REAL)
def test_small_packages_with_a_purpose(make: Make, files: Files) -> None:
    assert not is_stub(make("app", files))


def test_what_requires_something_is_no_placeholder(make: Make) -> None:
    assert not is_stub(make("app", {"app/__init__.py": ""}, requires=("other",)))
