"""The doctor's line on this machine's card, and what it says to an environment for another one."""

from __future__ import annotations

import importlib.metadata
import sys

from builder.inside.entrypoint import driver, gpu
from tests.gpu.layout import answer


def main() -> int:
    """The line holds card, driver, runtime and cuDNN; another floor and other kernels are refused."""
    found = driver.ask()
    if not found["cards"]:
        return answer(False, str(found.get("problem", "no card")), facts=found)
    pins = {
        each.metadata["Name"].lower().replace("_", "-"): each.version
        for each in importlib.metadata.distributions()
        if each.metadata["Name"]
    }
    card = found["cards"][0]
    own = f"sm_{card['major']}{card['minor']}"
    wanted = {"cards": [own], "driver": "525.60.13", "cuda": "12.0", "kernels": {"torch": [own]}}
    (good, said), *_ = gpu.examine({"pins": pins, "gpu": wanted}, found, {})
    newer = dict(wanted, driver="999.1", cuda="99.0", because="a test")
    other = dict(wanted, kernels={"another": ["sm_35"]})
    refused = [next(gpu.examine({"pins": pins, "gpu": each}, found, {}))[0] for each in (newer, other)]
    return answer(good and refused == [False, False], said, facts=found)


if __name__ == "__main__":
    sys.exit(main())
