"""NVIDIA's own libraries: they are judged by what their release supports, never by what is listed in them."""

from __future__ import annotations

import dataclasses
import re

from envspec.proof.nvidia.libraries import cuda_of_soname
from envspec.spec.cards import Architecture
from envspec.spec.drivers import Release

_NAME = re.compile(
    r"nvidia-(?!ml-py|dali|modelopt|nvimgcodec|resiliency|nat|pytriton|lm-eval)[a-z0-9-]+?(?:-cu(?P<cuda>\d\d))?"
    r"|(?:cutensor|cuquantum|custatevec|cutensornet|cudensitymat|tensorrt|tensorrt-libs|nvshmem4py|cufile)"
    r"(?:-cu(?P<other>\d\d))?"
)
"""Distributions that NVIDIA publishes its CUDA libraries as. `nvidia-ml-py` and tools are none."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CudaSupport:
    """What the libraries of one major release of CUDA support."""

    oldest: Architecture
    newest: Architecture


_SUPPORT: dict[int, CudaSupport] = {
    10: CudaSupport(oldest=Architecture(3, 0), newest=Architecture(7, 5)),
    11: CudaSupport(oldest=Architecture(3, 5), newest=Architecture(9, 0)),
    12: CudaSupport(oldest=Architecture(5, 0), newest=Architecture(12, 1)),
    13: CudaSupport(oldest=Architecture(7, 5), newest=Architecture(12, 1)),
}
"""Oldest and newest architectures by major release.

Source: release notes of 11.0, 12.0 and 13.0, "Deprecated or Dropped Features", and what their compilers list.
"""


def cuda_of(name: str, version: str) -> int | None:
    """The major release of CUDA that one of NVIDIA's distributions is of; 0 where its name does not tell it.

    None for a distribution that is not a CUDA library of NVIDIA's.
    """
    found = _NAME.fullmatch(name)
    if not found:
        return None
    if number := found["cuda"] or found["other"]:
        return int(number)
    # Since CUDA 13 those of the toolkit itself have no suffix; some of these count as CUDA does.
    major = version.partition(".")[0]
    if name.startswith(("nvidia-cuda-", "nvidia-nv", "nvidia-cublas")) and major.isdigit():
        return int(major) if int(major) in _SUPPORT else 0
    if name in ("nvidia-cufft", "nvidia-cusolver"):
        return cuda_of_soname(f"lib{name.removeprefix('nvidia-')}.so.{major}")
    return 0


def drops(cuda: int, card: Architecture) -> Architecture | None:
    """The oldest architecture of a major release where a card is older than that; None where it is not."""
    support = _SUPPORT.get(cuda)
    return support.oldest if support and card.number < support.oldest.number else None


def knows(cuda: int, card: Architecture) -> bool:
    """Whether some release of that major number was made for a card."""
    support = _SUPPORT.get(cuda)
    return support is not None and support.oldest.number <= card.number <= support.newest.number


_FIRST: tuple[tuple[tuple[int, int], Release], ...] = (
    ((7, 0), (9, 0)),
    ((7, 5), (10, 0)),
    ((8, 0), (11, 0)),
    ((8, 6), (11, 1)),
    ((8, 7), (11, 4)),
    ((8, 8), (13, 0)),
    ((8, 9), (11, 8)),
    ((9, 0), (11, 8)),
    ((10, 0), (12, 8)),
    ((10, 1), (12, 8)),
    ((10, 3), (12, 9)),
    ((10, 7), (13, 4)),
    ((11, 0), (13, 0)),
    ((12, 0), (12, 8)),
    ((12, 1), (12, 9)),
)
"""The first release whose compiler makes code for an architecture: PTX ISA, "Release History"."""


def first_release(card: Architecture) -> Release | None:
    """The first release of CUDA that makes code for a card; None where that is long ago, or still to come."""
    return dict(_FIRST).get(card.number)
