"""Makes an image without an engine and gives it to one: `python -m bench.load image|base SPEC TAG`.

With `base` it is the image's base alone, which other ways of building have in their engine already.
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


def main(what: str, spec: str, tag: str) -> None:
    """Locked and proved, not yet verified: as far as what it is compared with goes."""
    engine = Engine()
    if what == "base":
        plan = builder.plan(pathlib.Path(spec), locked=True)
        store = Wheelhouse(tool_home() / "wheelhouse")
        ensure_base(engine, plan, store, OciBackend().blobs, lambda: Network(ask_pip()), SILENT)
        return
    report = builder.build(pathlib.Path(spec), backend="oci", locked=True, stop_after="build")
    if report.failure is not None:
        raise report.failure
    assert report.environment is not None
    backend = OciBackend()
    load_image(backend.record(report.environment).image, tag, backend.blobs, engine.client, SILENT)


if __name__ == "__main__":
    main(*sys.argv[1:])
