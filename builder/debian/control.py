"""Debian control data: paragraphs of fields, as package indexes and packages hold them (deb822)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)")


def read_paragraphs(text: str) -> Iterator[Mapping[str, str]]:
    """Every paragraph of the text, by field name; lines that are no field are passed over."""
    for block in re.split(r"\n(?:[ \t]*\n)+", text.replace("\r\n", "\n")):
        fields = read_paragraph(block)
        if fields:
            yield fields


def read_paragraph(block: str) -> dict[str, str]:
    """One paragraph; folded lines are joined with line breaks, comments are left out."""
    fields: dict[str, str] = {}
    name = ""
    for line in block.split("\n"):
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t"):
            if name:
                fields[name] += f"\n{line[1:]}"
        elif match := _FIELD.fullmatch(line):
            name = match[1]
            fields[name] = match[2].rstrip()
    return fields
