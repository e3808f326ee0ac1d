"""Debian's order of versions. Source: Debian policy manual, 5.6.12."""

from __future__ import annotations

import re
from typing import Any

_RUN = re.compile(r"(\D*)(\d*)")
_ORDER = {"~": -1}


def version_key(version: str) -> Any:
    """A key that sorts versions as dpkg does."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, "0"
    return int(epoch) if epoch.isdecimal() else 0, _part(upstream), _part(revision)


def _part(text: str) -> list[tuple[list[int], int]]:
    """Runs of other characters and digits in turn; the end of a run sorts after `~`, before all else."""
    runs = []
    for letters, digits in _RUN.findall(text):
        weights = [_weight(character) for character in letters]
        runs.append(([*weights, 0], int(digits or 0)))
    return runs


def _weight(character: str) -> int:
    if character.isascii() and character.isalpha():
        return ord(character)
    return _ORDER.get(character, ord(character) + 256)


def satisfies(version: str, relation: str, wanted: str) -> bool:
    """Whether `version` stands in that relation (`<<`, `<=`, `=`, `>=`, `>>`) to the wanted one."""
    have, want = version_key(version), version_key(wanted)
    answers: dict[str, bool] = {
        "<<": have < want,
        "<=": have <= want,
        "=": have == want,
        ">=": have >= want,
        ">>": have > want,
    }
    return answers.get(relation, False)
