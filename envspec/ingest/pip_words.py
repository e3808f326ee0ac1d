"""The words after `pip install`, and the lines of a requirements file, read with pip's own parsers."""

from __future__ import annotations

import contextlib
import io
import optparse
import pathlib
from collections.abc import Iterator, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from pip._internal.commands import create_command
from pip._internal.exceptions import PipError
from pip._internal.network.session import PipSession
from pip._internal.req.req_file import ParsedLine, RequirementsFileParser, get_line_parser

from envspec.ingest.draft import Install
from envspec.system.errors import Problem, SpecError


def from_words(name: str, words: Sequence[str], folder: pathlib.Path) -> tuple[Install, tuple[str, ...]]:
    """What `pip install WORDS` asks for, files named with `-r` included, and notes on what was left out.

    Raises `SpecError` for words that pip would refuse.
    """
    options, arguments = _parsed(words)
    machine, _ = _parsed(())  # what pip's configuration here adds to any command; the description did not
    requirements, notes = _sorted_out(arguments)
    urls: list[str] = []
    for file in options.requirements:
        part, more = from_file(folder / file)
        requirements += part.requirements
        notes += more
        urls += [*([part.index_url] if part.index_url else []), *part.extra_index_urls]
    if options.editables:
        notes += [f"{what} is a checkout: its code is a payload, not a package" for what in options.editables]
    return (
        Install(
            name=name,
            requirements=tuple(requirements),
            index_url=options.index_url if options.index_url != machine.index_url else next(iter(urls), None),
            extra_index_urls=_beyond(options.extra_index_urls, machine.extra_index_urls),
            find_links=_beyond(options.find_links, machine.find_links),
        ),
        tuple(notes),
    )


def from_file(file: pathlib.Path) -> tuple[Install, tuple[str, ...]]:
    """What a requirements file asks for, and notes on what was left out. Raises `SpecError`."""
    try:
        lines = list(_lines(file))
    except (PipError, OSError, UnicodeError) as error:
        raise SpecError(str(file), (Problem(path="", message=f"no requirements file: {error}"),)) from error
    requirements, notes = _sorted_out([line.requirement for line in lines if line.requirement])
    options = [line.opts for line in lines]
    urls = [option.index_url for option in options if option.index_url]
    return (
        Install(
            name="packages",
            requirements=tuple(requirements),
            index_url=urls[-1] if urls else None,
            extra_index_urls=tuple(url for option in options for url in option.extra_index_urls or ()),
            find_links=tuple(place for option in options for place in option.find_links or ()),
        ),
        tuple(notes),
    )


def _lines(file: pathlib.Path) -> Iterator[ParsedLine]:
    parser = RequirementsFileParser(PipSession(), get_line_parser(None))
    yield from parser.parse(str(file), constraint=False)


def _parsed(words: Sequence[str]) -> tuple[optparse.Values, list[str]]:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return create_command("install").parse_args(list(words))
    except SystemExit as error:  # pip's parser ends its own program
        why = said.getvalue().strip().splitlines()[-1:] or ["words that pip refuses"]
        raise SpecError("pip install", (Problem(path="", message=why[0]),)) from error


def _beyond(given: Sequence[str], usual: Sequence[str]) -> tuple[str, ...]:
    return tuple(place for place in given if place not in usual)


def _sorted_out(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    requirements, notes = [], []
    for text in texts:
        bare = text.split(" --hash")[0].strip()
        try:
            parsed = Requirement(bare)
        except InvalidRequirement:
            notes.append(f"{bare} is no requirement of a package index; list a built wheel under `wheels`")
            continue
        if parsed.url:
            notes.append(f"{bare} names a file; list it under `wheels` with its sha256")
        else:
            requirements.append(bare)
    return requirements, notes
