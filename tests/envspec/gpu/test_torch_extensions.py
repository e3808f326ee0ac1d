"""EV178: extensions that were built for another torch."""

from collections.abc import Mapping, Sequence

import pytest

from envspec.proof.abi.binary import Binary
from envspec.proof.gpu.torch_extensions import extension_findings, misfits
from envspec.system.finding import Finding, Severity
from tests.envspec.gpu.binaries import compiled

HERE, GONE = "_ZN3c104cuda9SetDeviceEab", "_ZN3c104cuda9SetDeviceEa"
TORCH = compiled("torch/lib/libc10.so", soname="libc10.so", defines=(HERE, "aoti_torch_old"))


def extension(path: str = "ext/_C.so", *uses: str, needed: tuple[str, ...] = ("libc10.so",)) -> Binary:
    return compiled(path, needed=needed, uses=uses)


def found(
    files: Sequence[Binary],
    *,
    torch: Sequence[Binary] = (TORCH,),
    gpu: tuple[str, ...] | None = ("sm_90",),
    pin: str = "",
) -> list[Finding]:
    binaries: Mapping[str, Sequence[Binary]] = {"torch": torch, "ext": files}
    versions = {"torch": "2.8.0", "ext": "1.0"}
    return list(extension_findings(misfits(binaries), versions, binaries, gpu=gpu, built_for=lambda _: pin))


def test_a_name_that_the_locked_torch_has_not() -> None:
    (finding,) = found([extension("ext/_C.so", HERE, GONE)], pin="==2.7.0")
    assert (finding.rule, finding.severity) == ("EV178", Severity.ERROR)
    assert "ext 1.0 was built for another torch than torch 2.8.0" in finding.message
    assert "SetDevice" in finding.message
    assert "torch==2.7.0" in finding.hint
    assert found([extension("ext/_C.so", HERE)]) == []


def test_without_a_card_it_is_a_warning() -> None:
    (finding,) = found([extension("ext/_C.so", GONE)], gpu=None)
    assert finding.severity == Severity.WARNING


def test_names_of_other_namespaces_and_of_files_that_are_not_linked_with_torch_say_nothing() -> None:
    assert found([extension("ext/_C.so", "_ZN6vision3nmsEv", "cudaMalloc", "_ZSt4copyN3c10E")]) == []
    assert found([extension("ext/_bridge.so", "aoti_torch_new", needed=())]) == []


def test_names_of_the_stable_interface_tell_the_oldest_torch() -> None:
    (finding,) = found([extension("ext/_C.abi3.so", "aoti_torch_old", "aoti_torch_new")])
    assert "aoti_torch_new" in finding.message
    assert "aoti_torch_old" not in finding.message


def test_files_for_several_versions_of_torch_want_one_that_fits() -> None:
    assert found([extension("ext/_C_torch26.so", GONE), extension("ext/_C_torch28.so", HERE)]) == []
    assert len(found([extension("ext/_C_torch26.so", GONE), extension("ext/_C_torch27.so", GONE)])) == 1


def test_a_library_of_torch_that_this_build_has_not() -> None:
    (finding,) = found([extension("ext/_C.so", HERE, needed=("libc10.so", "libtorch_cuda.so"))])
    assert "libtorch_cuda.so" in finding.message
    assert found([extension("ext/_C.so", HERE, needed=("libc10.so", "libtorch_cuda.so"))], gpu=()) == []


def test_files_for_other_cards_are_passed_over() -> None:
    assert found([extension("ext/_C.so", GONE, needed=("libc10.so", "libc10_hip.so"))]) == []


def test_without_torch_or_what_it_defines_there_is_nothing_to_say() -> None:
    assert found([extension("ext/_C.so", GONE)], torch=()) == []
    unknown = compiled("torch/lib/libc10.so", soname="libc10.so")
    assert found([extension("ext/_C.so", GONE)], torch=(unknown,)) == []


@pytest.mark.parametrize(
    ("uses", "defines", "said"),
    [
        ("_ZN3c105ErrorC1ESsSs", "_ZN3c106stoiidERKNSt7__cxx1112basic_stringIcEE", "_ABI=0"),
        ("_ZN3c105ErrorC1ENSt7__cxx1112basic_stringIcEE", "_ZN3c105ErrorC1ESsSs", "_ABI=1"),
    ],
)
def test_the_other_abi_of_strings_is_said_so(uses: str, defines: str, said: str) -> None:
    torch = compiled("torch/lib/libc10.so", soname="libc10.so", defines=(defines,))
    (finding,) = found([extension("ext/_C.so", uses)], torch=[torch])
    assert said in finding.message
