"""Arrays sent between the libraries that compute on the card, by the judge's own probe, with its control."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
from typing import Any

from tests.gpu.layout import TRUE_FAULT, answer

PROBE = "builder.inside.probe.cards"


def main() -> int:
    """Every library alone, then each pair of those that work; what the probe says is the answer."""
    if importlib.util.find_spec(PROBE) is None:
        return answer(False, "the judge has no probe for cards")
    probe: Any = importlib.import_module(PROBE)
    there = [name for name in probe.LIBRARIES if importlib.util.find_spec(name.partition(".")[0])]
    alone = {name: probe.compute(name) for name in there}
    fine = [name for name, found in alone.items() if "told" in found]
    pairs = {
        f"{giver} to {taker}": probe.exchange([giver, taker])
        for giver, taker in itertools.permutations(fine, 2)
    }
    wrong = [
        f"{name}: {found}"
        for name, found in (*alone.items(), *pairs.items())
        if _wrong(found) and not _is_known(found)
    ]
    known = [name for name, found in alone.items() if _wrong(found) and _is_known(found)]
    right = sum(not found for found in pairs.values())
    said = f"{len(fine)} of {len(there)} libraries compute, {right} of {len(pairs)} exchanges are right"
    told = [f"{name} has the fault that `verify` must find" for name in known] + wrong
    return answer(not wrong and len(fine) > 1, "; ".join([said, *told]), alone=alone, pairs=pairs)


def _is_known(found: dict[str, Any]) -> bool:
    """Whether it failed inside the one distribution of which a fault is known and true."""
    return any(name in str(found.get("error", "")) for name in TRUE_FAULT)


def _wrong(found: dict[str, Any]) -> bool:
    return bool(found) and "told" not in found


if __name__ == "__main__":
    sys.exit(main())
