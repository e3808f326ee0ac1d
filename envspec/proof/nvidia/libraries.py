"""NVIDIA's own libraries by name: which CUDA each belongs to, and which wheel has it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

_SONAME = re.compile(r"lib([A-Za-z][A-Za-z0-9_]*?)\.so(?:\.([\d.]+))?")

# Source: CUDA Toolkit EULA, attachment A (what may be redistributed), and the files of the wheels that
# NVIDIA publishes; name of the library to the wheel's name without `nvidia-` and `-cuNN`.
_TOOLKIT: Mapping[str, str] = {
    "cudart": "cuda-runtime", "cublas": "cublas", "cublasLt": "cublas", "cufft": "cufft", "curand": "curand",
    "cusolver": "cusolver", "cusparse": "cusparse", "nvrtc": "cuda-nvrtc", "nvJitLink": "nvjitlink",
    "nvjpeg": "nvjpeg", "cupti": "cuda-cupti", "nppc": "npp", "nppial": "npp", "nppicc": "npp",
    "nppidei": "npp", "nppif": "npp", "nppig": "npp", "nppim": "npp", "nppist": "npp", "nppisu": "npp",
    "nppitc": "npp", "npps": "npp",
}  # fmt: skip
_BESIDE: Mapping[str, str] = {"cudnn": "cudnn", "nccl": "nccl", "cusparseLt": "cusparselt",
                              "nvshmem_host": "nvshmem", "cufile": "cufile"}  # fmt: skip

# The number behind `.so` where it is not that of CUDA itself. Source: the release notes of CUDA 11.0, 12.0
# and 13.0, "library versions"; a number that several releases share says nothing.
_RELEASES: Mapping[str, Mapping[str, int]] = {
    "cufft": {"10": 11, "11": 12, "12": 13},
    "cusparse": {"11": 11},
    "cusolver": {"12": 13},
    "curand": {},
}

# Loaded where they are there, done without where they are not: TensorRT and cuTENSOR by frameworks that ask
# for them, transports of NCCL, NVSHMEM and cuFile by clusters, threading layers of numba, SoX by a backend of
# torchaudio. Source: the documentation of each.
_OPTIONAL = re.compile(
    r"lib(?:nvinfer\w*|nvonnxparser\w*|cutensor\w*|mlx5|ibverbs|rdmacm|efa|uc[mpst]|mpi\w*|pmix|oshmem|fabric|sox"
    r"|tbb|gdrapi)\.so(?:\.\d+)*|libgomp\.so\.1\.0\.0"
)
# FFmpeg is a must for whoever decodes with it, and one of several backends of torchaudio. Source: its page
# "Installation", "optional dependencies".
_FFMPEG = re.compile(r"lib(?:av\w+|sw\w+|postproc)\.so(?:\.\d+)*")
_BACKENDS = ("torio/", "torchaudio/")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CudaLibrary:
    """One of NVIDIA's libraries, as a file asks for it."""

    soname: str
    family: str
    """Its name without `lib` and number, such as `cublas`; the parts of cuDNN are `cudnn`."""
    number: str
    """What stands behind `.so`, such as `12` or `11.0`; empty where nothing does."""
    toolkit: bool
    """Whether it belongs to the CUDA toolkit, whose major it then follows."""

    @property
    def cuda(self) -> int:
        """The major of CUDA that it belongs to; 0 where its name does not tell."""
        first = self.number.partition(".")[0]
        if not self.toolkit or not first:
            return 0
        if self.family in _RELEASES:
            return _RELEASES[self.family].get(first, 0)
        return int(first)


def cuda_library(soname: str) -> CudaLibrary | None:
    """What a soname means; None for a library that is not one of those that CUDA programs compute with."""
    matched = _SONAME.fullmatch(soname)
    if matched is None:
        return None
    family = "cudnn" if matched[1].startswith("cudnn_") else matched[1]
    if family not in _TOOLKIT and family not in _BESIDE:
        return None
    return CudaLibrary(soname=soname, family=family, number=matched[2] or "", toolkit=family in _TOOLKIT)


def cuda_of_soname(soname: str) -> int:
    """The major of CUDA that a library belongs to by its name; 0 where that does not tell."""
    library = cuda_library(soname)
    return library.cuda if library else 0


def is_optional(soname: str, file: str = "") -> bool:
    """Whether packages are known to do without the library, or the package of `file` is."""
    if file.startswith(_BACKENDS) and _FFMPEG.fullmatch(soname):
        return True
    return _OPTIONAL.fullmatch(soname) is not None


def distribution(library: CudaLibrary, cuda: int) -> str:
    """The distribution that brings a library for a major of CUDA, such as `nvidia-cublas-cu12`.

    From CUDA 13 on those of the toolkit are called without it.
    """
    stem = {**_TOOLKIT, **_BESIDE}[library.family]
    return f"nvidia-{stem}" if library.toolkit and cuda >= 13 else f"nvidia-{stem}-cu{cuda or 12}"
