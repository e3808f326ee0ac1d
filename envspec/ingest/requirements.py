"""Reads requirements files and the words of `pip install`: every line of them ends up in the draft.

pip's own reader is private and knows no lines; `pip-requirements-parser`, a copy of it, had its last release
in 2022. The format is small, and documented: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import codecs
import os
import pathlib
import re
import urllib.parse
from collections.abc import Iterator, Sequence

from packaging.utils import canonicalize_name

from envspec.ingest.draft import Draft, PinFile, Wish
from envspec.ingest.drafting import (
    Drafting,
    Step,
    archive_or_folder,
    marker_of,
    minor_version,
    pip_requirement,
)
from envspec.ingest.indexes import add_index
from envspec.ingest.pins import hashed_pins
from envspec.ingest.pip_options import Option, sorted_words, split_line
from envspec.system.errors import Problem, SpecError
from envspec.system.limits import REQUIREMENTS
from envspec.system.quoting import shortened
from envspec.system.reading import read_bytes

LIMIT = 4 << 20
"""Largest requirements file in bytes: a line has a hash for each file of a package."""

LONGEST = 100_000
"""Characters of one line, continued ones included: room for a thousand hashes."""

FILES = 100
"""Requirements files that one names, and those that these name."""

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
"""Marks at the beginning of a file: a shell of Windows writes UTF-16."""

_COMMENT = re.compile(r"(^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_HEADER = re.compile(r"#.*(?:with Python|--python-version[ =]|python )\s*(3\.\d{1,2})", re.IGNORECASE)
_IN_NAME = re.compile(r"(?:^|[^0-9])3[._](\d{1,2})(?!\d)|(?:py|cp)3(\d{1,2})(?!\d)")

_LIMITS = "stand beside what installs nothing: those of what is installed make a lock"


def read_requirements(file: pathlib.Path, wish: Wish) -> Draft:
    """The draft that a requirements file gives. Raises `SpecError`."""
    drafting = Drafting(file, wish)
    text = requirements_text(file)
    if drafting.python is None and (told := told_python(file.name, text)):
        drafting.python = told
        drafting.remark(f"python = {told}: the file's header or name says so")
    drafting.choose_python(None, file.name)
    step = drafting.step("packages")
    reader = Requirements(drafting, step)
    reader.read(file)
    return drafting.finish(**hashed_pins(drafting))


def told_python(name: str, text: str) -> str | None:
    """The Python that a generated file says it is for, in its first lines or its name."""
    for line in text.splitlines()[:10]:
        if line.startswith("#") and (found := _HEADER.search(line)):
            return minor_version(found[1])
    found = _IN_NAME.search(pathlib.PurePath(name).stem)
    return f"3.{int(found[1] or found[2])}" if found else None


def requirements_text(file: pathlib.Path, *, label: str = "") -> str:
    """The text of a requirements file, which may be UTF-16. Raises `SpecError`."""
    data = read_bytes(file, LIMIT)
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecError(label or str(file), (Problem(path="", message="not UTF-8", line=line),)) from error
    if "\x00" in text:
        message = "holds null characters: no text"
        raise SpecError(label or str(file), (Problem(path="", message=message),))
    return text


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a requirements file without comments, continued ones joined, each with its number.

    Raises `ValueError` for a line that is too long.
    """
    held: list[str] = []
    begin, length = 1, 0
    for number, line in enumerate(text.splitlines(), 1):
        begin = number if not held else begin
        comment = line.lstrip().startswith("#")
        goes_on = line.endswith("\\") and not comment
        held.append(line[:-1].strip() + " " if goes_on else "" if comment else line)
        length += len(line)
        if length > LONGEST:
            raise ValueError(f"line {begin} has more than {LONGEST:,} characters")
        if not goes_on:
            if joined := _COMMENT.sub("", "".join(held)).strip():
                yield begin, joined
            held, length = [], 0
    if held and (joined := "".join(held).strip()):
        yield begin, joined


