"""Commands of shell scripts: which are run, under which condition, and with which words."""

from __future__ import annotations

import pathlib

import pytest

from envspec.ingest.docker.shell import commands
from tests.support.drafts import drafted, left, spec_of, words_of


def said(script: str, **variables: str) -> list[tuple[str, bool | None]]:
    """Each command but assignments, and whether it runs."""
    found = commands(script, variables)
    return [(" ".join(each.words), each.runs) for each in found if each.words != ("export",)]


def test_patterns_of_a_case_are_no_commands() -> None:
    script = 'case "$A" in core|ingest) pip install a ;;\n (x)\n pip install b;; *) :;; esac; pip install c'
    assert said(script) == [
        ("pip install a", None),
        ("pip install b", None),
        (":", None),
        ("pip install c", True),
    ]


def test_cases_in_loops_and_in_each_other_end_where_they_end() -> None:
    script = "for e in $X; do case $e in a) case $b in c) pip install q;; esac;; esac; done; pip install e"
    assert said(script) == [("pip install q", None), ("pip install e", True)]


def test_a_loop_over_words_that_are_known_is_written_out() -> None:
    script = "if true; then for x in numpy 'six 1'; do\n for y in a; do pip install $x.$y; done\ndone; fi"
    assert said(script) == [("true", True), ("pip install numpy.a", True), ("pip install six 1.a", True)]
    assert [each.line for each in commands(script, {})] == [0, 1, 1]
    assert said("for x in a b; do [ $x = a ] && pip install $x; done && make")[1::2] == [
        ("pip install a", True),
        ("pip install b", False),
    ]


def test_a_loop_over_words_that_a_shell_makes_is_not() -> None:
    for words in ("*.txt", "{a,b}", "$X a", "$(ls)"):
        assert said(f"for x in {words}; do pip install $x; done")[0][0] == "pip install $x"


def test_loops_in_loops_end_beyond_all_bounds() -> None:
    inner = "echo " + "x" * 100
    for _ in range(12):
        inner = f"for v in a b c d; do {inner}; done"
    with pytest.raises(ValueError, match="loops written out"):
        list(commands(inner, {}))


def test_a_variable_that_a_condition_sets_is_not_known() -> None:
    script = 'U=a; if [ "$G" = 1 ]; then U=b; fi; pip install $U'
    assert said(script)[-1] == ("pip install $U", True)


def test_a_variable_that_grows_by_something_unknown_is_not_known() -> None:
    assert said('F=""; F="$F --extra $E"; uv sync $F')[-1] == ("uv sync $F", True)
    assert said("F=-q; F=$F; uv sync $F")[-1] == ("uv sync -q", True)


def test_options_of_a_project_that_are_not_known_are_named(tmp_path: pathlib.Path) -> None:
    text = 'FROM python:3.11\nCOPY . .\nRUN for e in $X; do F="$F --extra $e"; done; uv sync --frozen $F\n'
    draft = drafted(
        tmp_path, text, "Dockerfile", pyproject__toml='[project]\nname="x"\ndependencies=["six"]\n'
    )
    assert words_of(draft) == ["six"]
    assert left(draft)["$F"].startswith("holds a variable")


def test_values_of_options_of_apt_are_no_packages(tmp_path: pathlib.Path) -> None:
    text = (
        "FROM python:3.11\nRUN apt-get install -y -o Acquire::Retries=5 -t stable flac && pip install six\n"
    )
    draft = drafted(tmp_path, text, "Dockerfile")
    assert spec_of(draft).base.apt == ("flac",)
    assert not left(draft)
