"""Libraries that a file opens by name while it runs: NVIDIA's sonames that stand in its data as texts."""

from __future__ import annotations

import re

from envspec.proof.abi.elf import Elf, ElfReader
from envspec.proof.nvidia.libraries import CudaLibrary, cuda_library

_TEXT = re.compile(rb"lib(?:cu[A-Za-z]|nv[A-Za-z]|nccl|npp)[A-Za-z0-9_]{0,32}\.so(?:\.[0-9.]{1,16})?\0")
_MOST = 64
"""Names of one file; none has more than two dozen."""


def opened(reader: ElfReader, facts: Elf) -> tuple[str, ...]:
    """Sonames of CUDA's libraries among the texts of a file, sorted, without those of its tables, `facts`.

    They stand in data, so that code for cards, most of a large file, is passed over. cuDNN is a front that
    opens its parts, and names them without their number, which is its own (cuDNN's API reference).
    """
    own = {facts.soname, *facts.needed}
    found: set[str] = set()
    for start, size in reader.texts:
        for match in _TEXT.finditer(reader.data, start, start + size):
            name = match.group()[:-1].decode()
            if name not in own and cuda_library(name):
                found.add(name)
        if len(found) > _MOST:
            return ()
    fronts = [front for name in facts.version_definitions if (front := cuda_library(name)) and front.number]
    return tuple(sorted(_numbered(name, fronts) for name in found))


def _numbered(name: str, fronts: list[CudaLibrary]) -> str:
    library = cuda_library(name)
    if library is None or library.number:
        return name
    return next((f"{name}.{front.number}" for front in fronts if front.family == library.family), name)