class Requirements:
    """Reads files into one step of a draft. A file that was read is not read again."""

    def __init__(self, drafting: Drafting, step: Step) -> None:
        self.drafting = drafting
        self.step = step
        self._read: set[pathlib.Path] = set()
        self._reading: list[pathlib.Path] = []
        self._lines = 0

    def read(self, file: pathlib.Path, *, limits: str = "") -> None:
        """Read a file; `limits` is `constraint` or `override` for one that installs nothing.

        Raises `SpecError`.
        """
        label = "" if file == self.drafting.file else file.name
        place = pathlib.Path(os.path.normpath(file.absolute()))
        if place in self._reading:
            raise self._wrong(file, "it includes itself, by way of what it names with -r or -c")
        if place in self._read:
            return
        self._read.add(place)
        if len(self._read) > FILES:
            raise self._wrong(file, f"more than {FILES} files are named with -r and -c")
        self._reading.append(place)
        try:
            for number, line in logical_lines(requirements_text(file)):
                self._lines += 1
                if self._lines > REQUIREMENTS:
                    raise self._wrong(
                        file, f"more than {REQUIREMENTS:,} lines: a spec names no more packages"
                    )
                self._line(line, number, file, label, limits)
        except ValueError as error:
            raise self._wrong(file, str(error)) from error
        self._reading.pop()

    def _wrong(self, file: pathlib.Path, message: str) -> SpecError:
        return SpecError(
            shortened(str(file)), (Problem(path="", message=f"no requirements file: {message}"),)
        )

    def text_line(self, line: str, number: int, file: pathlib.Path) -> None:
        """Read one line that stands in a file of another kind. Raises `SpecError`."""
        self._line(line.strip(), number, file, "", "")

    def _line(self, line: str, number: int, file: pathlib.Path, label: str, limits: str) -> None:
        if _VARIABLE.search(line):
            why = "holds a variable of the machine that ran it: write what it stands for"
            self.drafting.leave(line, number, why, file=label)
            return
        self.words(split_line(line), file.absolute().parent, number, label=label, limits=limits, whole=line)

    def words(
        self,
        words: Sequence[str],
        folder: pathlib.Path,
        line: int | None,
        *,
        label: str = "",
        limits: str = "",
        whole: str = "",
    ) -> None:
        """Read the words of a line, or of a command, whose paths are below `folder`. Raises `SpecError`.

        Each requirement and each option that says what is installed is an item.
        """
        parts = list(sorted_words(words))
        hashes = [part.value for part in parts if isinstance(part, Option) and part.kind == "hash"]
        said = False
        for place, part in enumerate(parts):
            if isinstance(part, str) and whole and place:
                self.drafting.leave(
                    part, line, "stands behind an option, where pip reads nothing", file=label
                )
                said = True
            elif isinstance(part, str):
                said |= self._word(part, folder, line, label, limits, hashes)
            elif part.kind == "hash":
                continue
            elif part.why:
                self.drafting.leave(part.text, line, part.why, file=label)
                said = True
            elif part.kind:
                self._option(part, folder, line, label)
                said = True
        if not said:
            self.drafting.carry(whole or " ".join(words), line, file=label)

    def _option(self, option: Option, folder: pathlib.Path, line: int | None, label: str) -> None:
        drafting, value = self.drafting, option.value
        match option.kind:
            case "requirement" | "constraint" | "override":
                self._include(option, folder, line, label)
            case "editable":
                self._word(f"-e {value}", folder, line, label, "", [])
            case "index" | "extra" | "links":
                add_index(drafting, self.step, option.kind, value, line, shown=option.text, label=label)
            case "prebuilt":
                names = [
                    name for name in re.split(r"[\s,]+", value) if re.fullmatch(r"[A-Za-z0-9][\w.-]*", name)
                ]
                self.step.prebuilt += names
                if ":all:" in value:
                    drafting.leave(
                        option.text, line, "names no packages: list them under `prebuilt`", file=label
                    )
                else:
                    drafting.carry(option.text, line, file=label)
            case "as-of" if re.match(r"\d{4}-\d\d-\d\d", value):
                drafting.as_of = value[:10]
                drafting.carry(option.text, line, file=label)
            case _:
                drafting.leave(option.text, line, "is not carried over", file=label)

    def _include(self, option: Option, folder: pathlib.Path, line: int | None, label: str) -> None:
        if "://" in option.value:
            self.drafting.leave(
                option.text, line, "is elsewhere: fetch it, and name it as a file", file=label
            )
            return
        self.drafting.carry(option.text, line, file=label)
        kind = "" if option.kind == "requirement" else option.kind
        self.read(folder / urllib.parse.unquote(option.value), limits=kind)

    def _word(
        self,
        text: str,
        folder: pathlib.Path,
        line: int | None,
        label: str,
        limits: str,
        hashes: Sequence[str],
    ) -> bool:
        drafting = self.drafting
        if limits:
            self._limit(text, line, label, limits)
            if hashes:
                drafting.leave(f"hashes of {text}", line, _LIMITS, file=label)
            return True
        word, why = _spelled(drafting, text, folder)
        if why:
            drafting.leave(text, line, why, file=label)
        elif drafting.require(self.step, word, line, file=label, shown=text) and hashes:
            digests = [digest for digest in hashes if digest.startswith("sha256:")]
            self.step.hashes[self.step.requirements[-1]] = tuple(map(_file, digests))
            self.step.hashed_in.append(label or self.drafting.file.name)
        return True

    def _limit(self, text: str, line: int | None, label: str, limits: str) -> None:
        drafting = self.drafting
        parsed = pip_requirement(text)
        if parsed is None or parsed.url or parsed.extras:
            drafting.leave(text, line, f"is no {limits} by name and version", file=label)
            return
        word, why = drafting.accepted(text)
        if why:
            drafting.leave(text, line, why, file=label)
            return
        (drafting.constraints if limits == "constraint" else drafting.overrides).append(word)
        drafting.carry(text, line, file=label)


def _file(digest: str) -> PinFile:
    return PinFile(sha256=digest.removeprefix("sha256:").lower())


def _spelled(drafting: Drafting, text: str, folder: pathlib.Path) -> tuple[str, str]:
    """A line's word as a spec has it, its path from there; or why it has none."""
    editable = text.startswith("-e ")
    body = text.removeprefix("-e ").strip()
    _name, at, address = body.partition("@")
    if at and address.strip().startswith("file:") and pip_requirement(body) is not None:
        body = address.strip()
    elif pip_requirement(body) is not None and not editable:
        return body, ""
    if "://" in body and not body.startswith("file:"):
        return (body if re.match(r"[a-z+]+://|[\w.\[\],-]+\s*@\s", body) else text), ""
    if not archive_or_folder(body) and not editable:
        return body, ""  # whoever takes it says what is wrong
    marker = marker_of(body)
    path = body[: body.index(";")].strip() if ";" in body else body
    word, why = drafting.source(path.strip("\"'"), folder, marker=marker)
    return (f"-e {word}" if word and editable else word), why


def names_in(step: Step) -> list[str]:
    """Canonical names of what a step names by name."""
    return [canonicalize_name(parsed.name) for text in step.requirements if (parsed := pip_requirement(text))]
