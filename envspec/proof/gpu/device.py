"""What the compiled files of one wheel say of cards: their device code, and how they come by a card."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

from envspec.proof.abi.elf import Buffer, ElfError, ElfReader
from envspec.proof.gpu import fatbin
from envspec.proof.gpu.fatbin import DeviceCode
from envspec.proof.nvidia.files import is_nvidia_file
from envspec.supply.wheel import Wheel

READER = "device-code"
VERSION = 3
"""Raise it whenever a reader below learns something."""

_TEXTS: Mapping[str, tuple[bytes, ...]] = {
    "opens": (b"libcuda.so", b"libcudart.so", b"libnvrtc.so"),
    "static": (b"/cudart.shm.",),
    "elsewhere": (
        b"libOpenCL.so",
        b"libvulkan.so",
        b"libamdhip64.so",
        b"libze_loader.so",
        b"libEGL.so",
        b"OpenCL/vendors",
    ),
    "without": (b"not compiled with CUDA",),
}
"""Texts in a file's data by what they tell: `/cudart.shm.` stands in CUDA's runtime, linked or not."""
_OTHER_WAYS = re.compile(r"lib(?:OpenCL|vulkan|amdhip64|ze_loader|EGL)\b")
"""The same by files, into whose names `auditwheel` puts a digest."""
_CHUNK = 16 << 20
_OVERLAP = 64
"""Bytes of a chunk that the next one has too: no text is longer."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CardFile:
    """One compiled file that has to do with cards."""

    path: str
    """Below site-packages."""
    code: DeviceCode = dataclasses.field(default_factory=DeviceCode)
    needs: tuple[str, ...] = ()
    """Sonames of NVIDIA's libraries, and of its driver's, that the loader brings in with it."""
    links: tuple[str, ...] = ()
    """Other libraries that the loader brings in with it, for a file that holds device code."""
    opens: bool = False
    """Whether it knows NVIDIA's driver or CUDA's runtime by name, which it may open while it runs."""
    static: bool = False
    """Whether CUDA's runtime is linked into it."""
    elsewhere: bool = False
    """Whether it knows other ways to a card: OpenCL, Vulkan, HIP, Level Zero, EGL."""
    without: bool = False
    """Whether it holds the text "not compiled with CUDA"."""

    def __bool__(self) -> bool:
        return bool(self.code or self.needs) or self.opens or self.static or self.elsewhere or self.without

    @property
    def computes(self) -> bool:
        """Whether it holds code for cards that is not NVIDIA's own library."""
        return bool(self.code) and not is_nvidia_file(self.path)


def read(path: str, data: Buffer) -> CardFile:
    """What a compiled file says of cards; whatever is wrong with it is a problem of its code."""
    try:
        reader = ElfReader(data)
        needs = tuple(name for name in reader.needed if is_nvidia_file(name) or name.startswith("libcuda.so"))
        others = tuple(name for name in reader.needed if name not in needs)
        place = reader.section(".rodata")
    except ElfError as error:
        return CardFile(path=path, code=DeviceCode(problem=str(error)) if _has_code(data) else DeviceCode())
    told = _told(data, *place) if place else frozenset()
    code = fatbin.read_device_code(data)
    return CardFile(
        path=path,
        code=code,
        needs=needs,
        links=others if code else (),
        opens="opens" in told,
        static="static" in told,
        elsewhere="elsewhere" in told or any(map(_OTHER_WAYS.match, (*others, posixpath.basename(path)))),
        without="without" in told,
    )


def _told(data: Buffer, start: int, size: int) -> frozenset[str]:
    """What a part of the file tells by its texts."""
    found: set[str] = set()
    for at in range(start, start + size, _CHUNK):
        chunk = bytes(data[at : min(at + _CHUNK + _OVERLAP, start + size)])
        found |= {
            what for what, texts in _TEXTS.items() if what not in found and any(t in chunk for t in texts)
        }
    return frozenset(found)


def _has_code(data: Buffer) -> bool:
    """Whether a file that cannot be read as a whole seems to hold device code."""
    return data.find(fatbin.MAGIC) >= 0


def read_wheel(wheel: Wheel) -> tuple[CardFile, ...]:
    """The files of an open wheel that have to do with cards; `WheelError` when one cannot be inflated."""
    names = {name: path for path, name in wheel.library.items()}
    found: list[CardFile] = []
    for name in wheel.binaries:
        if name in wheel.lacks:
            continue
        with wheel.buffer(name) as data:
            found.append(read(names.get(name, name), data))
    return kept(found)


def kept(files: Iterable[CardFile]) -> tuple[CardFile, ...]:
    """Those that have to do with cards."""
    return tuple(file for file in files if file)


def as_json(files: Iterable[CardFile]) -> list[dict[str, Any]]:
    """JSON form, without what is empty."""
    return [
        {"path": file.path, "code": fatbin.as_json(file.code), "needs": file.needs, "links": file.links}
        | {key: True for key in ("opens", "static", "elsewhere", "without") if getattr(file, key)}
        for file in files
    ]


def from_json(rows: Iterable[Mapping[str, Any]]) -> tuple[CardFile, ...]:
    """The inverse of `as_json`."""
    return tuple(
        CardFile(
            **{**row, "code": fatbin.from_json(row["code"])}
            | {key: tuple(row[key]) for key in ("needs", "links")}
        )
        for row in rows
    )
