"""NVIDIA's own libraries as files: they are judged by their release, so that nobody has to read them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

_FILE = re.compile(
    r"lib(?:cudart|cudnn\w*|cublas\w*|cufft\w*|curand|cusolver\w*|cusparse\w*|nccl|nvrtc\w*|nvrtc-builtins|nvJitLink"
    r"|nvjpeg\w*|npp\w+|nvinfer\w*|nvonnxparser\w*|cutensor\w*|nvshmem\w*|cufile\w*|cupti|nvperf\w*|nvToolsExt|nvtx\w*"
    r"|nvvm|nvfatbin|nvblas|custatevec|checkpoint|pcsamplingutil|cuinj\w*)(?:[-.][0-9a-f]{8,})?\.so[.\d]*"
)
"""Their files; `auditwheel` puts a digest into the names of those that others bring along."""


def is_nvidia_file(path: str) -> bool:
    """Whether a file is one of NVIDIA's libraries, in a distribution of whosoever."""
    return bool(_FILE.fullmatch(posixpath.basename(path)))


_SYMBOLS: Mapping[str, str] = {
    r"cublas(?:Lt)?": "cublas",
    r"cudnn(?:_\w+)?": "cudnn",
    r"cufftw?": "cufft",
    r"curand": "curand",
    r"cusolver(?:Mg)?": "cusolver",
    r"cusparse(?:Lt)?": "cusparse",
    r"npp\w*": "npp",
    r"nvjpeg(?:2k)?": "nvjpeg",
    r"nvrtc(?:-builtins)?": "nvrtc",
    r"nvJitLink": "nvjitlink",
    r"nvvm": "nvvm",
    r"cupti": "cupti",
    r"nvperf_(?:host|target)": "nvperf",
    r"nccl": "nccl",
    r"nvshmem_host": "nvshmem",
    r"cudss(?:_\w+)?": "cudss",
    r"cutensor(?:Mg)?": "cutensor",
    r"nvinfer(?:_\w+)?": "nvinfer",
    r"nvonnxparser": "nvonnxparser",
}
"""Names between `lib` and `.so`, and a word that stands in the names of all that they export.

Source: the libraries of the CUDA toolkit (docs.nvidia.com/cuda, "CUDA Libraries"), and of cuDNN, NCCL,
NVSHMEM, cuSPARSELt, cuDSS, cuTENSOR and TensorRT, each with its list of functions.
"""

RELEASED_TOGETHER = frozenset({"cublas", "cufft", "cusolver", "cusparse", "npp", "nvjpeg", "nvrtc"})
"""Those of the toolkit, which are released together, and which use each other as they are in that release.

The others say which toolkits they work with: cuDNN with all minor versions of a CUDA major (its support
matrix).
"""

OPENED_BY_NAME = "nvrtc"
"""What the other libraries open when they need it: no table of symbols tells what they want of it."""

_EXPORTING = re.compile(
    r"lib(?:"
    + "|".join(f"(?P<f{n}>{names})" for n, names in enumerate(_SYMBOLS))
    + r")(?:\.alt)?\.so(?:\.\d+)*"
)


def vendor_family(path: str) -> str:
    """The word for the library of NVIDIA's that a file is by its name, such as `cublas`; empty for others."""
    found = _EXPORTING.fullmatch(posixpath.basename(path))
    return list(_SYMBOLS.values())[int((found.lastgroup or "f0")[1:])] if found else ""
