"""Cards for computing: their names, their architectures, and which code runs on which of them."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
from collections.abc import Iterable, Mapping

_FORM = re.compile(
    r"(?:sm|compute)_?([1-9]\d{0,2}\d)([af]?)|([1-9]\d?)\.(\d)([af]?)", re.IGNORECASE | re.ASCII
)
_MAKER = re.compile(r"nvidia|geforce|tesla|quadro|gpu|graphics|generation|edition|card")
_ADDED = re.compile(
    r"\d+gb|hbm\d?e?|pcie|sxm\d?|nvl|mobile|laptop|with|max|q|design|superchip|module|lovelace"
)
"""What `nvidia-smi` and shops add: memory, socket, cooling."""
_ARCHITECTURE_FORM = "{!r} is no architecture; they are written as sm_90, sm_90a or 9.0"
_TO_COME = 3
"""Major numbers beyond the known ones that may be meant."""
_SHOWN = 3
"""Near names that a message gives."""

KNOWN: tuple[tuple[int, int], ...] = (
    *((3, minor) for minor in (0, 2, 5, 7)),
    *((5, minor) for minor in (0, 2, 3)),
    *((6, minor) for minor in (0, 1, 2)),
    *((7, minor) for minor in (0, 2, 5)),
    *((8, minor) for minor in (0, 6, 7, 8, 9)),
    (9, 0),
    *((10, minor) for minor in (0, 1, 3, 7)),
    (11, 0),
    *((12, minor) for minor in (0, 1)),
)
"""Compute capabilities of cards: NVIDIA's pages "CUDA GPUs" and "CUDA Legacy GPUs", and nvcc's own list.

10.1 is what Jetson Thor was called before CUDA 13 called it 11.0.
"""

_SUFFIXED = (9, 0)
"""The first architecture that has code for itself alone (`a`): nvcc's manual, "GPU Feature List"."""
_FAMILIES = (10, 0)
"""The first one that has code for a family (`f`): CUDA Programming Guide, "Family-Specific Features"."""


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Architecture:
    """What code is made for, and what a card is: a compute capability, such as 9.0 or 9.0a."""

    major: int
    minor: int
    suffix: str = ""
    """`a`: with all that this one alone can do; `f`: with all that its family can do; empty: with neither."""

    @classmethod
    def parse(cls, word: str) -> Architecture:
        """`sm_90a`, `compute_90`, `sm90` or `9.0`. Raises `ValueError` with a sentence."""
        found = _FORM.fullmatch(word.strip())
        if not found:
            raise ValueError(_ARCHITECTURE_FORM.format(word))
        number = found[1] or found[3] + found[4]
        return cls(int(number[:-1]), int(number[-1]), (found[2] or found[5] or "").lower())

    def __str__(self) -> str:
        return f"sm_{self.major}{self.minor}{self.suffix}"

    @property
    def number(self) -> tuple[int, int]:
        """(major, minor)."""
        return self.major, self.minor

    @property
    def capability(self) -> str:
        """As NVIDIA's pages write it: `9.0`."""
        return f"{self.major}.{self.minor}"


def runs_on(code: Architecture, card: Architecture, *, ptx: bool = False) -> bool:
    """Whether code made for one architecture starts on a card.

    Machine code runs on the same major number with an equal or higher minor one; PTX is compiled by the
    driver for the same or any higher architecture. In both forms `a` is for exactly that architecture, and
    `f` for its major number from its minor one on. Source: CUDA Programming Guide, "Binary Compatibility",
    "PTX Compatibility" and "Feature Set Compiler Targets". Machine code of a board (8.7) and of other cards
    (8.6) is taken to run on each other in that order: that it does not is nothing certain.
    """
    number, wanted = _renamed(code.number), _renamed(card.number)
    if code.suffix == "a":
        return number == wanted
    if ptx and not code.suffix:
        return number <= wanted
    return number[0] == wanted[0] and number[1] <= wanted[1]


def _renamed(number: tuple[int, int]) -> tuple[int, int]:
    """10.1 became 11.0 with CUDA 13."""
    return (11, 0) if number == (10, 1) else number


