"""What an image tells the NVIDIA container toolkit, and whoever looks at its labels, about cards."""

from __future__ import annotations

from builder.inside import places
from builder.values.gpu import PlannedGpu


def toolkit_variables(gpu: PlannedGpu | None) -> dict[str, str]:
    """The variables by which the toolkit passes cards in, and refuses a host whose driver is too old.

    Source: its guide, "Environment Variables (OCI Spec)", and `src/cli/dsl.c` of libnvidia-container: commas
    join conditions that must all hold, and only one that begins with `cuda>=` is refused with the words to
    update the driver.
    """
    if gpu is None:
        return {}
    conditions = [f"cuda>={gpu.cuda}" if gpu.cuda else "", f"driver>={gpu.driver}" if gpu.driver else ""]
    required = ",".join(filter(None, conditions))
    return {
        "NVIDIA_VISIBLE_DEVICES": "all",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        **({"NVIDIA_REQUIRE_CUDA": required} if required else {}),
    }


def card_labels(gpu: PlannedGpu | None) -> dict[str, str]:
    """Labels with the architectures of the cards, and the oldest driver where one is known."""
    if gpu is None:
        return {}
    return {
        f"{places.LABEL}.gpu": " ".join(gpu.cards),
        **({f"{places.LABEL}.driver": gpu.driver} if gpu.driver else {}),
    }
