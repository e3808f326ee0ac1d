"""The base of Debian packages in an engine: the lock's packages, and the same bytes as without an engine."""

import io

import pytest

from builder.backends.docker.engine import Engine
from builder.backends.oci.bases import obtain_base_image
from builder.debian.base import base_image_name
from builder.oci.store.network import Network
from envspec.lockfile.lock import LockedBase
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.home import tool_home
from envspec.system.progress import SILENT

from .conftest import DEBIAN, IMAGE, Workshop, blobs, debian_base, make_plan

pytestmark = pytest.mark.docker

STATUS = "/var/lib/dpkg/status.d"
LISTING = f"import os; print(*os.listdir({STATUS!r}))"


def no_network() -> Network:
    raise AssertionError("everything is on this machine already")


def locked(*, without: str = "") -> LockedBase:
    """A base whose lock lists its packages, as archives had them, but for one."""
    packages = debian_base(make_plan([], base=DEBIAN)).packages
    return DEBIAN.model_copy(update={"packages": tuple(each for each in packages if each.name != without)})


def test_the_base_is_the_layer_that_stands_below_images_made_without_an_engine(quick: Workshop) -> None:
    plan = quick.plan(("one", [quick.wheel("alpha")]), base=locked())
    environment = quick.build(plan)
    store = Wheelhouse(tool_home() / "wheelhouse")
    theirs = obtain_base_image(plan, quick.folder, store, blobs(), no_network, SILENT)
    (layer,) = theirs.layers
    assert quick.engine.layers(base_image_name(plan)) == (layer.diff_id,)
    assert quick.engine.layers(environment.reference)[0] == layer.diff_id


def test_the_base_holds_what_the_lock_lists_and_nothing_else(quick: Workshop) -> None:
    """One package that the archive has and the lock does not name is not there."""
    base = locked(without="netbase")
    plan = quick.plan(("one", [quick.wheel("alpha")]), base=base)
    said = quick.backend.run(quick.build(plan), ["python", "-c", LISTING])
    assert set(said.stdout.split()) == {package.name for package in base.packages}, said.tail
    quick.engine.client.images.remove(base_image_name(plan), force=True)


def test_another_image_under_the_bases_name_is_not_taken_for_it(quick: Workshop, base: str) -> None:
    other = quick.engine.client.images.build(
        fileobj=io.BytesIO(f"FROM {IMAGE}\nWORKDIR /other\n".encode()), rm=True
    )[0]
    other.tag(*base.split(":"))
    quick.build(quick.plan(("one", [quick.wheel("alpha")])))
    assert f"import {base}" in quick.heard.steps
    assert quick.engine.layers(base) == (debian_base(make_plan([], base=DEBIAN)).layer.diff_id,)


def test_a_base_that_the_engine_has_is_not_sent_again(engine: Engine, quick: Workshop, base: str) -> None:
    quick.build(quick.plan(("one", [quick.wheel("alpha")])))
    assert [step for step in quick.heard.steps if step.startswith("import ")] == []


def test_debian_packages_of_a_debian_base_are_part_of_it(quick: Workshop) -> None:
    """A library that `[base] apt` names is found by the loader, though no script ran."""
    base = LockedBase(debian="bookworm", apt=("libgomp1",))
    built = quick.build(quick.plan(("one", [quick.wheel("alpha")]), base=base))
    code = "import ctypes; print(ctypes.CDLL('libgomp.so.1').omp_get_max_threads() > 0)"
    said = quick.backend.run(built, ["python", "-c", code])
    assert said.stdout == "True\n", said.tail
