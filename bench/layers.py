"""Makes the layers of a plan's wheels and nothing else: `python -m bench.layers PLAN WHEELHOUSE OUT`."""

from __future__ import annotations

import pathlib
import sys

from builder import Plan
from builder.oci.store.blobs import Blobs
from builder.wheels.layers import wheel_layers
from builder.wheels.prefix import Prefix
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.progress import SILENT


def main(plan_file: str, wheelhouse: str, out: str) -> None:
    """A process of its own, so that its memory can be measured."""
    plan = Plan.model_validate_json(pathlib.Path(plan_file).read_text())
    prefix = Prefix(root="/opt/env", version=plan.python, base_python=f"/usr/bin/python{plan.python}")
    store, blobs = Wheelhouse(pathlib.Path(wheelhouse)), Blobs(pathlib.Path(out))
    wheel_layers(plan.stages, prefix, store, blobs, SILENT)


if __name__ == "__main__":
    main(*sys.argv[1:])
