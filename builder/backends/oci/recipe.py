"""The recipe of an image: all that decides its bytes, as one value."""

from __future__ import annotations

import json

from builder.backends.oci.settings import image_settings
from builder.image.bill import Bill, bill_of
from builder.image.contents import image_facts
from builder.image.starting import image_folders
from builder.oci.image.base import BaseImage
from builder.oci.image.documents import ContainerSettings
from builder.oci.store import tar
from builder.values.copies import PlannedCopy
from builder.values.payload import Payload
from builder.values.plan import Plan
from builder.values.stages import InstallStage
from builder.values.tool import result_key
from envspec.lockfile.lock import LockedModel
from envspec.spec.part import Part


class ImageRecipe(Part):
    """What an image is made of. The tool belongs to it as well: see `digest`."""

    base: BaseImage
    python: str
    """Minor version, such as `3.11`."""
    stages: tuple[InstallStage, ...]
    """Their wheels, without the words that only people read."""
    compiled: bool
    """Whether the image carries compiled files."""
    named: tuple[str, ...]
    """Canonical names of the packages whose top level is compiled, where they are small."""
    modules: tuple[str, ...]
    """Modules that are compiled whatever they weigh."""
    models: tuple[LockedModel, ...]
    model_sources: tuple[str, ...]
    """Where the spec says the models are, in their order."""
    copies: tuple[PlannedCopy, ...]
    payload: Payload | None
    payload_source: str | None
    """The payload's folder, relative to the spec's; None for the embedded service."""
    facts: str
    """What the image knows of itself: the text of `environment.json`."""
    bill: Bill
    folders: tuple[tuple[str, str], ...]
    """Empty folders that programs want, and who owns each."""
    settings: ContainerSettings
    """How its containers start."""
    time: int
    """Date of all its files, in seconds since 1970."""

    @property
    def digest(self) -> str:
        """Name of the image that this tool makes of the recipe, wherever it does."""
        return self.key(*type(self).model_fields)

    def key(self, *fields: str) -> str:
        """Name of what this tool makes of these fields alone."""
        return result_key(self.model_dump(mode="json", include=set(fields)))


def image_recipe(plan: Plan, base: BaseImage) -> ImageRecipe:
    """The recipe of a plan on its base. Raises `SpecError` for what no image can hold."""
    service = plan.service
    return ImageRecipe(
        base=base,
        python=plan.python,
        stages=tuple(stage.model_copy(update={"why": ""}) for stage in plan.stages),
        compiled=plan.compiled,
        named=plan.named,
        modules=plan.loads,
        models=plan.models,
        model_sources=service.models if service else (),
        copies=plan.copies,
        payload=plan.payload if service else None,
        payload_source=service.source if service else None,
        facts=json.dumps(image_facts(plan), indent=1, sort_keys=True) + "\n",
        bill=bill_of(plan),
        folders=tuple((folder.path, folder.owner) for folder in image_folders(plan)),
        settings=image_settings(plan, base),
        time=tar.archive_epoch(),
    )
