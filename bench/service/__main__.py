"""`python -m bench.service [--minutes 10] [--models FOLDER,FOLDER]`: hardship alone; 1 where it was lost."""

from __future__ import annotations

import argparse
import sys

from bench.service import hardship


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.service", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument(
        "--models", default="", help="folders of what listens and speaks, with a comma between"
    )
    given = parser.parse_args()
    found = hardship.endure(60 * given.minutes, models=given.models)
    step = max(1, len(found.memory) // 10)
    print(f"{found.seconds:.0f} s, {found.killed} workers killed")
    print(f"{found.right} answers right, {found.retryable} to be tried again, {found.wrong} wrong")
    print(f"memory grew by {found.growth:.1f} MB: {', '.join(f'{mb:.0f}' for mb in found.memory[::step])}")
    for code, count in sorted(found.codes.items()):
        print(f"  {code}: {count}")
    return 0 if found.survived else 1


if __name__ == "__main__":
    sys.exit(main())
