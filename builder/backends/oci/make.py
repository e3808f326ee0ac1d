"""Carries a recipe out: the layers of an image, from its base to its payload, and the image of them."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Collection, Mapping, Sequence

from builder.backends.oci import parts
from builder.backends.oci.compiled import Compiler
from builder.backends.oci.recipe import ImageRecipe
from builder.image.copies import COPY, copy_layers, settle_copies
from builder.image.loads import stage_modules
from builder.image.users import user_numbers
from builder.inside import places
from builder.oci.image.base import BaseFacts, BaseImage, examine_base
from builder.oci.image.documents import RUNTIME, Image, assemble_image
from builder.oci.image.records import Records
from builder.oci.store.blobs import Blobs, Layer
from builder.oci.store.lookup import Standing, standing_in_layers
from builder.oci.store.pieces import layer_of_pieces
from builder.values import models
from builder.values.tool import result_key
from builder.wheels.groups import group_wheels
from builder.wheels.layers import wheel_layers
from builder.wheels.prefix import Prefix
from envspec.spec.part import Part
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.progress import Progress


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Supplies:
    """Where the parts of an image come from, and where its layers are kept."""

    folder: pathlib.Path
    """The spec's."""
    wheels: Wheelhouse
    blobs: Blobs
    records: Records
    progress: Progress


def make_image(recipe: ImageRecipe, supplies: Supplies) -> Image:
    """The image of a recipe; layers that were made before are found.

    Raises `BuildError`, `OutsideError`, `SpecError` and `WheelError`.
    """
    found = supplies.records.fact(
        recipe.key("base", "python"),
        BaseFacts,
        lambda: examine_base(recipe.base, recipe.python, supplies.blobs, outside=places.ENVIRONMENT),
    )
    prefix = Prefix(root=places.ENVIRONMENT, version=recipe.python, base_python=found.python)
    empty = parts.skeleton_pieces(prefix, recipe.base.version or recipe.python, found)
    skeleton = layer_of_pieces("empty environment", empty, supplies.blobs)
    compiler = None
    if recipe.compiled:
        compiler = Compiler(recipe.base, prefix, supplies.blobs, supplies.records, supplies.progress)
    library = compiler.library() if compiler else ()
    added: list[Layer] = [*library, skeleton]
    added += _packages(recipe, prefix, compiler, supplies)
    added += _models(recipe, supplies)
    added += _folders(recipe, found, supplies)
    added += _runtime(recipe, supplies)
    added += _copies(recipe, found.passwd, supplies)
    added += _payload(recipe, compiler, supplies)
    return assemble_image(recipe.base, added, recipe.settings, prefix.python, supplies.blobs)


def _packages(
    recipe: ImageRecipe,
    prefix: Prefix,
    compiler: Compiler | None,
    supplies: Supplies,
) -> Sequence[Layer]:
    """The layers of the wheels, and above each stage's what it loads, compiled: a late change stays late."""
    supplies.progress.step("layers")
    layers = supplies.records.stack(
        recipe.key("base", "python", "stages", "time"),
        lambda: wheel_layers(recipe.stages, prefix, supplies.wheels, supplies.blobs, supplies.progress),
    )
    if compiler is None:
        return layers
    groups = list(zip(group_wheels(recipe.stages), layers, strict=True))
    loads = {
        stage.name: stage_modules(stage, recipe.named, recipe.modules, supplies.wheels)
        for stage in recipe.stages
    }
    compiled = compiler.stages(loads, supplies.wheels)
    upper: list[Layer] = []
    for stage in recipe.stages:
        upper += [layer for group, layer in groups if group.stage == stage.name and not group.large]
        upper += compiled[stage.name]
    return (*(layer for group, layer in groups if group.large), *upper)


def _models(recipe: ImageRecipe, supplies: Supplies) -> Sequence[Layer]:
    """The layer of the models; none without models."""
    if not recipe.models:
        return ()
    return _kept("models", recipe.key("models", "time"), lambda: _model_pieces(recipe, supplies), supplies)


def _model_pieces(recipe: ImageRecipe, supplies: Supplies) -> parts.Pieces:
    return parts.model_pieces(models.model_folders(recipe.model_sources, supplies.folder))


def _folders(recipe: ImageRecipe, found: BaseFacts, supplies: Supplies) -> Sequence[Layer]:
    """The layer of the folders that programs want; none without any."""
    user_numbers(recipe.settings.user, found.passwd)
    if not recipe.folders:
        return ()
    pieces = parts.folder_pieces(recipe.folders, found.passwd)
    return [layer_of_pieces("folders of programs", pieces, supplies.blobs)]


def _runtime(recipe: ImageRecipe, supplies: Supplies) -> Sequence[Layer]:
    """The layer of what makes the image start: the doctor, the entrypoint, and what was locked."""
    key = recipe.key("facts", "bill", "time")
    return _kept(RUNTIME, key, lambda: parts.runtime_pieces(recipe.facts, recipe.bill), supplies)


def _copies(recipe: ImageRecipe, passwd: str, supplies: Supplies) -> Sequence[Layer]:
    """The layers of what the spec copies, one each."""
    base = LayeredBase(base=recipe.base, users=passwd, blobs=supplies.blobs, records=supplies.records)
    settled = settle_copies(recipe.copies, base, payload=recipe.payload is not None)
    for copy in settled:
        supplies.progress.note(f"layer {COPY}{copy.goal}")
    return copy_layers(settled, supplies.folder, supplies.blobs)


def _payload(recipe: ImageRecipe, compiler: Compiler | None, supplies: Supplies) -> Sequence[Layer]:
    """The layer of the payload's code, and that of the same compiled; none without payload."""
    if recipe.payload is None:
        return ()
    pieces = functools.partial(parts.payload_pieces, recipe.payload, recipe.payload_source, supplies.folder)
    layer = layer_of_pieces("payload", pieces(), supplies.blobs)
    return [layer, *(compiler.payload(layer, pieces) if compiler else ())]


class _Found(Part):
    """What a base has at some paths."""

    paths: Mapping[str, Standing]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class LayeredBase:
    """The files of a base whose layers are in the store; what was looked for once is remembered."""

    base: BaseImage
    users: str
    blobs: Blobs
    records: Records

    def standing(self, wanted: Collection[str]) -> Mapping[str, Standing]:
        """See `BaseFiles`."""
        plain = {path[1:] for path in wanted}
        key = result_key([[layer.diff_id for layer in self.base.layers], sorted(plain)])
        found = self.records.fact(
            key,
            _Found,
            lambda: _Found(paths=standing_in_layers(self.base.layers, self.blobs, plain)),
        )
        return {f"/{path}": what for path, what in found.paths.items()}

    def passwd(self) -> str:
        """See `BaseFiles`."""
        return self.users


def _kept(title: str, key: str, pieces: Callable[[], parts.Pieces], supplies: Supplies) -> Sequence[Layer]:
    """The one layer of that title, whose files are looked at only where it was not made before."""
    return supplies.records.stack(key, lambda: (layer_of_pieces(title, pieces(), supplies.blobs),))
