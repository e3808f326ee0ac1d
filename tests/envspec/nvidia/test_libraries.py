"""NVIDIA's libraries by name: the CUDA that they belong to, and the wheel that has them."""

import pytest

from envspec.proof.nvidia.files import is_nvidia_file, vendor_family
from envspec.proof.nvidia.libraries import cuda_library, cuda_of_soname, distribution
from envspec.proof.nvidia.releases import cuda_of


@pytest.mark.parametrize(
    ("soname", "cuda"),
    [
        ("libcudart.so.11.0", 11),
        ("libcublasLt.so.13", 13),
        ("libcufft.so.11", 12),  # counts otherwise than CUDA does
        ("libcusolver.so.11", 0),  # that of CUDA 11 and of CUDA 12
        ("libcusolver.so.12", 13),
        ("libcudnn.so.9", 0),
        ("libpng16.so.16", 0),
    ],
)
def test_which_cuda_a_library_belongs_to(soname: str, cuda: int) -> None:
    assert cuda_of_soname(soname) == cuda


@pytest.mark.parametrize(
    ("soname", "cuda", "name"),
    [
        ("libcublas.so.12", 12, "nvidia-cublas-cu12"),
        ("libcublas.so.13", 13, "nvidia-cublas"),
        ("libcudnn_ops.so.9", 13, "nvidia-cudnn-cu13"),
    ],
)
def test_which_wheel_has_a_library(soname: str, cuda: int, name: str) -> None:
    library = cuda_library(soname)
    assert library
    assert distribution(library, cuda) == name


@pytest.mark.parametrize(
    ("name", "version", "cuda"),
    [
        ("nvidia-cublas-cu12", "12.4.5.8", 12),
        ("nvidia-cublas", "13.1.0.3", 13),
        ("nvidia-cufft", "12.0.0.61", 13),
        ("nvidia-curand", "10.4.0.35", 0),  # its number does not tell
        ("nvidia-ml-py", "12.560.30", None),
        ("numpy", "2.2.6", None),
    ],
)
def test_which_cuda_a_distribution_of_nvidias_is_of(name: str, version: str, cuda: int | None) -> None:
    assert cuda_of(name, version) == cuda


def test_files_of_others_that_carry_along_a_library_are_known_as_well() -> None:
    assert is_nvidia_file("ctranslate2.libs/libcudart-9335f6a2.so.12.0.107")
    assert not is_nvidia_file("torch/lib/libtorch_cuda.so")
    assert vendor_family("nvidia/cublas/lib/libcublasLt.so.12") == "cublas"
    assert vendor_family("torch/lib/libtorch_cuda.so") == ""
