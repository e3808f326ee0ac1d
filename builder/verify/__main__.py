"""`python -m builder.verify --python PATH`: the verdict as JSON on standard output, nothing else."""

from __future__ import annotations

import argparse
import json
import pathlib
import sys

from builder.verify import Interpreter, SmokeChecks, verify
from envspec.errors import EnvspecError


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 it may ship, 1 it must be fixed, 4 it could not be judged, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m builder.verify", description=__doc__)
    parser.add_argument("--python", required=True, help="the environment's interpreter")
    parser.add_argument("--format", choices=["json"], default="json")
    parser.add_argument("--fast", action="store_true", help="static part and top-level imports only")
    parser.add_argument("--strict", action="store_true", help="warnings are errors")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for one import")
    parser.add_argument("--lock", type=pathlib.Path, help="JSON file that maps names to versions")
    parser.add_argument("--import", dest="imports", action="append", default=[], metavar="MODULE")
    parser.add_argument("--attribute", action="append", default=[], metavar="MODULE:NAME")
    parser.add_argument("--ignore", action="append", default=[], metavar="RULE[:PLACE]")
    options = parser.parse_args(arguments)
    smoke = SmokeChecks(
        imports=tuple(options.imports), attributes=tuple(options.attribute), ignore=tuple(options.ignore)
    )
    lock = json.loads(options.lock.read_text("utf-8")) if options.lock else None
    try:
        verdict = verify(
            Interpreter(options.python),
            lock=lock,
            smoke=smoke,
            fast=options.fast,
            strict=options.strict,
            timeout=options.timeout,
        )
    except EnvspecError as error:
        sys.stderr.write(f"{error.message}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(json.dumps(verdict.as_dict(), indent=1) + "\n")
    return 0 if verdict.ships else 1


if __name__ == "__main__":
    sys.exit(main())
