"""An archive's list of packages: large, so that only what is asked for is ever taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.debian.control import read_paragraph
from builder.debian.package import OfferedPackage, read_package

_NAME = re.compile(rb"^Package: *(\S+)", re.MULTILINE)
_PROVIDES = re.compile(rb"^Provides: *(.+(?:\n[ \t].+)*)", re.MULTILINE)
_WORD = re.compile(rb"[a-z0-9][a-z0-9+.-]*")


class PackageList:
    """The text of one `Packages` file."""

    def __init__(self, text: bytes, archive: str = "") -> None:
        self._text = text
        self._archive = archive
        self._places: dict[str, list[int]] = {}
        for match in _NAME.finditer(text):
            self._places.setdefault(match[1].decode(), []).append(match.start())
        self._providers: dict[str, set[str]] = {}
        for match in _PROVIDES.finditer(text):
            owner = _NAME.match(text, text.rfind(b"\nPackage:", 0, match.start()) + 1)
            if owner:
                for part in match[1].split(b","):
                    if word := _WORD.match(part.strip()):
                        self._providers.setdefault(word[0].decode(), set()).add(owner[1].decode())

    def named(self, name: str) -> Iterator[OfferedPackage]:
        """The packages of that name; those that the list describes badly are passed over."""
        for place in self._places.get(name, ()):
            end = self._text.find(b"\n\n", place)
            block = self._text[place : end if end >= 0 else len(self._text)]
            if found := read_package(read_paragraph(block.decode("utf-8", "replace")), self._archive):
                yield found

    def providers(self, name: str) -> frozenset[str]:
        """Names of packages that say they provide it."""
        return frozenset(self._providers.get(name, ()))
