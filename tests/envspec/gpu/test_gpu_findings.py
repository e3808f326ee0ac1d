"""EV170 to EV175: sets of wheels held against the machine that they are meant for."""

import pathlib

import pytest

from envspec.system.finding import Finding
from tests.support.fatbins import PTX, container, elf, entry
from tests.support.sets import Sets
from tests.support.wheels import wheel

pytestmark = pytest.mark.usefixtures("home")
RULES = ("EV170", "EV171", "EV172", "EV174", "EV175", "EV180")


@pytest.fixture
def sets(tmp_path: pathlib.Path) -> Sets:
    return Sets(tmp_path, RULES)


def said(found: list[Finding]) -> list[str]:
    return [f"{one.rule} {one.severity}" for one in found]


def test_a_package_without_code_for_a_card_is_an_error_with_what_it_has(sets: Sets) -> None:
    sets.add("app", a=elf(container(entry(80), entry(86)), needs=["libcudart.so.12"]))
    (found,) = sets.proved('gpu = ["RTX 5090"]\ndriver = "570"')
    assert said([found]) == ["EV170 error"]
    assert "app 1.0 has no code that starts on sm_120 (RTX 5090)" in found.message
    assert "its machine code is for sm_80, sm_86; it has no PTX" in found.message
    assert "CUDA 12.8 or newer" in found.hint


def test_one_file_of_a_package_that_serves_the_card_is_enough(sets: Sets) -> None:
    sets.add("app", main=elf(container(entry(90))), few=elf(container(entry(80))))
    assert sets.proved('gpu = ["sm_90"]\ndriver = "550"') == []


def test_what_nobody_asked_for_is_a_warning_where_something_else_computes(sets: Sets) -> None:
    sets.add("app", requires=("extra",), a=elf(container(entry(70))))
    sets.add("extra", a=elf(container(entry(80))))
    assert said(sets.proved('gpu = ["V100"]\ndriver = "550"', "app")) == ["EV170 warning"]
    assert said(sets.proved('gpu = ["V100"]\ndriver = "550"', "app", "extra")) == ["EV170 error"]


def test_what_others_are_linked_with_is_an_error(sets: Sets) -> None:
    sets.add("app", requires=("lib",), a=elf(container(entry(70)), needs=["libbase.so"]))
    sets.add("lib", a=elf(container(entry(80)), soname="libbase.so"))
    assert said(sets.proved('gpu = ["V100"]\ndriver = "550"', "app")) == ["EV170 error"]


def test_what_cannot_be_told_is_information(sets: Sets) -> None:
    sets.add("app", a=elf(container(entry(80), entry(90, kind=99))))
    (found,) = sets.proved('gpu = ["sm_90"]\ndriver = "550"')
    assert said([found]) == ["EV174 info"]
    assert "cannot be told" in found.message


def test_nvidias_libraries_that_dropped_a_card_are_an_error_where_they_are_all(sets: Sets) -> None:
    sets.add("cuda-core", a=elf(texts=b"libcuda.so.1\0"))
    sets.add("nvidia-cuda-nvrtc", "13.0.88")
    (found,) = sets.proved('gpu = ["V100"]\ndriver = "580"')
    assert "the libraries and compilers of CUDA 13 are for cards from sm_75 on" in found.message
    sets.add("nvidia-cuda-nvrtc-cu12", "12.9.86")
    assert sets.proved('gpu = ["V100"]\ndriver = "580"') == []


def test_a_driver_older_than_cuda_wants_names_who_raises_it(sets: Sets) -> None:
    sets.add("app", a=elf(container(entry(90)), needs=["libcudart.so.13"]))
    sets.add("more", a=elf(container(entry(90)), needs=["libcudart.so.13"]))
    sets.add("old", a=elf(container(entry(90)), needs=["libcudart.so.12"]))
    (found,) = sets.proved('gpu = ["sm_90"]\ndriver = "535"')
    assert said([found]) == ["EV171 error"]
    assert "app 1.0 wants driver 580.65.06 or newer" in found.message
    assert "libcudart.so.13" in found.message
    assert "so does more 1.0" in found.message
    assert "made with CUDA 12" in found.hint
    assert sets.proved('gpu = ["sm_90"]\ndriver = "580"') == []


def test_ptx_alone_wants_the_driver_of_its_release(sets: Sets) -> None:
    code = container(entry(80, PTX, language=(8, 7)))
    sets.add("app", a=elf(code, needs=["libcudart.so.12"]))
    (found,) = sets.proved('gpu = ["sm_90"]\ndriver = "550"')
    assert "must be compiled by the driver" in found.message
    assert sets.proved('gpu = ["sm_90"]\ndriver = "570"') == []


