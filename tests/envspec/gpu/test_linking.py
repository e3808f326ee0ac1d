"""EV173 to EV177 as a proof has them: what a spec says of its base and its variables decides."""

import pathlib

import pytest

from envspec.lockfile.lock import LockedBase
from envspec.system.finding import Finding
from tests.support.fatbins import container, elf, entry
from tests.support.sets import Sets
from tests.support.specs import PINNED

pytestmark = pytest.mark.usefixtures("home")

CARD = 'gpu = ["sm_90"]\ndriver = "570"\n'
PLACE = "nvidia/cuda_runtime/lib"
REACHED = f'LD_LIBRARY_PATH = "{{site}}/{PLACE}"'
ELSEWHERE = 'LD_LIBRARY_PATH = "{site}/elsewhere"'


@pytest.fixture
def sets(tmp_path: pathlib.Path) -> Sets:
    """A program of CUDA's."""
    made = Sets(tmp_path, ("EV173", "EV176", "EV177"))
    made.add("app", main=elf(container(entry(90)), needs=["libcudart.so.12"]))
    return made


def proved(sets: Sets, more: str = "") -> list[str]:
    # An image that nobody can read here, whose name says that it holds nothing of CUDA.
    base = LockedBase(image=PINNED)
    found: list[Finding] = sets.proved(CARD + more, base=base)
    return [one.rule for one in found]


def bring_the_library(sets: Sets) -> None:
    sets.add("nvidia-cuda-runtime-cu12", "12.4.127", place=PLACE, libcudart=elf(soname="libcudart.so.12"))


def test_a_library_that_nobody_brings_is_missing(sets: Sets) -> None:
    assert proved(sets) == ["EV176"]


def test_a_library_on_no_path_is_not_found(sets: Sets) -> None:
    bring_the_library(sets)
    assert proved(sets) == ["EV177"]


@pytest.mark.parametrize(
    ("tables", "rules"),
    [
        (f"[env]\n{REACHED}", []),
        (f'[service]\nmodule = "a:b"\n[service.env]\n{REACHED}', []),
        (f'[env]\n{REACHED}\n[service]\nmodule = "a:b"\n[service.env]\n{ELSEWHERE}', ["EV177"]),
        (f"[env]\n{ELSEWHERE}", ["EV177"]),
    ],
)
def test_the_variables_that_programs_really_have_decide(sets: Sets, tables: str, rules: list[str]) -> None:
    bring_the_library(sets)
    assert proved(sets, tables) == rules
