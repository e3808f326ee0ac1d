"""EV173, EV176, EV177: libraries of CUDA that are missing, of another CUDA, or on no path."""

from collections.abc import Mapping, Sequence

import pytest

from envspec.proof.abi.base import NamedBase
from envspec.proof.abi.binary import Binary
from envspec.proof.gpu.libraries import CudaSet, library_findings
from envspec.proof.gpu.serving import Surroundings
from envspec.system.finding import Finding, Severity
from tests.envspec.gpu.binaries import compiled, vendor

CARD = ("sm_90",)
SITE = {"LD_LIBRARY_PATH": "{site}/nvidia/cublas/lib"}

TRANSLATOR = compiled("translate.libs/libtranslate-1a2b.so.4", opens=("libcublas.so.12",))
BLAS_12 = vendor("cublas", "libcublas.so.12")
BLAS_13 = vendor("cu13", "libcublas.so.13")


def found(
    binaries: Mapping[str, Sequence[Binary]],
    *,
    gpu: tuple[str, ...] | None = CARD,
    environment: Mapping[str, str] | None = None,
    requires: Mapping[str, Sequence[str]] | None = None,
    preloads: tuple[str, ...] = (),
    cuda_base: bool = False,
    extra: str = "",
) -> list[Finding]:
    around = Surroundings(
        environment=environment or {},
        requires=requires or {},
        preloads=lambda package: package in preloads,
        cuda_base=cuda_base,
    )
    versions = dict.fromkeys(binaries, "1.0")
    return list(
        library_findings(
            CudaSet(
                binaries=binaries, versions=versions, base=NamedBase(), around=around, gpu=gpu,
                cuda_extra=lambda _: extra,
            )
        )
    )  # fmt: skip


def test_a_library_for_another_cuda_names_both_and_who_brings_which() -> None:
    (finding,) = found({"translate": [TRANSLATOR], "nvidia-cublas": [BLAS_13]})
    assert (finding.rule, finding.severity) == ("EV173", Severity.ERROR)
    assert "translate 1.0 opens libcublas.so.12, of CUDA 12" in finding.message
    assert "nvidia-cublas 1.0 brings libcublas.so.13, of CUDA 13" in finding.message
    assert '"nvidia-cublas-cu12"' in finding.hint


def test_two_releases_of_cuda_that_each_have_their_own_are_fine() -> None:
    other = compiled("other/_c.so", needed=("libcublas.so.13",), runpath=("$ORIGIN/../nvidia/cu13/lib",))
    sets = {
        "translate": [TRANSLATOR],
        "other": [other],
        "nvidia-cublas": [BLAS_13],
        "nvidia-cublas-cu12": [BLAS_12],
    }
    assert found(sets, environment=SITE) == []


def test_a_library_that_nothing_brings() -> None:
    (finding,) = found({"translate": [TRANSLATOR]})
    assert (finding.rule, finding.severity) == ("EV176", Severity.ERROR)
    assert finding.hint == 'add "nvidia-cublas-cu12" to a stage'
    (finding,) = found({"translate": [TRANSLATOR]}, extra="cuda")
    assert '"translate[cuda]"' in finding.hint


@pytest.mark.parametrize(("gpu", "severities"), [(None, [Severity.INFO]), ((), []), (CARD, [Severity.ERROR])])
def test_how_much_it_weighs_depends_on_the_cards_that_are_meant(
    gpu: tuple[str, ...] | None, severities: list[Severity]
) -> None:
    assert [finding.severity for finding in found({"translate": [TRANSLATOR]}, gpu=gpu)] == severities


def test_of_names_for_several_versions_one_is_enough() -> None:
    both = compiled("translate/lib.so", opens=("libcublas.so.11", "libcublas.so.12"))
    assert found({"translate": [both], "nvidia-cublas-cu12": [BLAS_12]}, environment=SITE) == []


def test_names_without_a_number_and_what_serves_clusters_say_nothing() -> None:
    weak = compiled("translate/lib.so", opens=("libcublas.so", "libnccl.so.2", "libcufile.so.0"))
    assert found({"translate": [weak]}) == []


def test_builds_for_each_cuda_want_one_that_loads() -> None:
    builds = [compiled(f"many/libmany_cuda{n}.so", needed=(f"libcublas.so.{n}",)) for n in (11, 12)]
    assert found({"many": builds, "nvidia-cublas-cu12": [BLAS_12]}, environment=SITE) == []
    (finding,) = found({"many": builds, "nvidia-cublas": [BLAS_13]})
    assert finding.rule == "EV173"