def architectures(words: Iterable[str]) -> tuple[Architecture, ...]:
    """The cards that the words of a target mean, each once, in their order.

    Words are architectures (`sm_90`, `9.0`) or names of cards (`RTX 4090`, `NVIDIA H100 80GB HBM3`). Raises
    `ValueError` with a sentence for what is neither.
    """
    return tuple(dict.fromkeys(map(architecture, words)))


def architecture(word: str) -> Architecture:
    """The architecture that a word names. Raises `ValueError` with a sentence."""
    if _FORM.fullmatch(word.strip()):
        return _possible(Architecture.parse(word), word)
    known, plain = cards(), _plain(word)
    for name in (plain, _plain(word, without=_ADDED)):
        if name in known:
            return Architecture(*known[name][1])
    if re.match(r"(?i)\s*(sm|compute)(_|\d)", word):
        raise ValueError(_ARCHITECTURE_FORM.format(word))
    near = difflib.get_close_matches(plain, known, n=_SHOWN)
    meant = f"; did you mean {', '.join(known[each][0] for each in near)}?" if near else "."
    raise ValueError(
        f"no card is known as {word!r}{meant} An architecture is accepted as well, such as sm_90"
    )


def _possible(found: Architecture, word: str) -> Architecture:
    newer = max(KNOWN)[0] < found.major <= max(KNOWN)[0] + _TO_COME
    if found.number not in KNOWN and not newer:
        near = sorted(sorted(KNOWN, key=lambda each: abs(_value(each) - _value(found.number)))[:_SHOWN])
        named = ", ".join(str(Architecture(*each)) for each in near)
        raise ValueError(f"no card has the architecture {word!r}; near ones are {named}")
    least = {"a": _SUFFIXED, "f": _FAMILIES}.get(found.suffix)
    if least and found.number < least:
        raise ValueError(f"{word!r} is no architecture: the suffix begins with {Architecture(*least)}")
    # A card is a card: the letter says for what code is made, not what runs it.
    return Architecture(*found.number)


def _value(number: tuple[int, int]) -> int:
    return number[0] * 10 + number[1]


def _plain(word: str, without: re.Pattern[str] = _MAKER) -> str:
    """A name as it is compared: without what says nothing, and without what stands between its parts."""
    parts = re.findall(r"[a-z0-9]+", word.lower())
    return "".join(part for part in parts if not (_MAKER.fullmatch(part) or without.fullmatch(part)))


@functools.cache
def cards() -> Mapping[str, tuple[str, tuple[int, int]]]:
    """Every card by its name as it is compared: the name for people, and its compute capability."""
    found: dict[str, tuple[str, tuple[int, int]]] = {}
    for number, names in _CARDS.items():
        major, _, minor = number.partition(".")
        for name in " ".join(names.split()).split(", "):
            found[_plain(name)] = name, (int(major), int(minor))
    return found


