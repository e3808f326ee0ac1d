"""The cards that an environment is meant for, as its plan holds them and its image knows them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from envspec.proof.gpu.served import MACHINE, PTX, GpuProof
from envspec.spec.cards import architectures
from envspec.spec.drivers import Driver, release_of
from envspec.spec.model import TargetWish
from envspec.spec.part import Part


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


def planned_gpu(proof: GpuProof | None) -> PlannedGpu | None:
    """What a proof says of the target's cards; None where it names none.

    Of the libraries that compute those count of which all code is known and that serve every card: a machine
    is refused for nothing less.
    """
    if proof is None or not proof.cards:
        return None
    floor, raising = proof.floor, proof.raising
    return PlannedGpu(
        cards=proof.cards,
        driver=floor,
        cuda="{}.{}".format(*release_of(Driver(floor))) if floor else "",
        because=raising[0].named if raising else "",
        kernels={
            row.named: (*row.machine, *(each.replace("sm_", "compute_") for each in row.ptx))
            for row in proof.computing
            if row.served and all(each.by in (MACHINE, PTX) for each in row.served)
        },
    )


def meant_cards(target: TargetWish) -> PlannedGpu | None:
    """The cards of a target, of which nothing was proved; None where it names none.

    Raises `ValueError` with a sentence for a card that nobody knows.
    """
    if not target.gpu:
        return None
    return PlannedGpu(cards=tuple(map(str, architectures(target.gpu))))
