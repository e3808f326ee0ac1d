"""EV172 and EV175: a card that nothing can use, and libraries for cards where there are none."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from envspec.proof.gpu.device import CardFile
from envspec.proof.gpu.served import united
from envspec.proof.nvidia.releases import cuda_of
from envspec.system import rules
from envspec.system.finding import Finding, Severity

_LEAST = 100_000_000
"""Bytes of libraries for cards below which nobody minds them."""
_NAMED = 4
_PYTHON = re.compile(
    rb"lib(?:cuda|cudart|nvrtc|OpenCL|vulkan|amdhip64|ze_loader|EGL)\.so|find_library\(.(?:cuda|OpenCL|vulkan|EGL)"
)
"""How Python itself comes by a card: by the names of drivers' libraries."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Framework:
    """A package that computes on cards in some of its builds, and how one comes by such a build."""

    lacks: str
    """What a build for processors does not have, as the end of a sentence."""
    advice: str
    """What to take instead; `{version}` and `{name}` are its own."""


FRAMEWORKS: Mapping[str, Framework] = {
    "torch": Framework(
        lacks="has no libtorch_cuda.so: it is a build for processors alone",
        advice="take torch from an index with its builds for CUDA; on aarch64 the public index has one from "
        "2.11 on",
    ),
    "jaxlib": Framework(
        lacks="knows processors alone: no package of the set has an entry point in the group jax_plugins",
        advice="install jax[cuda12]=={version} or jax[cuda13]=={version}, which brings jax-cuda12-plugin "
        "or its like",
    ),
    "tensorflow": Framework(
        lacks="was built without CUDA",
        advice="take tensorflow[and-cuda] for x86_64, of which the public index has builds for CUDA",
    ),
    "tensorflow-cpu": Framework(
        lacks="was built without CUDA", advice="take tensorflow[and-cuda]=={version} instead"
    ),
    "onnxruntime": Framework(lacks="has no provider for CUDA", advice="take onnxruntime-gpu in its place"),
    "ctranslate2": Framework(
        lacks="was not compiled with CUDA",
        advice="only wheels for x86_64 are: build it from source with CUDA, or mean another machine",
    ),
    "paddlepaddle": Framework(
        lacks="was built without CUDA", advice="take paddlepaddle-gpu, from Paddle's own index"
    ),
    "faiss-cpu": Framework(lacks="was built without CUDA", advice="take faiss-gpu-cu12"),
    "xgboost-cpu": Framework(lacks="was built without CUDA", advice="take xgboost"),
    "xgboost": Framework(lacks="was built without CUDA", advice="take a wheel for x86_64 or manylinux_2_28"),
    "mxnet": Framework(lacks="was built without CUDA", advice="take mxnet-cu112"),
    "llama-cpp-python": Framework(
        lacks="was built without CUDA",
        advice="take a wheel from its own index for CUDA, or build it with GGML_CUDA",
    ),
    "vllm": Framework(lacks="was built without CUDA", advice="take its wheel for CUDA"),
    "bitsandbytes": Framework(lacks="has no library for CUDA", advice="take a version whose wheel has them"),
    "jittor": Framework(lacks="was built without CUDA", advice="take a build for CUDA"),
}
"""Packages with builds for cards and others without. Source: the installation page of each."""

_FOR_CPU: Mapping[str, str] = {
    "torch": "PyTorch's own index for processors, as `[index.cpu]`, or a version that ends in +cpu",
    "onnxruntime-gpu": "onnxruntime in the place of onnxruntime-gpu",
    "tensorflow": "tensorflow-cpu, or tensorflow without the extra and-cuda",
    "jax-cuda12-pjrt": "jax without the extra cuda12",
    "jax-cuda13-pjrt": "jax without the extra cuda13",
    "paddlepaddle-gpu": "paddlepaddle in the place of paddlepaddle-gpu",
    "faiss-gpu-cu12": "faiss-cpu in the place of faiss-gpu-cu12",
    "xgboost": "xgboost-cpu in the place of xgboost",
}
"""What to take of packages that bring CUDA where no card is meant. Source: the installation page of each."""

_CARD_MEANT = "a card is meant"
_WHOLE = frozenset({"torch", "jaxlib", "tensorflow", "paddlepaddle", "mxnet"})
"""Frameworks that programs compute with as a whole: one that cannot use the card is worth a warning."""
_JAX_PLUGINS = ("jax-cuda", "jax-rocm")
_COMPILERS = frozenset({"numba", "numba-cuda", "cupy", "pycuda", "cuda-python", "cuda-bindings", "cuda-core"})
_LIBRARIES_ONLY = frozenset({"nvidia-ml-py", "pynvml", "gpustat", "nvitop", "py3nvml", "cuda-pathfinder"})
"""What only tells of a card, or of files."""


