"""What the compiled files of a set want of CUDA's libraries and of torch: the findings of one lock."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envspec.lockfile.lock import Lock
from envspec.proof.abi.base import LoaderBase
from envspec.proof.abi.binary import Binary
from envspec.proof.gpu import libraries, plugins, preload, torch_extensions
from envspec.proof.gpu.libraries import CudaSet
from envspec.proof.gpu.serving import Surroundings
from envspec.spec.model import Spec
from envspec.supply.core_metadata import WheelMetadata
from envspec.supply.facts import FactStore
from envspec.supply.wheel import Wheel
from envspec.system.finding import Finding
from envspec.system.home import tool_home

# Official images and Debian's main archive hold nothing of CUDA. Source: docker-library/official-images,
# library/python, library/debian and library/ubuntu; Debian Policy Manual, 2.2.1 (CUDA is in non-free).
_PLAIN = re.compile(r"(?:docker\.io/)?(?:library/)?(?:python|debian|ubuntu)(?:[:@].*)?")
_EXTRA = re.compile(r"""extra == ["']([^"']+)["']""")
_CUDA_PACKAGE = re.compile(r"cuda|cudnn|nccl|nvidia|libcu(?:blas|fft|rand|solver|sparse)|libnv|libnpp")


def linking_findings(
    spec: Spec,
    lock: Lock,
    compiled: Mapping[str, Sequence[Binary]],
    known: Mapping[str, WheelMetadata],
    wheels: Mapping[str, Wheel],
    base: LoaderBase,
    *,
    requires: Mapping[str, Sequence[str]],
) -> Iterator[Finding]:
    """EV173 and EV176 to EV179. `requires` is what each package requires in this environment."""
    sha256 = {entry.name: entry.installed.sha256 for entry in lock.artifact}
    around = Surroundings(
        requires=requires,
        environment=spec.variables,
        preloads=_preloads(wheels, sha256),
        cuda_base=may_have_cuda(spec),
    )
    judged = CudaSet(
        binaries=compiled,
        versions=lock.pins,
        base=base,
        around=around,
        gpu=spec.target.gpu,
        cuda_extra=lambda package: cuda_extra(known[package]) if package in known else "",
    )
    yield from libraries.library_findings(judged)
    yield from torch_extensions.extension_findings(
        torch_extensions.misfits(compiled),
        lock.pins,
        compiled,
        gpu=spec.target.gpu,
        built_for=lambda package: wanted_torch(known[package]) if package in known else "",
    )
    yield from plugins.plugin_findings(wheels, lock.pins, gpu=spec.target.gpu, environment=spec.variables)


def may_have_cuda(spec: Spec) -> bool:
    """Whether the base of a spec may hold CUDA's libraries, as far as its name tells."""
    added = any(_CUDA_PACKAGE.search(package) for package in spec.base.apt)
    plain = spec.base.debian or (spec.image and _PLAIN.fullmatch(spec.image))
    return added or not plain


def cuda_extra(metadata: WheelMetadata) -> str:
    """The extra of a package that requires NVIDIA's wheels, such as `and-cuda`; empty where none does."""
    for text in metadata.requires:
        requirement = Requirement(text)
        named = _EXTRA.search(str(requirement.marker or ""))
        if named and requirement.name.lower().startswith("nvidia-"):
            return named[1]
    return ""


def wanted_torch(metadata: WheelMetadata) -> str:
    """The one version of torch that a package requires, such as `==2.2.0`; empty where it takes several."""
    for text in metadata.requires:
        requirement = Requirement(text)
        if canonicalize_name(requirement.name) == "torch" and str(requirement.specifier).startswith("=="):
            return str(requirement.specifier)
    return ""


def _preloads(wheels: Mapping[str, Wheel], sha256: Mapping[str, str]) -> Callable[[str], bool]:
    store = FactStore(tool_home() / "facts")

    @functools.cache
    def ask(package: str) -> bool:
        wheel = wheels.get(package)
        if wheel is None:
            return False
        return bool(
            store.cached(sha256[package], preload.READER, preload.VERSION, lambda: preload.preloads(wheel))
        )

    return ask
