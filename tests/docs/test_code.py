"""Blocks of code in the pages are true: Python runs, specs are read, command lines have their options."""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator

import click
import pytest

from builder.cli.main import envspec, load_command
from envspec.spec.load import parse_spec
from tests.docs.markdown import Block, blocks, code_words, pages
from tests.support.paths import EXAMPLES, ROOT

NETWORK = "<!-- needs: network -->"
"""The line above a block that asks a package index: from there on a page is run only where there is one."""


def python(page: pathlib.Path) -> list[Block]:
    """A page's blocks of Python, in order, but for those that say `no-run`."""
    return [block for block in blocks(page) if block.language == "python" and block.word != "no-run"]


def offline(found: list[Block]) -> list[Block]:
    """Those before the first that needs the network."""
    return list(itertools.takewhile(lambda block: block.before != NETWORK, found))


def run(found: list[Block], folder: pathlib.Path) -> None:
    """Run blocks, top to bottom, in one namespace and a folder that holds `examples/`."""
    shutil.copytree(EXAMPLES, folder / "examples")
    namespace: dict[str, object] = {"__name__": "page"}
    with contextlib.chdir(folder):
        for block in found:
            # An error in a block is told by the page and its line there.
            exec(compile("\n" * block.line + block.text, str(block.page), "exec"), namespace)


PYTHON = {page.relative_to(ROOT).as_posix(): python(page) for page in pages() if python(page)}
"""The pages that have Python, each with its blocks."""


@pytest.mark.slow
def test_python_runs(home: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for number, found in enumerate(PYTHON.values()):
        run(offline(found), tmp_path / str(number))


@pytest.mark.network
def test_python_that_asks_an_index_runs(home: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for number, found in enumerate(PYTHON.values()):
        if offline(found) != found:
            run(found, tmp_path / str(number))


PAGE = f"""\
```python
once = 1
```

{NETWORK}
```python
twice = once + 1
assert twice == 3
```
"""


def test_python_that_is_wrong_is_found(tmp_path: pathlib.Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    run(offline(python(page)), tmp_path / "offline")
    with pytest.raises(AssertionError) as caught:
        run(python(page), tmp_path / "all")
    assert caught.traceback[-1].lineno + 1 == PAGE.splitlines().index("assert twice == 3") + 1


def all_blocks(language: str) -> list[Block]:
    """The blocks of a language in all pages."""
    return [block for page in pages() for block in blocks(page) if block.language == language]


@pytest.mark.parametrize("block", all_blocks("toml"), ids=lambda block: block.place)
def test_toml_is_read(block: Block) -> None:
    told = tomllib.loads(block.text)
    if {"name", "python", "stage"} <= set(told):
        parse_spec(block.text)


def command_lines(page: pathlib.Path) -> Iterator[str]:
    """Every command line of ours that a page shows, in blocks and between backticks."""
    shown = [
        line
        for block in blocks(page)
        if block.language in {"", "console", "sh", "yaml"}
        for line in block.text.splitlines()
    ]
    for line in [*shown, *code_words(page)]:
        for part in re.split(r"&&|(?<!\\)\s\|\|?\s", re.sub(r"(^|\s)#.*|\s>.*", "", line)):
            bare = re.sub(r"^\s*(\$ |- run: )?(\.venv/bin/)?", "", part).strip()
            if re.match(r"(envspec|build-image) +\S", bare):
                yield bare


def wrong(line: str) -> str:
    """What a command line says that the program does not take; empty where nothing is wrong."""
    try:
        program, *words = shlex.split(line.replace("\\|", "|"))
    except ValueError as error:
        return str(error)
    if program == "build-image":
        command = load_command("build_image")
    elif words[0] == "--help":
        return ""
    else:
        found = envspec.get_command(click.Context(envspec), words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
        if isinstance(command, click.Group) and words and words[0] in command.commands:
            command, words = command.commands[words[0]], words[1:]
    options = {name: param for param in command.params for name in (*param.opts, *param.secondary_opts)}
    own = words[: words.index("--")] if "--" in words else words  # what is behind it is another program's
    for number, word in enumerate(own):
        name, _, given = word.partition("=")
        if not word.startswith("-") or name == "--help":
            continue
        if name not in options:
            return f"no option {name}"
        kind = options[name].type
        value = given or next(iter(words[number + 1 :]), "")
        if isinstance(kind, click.Choice) and not value.isupper():
            missing = [choice for choice in re.split(r"\|", value) if choice not in kind.choices]
            if missing:
                return f"{name} does not take {', '.join(missing)}"
    return ""


def test_commands_have_the_options_that_they_are_shown_with() -> None:
    found = {f"{page.name}: {line}": wrong(line) for page in pages() for line in command_lines(page)}
    assert len(found) > 50
    assert {line: why for line, why in found.items() if why} == {}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("envspec verify --python PATH --fast", ""),
        ("envspec verify --jsn", "no option --jsn"),
        ("envspec judge .", "no command judge"),
        ("build-image . --backend podman", "--backend does not take podman"),
    ],
)
def test_a_command_that_is_wrong_is_found(line: str, why: str) -> None:
    assert wrong(line) == why
