"""Writes the table of conda's names anew, from a mapping that others keep.

    python -m envspec.ingest.refresh_conda_names compressed_mapping.json

The file is `files/v0/conda-forge/compressed_mapping.json` of prefix-dev/parselmouth (BSD-3-Clause), which
reads it off the packages of conda-forge: for each the names that it bears on the package index, or none.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys

TABLE = pathlib.Path(__file__).with_name("conda_names.txt")

_FOREIGN = re.compile(
    r"(r|perl|bioconductor|ros|go|rb|julia|texlive|sysroot|nvpl|font|mingw|m2w64|msys2|ruby)[-_].*"
)
"""Beginnings of names of packages that are no Python: `envspec.ingest.conda` knows them itself."""


def table_text(mapping: dict[str, list[str] | str | None]) -> str:
    """The table: `conda=index` where the names differ, and the name alone where the index has none."""
    lines = []
    for name, said in sorted(mapping.items()):
        names = [said] if isinstance(said, str) else said or []
        plain = re.sub(r"[-_.]+", "-", name).lower()
        if not names and not _FOREIGN.fullmatch(name) and not name.startswith("_"):
            lines.append(name)
        elif names and plain not in {re.sub(r"[-_.]+", "-", each).lower() for each in names}:
            lines.append(f"{name}={names[0]}")
    return (
        "# Source: conda-forge's mapping of prefix-dev/parselmouth, BSD-3-Clause\n" + "\n".join(lines) + "\n"
    )


def main() -> None:
    """Write it."""
    mapping = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    TABLE.write_text(table_text(mapping), encoding="utf-8")


if __name__ == "__main__":
    main()
