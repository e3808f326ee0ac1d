"""Lays out a build's context: everything that a build needs, so that it needs no network.

Dockerfile
tools/                what works inside build steps: uv, the stage installer and its imports, prepare.json
stages/<stage>/       stage.json, requirements.txt with hashes, wheels/
image/                as from the root of the image: doctor, entrypoint, environment.json, bill, start folder
copies/               the layers of what the spec copies, which the backend adds once the base is known
payload/              the payload's code
models/               the payload's models
empty/                a folder with nothing in it, of which the folders that programs want are made
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import uv

import builder
from builder.backends.docker.sheet import Sheet
from builder.image.bill import bill_of, bill_text
from builder.image.contents import MAIN, build_tools, image_facts, runtime_files
from builder.image.loads import stage_modules
from builder.inside import places
from builder.oci.store.tar import archive_epoch
from builder.values import models
from builder.values import payload as payload_files
from builder.values.plan import Plan
from builder.values.stages import InstallStage
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import SpoiledError
from envspec.system.pattern import expression


def lay_out_context(
    plan: Plan,
    dockerfile: str,
    folder: pathlib.Path,
    store: Wheelhouse,
    place: pathlib.Path,
    *,
    installer: pathlib.Path | None = None,
) -> None:
    """Bring the folder `place` to what the build needs; what is in it already and right is left as it is.

    `folder` is the spec's, `installer` a uv other than this program's own. Raises `SpoiledError` when a wheel
    is not in the store.
    """
    sheet = Sheet(place)
    sheet.put("Dockerfile", dockerfile.encode())
    _modules(build_tools(), "tools", sheet)
    sheet.put("tools/prepare.json", _json({"compiled": plan.compiled}))
    sheet.link("tools/uv", installer or pathlib.Path(os.fsdecode(uv.find_uv_bin())))
    for number, stage in enumerate(plan.stages, 1):
        _stage(plan, stage, store, f"stages/{places.stage(number, stage.name)}", sheet)
    runtime = f"image{places.RUNTIME}"
    _modules(runtime_files(), runtime, sheet)
    sheet.put(f"{runtime}/environment.json", _json(image_facts(plan)))
    sheet.put(f"image{places.SBOM}", bill_text(bill_of(plan)).encode())
    # The folder that programs start in: a builder that has to make it dates it to the build.
    sheet.folder(f"image{places.PAYLOAD}")
    if plan.payload and plan.service:
        sheet.folder("payload")
        for file, source in payload_files.payload_sources(plan.payload, plan.service, folder):
            sheet.put(f"payload/{file.path}", source.read_bytes(), 0o755 if file.executable else 0o644)
    sheet.folder("empty")
    sheet.done()
    models.copy_models(plan, folder, place / "models")
    for part in ("image", "empty"):  # their layers stand above those of one's own code
        _date(place / part)


def _date(place: pathlib.Path) -> None:
    """Give a folder and all below it the date of all archives: the same files are the same layer then."""
    for each in (*place.rglob("*"), place):
        if each.lstat().st_mtime != archive_epoch():
            os.utime(each, (archive_epoch(), archive_epoch()))


def _modules(names: tuple[str, ...], place: str, sheet: Sheet) -> None:
    source = pathlib.Path(builder.__path__[0]).parent
    for name, target in (*((name, name) for name in names), (MAIN, "__main__.py")):
        sheet.put(f"{place}/{target}", (source / name).read_bytes())


def _stage(plan: Plan, stage: InstallStage, store: Wheelhouse, place: str, sheet: Sheet) -> None:
    sheet.folder(f"{place}/wheels")
    for wheel in stage.wheels:
        if not store.has(wheel):
            raise SpoiledError(f"{wheel.file} in the wheelhouse")
        sheet.link(f"{place}/wheels/{wheel.file}", store.path(wheel))
    lines = [f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in stage.wheels]
    sheet.put(f"{place}/requirements.txt", "".join(lines).encode())
    description = {
        "wheels": [wheel.model_dump(include={"name", "version"}) for wheel in stage.wheels],
        "pins": dict(plan.pins_until(stage.name)),
        "trim": expression(stage.trim),
        "modules": stage_modules(stage, plan.named, plan.loads, store).modules if plan.compiled else (),
    }
    sheet.put(f"{place}/stage.json", _json(description))


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
