"""Drivers of cards: what a release of CUDA asks of them, and which cards they know."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Mapping

from envspec.spec.cards import Architecture

Release = tuple[int, int]
"""A release of CUDA: (12, 4)."""

_FORM = re.compile(r"[1-9]\d{2}(?:\.\d{1,3}){0,2}", re.ASCII)


class Driver:
    """A driver's version as a user gives it. A branch alone, `550`, stands for the last release of it.

    So nothing is called too old that a machine of that branch may well have: an error must be certain. In the
    same way `550.54` stands for the last one that begins so.
    """

    __slots__ = ("_parts", "text")

    def __init__(self, text: str) -> None:
        """Raises `ValueError` with a sentence for what is no version of a driver."""
        found = text.strip().lower().removeprefix("r").removeprefix(">=").strip()
        if not _FORM.fullmatch(found):
            raise ValueError(
                f"{text!r} is no driver; they are written as 550 (a branch), or 550.54.15, as nvidia-smi "
                "shows them"
            )
        self.text = found
        self._parts = tuple(int(part) for part in found.split("."))

    @property
    def branch(self) -> int:
        """The number in front."""
        return self._parts[0]

    def older_than(self, floor: str) -> bool:
        """Whether it surely is older than another version, such as `525.60.13`."""
        least = tuple(int(part) for part in floor.split("."))
        return self._parts < least[: len(self._parts)]

    def __str__(self) -> str:
        return self.text


_FLOORS: tuple[tuple[Release, str], ...] = (
    ((8, 0), "367.48"),
    ((9, 0), "384.81"),
    ((9, 1), "387.26"),
    ((9, 2), "396.26"),
    ((10, 0), "410.48"),
    ((10, 1), "418.39"),
    ((10, 2), "440.33"),
    ((11, 0), "450.80.02"),
    ((12, 0), "525.60.13"),
    ((13, 0), "580.65.06"),
)
"""The oldest driver that a program made with a release of CUDA runs with.

From 11.0 on all releases of a major number share one: CUDA Toolkit Release Notes, "CUDA Toolkit and Minimum
Required Driver Version for CUDA Minor Version Compatibility"; before it, "CUDA Toolkit and Corresponding
Driver Versions".
"""

_OWN: tuple[tuple[Release, str], ...] = (
    *(each for each in _FLOORS if each[0] < (11, 0)),
    ((11, 0), "450.36.06"),
    ((11, 1), "455.23"),
    ((11, 2), "460.27.03"),
    ((11, 3), "465.19.01"),
    ((11, 4), "470.42.01"),
    ((11, 5), "495.29.05"),
    ((11, 6), "510.39.01"),
    ((11, 7), "515.43.04"),
    ((11, 8), "520.61.05"),
    ((12, 0), "525.60.13"),
    ((12, 1), "530.30.02"),
    ((12, 2), "535.54.03"),
    ((12, 3), "545.23.06"),
    ((12, 4), "550.54.14"),
    ((12, 5), "555.42.02"),
    ((12, 6), "560.28.03"),
    ((12, 7), "565.57.01"),
    ((12, 8), "570.26"),
    ((12, 9), "575.51.03"),
    ((13, 0), "580.65.06"),
    ((13, 1), "590.44.01"),
)
"""The driver that came with each release, the first that compiles its PTX.

Source: CUDA Toolkit Release Notes, "CUDA Toolkit and Corresponding Driver Versions", Linux. 12.7 was in
drivers alone.
"""

_FIRST: Mapping[Release, int] = {
    (7, 0): 384,
    (7, 5): 410,
    (8, 0): 450,
    (8, 6): 450,
    (8, 9): 520,
    (9, 0): 520,
    (10, 0): 570,
    (10, 3): 575,
    (12, 0): 570,
    (12, 1): 575,
}
"""The first branch that knows an architecture: that of the first CUDA release which does.

Source: "CUDA Toolkit, Driver, and Architecture Matrix" of NVIDIA's Data Center Drivers. Cards of 8.6 are
entered with the branch that got them later (450.119).
"""

_LAST: tuple[tuple[int, int], ...] = ((3, 470), (5, 580), (6, 580), (7, 580))
"""The last branch for a major architecture; 7.5 lives on. Source: the same table, "Last Driver Support"."""

TEGRA: frozenset[Release] = frozenset({(5, 3), (6, 2), (7, 2), (8, 7), (10, 1), (11, 0)})
"""Boards whose driver comes with their system and counts otherwise (JetPack)."""


def driver_for(release: Release) -> str:
    """The oldest driver that programs made with a release of CUDA run with."""
    return _at(_FLOORS, release)


def driver_with(release: Release) -> str:
    """The driver that came with a release: the first that surely compiles PTX made by it."""
    return _at(_OWN, release)


def release_of(driver: Driver) -> Release:
    """The newest release of CUDA whose PTX a driver may compile; a branch counts as its last release."""
    known = [release for release, first in _OWN if not driver.older_than(first)]
    return known[-1] if known else (0, 0)


def _at(table: tuple[tuple[Release, str], ...], release: Release) -> str:
    place = bisect.bisect_right([each for each, _ in table], release)
    return table[max(place - 1, 0)][1]


def first_driver(card: Architecture) -> int | None:
    """The first branch that knows a card; None where that is not known, or is the board's own affair."""
    return None if card.number in TEGRA else _FIRST.get(card.number)


def last_driver(card: Architecture) -> int | None:
    """The last branch that knows a card; None while there is none."""
    if card.number in TEGRA or card.number >= (7, 5):
        return None
    return next((last for major, last in _LAST if card.major == major), None)


def contradiction(cards: Iterable[Architecture], driver: Driver) -> str:
    """Why a driver and cards cannot be meant together, as a sentence; empty where they can."""
    for card in cards:
        first, last = first_driver(card), last_driver(card)
        if first is not None and driver.branch < first:
            return (
                f"driver {driver} does not know cards of architecture {card}: the first that does is {first}"
            )
        if last is not None and driver.branch > last:
            return (
                f"driver {driver} no longer knows cards of architecture {card}: the last that does is {last}"
            )
    return ""


_LANGUAGES: Mapping[Release, Release] = {(8, 6): (12, 7), (8, 7): (12, 8), (8, 8): (12, 9)}
"""Versions of PTX whose minor number is not CUDA's; PTX ISA, "Release History"."""


def release_of_ptx(language: Release) -> Release:
    """The release of CUDA that brought a version of PTX; (0, 0) for those before CUDA 11."""
    if language in _LANGUAGES:
        return _LANGUAGES[language]
    return (language[0] + 4, language[1]) if language[0] >= 7 else (0, 0)
