"""Libraries that belong to NVIDIA's driver: the host has them, and no wheel and no base brings them."""

from __future__ import annotations

import re

# Source: libnvidia-container, src/nvc_info.c (utility_libs, compute_libs, video_libs, graphics_libs,
# graphics_libs_glvnd, ngx_libs, dxcore_libs), which the container toolkit mounts into a container, and
# "Driver Capabilities" of its manual.
_NAMES = (
    "cuda", "cudadebugger", "dxcore", "nvcuvid", "nvoptix", "vdpau_nvidia",
    "EGL_nvidia", "GLESv1_CM_nvidia", "GLESv2_nvidia", "GLX_nvidia",
    "nvidia-allocator", "nvidia-api", "nvidia-cbl", "nvidia-cfg", "nvidia-compiler", "nvidia-eglcore",
    "nvidia-egl-gbm", "nvidia-egl-wayland", "nvidia-encode", "nvidia-fatbinaryloader", "nvidia-fbc",
    "nvidia-glcore", "nvidia-glsi", "nvidia-glvkspirv", "nvidia-gpucomp", "nvidia-ifr", "nvidia-ml",
    "nvidia-ngx", "nvidia-nscq", "nvidia-nvvm", "nvidia-opencl", "nvidia-opticalflow", "nvidia-pkcs11",
    "nvidia-pkcs11-openssl3", "nvidia-ptxjitcompiler", "nvidia-rtcore", "nvidia-sandboxutils", "nvidia-tls",
)  # fmt: skip
DRIVER_LIBRARY = rf"lib(?:{'|'.join(map(re.escape, _NAMES))})\.so(?:\.\d+)*"
"""A pattern that the names of all of them match."""
_LIBRARY = re.compile(DRIVER_LIBRARY)

# What these export, by the headers cuda.h, nvml.h, cuviddec.h and nvEncodeAPI.h.
_SYMBOL = re.compile(r"(?:cu[A-Z]\w*|nvml[A-Z]\w*|cuvid[A-Z]\w*|NvEncodeAPI\w+|NvOF\w+|optixQuery\w+)")


def is_driver_library(soname: str) -> bool:
    """Whether a library comes with the driver alone, such as `libcuda.so.1`."""
    return _LIBRARY.fullmatch(soname) is not None


def is_driver_symbol(name: str) -> bool:
    """Whether the driver's libraries define a name, such as `cuLaunchKernel`."""
    return _SYMBOL.fullmatch(name) is not None
