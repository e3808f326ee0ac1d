"""Pins: what a description holds still by version and sha256, so that a lock can be made without solving."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from packaging.utils import canonicalize_name

from envspec.ingest.draft import Pin, PinFile
from envspec.ingest.drafting import Drafting, pip_requirement


class Pinned:
    """Collects pins of words that were carried over."""

    def __init__(self) -> None:
        self.pins: dict[str, Pin] = {}
        self._open: list[str] = []

    def add(self, word: str, files: Sequence[PinFile]) -> None:
        """A word with the files that it allows; without any it is open."""
        parsed = pip_requirement(word)
        versions = (
            [part.version for part in parsed.specifier if part.operator in {"==", "==="}] if parsed else []
        )
        if parsed is None or not files or not versions or versions[0].endswith(".*"):
            self._open.append(word)
            return
        name = canonicalize_name(parsed.name)
        self.pins[name] = Pin(name=name, version=versions[0], files=tuple(files))

    def kept(self, drafting: Drafting, by: str) -> dict[str, Any]:
        """The fields of a draft whose every word is pinned; none, with a remark, where some are open."""
        if not self.pins:
            return {}
        if self._open:
            drafting.remark(
                f"hashes are given for {len(self.pins)} of {len(self.pins) + len(self._open)} packages:"
                " no lock can be kept of them"
            )
            return {}
        return {"pins": tuple(self.pins.values()), "pinned_by": by}
