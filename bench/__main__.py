"""`python -m bench [--quick] [NAME ...]`: runs the benchmarks and prints a line for each."""

from __future__ import annotations

import sys

from bench import no_change, oci

BENCHMARKS = {"no-change": no_change.main, "oci": oci.main}


def main() -> None:
    names = [word for word in sys.argv[1:] if not word.startswith("-")] or list(BENCHMARKS)
    runs = 2 if "--quick" in sys.argv else 5
    for name in names:
        print(BENCHMARKS[name](runs), flush=True)


if __name__ == "__main__":
    main()
