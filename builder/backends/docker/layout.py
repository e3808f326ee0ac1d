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
import shutil
from typing import Any

import uv

import builder
from builder.image.bill import bill_of, bill_text
from builder.image.contents import MAIN, build_tools, image_facts, runtime_files
from builder.image.loads import Loads, stage_loads
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
    """Fill the empty folder `place`; `folder` is the spec's, `installer` a uv other than this program's own.

    Raises `SpoiledError` when a wheel is not in the store.
    """
    place.mkdir(parents=True, exist_ok=True)
    (place / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    _modules(build_tools(), place / "tools")
    _write_json(place / "tools" / "prepare.json", {"compiled": plan.compiled})
    link_or_copy(installer or pathlib.Path(os.fsdecode(uv.find_uv_bin())), place / "tools" / "uv")
    for number, stage in enumerate(plan.stages, 1):
        _stage(plan, stage, store, place / "stages" / places.stage(number, stage.name))
    runtime = place / "image" / places.RUNTIME[1:]
    _modules(runtime_files(), runtime)
    _write_json(runtime / "environment.json", image_facts(plan))
    bill = place / "image" / places.SBOM[1:]
    bill.write_text(bill_text(bill_of(plan)), encoding="utf-8")
    # The folder that programs start in: a builder that has to make it dates it to the build.
    (place / "image" / places.PAYLOAD[1:]).mkdir()
    if plan.payload and plan.service:
        (place / "payload").mkdir()
        payload_files.copy_payload(plan.payload, plan.service, folder, place / "payload")
    models.copy_models(plan, folder, place / "models")
    (place / "empty").mkdir()
    for part in ("image", "empty"):  # their layers stand above those of one's own code
        _date(place / part)


def _date(place: pathlib.Path) -> None:
    """Give a folder and all below it the date of all archives: the same files are the same layer then."""
    for each in (*place.rglob("*"), place):
        os.utime(each, (archive_epoch(), archive_epoch()))


def _modules(names: tuple[str, ...], place: pathlib.Path) -> None:
    source = pathlib.Path(builder.__path__[0]).parent
    for name, target in (*((name, name) for name in names), (MAIN, "__main__.py")):
        (place / target).parent.mkdir(parents=True, exist_ok=True)
        (place / target).write_bytes((source / name).read_bytes())


def _stage(plan: Plan, stage: InstallStage, store: Wheelhouse, place: pathlib.Path) -> None:
    (place / "wheels").mkdir(parents=True)
    for wheel in stage.wheels:
        if not store.has(wheel):
            raise SpoiledError(f"{wheel.file} in the wheelhouse")
        link_or_copy(store.path(wheel), place / "wheels" / wheel.file)
    lines = [f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in stage.wheels]
    (place / "requirements.txt").write_text("".join(lines), encoding="utf-8")
    loaded = stage_loads(stage, plan.named, plan.loads, store) if plan.compiled else Loads()
    description = {
        "wheels": [wheel.model_dump(include={"name", "version"}) for wheel in stage.wheels],
        "pins": dict(plan.pins_until(stage.name)),
        "trim": expression(stage.trim),
        "packages": loaded.packages,
        "modules": loaded.modules,
    }
    _write_json(place / "stage.json", description)


def _write_json(file: pathlib.Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def link_or_copy(source: pathlib.Path, target: pathlib.Path) -> None:
    """A hard link costs nothing and keeps the date, by which BuildKit sees that nothing changed."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)