def test_what_wraps_a_library_beside_the_toolkit_is_loaded_when_that_is_there() -> None:
    bindings = [compiled(f"array/libs/{name}.so", needed=(f"lib{name}.so.2",)) for name in ("cudnn", "nccl")]
    assert found({"array": bindings}) == []
    assert found({"array": [compiled("array/core.so", needed=("libcudnn.so.9",))]}) != []


def test_a_file_that_needs_what_is_optional_and_away_is_never_loaded() -> None:
    plugin = compiled("run/libproviders_tensorrt.so", needed=("libnvinfer.so.10", "libcublas.so.12"))
    assert found({"run": [plugin]}) == []


def test_a_library_on_no_search_path_names_the_line_to_add() -> None:
    linked = compiled("array/core.so", needed=("libcublas.so.12", "libcudart.so.12"))
    sets = {
        "array": [linked],
        "nvidia-cublas-cu12": [BLAS_12],
        "nvidia-cuda-runtime-cu12": [vendor("cuda_runtime", "libcudart.so.12")],
    }
    (finding,) = found(sets)
    assert (finding.rule, finding.severity) == ("EV177", Severity.ERROR)
    line = '[env] LD_LIBRARY_PATH = "{site}/nvidia/cublas/lib:{site}/nvidia/cuda_runtime/lib"'
    assert finding.hint.startswith(line)
    path = line.partition('"')[2].rstrip('"')
    assert found(sets, environment={"LD_LIBRARY_PATH": path}) == []
    prefixed = path.replace("{site}", "{prefix}/lib/python3.12/site-packages")
    assert found(sets, environment={"LD_LIBRARY_PATH": prefixed}) == []
    (finding,) = found(sets, environment=SITE)
    assert '"{site}/nvidia/cublas/lib:{site}/nvidia/cuda_runtime/lib"' in finding.hint


def test_the_line_has_the_folders_of_what_those_libraries_need_themselves() -> None:
    solver = compiled(
        "nvidia/cusolver/lib/libcusolver.so.11", soname="libcusolver.so.11", needed=("libcublas.so.12",)
    )
    sets = {
        "array": [compiled("array/core.so", needed=("libcusolver.so.11",))],
        "nvidia-cusolver-cu12": [solver],
        "nvidia-cublas-cu12": [BLAS_12],
    }
    (finding,) = found(sets)
    assert '"{site}/nvidia/cusolver/lib:{site}/nvidia/cublas/lib"' in finding.hint


@pytest.mark.parametrize("requires", [(), ("torch",)])
def test_what_another_package_loads_first_is_known_to_the_process(requires: tuple[str, ...]) -> None:
    torch = compiled(
        "torch/lib/libtorch_cuda.so",
        needed=("libcublas.so.12",),
        runpath=("$ORIGIN/../../nvidia/cublas/lib",),
    )
    sets = {"translate": [TRANSLATOR], "torch": [torch], "nvidia-cublas-cu12": [BLAS_12]}
    findings = found(sets, requires={"translate": requires})
    if requires:
        assert findings == []
        return
    (finding,) = findings
    assert (finding.rule, finding.severity) == ("EV177", Severity.WARNING)
    assert "unless torch is imported first" in finding.message


def test_python_that_opens_the_libraries_by_their_place_counts() -> None:
    linked = compiled("array/core.so", needed=("libcublas.so.12",))
    sets = {"array": [linked], "finder": [], "nvidia-cublas-cu12": [BLAS_12]}
    assert found(sets, requires={"array": ("finder",)}, preloads=("finder",)) == []
    assert found(sets, preloads=("array",)) == []
    assert found(sets, preloads=("finder",)) == []  # linked, and whoever imports the other first is right


def test_a_base_that_may_have_it_leaves_it_open() -> None:
    assert found({"translate": [TRANSLATOR]}, cuda_base=True) == []
    assert found({"translate": [TRANSLATOR]}, environment={"LD_LIBRARY_PATH": "/usr/local/cuda/lib64"}) == []


def test_a_run_path_into_wheels_that_are_not_there() -> None:
    flow = compiled(
        "flow/libflow.so.2", runpath=("$ORIGIN/../nvidia/cublas/lib", "$ORIGIN/../nvidia/cuda_runtime/lib")
    )
    (finding,) = found({"flow": [flow]}, extra="and-cuda")
    assert (finding.rule, finding.severity) == ("EV176", Severity.ERROR)
    assert '"flow[and-cuda]"' in finding.hint
    assert found({"flow": [flow], "nvidia-cublas-cu12": [BLAS_12]}) == []


def test_tests_of_packages_and_nvidia_themselves_are_passed_over() -> None:
    aside = compiled("many/tests/libx.so", needed=("libcublas.so.12",))
    own = compiled("nvidia/cusolver/lib/libcusolver.so.11", needed=("libcublas.so.12",))
    assert found({"many": [aside], "nvidia-cusolver-cu12": [own]}) == []
