"""The Python that a spec asks for: its line, whether that is free-threaded, and maybe one release of it."""

from __future__ import annotations

import dataclasses
import re

from envspec.system.quoting import shortened

FREE_THREADED = (3, 13)
"""The first minor version that has builds without a global interpreter lock. Source: PEP 703."""

PATTERN = r"^3\.(0|[1-9][0-9]?)(\.(0|[1-9][0-9]?))?t?$"
"""How a wish is written: `3.12`, `3.12.7`, `3.14t` or `3.14.2t`, as uv and pyenv write it too."""

LINE = r"^3\.(0|[1-9][0-9]?)t?$"
"""How a line alone is written."""

_FORM = re.compile(r"3\.(?P<minor>0|[1-9][0-9]?)(?:\.(?P<patch>0|[1-9][0-9]?))?(?P<threads>t?)")
_OTHERS = {"pypy": "PyPy", "pp": "PyPy", "graalpy": "GraalPy", "jython": "Jython", "ironpython": "IronPython"}
_POSSIBLE = 'write its line ("3.12"), one release ("3.12.7") or a free-threaded build ("3.14t")'


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PythonWish:
    """A CPython as a spec asks for it."""

    minor: int
    """Of Python 3."""
    patch: int | None = None
    """The one release that is wanted; None where every release of the line will do."""
    free_threaded: bool = False
    """Whether it is a build without a global interpreter lock, which has wheels of its own."""

    @property
    def line(self) -> str:
        """Such as `3.12` or `3.14t`: what its program and its folders are called by."""
        return f"3.{self.minor}{'t' * self.free_threaded}"

    @property
    def version(self) -> str:
        """Such as `3.12`, or `3.12.7` where one release is wanted: as indexes and installers count it."""
        return f"3.{self.minor}" if self.patch is None else f"3.{self.minor}.{self.patch}"

    def __str__(self) -> str:
        """As a spec writes it."""
        return f"{self.version}{'t' * self.free_threaded}"


def parse_python(text: str) -> PythonWish:
    """The Python that a text asks for. Raises `ValueError` with what is possible."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(_refusal(text))
    patch = found["patch"]
    wish = PythonWish(
        minor=int(found["minor"]),
        patch=None if patch is None else int(patch),
        free_threaded=bool(found["threads"]),
    )
    if wish.free_threaded and (3, wish.minor) < FREE_THREADED:
        oldest = ".".join(map(str, FREE_THREADED))
        raise ValueError(f'{text!r}: free-threaded builds begin with Python {oldest}, as "{oldest}t"')
    return wish


def _refusal(text: str) -> str:
    said = shortened(repr(text))
    word = text.strip().lower()
    for beginning, name in _OTHERS.items():
        if re.match(rf"{beginning}[\W\d]", f"{word} "):
            return f"{said} is {name}, and environments are made with CPython alone: {_POSSIBLE}"
    if re.fullmatch(r"2(\.\d+)*", word):
        return f"{said} is a Python 2, for which nothing is built: {_POSSIBLE}"
    if re.fullmatch(r"3\.\d+(\.\d+)?-?(a|b|rc|alpha|beta|dev)[\d.]*t?", word):
        return f"{said} is no release: {_POSSIBLE}"
    return f"{said} is no version of CPython: {_POSSIBLE}"


def full_version(text: str) -> tuple[int, int, int] | None:
    """The numbers that a full version such as `3.12.7` or `3.15.0rc1` begins with; None without three."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None
