"""Gives an engine an image that was made without one: `python -m bench.load image REFERENCE TAG`.

`python -m bench.load base SPEC TAG` gives it the image's base alone, which other ways of building have there.
"""

from __future__ import annotations

import pathlib
import sys

import builder
from builder.backends.docker.base import ensure_base
from builder.backends.docker.engine import Engine
from builder.backends.docker.load import load_image
from builder.backends.oci.backend import OciBackend
from builder.oci.store.network import Network
from envspec.supply.pip_settings import ask_pip
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.home import tool_home
from envspec.system.progress import SILENT


def main(what: str, of: str, tag: str) -> None:
    """As far as what it is compared with goes: nothing is verified."""
    engine, backend = Engine(), OciBackend()
    if what == "base":
        plan = builder.plan(pathlib.Path(of), locked=True)
        store = Wheelhouse(tool_home() / "wheelhouse")
        ensure_base(engine, plan, store, backend.blobs, lambda: Network(ask_pip()), SILENT)
        return
    load_image(backend.named(of).image, tag, backend.blobs, engine.client, SILENT)


if __name__ == "__main__":
    main(*sys.argv[1:])