_CARDS: Mapping[str, str] = {
    "3.5": "GTX Titan, GTX Titan Black, GTX 780 Ti, GTX 780, K40, K20, K20X",
    "3.7": "K80",
    "5.0": """GTX 750 Ti, GTX 750, GTX 960M, GTX 950M, 940M, 930M, MX110, MX130, M10, K2200, K1200, K620,
        M1200, M2000M, M1000M""",
    "5.2": """GTX Titan X, GTX 980 Ti, GTX 980, GTX 970, GTX 960, GTX 950, M60, M40, M4, M6, M6000, M5000,
        M4000, M2000""",
    "5.3": "Jetson Nano, Jetson TX1",
    "6.0": "P100, GP100",
    "6.1": """GTX 1080 Ti, GTX 1080, GTX 1070 Ti, GTX 1070, GTX 1060, GTX 1050 Ti, GTX 1050, GT 1030, GT
        1010, Titan Xp, Titan X Pascal, P40, P4, P6, P6000, P5000, P4000, P2200, P2000, P1000, P620, P600,
        P400, MX150, MX230, MX250, MX310, MX330, MX350""",
    "6.2": "Jetson TX2, Jetson TX2 NX",
    "7.0": "V100, V100S, V100 FHHL, GV100, Titan V, DGX-1V, DGX-2",
    "7.2": "Jetson Xavier, Jetson AGX Xavier, Jetson Xavier NX",
    "7.5": """RTX 2080 Ti, RTX 2080 Super, RTX 2080, RTX 2070 Super, RTX 2070, RTX 2060 Super, RTX 2060,
        Titan RTX, GTX 1660 Ti, GTX 1660 Super, GTX 1660, GTX 1650 Ti, GTX 1650 Super, GTX
        1650, GTX 1630, T4, T4G, T40, T10, RTX 8000, RTX 6000, RTX 5000, RTX 4000, RTX 3000, T2000, T1200,
        T1000, T600, T550, T500, T400, MX450""",
    "8.0": "A100, A100X, A800, A30, A30X, CMP 170HX, DGX A100",
    "8.6": """RTX 3090 Ti, RTX 3090, RTX 3080 Ti, RTX 3080, RTX 3070 Ti, RTX 3070, RTX 3060 Ti, RTX 3060,
        RTX 3050 Ti, RTX 3050, RTX 2050, MX570, A40, A10, A10G, A10M, A16, A2, RTX A6000, RTX A5500, RTX
        A5000, RTX A4500, RTX A4000, RTX A3000, RTX A2000, RTX A1000, RTX A500, RTX A400, A6000, A5500,
        A5000, A4500, A4000, A2000""",
    "8.7": """Jetson AGX Orin, Jetson Orin, Jetson Orin NX, Jetson Orin Nano, Orin, Orin NX, Orin Nano, AGX
        Orin""",
    "8.9": """RTX 4090, RTX 4090 D, RTX 4080 Super, RTX 4080, RTX 4070 Ti Super, RTX 4070 Ti, RTX 4070
        Super, RTX 4070, RTX 4060 Ti, RTX 4060, RTX 4050, L4, L40, L40S, L40G, L20, L2, RTX 6000 Ada, RTX
        5880 Ada, RTX 5000 Ada, RTX 4500 Ada, RTX 4000 Ada, RTX 4000 SFF Ada, RTX 3500 Ada, RTX 3000 Ada,
        RTX 2000 Ada, RTX 1000 Ada, RTX 500 Ada, RTX 6000 Ada Lovelace, RTX 5000 Ada Lovelace""",
    "9.0": """H100, H200, H800, H20, GH200, H100 NVL, H200 NVL, GH200 480GB, Grace Hopper, DGX H100, DGX
        H200""",
    "10.0": "B200, GB200, B100, DGX B200, HGX B200",
    "10.3": "B300, GB300, DGX B300, HGX B300",
    "10.7": "Rubin, R200, VR200",
    "11.0": "Jetson Thor, Jetson AGX Thor, Jetson T5000, Jetson T4000, Thor, AGX Thor, DRIVE Thor",
    "12.0": """RTX 5090, RTX 5090 D, RTX 5080, RTX 5070 Ti, RTX 5070, RTX 5060 Ti, RTX 5060, RTX 5050, RTX
        PRO 6000 Blackwell, RTX PRO 6000 Blackwell Server, RTX PRO 6000 Blackwell Workstation, RTX PRO 6000
        Blackwell Max-Q Workstation, RTX PRO 6000, RTX PRO 5000 Blackwell, RTX PRO 4500 Blackwell, RTX PRO
        4000 Blackwell, RTX PRO 4000 Blackwell SFF, RTX PRO 3000 Blackwell, RTX PRO 2000 Blackwell, RTX PRO
        1000 Blackwell, RTX PRO 500 Blackwell, RTX PRO 5000, RTX PRO 4500, RTX PRO 4000, RTX PRO 2000""",
    "12.1": "GB10, DGX Spark",
}
"""Names of cards by compute capability; source: NVIDIA's pages "CUDA GPUs" and "CUDA Legacy GPUs".

Names that two generations share stand for the older one, as their maker has it: `RTX 6000` is Turing's, and
Ada's has its word. `Titan X` alone means two cards and is unknown.
"""