def test_a_driver_may_be_older_where_the_base_brings_its_own(sets: Sets) -> None:
    sets.add("app", a=elf(container(entry(90)), needs=["libcudart.so.13"]))
    (found,) = sets.proved('gpu = ["sm_90"]\ndriver = "535"\n[base]\nimage = "nvidia/cuda:13.0-base"')
    assert said([found]) == ["EV171 warning"]


def test_boards_bring_their_driver(sets: Sets) -> None:
    sets.add("app", a=elf(container(entry(87)), needs=["libcudart.so.13"]))
    assert sets.proved('gpu = ["Jetson Orin Nano"]\ndriver = "540"') == []


def test_a_build_for_processors_is_named_with_what_it_lacks(sets: Sets) -> None:
    sets.add("torch", "2.9.1", a=elf())
    (found,) = sets.proved('gpu = ["sm_90"]', head='machine = "aarch64"')
    assert said([found]) == ["EV172 error"]
    assert "torch 2.9.1 for aarch64 has no libtorch_cuda.so" in found.message
    assert "from 2.11 on" in found.hint


def test_jaxlib_wants_a_plugin(sets: Sets) -> None:
    sets.add("jaxlib", "0.6.2", a=elf())
    (found,) = sets.proved('gpu = ["sm_90"]\ndriver = "550"')
    assert "jax_plugins" in found.message
    assert "jax[cuda12]==0.6.2" in found.hint
    sets.add("jax-cuda12-pjrt", "0.6.2", a=elf(container(entry(90))))
    assert sets.proved('gpu = ["sm_90"]\ndriver = "550"') == []


def test_a_file_that_says_it_has_no_cuda_is_quoted(sets: Sets) -> None:
    sets.add("ctranslate2", "4.6.0", a=elf(texts=b"This package was not compiled with CUDA support\0"))
    (found,) = sets.proved('gpu = ["sm_90"]\ndriver = "550"', head='machine = "aarch64"')
    assert 'it says so itself: "not compiled with CUDA"' in found.message


def test_a_set_that_has_nothing_to_do_with_cards_is_an_error_where_one_is_meant(sets: Sets) -> None:
    sets.add("flask")
    (found,) = sets.proved('gpu = ["sm_90"]\ndriver = "550"')
    assert said([found]) == ["EV172 error"]
    assert "nothing in the set can use one: no file of flask" in found.message


@pytest.mark.parametrize("texts", [b"libcuda.so.1\0", b"libOpenCL.so.1\0", b"libvulkan.so.1\0"])
def test_what_opens_a_driver_may_use_a_card(sets: Sets, texts: bytes) -> None:
    sets.add("app", a=elf(texts=texts))
    assert sets.proved('gpu = ["sm_90"]\ndriver = "550"') == []


def test_another_way_to_a_card_may_be_brought_along(sets: Sets) -> None:
    sets.add("app", a=elf(needs=["libOpenCL-0123abcd.so.1.0.0"]))
    assert sets.proved('gpu = ["sm_90"]\ndriver = "550"') == []


def test_python_that_opens_a_driver_may_use_a_card(sets: Sets) -> None:
    files: dict[str, str | bytes] = {"tiny/__init__.py": "import ctypes\nname = 'libcuda.so'\n"}
    sets.wheels.append(wheel(sets.folder, "tiny", files=files))
    assert sets.proved('gpu = ["sm_90"]\ndriver = "550"') == []


def test_a_framework_for_processors_beside_one_for_cards_is_worth_a_warning(sets: Sets) -> None:
    sets.add("torch", a=elf())
    sets.add("onnxruntime", a=elf())
    sets.add("app", a=elf(container(entry(90))))
    found = sets.proved('gpu = ["sm_90"]\ndriver = "550"')
    assert {(one.where, str(one.severity)) for one in found} == {
        ("torch", "warning"),
        ("onnxruntime", "info"),
    }


def test_libraries_for_cards_are_counted_where_none_is_meant(sets: Sets) -> None:
    sets.add("torch", a=elf(container(entry(80))) + bytes(60_000_000))
    sets.add("nvidia-cublas-cu12", "12.4.5.8", a=bytes(70_000_000))
    (found,) = sets.proved("gpu = []")
    assert said([found]) == ["EV175 warning"]
    assert (
        "130.0 MB of the set are for cards alone: nvidia-cublas-cu12 70.0 MB, torch 60.0 MB" in found.message
    )
    assert "index" in found.hint


def test_what_is_left_open_is_said(sets: Sets) -> None:
    sets.add("app", a=elf(container(entry(90)), needs=["libcudart.so.12"]))
    (found,) = sets.proved("")
    assert said([found]) == ["EV174 info"]
    assert "app 1.0 has code for sm_90; driver 525.60.13 is the oldest that runs it" in found.message
    (found,) = sets.proved('gpu = ["sm_90"]')
    assert "[target] driver is left open" in found.message


def test_a_set_without_code_for_cards_leaves_nothing_open(sets: Sets) -> None:
    sets.add("app", a=elf())
    assert sets.proved("") == []
