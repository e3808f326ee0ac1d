"""EV179: plugins and builds that belong to another host."""

import contextlib
import pathlib
from collections.abc import Mapping

import pytest

from envspec.proof.gpu import preload
from envspec.proof.gpu.plugins import plugin_findings, torch_cuda
from envspec.supply.wheel import Wheel
from envspec.system.finding import Finding, Severity
from tests.support.wheels import wheel

TORCH = {"torch/version.py": "__version__ = '2.8.0+cu128'\ncuda: Optional[str] = '12.8'\nhip = None\n"}
PICKS = 'def path(version):\n    return f"libbits_cuda{version}.so"\n'
LOOKS = 'def path(version):\n    return sorted(HERE.glob("libbits_cuda*.so"))[-1]\n'
CHECK = "if _parse_version(jaxlib_version) != _parse_version(plugin_version):\n    warn()\n"


def found(
    folder: pathlib.Path,
    packages: Mapping[str, tuple[str, Mapping[str, str]]],
    *,
    gpu: tuple[str, ...] | None = ("sm_90",),
    environment: Mapping[str, str] | None = None,
) -> list[Finding]:
    with contextlib.ExitStack() as stack:
        wheels = {
            name: stack.enter_context(Wheel(wheel(folder, name, version, files=files)))
            for name, (version, files) in packages.items()
        }
        versions = {name: version for name, (version, _) in packages.items()}
        return list(plugin_findings(wheels, versions, gpu=gpu, environment=environment or {}))


def bits(code: str, *releases: int) -> tuple[str, Mapping[str, str]]:
    return "0.44.1", {"bits/pick.py": code, **{f"bits/libbits_cuda{n}.so": "" for n in releases}}


@pytest.mark.parametrize(
    ("code", "releases", "fits"),
    [
        (PICKS, (118, 121, 128), True),
        (PICKS, (118, 121, 125), False),
        (LOOKS, (118, 121, 125), True),
        (LOOKS, (117, 118), False),
        (PICKS, (118,), True),
    ],
)
def test_a_file_for_each_cuda_must_be_there_for_that_of_torch(
    tmp_path: pathlib.Path, code: str, releases: tuple[int, ...], fits: bool
) -> None:
    findings = found(tmp_path, {"torch": ("2.8.0", TORCH), "bits": bits(code, *releases)})
    assert [finding.rule for finding in findings] == ([] if fits else ["EV179"])
    if not fits:
        assert findings[0].severity == Severity.ERROR
        assert "none for 12.8, that of torch 2.8.0" in findings[0].message


def test_a_variable_may_choose_another_and_without_cards_it_weighs_less(tmp_path: pathlib.Path) -> None:
    packages = {"torch": ("2.8.0", TORCH), "bits": bits(PICKS, 118, 121)}
    assert found(tmp_path, packages, environment={"BITS_CUDA_VERSION": "121"}) == []
    assert found(tmp_path, packages, gpu=()) == []
    (finding,) = found(tmp_path, packages, gpu=None)
    assert finding.severity == Severity.WARNING


def test_a_plugin_of_jax_of_another_version_is_not_used(tmp_path: pathlib.Path) -> None:
    jaxlib = ("0.6.2", {"jaxlib/plugin_support.py": CHECK})
    (finding,) = found(
        tmp_path, {"jaxlib": jaxlib, "jax-cuda12-plugin": ("0.6.0", {"p/__init__.py": "x = 1\n"})}
    )
    assert (finding.rule, finding.hint) == ("EV179", "pin jax-cuda12-plugin==0.6.2, or jax and jaxlib 0.6.0")
    assert (
        found(tmp_path, {"jaxlib": jaxlib, "jax-cuda12-plugin": ("0.6.2", {"p/__init__.py": "x = 1\n"})})
        == []
    )
    (alone,) = found(tmp_path, {"jax-cuda12-plugin": ("0.6.2", {"p/__init__.py": "x = 1\n"})})
    assert "not in the set" in alone.message


@pytest.mark.parametrize(
    ("version", "severity"),
    [
        ("0.16.0+cu118", Severity.ERROR),
        ("0.16.0+cpu", Severity.WARNING),
        ("0.16.0+cu121", None),
        ("0.16.0", None),
    ],
)
def test_builds_that_name_another_cuda_than_torch(
    tmp_path: pathlib.Path, version: str, severity: Severity | None
) -> None:
    packages = {"torch": ("2.8.0", TORCH), "torchvision": (version, {"torchvision/__init__.py": "x = 1\n"})}
    assert [finding.severity for finding in found(tmp_path, packages)] == ([severity] if severity else [])


def test_the_cuda_of_torch() -> None:
    assert torch_cuda(TORCH["torch/version.py"]) == (12, 8)
    assert torch_cuda("cuda = '11.8'\n") == (11, 8)
    assert torch_cuda("cuda: Optional[str] = None\n") is None
    assert torch_cuda("") is None


@pytest.mark.parametrize(
    ("text", "loads"),
    [
        ('ctypes.CDLL(os.path.join(path, "nvidia", "cublas", "lib"))', True),
        ("from cuda.pathfinder import load_nvidia_dynamic_lib", True),
        ("ctypes.CDLL(name)  # see https://developer.nvidia.com/cudnn", False),
        ('FOLDER = os.path.join(path, "nvidia")', False),
    ],
)
def test_python_that_opens_libraries_by_their_place(tmp_path: pathlib.Path, text: str, loads: bool) -> None:
    with Wheel(wheel(tmp_path, "demo", files={"demo/__init__.py": text})) as opened:
        assert preload.preloads(opened) is loads
