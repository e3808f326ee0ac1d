"""Refresh the table of the symbols that CPython's stable ABI has, with the version that brought each.

    uv run --with abi3info python -m builder.judge.rules.refresh_stable_abi

The names come from `abi3info`, which follows `Misc/stable_abi.toml` of CPython.
"""

from __future__ import annotations

import importlib

from builder.judge.rules.binaries import STABLE_ABI


def main() -> None:
    """Write the table."""
    info = importlib.import_module("abi3info")
    rows = sorted(
        f"{each.symbol.name}\t{each.added.major}.{each.added.minor}\n"
        for each in (*info.FUNCTIONS.values(), *info.DATAS.values())
    )
    STABLE_ABI.parent.mkdir(exist_ok=True)
    STABLE_ABI.write_text("".join(rows), "utf-8")


if __name__ == "__main__":
    main()
