"""Libraries that are the driver's, and NVIDIA's that wheels bring."""

import pytest

from envspec.proof.nvidia.driver import is_driver_library, is_driver_symbol
from envspec.proof.nvidia.libraries import cuda_library, distribution, is_optional


@pytest.mark.parametrize(
    "soname",
    [
        "libcuda.so.1", "libnvidia-ml.so.1", "libnvcuvid.so.1", "libnvidia-encode.so.1", "libnvoptix.so.1",
        "libnvidia-cfg.so.1", "libnvidia-ptxjitcompiler.so.1", "libnvidia-nvvm.so.4", "libcudadebugger.so.1",
        "libnvidia-opticalflow.so.1", "libGLX_nvidia.so.0", "libEGL_nvidia.so.0", "libcuda.so",
    ],
)  # fmt: skip
def test_the_driver_s(soname: str) -> None:
    assert is_driver_library(soname)
    assert cuda_library(soname) is None


@pytest.mark.parametrize(
    "soname", ["libcudart.so.12", "libcublas.so.12", "libGL.so.1", "libcudnn.so.9", "libnvrtc.so.12"]
)
def test_not_the_driver_s(soname: str) -> None:
    assert not is_driver_library(soname)


def test_names_that_the_driver_defines() -> None:
    assert is_driver_symbol("cuLaunchKernel")
    assert is_driver_symbol("nvmlInit_v2")
    assert not is_driver_symbol("cudaMalloc")
    assert not is_driver_symbol("cublasCreate_v2")


@pytest.mark.parametrize(
    ("soname", "cuda"),
    [
        ("libcudart.so.11.0", 11), ("libcublas.so.12", 12), ("libnvrtc.so.11.2", 11), ("libcufft.so.10", 11),
        ("libcufft.so.12", 13), ("libcusparse.so.12", 0), ("libcusolver.so.11", 0), ("libcusolver.so.12", 13),
        ("libcurand.so.10", 0), ("libcudnn.so.9", 0), ("libcublas.so", 0),
    ],
)  # fmt: skip
def test_the_cuda_that_a_name_tells(soname: str, cuda: int) -> None:
    library = cuda_library(soname)
    assert library is not None
    assert library.cuda == cuda


def test_the_distribution_that_brings_a_library() -> None:
    blas, cudnn = cuda_library("libcublasLt.so.13"), cuda_library("libcudnn_graph.so.9")
    assert blas is not None
    assert cudnn is not None
    assert distribution(blas, 13) == "nvidia-cublas"
    assert distribution(blas, 12) == "nvidia-cublas-cu12"
    assert distribution(cudnn, 13) == "nvidia-cudnn-cu13"


def test_what_packages_do_without() -> None:
    assert all(
        map(
            is_optional,
            ("libnvinfer.so.10", "libtbb.so.12", "libgomp.so.1.0.0", "libmpi.so.40"),
        )
    )
    assert is_optional("libavutil.so.56", "torio/lib/_torio_ffmpeg4.so")
    assert not is_optional("libavutil.so.56", "torchcodec/libtorchcodec_core4.so")
    assert not any(map(is_optional, ("libgomp.so.1", "libGL.so.1", "libcublas.so.12")))
