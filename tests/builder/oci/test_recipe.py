"""The recipe: it knows everything that decides an image, and nothing else."""

import pytest

from builder.backends.oci.recipe import ImageRecipe, image_recipe
from builder.oci.image.base import BaseImage
from builder.oci.store import pieces
from builder.oci.store.blobs import Blobs
from builder.values import tool
from envspec.lockfile.lock import LockedModel
from envspec.spec.model import Service
from tests.builder.oci.conftest import MakePlan


@pytest.fixture
def base(blobs: Blobs) -> BaseImage:
    layer = pieces.layer_of_pieces("base", [pieces.file_piece("usr/bin/python3.11", b"elf")], blobs, known=())
    return BaseImage(name="base", machine="amd64", layers=(layer,))


@pytest.fixture
def recipe(make_plan: MakePlan, base: BaseImage) -> ImageRecipe:
    return image_recipe(make_plan(), base)


CHANGES: dict[str, object] = {
    "name": "other",
    "lock": f"sha256:{2:064}",
    "named": (),
    "loads": ("lib",),
    "compiled": True,
    "variant": "other",
    "models": (LockedModel(name="a/b", digest=f"sha256:{3:064}", size=1),),
    "service": Service(module="app:app", source="src", env={"WORD": "x"}),
    "payload": None,
    "python": "3.12",
}


@pytest.mark.parametrize("field", CHANGES)
def test_whatever_decides_the_image_changes_the_recipe(
    recipe: ImageRecipe, make_plan: MakePlan, base: BaseImage, field: str
) -> None:
    other = image_recipe(make_plan(**{field: CHANGES[field]}), base)
    assert other.digest != recipe.digest


def test_another_base_is_another_recipe(recipe: ImageRecipe, make_plan: MakePlan, base: BaseImage) -> None:
    assert image_recipe(make_plan(), base.model_copy(update={"version": "3.11.9"})).digest != recipe.digest


def test_another_time_is_another_recipe(
    recipe: ImageRecipe, make_plan: MakePlan, base: BaseImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert image_recipe(make_plan(), base).digest != recipe.digest


def test_an_edited_tool_makes_the_image_anew(recipe: ImageRecipe, monkeypatch: pytest.MonkeyPatch) -> None:
    before = recipe.digest
    monkeypatch.setattr(tool, "tool_digest", lambda: "sha256:other")
    assert recipe.digest != before


def test_words_that_only_people_read_change_nothing(
    recipe: ImageRecipe, make_plan: MakePlan, base: BaseImage
) -> None:
    plan = make_plan()
    stages = tuple(stage.model_copy(update={"why": "because"}) for stage in plan.stages)
    assert image_recipe(plan.model_copy(update={"stages": stages}), base).key("stages") == recipe.key(
        "stages"
    )


def test_the_digest_of_the_tool_is_that_of_its_files() -> None:
    """Dates, places, compiled files and what an editor leaves are no part of it."""
    assert tool.tool_digest().startswith("sha256:")
    names = [name for package in tool.PACKAGES for name, _ in tool._files(package)]
    assert {"builder/values/tool.py", "envspec/source/build-constraints.txt"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
