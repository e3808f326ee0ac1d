"""The words after `pip install`, and the lines of a requirements file, read with pip's own parsers."""

from __future__ import annotations

import contextlib
import io
import optparse
import pathlib
from collections.abc import Generator, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from pip._internal.commands import create_command
from pip._internal.exceptions import PipError, RequirementsFileParseError
from pip._internal.network.session import PipSession
from pip._internal.req.req_file import ParsedLine, RequirementsFileParser, get_line_parser

from envspec.ingest.draft import Install
from envspec.system.errors import Problem, SpecError
from envspec.system.limits import REQUIREMENT, REQUIREMENTS
from envspec.system.quoting import shortened
from envspec.system.reading import read_bytes

LIMIT = 4 << 20
"""Largest requirements file in bytes: a line has a hash for each file of a package."""

LONGEST = 100_000
"""Characters of one line, continued ones included: room for a thousand hashes."""

FILES = 100
"""Requirements files that one names, and those that these name."""


def from_words(name: str, words: Sequence[str], folder: pathlib.Path) -> tuple[Install, tuple[str, ...]]:
    """What `pip install WORDS` asks for, files named with `-r` included, and notes on what was left out.

    Raises `SpecError` for words that pip would refuse.
    """
    options, arguments = _parsed(words)
    machine, _ = _parsed(())  # what pip's configuration here adds to any command; the description did not
    requirements, notes = _sorted_out(arguments)
    urls: list[str] = []
    parser = _Parser()
    for file in options.requirements:
        part, more = from_file(folder / file, parser)
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


def from_file(file: pathlib.Path, parser: _Parser | None = None) -> tuple[Install, tuple[str, ...]]:
    """What a requirements file asks for, and notes on what was left out. Raises `SpecError`.

    `parser` is for several files that count as one.
    """
    try:
        lines = list((parser or _Parser()).parse(str(file), constraint=False))
    except (PipError, OSError, ValueError, LookupError) as error:  # LookupError: of an encoding
        said = shortened(str(error))
        raise SpecError(str(file), (Problem(path="", message=f"no requirements file: {said}"),)) from error
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


class _Parser(RequirementsFileParser):
    """pip's own parser of requirements files, which reads bounded files of this machine alone."""

    def __init__(self) -> None:
        super().__init__(PipSession(), self._line)
        self._parse_line = get_line_parser(None)
        self._files = self._lines = 0

    def _line(self, line: str) -> tuple[str, optparse.Values]:
        self._lines += 1
        if self._lines > REQUIREMENTS:
            raise RequirementsFileParseError(
                f"more than {REQUIREMENTS:,} lines: a spec names no more packages"
            )
        if len(line) > LONGEST:
            raise RequirementsFileParseError(
                f"a line of {len(line):,} characters; at most {LONGEST:,} are read"
            )
        return self._parse_line(line)

    def _parse_file(self, filename: str, constraint: bool) -> Generator[ParsedLine, None, None]:
        self._files += 1
        if self._files > FILES:
            raise RequirementsFileParseError(f"more than {FILES} files are named with -r and -c")
        if "://" in filename:
            raise RequirementsFileParseError(f"{filename} is elsewhere: fetch it, and name it as a file")
        read_bytes(pathlib.Path(filename), LIMIT)
        yield from super()._parse_file(filename, constraint)


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
    if len(texts) > REQUIREMENTS:
        problem = Problem(path="", message=f"{len(texts):,} packages; a spec names at most {REQUIREMENTS:,}")
        raise SpecError("requirements", (problem,))
    requirements, notes = [], []
    for text in texts:
        bare = text.split(" --hash")[0].strip()
        said = shortened(bare)
        try:
            parsed = Requirement(bare) if len(bare) <= REQUIREMENT else None
        except InvalidRequirement:
            parsed = None
        if parsed is None:
            notes.append(f"{said} is no requirement of a package index; list a built wheel under `wheels`")
        elif parsed.url:
            notes.append(f"{said} names a file; list it under `wheels` with its sha256")
        else:
            requirements.append(bare)
    return requirements, notes
