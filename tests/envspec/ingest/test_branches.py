"""Which commands of a script run, where the values of its file decide it."""

from __future__ import annotations

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from envspec.ingest.docker.shell import commands
from tests.support.drafts import drafted, left, words_of

KNOWN = {"YES": "1", "NO": "0", "EMPTY": "", "ARCH": "amd64"}


def ran(script: str) -> dict[str, bool | None]:
    """Whether each `pip` command of a script runs, by its last word."""
    found = commands(script, KNOWN)
    return {command.words[-1]: command.runs for command in found if command.words[0] == "pip"}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('if [ "$YES" = 1 ]; then pip a; else pip b; fi; pip c', {"a": True, "b": False, "c": True}),
        (
            "if [ $NO = 1 ]\nthen pip a\nelif test -n x\nthen pip b\nelse pip c\nfi",
            {"a": False, "b": True, "c": False},
        ),
        (
            "if [ $NO = 1 ]; then pip a; elif [ $OTHER ]; then pip b; else pip c; fi",
            {"a": False, "b": None, "c": None},
        ),
        ('if [ "$OTHER" = 1 ]; then pip a; else pip b; fi; pip c', {"a": None, "b": None, "c": True}),
        ("if [ $YES = 1 ] && [ $NO = 1 ]; then pip a; fi", {"a": False}),
        ("if [ $YES = 1 ] || [ $OTHER = 1 ]; then pip a; fi", {"a": True}),
        ("if ! [ $YES = 1 ]; then pip a; fi", {"a": False}),
        ("if grep -q x y; then pip a; else pip b; fi", {"a": None, "b": None}),
        ("if ! command -v x; then pip a; fi", {"a": None}),
        (
            "[ -n '' ] && pip a; [ -z '' ] && pip b; [ $YES = 1 ] || pip c",
            {"a": False, "b": True, "c": False},
        ),
        ("[[ $ARCH == amd* && $YES == 1 ]] && pip a", {"a": True}),
        ("[[ $ARCH == arm* || $NO == 1 ]] && pip a || pip b", {"a": False, "b": True}),
        ("[ $YES -ge 2 ] && pip a", {"a": False}),
        ("[ -f /etc/x ] && pip a", {"a": None}),
        ("pip a || pip b || pip c; pip d", {"a": True, "b": None, "c": None, "d": True}),
        ("(pip a || pip b) && pip c", {"a": True, "b": None, "c": True}),
        ("false && { pip a; pip b; }; pip c", {"a": False, "b": False, "c": True}),
        ("for x in 1 2; do pip a && break || pip b; done", {"a": True, "b": None}),
        ("for x in $MANY; do pip a; done; while read x; do pip b; done", {"a": None, "b": None}),
        (
            'case "$ARCH" in arm64|arm) pip a ;; amd64) pip b;; *) pip c ;; esac; pip d',
            {"a": False, "b": True, "c": False, "d": True},
        ),
        ("case $OTHER in\n x) pip a ;;\n *) pip b ;;\nesac\npip c", {"a": None, "b": None, "c": True}),
        ("f() { pip a; }; pip b", {"a": None, "b": True}),
        ("if [ $YES = 1 ]; then if [ $NO = 1 ]; then pip a; fi; pip b; fi", {"a": False, "b": True}),
    ],
)
def test_branches_are_taken_as_the_values_say(script: str, expected: dict[str, bool | None]) -> None:
    assert ran(script) == expected


def test_a_variable_has_the_value_of_the_branch_that_runs() -> None:
    script = "if [ $NO = 1 ]; then V=1; else V=2; fi; pip $V; [ -f x ] && V=3; pip $V"
    assert list(ran(script)) == ["2", "$V"]


def test_patterns_of_a_case_are_no_commands() -> None:
    words = [command.words[0] for command in commands("case x in a|b) ls ;; *) pwd ;; esac", {})]
    assert words == ["ls", "pwd"]


_PIECES = [
    *(
        "if ",
        "[ a = b ]",
        "; ",
        "then ",
        "else ",
        "fi",
        "case x in ",
        "y) ",
        ";; ",
        "esac",
        "( ",
        ")",
        "{ ",
        "}",
    ),
    *(" && ", " || ", "! ", "for x in ", "do ", "done", "\n", "pip a ", "[[ ", " ]]", "| "),
]


@given(
    some.lists(
        some.sampled_from(_PIECES),
        max_size=30,
    )
)
def test_any_branches_are_followed(pieces: list[str]) -> None:
    for command in commands("".join(pieces), KNOWN):
        assert command.words


def test_what_the_values_rule_out_is_named_and_the_rest_installed(tmp_path: pathlib.Path) -> None:
    text = "FROM python:3.11\nARG FAST=0\nARG TARGETARCH\n"
    text += (
        'RUN if [ "$FAST" = 1 ]; then pip install a; elif [ $TARGETARCH = amd64 ]; then pip install b; fi\n'
    )
    text += "RUN case $TARGETARCH in arm64) pip install c ;; *) bash -c 'pip install d' ;; esac\n"
    draft = drafted(tmp_path, text, "Dockerfile")
    assert words_of(draft) == ["b", "d"]
    assert {text for text, why in left(draft).items() if "rule out" in why} == {
        "pip install a",
        "pip install c",
    }
