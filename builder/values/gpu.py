"""The cards that an environment is meant for, as its plan holds them and its image knows them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from envspec.spec.cards import architectures
from envspec.spec.model import Part, TargetWish


class PlannedGpu(Part):
    """What a machine must have for an environment to compute on its card. What nobody knows is empty."""

    cards: tuple[str, ...]
    """Architectures of the target's cards: `sm_90`."""
    driver: str = ""
    """The oldest driver: `525.60.13`."""
    cuda: str = ""
    """The CUDA that this driver offers at least: `12.0`."""
    because: str = ""
    """The distribution that needs it, with its version."""
    kernels: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """What the libraries that compute have code for (`sm_80`, `compute_90`), by distribution with version."""


def meant_cards(target: TargetWish) -> PlannedGpu | None:
    """The cards of a target, of which nothing was proved; None where it names none.

    Raises `ValueError` with a sentence for a card that nobody knows.
    """
    if not target.gpu:
        return None
    return PlannedGpu(cards=tuple(map(str, architectures(target.gpu))))
