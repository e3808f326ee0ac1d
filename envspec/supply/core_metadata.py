"""What a package says of itself: the core metadata of METADATA, as far as it can be understood."""

from __future__ import annotations

import dataclasses
import email.errors
import re

import packaging.metadata
import packaging.requirements
import packaging.specifiers
import packaging.utils
import packaging.version

from envspec.system.quoting import shown_path

_FIELDS = 200
"""Kinds of fields in METADATA, of which the standards know three dozen."""
_LINES = 50_000
"""Lines of METADATA's head, a description that stands in a field included."""
_REQUIREMENTS = 10_000
_LONGEST = 10_000
"""Characters of one requirement."""
_PROBLEMS = 20
"""Problems of METADATA that are named; the others are counted."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class WheelMetadata:
    """What METADATA says, as far as it can be understood."""

    name: str
    """Normalised."""
    version: str
    requires: tuple[str, ...] = ()
    """Requirements as written, those that can be parsed."""
    requires_python: str = ""
    extras: tuple[str, ...] = ()
    summary: str = ""
    problems: tuple[str, ...] = ()
    """What could not be understood, a sentence each."""


def parse_metadata(data: bytes) -> WheelMetadata:
    """Read a METADATA file leniently: what is understood is kept, the rest is named in `problems`.

    Raises `ValueError` with a phrase when there is no usable name or version.
    """
    problems: list[str] = []
    _judge_head(data)
    try:
        raw, unparsed = packaging.metadata.parse_email(data)
    except (email.errors.MessageError, UnicodeError, ValueError, LookupError, TypeError) as error:
        raise ValueError(f"cannot be read ({error})") from error
    problems += [f"field {key} cannot be read" for key in sorted(unparsed) if key != "license_file"]
    name, version = raw.get("name", ""), raw.get("version", "")
    try:
        name = packaging.utils.canonicalize_name(name, validate=True)
        version = str(packaging.version.Version(version))
    except ValueError as error:
        raise ValueError(f"has no usable name and version ({error})") from error
    requires: list[str] = []
    for text in dict.fromkeys(raw.get("requires_dist", [])):
        try:
            requires.append(str(packaging.requirements.Requirement(_bounded(text))))
        except (packaging.requirements.InvalidRequirement, RecursionError):
            problems.append(f"requirement {shown_path(text)} cannot be read")
    wanted = raw.get("requires_python", "")
    try:
        packaging.specifiers.SpecifierSet(_bounded(wanted))
    except packaging.specifiers.InvalidSpecifier:
        problems.append(f"Requires-Python {shown_path(wanted)} cannot be read")
        wanted = ""
    if (more := len(problems) - _PROBLEMS) > 0:
        problems[_PROBLEMS:] = [f"{more} more fields cannot be read"]
    return WheelMetadata(
        name=name,
        version=version,
        requires=tuple(requires),
        requires_python=wanted,
        extras=tuple(raw.get("provides_extra", [])),
        summary=raw.get("summary", ""),
        problems=tuple(problems),
    )


def _judge_head(data: bytes) -> None:
    """Refuse fields without end before they are made objects of. Raises `ValueError` with a phrase."""
    head = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0]
    if head.count(b"\n") > _LINES:
        raise ValueError(f"has more than {_LINES} lines before its text")
    fields = [field.lower() for field in re.findall(rb"(?m)^([^\s:]+):", head)]
    if len(set(fields)) > _FIELDS:
        raise ValueError(f"has {len(set(fields))} kinds of fields; {_FIELDS} are allowed")
    if (count := fields.count(b"requires-dist")) > _REQUIREMENTS:
        raise ValueError(f"has {count} requirements; {_REQUIREMENTS} are allowed")


def _bounded(text: str) -> str:
    """The text, or one that nothing can be made of where it is too long to be meant."""
    return text if len(text) <= _LONGEST else "?"