def use_findings(
    versions: Mapping[str, str],
    files: Mapping[str, Sequence[CardFile]],
    machine: str,
    requested: frozenset[str],
    python: Callable[[str], Iterator[bytes]],
) -> Iterator[Finding]:
    """EV172: a card is meant, and nothing in the set can use one, or what was asked for cannot.

    `python` gives the Python sources of a package, and is called where its compiled files say nothing.
    """
    using = [name for name in versions if _uses(name, files.get(name, ()), versions)]
    without = [name for name in FRAMEWORKS if name in versions and name not in using]
    for name in without:
        alone = f"{_CARD_MEANT}, and nothing in the set can use one"
        severity = Severity.WARNING if name in requested & _WHOLE else Severity.INFO
        yield _cpu_build(
            name,
            versions[name],
            files.get(name, ()),
            machine,
            f"{using[0]} alone uses the card" if using else alone,
            severity if using else Severity.ERROR,
        )
    if using or without:
        return
    if not any(_may_use(name, python) for name in versions):
        named = sorted(versions)
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        yield rules.CARD_UNUSED.finding(
            f"{_CARD_MEANT}, and nothing in the set can use one: no file of "
            f"{', '.join(named[:_NAMED])}{more} "
            "holds code for cards, needs CUDA or opens a driver",
            hint="leave [target] gpu out, or say `gpu = []`, where none is wanted; else name what "
            "computes on it",
            where="target.gpu",
        )


def _cpu_build(
    name: str, version: str, files: Sequence[CardFile], machine: str, so: str, severity: Severity
) -> Finding:
    framework = FRAMEWORKS[name]
    says = '; it says so itself: "not compiled with CUDA"' if any(file.without for file in files) else ""
    return rules.CARD_UNUSED.finding(
        f"{name} {version} for {machine} {framework.lacks}{says}; {so}",
        hint=framework.advice.format(version=version, name=name),
        where=name,
        severity=severity,
    )


def _uses(name: str, files: Sequence[CardFile], versions: Mapping[str, str]) -> bool:
    """Whether a package can use a card, as far as its compiled files tell."""
    if cuda_of(name, versions[name]) is not None or name in _LIBRARIES_ONLY:
        return False
    if united(files):
        return True
    own = [file for file in files if not _is_tool(file)]
    if any(file.needs or file.static for file in own):
        return True
    if name == "jaxlib" and any(other.startswith(_JAX_PLUGINS) for other in versions):
        return True
    if name in FRAMEWORKS:  # what its build for processors knows of CUDA by name, it asks for in vain
        return False
    if name in _COMPILERS:
        return any(cuda_of(other, versions[other]) is not None for other in versions)
    if name == "triton":  # it compiles for what torch gives it
        return False
    return any(file.opens or file.elsewhere for file in own)


def _is_tool(file: CardFile) -> bool:
    """Whether a file is there to watch programs on cards."""
    return "/cupti/" in file.path


def _may_use(name: str, python: Callable[[str], Iterator[bytes]]) -> bool:
    if name in _LIBRARIES_ONLY or name in _COMPILERS:
        return False
    return any(_PYTHON.search(text) for text in python(name))


def cardless_findings(
    versions: Mapping[str, str],
    files: Mapping[str, Sequence[CardFile]],
    sizes: Mapping[str, Mapping[str, int]],
    shown: Callable[[int], str],
) -> Iterator[Finding]:
    """EV175: no card is meant, and the set holds libraries for cards: their bytes, and what brings none.

    `sizes` are those of every installed file by package and path, in bytes.
    """
    weights: dict[str, int] = {}
    for name, inner in sizes.items():
        if cuda_of(name, versions[name]) is not None or name == "triton":
            weights[name] = sum(inner.values())
        elif own := {file.path for file in files.get(name, ()) if file.code or file.needs}:
            weights[name] = sum(inner.get(path, 0) for path in own)
    total = sum(weights.values())
    if total < _LEAST:
        return
    largest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{name} {shown(size)}" for name, size in largest[:_NAMED])
    more = f" and {len(largest) - _NAMED} more" if len(largest) > _NAMED else ""
    advice = [_FOR_CPU[name] for name in versions if name in _FOR_CPU and weights.get(name)]
    yield rules.CARDLESS_CUDA.finding(
        f"no card is meant, and {shown(total)} of the set are for cards alone: {named}{more}",
        hint=f"take {'; '.join(dict.fromkeys(filter(None, advice)))}"
        if advice
        else "take builds for processors, or leave these packages out",
        where="target.gpu",
        severity=Severity.WARNING,
    )
