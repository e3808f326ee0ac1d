"""EV178: compiled extensions of torch that were built for another torch than the locked one."""

from __future__ import annotations

import dataclasses
import itertools
import posixpath
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence

from envspec.proof.abi.binary import Binary
from envspec.proof.gpu.asides import is_aside
from envspec.system import rules
from envspec.system.errors import EnvspecError
from envspec.system.finding import Finding, Severity
from envspec.system.process import run_process
from envspec.system.quoting import with_version

# Names in the namespaces that torch's own libraries define, by the Itanium C++ ABI, 5.1.4 and 5.1.8: nested
# names, and what belongs to a class (type information, tables of virtual functions, guards).
_TORCH = re.compile(r"_Z(?:T[ISVT]|GV)?N[rVK]*[RO]?(?:3c10|2at|5torch|6caffe2)[\dA-Za-z]")
_STABLE = re.compile(r"aoti_torch_\w+")
"""C names of the stable interface, torch/csrc/inductor/aoti_torch/c/shim.h."""
_LIBRARY = re.compile(r"lib(?:torch(?:_cpu|_python|_cuda(?:_cu|_cpp|_linalg)?)?|c10(?:_cuda)?)\.so")
_OTHER_CARDS = re.compile(r"lib(?:torch|c10)_(?:hip|xpu|npu|musa|hpu|xla)\.so")
_STRINGS = ("NSt7__cxx11", "B5cxx11")
"""How strings of the newer C++ ABI stand in mangled names."""
_STRING = re.compile(r"std::(?:__cxx11::)?basic_string<char, std::char_traits<char>, std::allocator<char> ?>")
_NAMED = 2
_LONGEST = 160


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Misfit:
    """A file that this torch cannot load."""

    file: str
    symbols: tuple[str, ...]
    """Names that it wants of torch and that nobody has."""
    libraries: tuple[str, ...]
    """Torch's libraries that it needs and that this torch has not."""


def misfits(binaries: Mapping[str, Sequence[Binary]]) -> dict[str, tuple[Misfit, ...]]:
    """By package the files that want of torch what the set's torch has not.

    Files that are alternatives of one another, such as one for each torch, want one that loads. Files that
    are not linked with torch find its names at run time if at all, and nothing is said of them. Without torch
    in the set there is nothing to say either.
    """
    own = [item for item in binaries.get("torch", ()) if item.elf]
    libraries = {posixpath.basename(item.path) for item in own} | {
        item.elf.soname for item in own if item.elf
    }
    if not any(_LIBRARY.fullmatch(name) and _known(own, name) for name in libraries):
        return {}
    wishes: dict[str, dict[str, list[tuple[Binary, frozenset[str]]]]] = {}
    for package, files in binaries.items():
        for item in files if package != "torch" else ():
            if _extends(item) and not is_aside(item.path):
                group = wishes.setdefault(package, {}).setdefault(re.sub(r"\d+", "#", item.path), [])
                group.append((item, _torch_names(item)))
    offered = _offered(binaries, frozenset(itertools.chain.from_iterable(_all_names(wishes))))
    held = libraries | {posixpath.basename(item.path) for files in binaries.values() for item in files}
    found: dict[str, tuple[Misfit, ...]] = {}
    for package, groups in wishes.items():
        judged = [
            [_misfit(item, names - offered, held) for item, names in group] for group in groups.values()
        ]
        if broken := [one for group in judged if None not in group for one in group if one]:
            found[package] = tuple(broken)
    return found


def _all_names(
    wishes: Mapping[str, Mapping[str, Sequence[tuple[Binary, frozenset[str]]]]],
) -> Iterator[frozenset[str]]:
    for groups in wishes.values():
        for group in groups.values():
            for _, names in group:
                yield names


def _offered(binaries: Mapping[str, Sequence[Binary]], names: frozenset[str]) -> set[str]:
    """Those of the names that some file of the set defines."""
    if not names:
        return set()
    return {
        symbol.name
        for files in binaries.values()
        for item in files
        if item.elf
        for symbol in item.elf.defined
        if symbol.name in names
    }


def _known(own: Sequence[Binary], soname: str) -> bool:
    return any(
        item.elf and item.elf.defined and soname in (item.elf.soname, posixpath.basename(item.path))
        for item in own
    )


def _extends(item: Binary) -> bool:
    """Whether a file is linked with torch, and not with one for other cards than NVIDIA's."""
    needed = item.elf.needed if item.elf else ()
    return any(map(_LIBRARY.fullmatch, needed)) and not any(map(_OTHER_CARDS.fullmatch, needed))


def _torch_names(item: Binary) -> frozenset[str]:
    """The names that a file wants of torch."""
    return frozenset(
        symbol.name
        for symbol in (item.elf.undefined if item.elf else ())
        if not symbol.weak and (_TORCH.match(symbol.name) or _STABLE.fullmatch(symbol.name))
    )


def _misfit(item: Binary, missing: frozenset[str], held: set[str]) -> Misfit | None:
    if item.elf is None:
        return None
    symbols = tuple(symbol.name for symbol in item.elf.undefined if symbol.name in missing)
    libraries = tuple(name for name in item.elf.needed if _LIBRARY.fullmatch(name) and name not in held)
    return Misfit(file=item.path, symbols=symbols, libraries=libraries) if symbols or libraries else None


def extension_findings(
    found: Mapping[str, Sequence[Misfit]],
    versions: Mapping[str, str],
    binaries: Mapping[str, Sequence[Binary]],
    *,
    gpu: tuple[str, ...] | None,
    built_for: Callable[[str], str] = lambda _: "",
) -> Iterator[Finding]:
    """EV178, one for each package; `built_for` tells what a package requires of torch, such as `==2.2.0`."""
    torch = with_version("torch", versions)
    for package, all_files in found.items():
        # On a machine without a card nobody misses what is made for one.
        files = [one for one in all_files if gpu != () or one.symbols]
        if not files:
            continue
        named = with_version(package, versions)
        symbols = list(dict.fromkeys(itertools.chain.from_iterable(one.symbols for one in files)))
        libraries = list(dict.fromkeys(itertools.chain.from_iterable(one.libraries for one in files)))
        wanted = built_for(package)
        yield rules.TORCH_EXTENSION.finding(
            f"{named} was built for another torch than {torch}: {posixpath.basename(files[0].file)} wants "
            f"{_wanted(symbols, libraries)}, which {torch} does not have{_abi(symbols, binaries)}",
            hint=f"pin torch{wanted}, which {package} asks for, or a {package} that was built for {torch}"
            if wanted
            else f"pin the {package} that was built for {torch}, or the torch that {package} was built with",
            where=files[0].file,
            severity=Severity.ERROR if gpu else Severity.WARNING,
        )


def _wanted(symbols: Sequence[str], libraries: Sequence[str]) -> str:
    if not symbols:
        return ", ".join(libraries)
    shown = readable(symbols[:_NAMED])
    more = f" and {len(symbols) - len(shown)} more names" if len(symbols) > len(shown) else ""
    return ", ".join([*libraries, *shown]) + more


def _abi(symbols: Sequence[str], binaries: Mapping[str, Sequence[Binary]]) -> str:
    """That only the form of C++ strings differs, where the same names are there in the other form."""
    new = [name for name in symbols if any(mark in name for mark in _STRINGS)]
    old = [name for name in symbols if re.search(r"S[sab](?![a-z])", name) and name not in new]
    defined = [
        symbol.name for item in binaries.get("torch", ()) if item.elf for symbol in item.elf.defined
        if symbol.name.startswith("_ZN3c10")
    ]  # fmt: skip
    modern = any(mark in name for name in defined for mark in _STRINGS)
    if new and not modern:
        return "; it was compiled with _GLIBCXX_USE_CXX11_ABI=1, and this torch with the older C++ ABI (0)"
    if old and modern and len(old) * 2 > len(symbols):
        return "; it was compiled with _GLIBCXX_USE_CXX11_ABI=0, and this torch with the newer C++ ABI (1)"
    return ""


def readable(names: Sequence[str]) -> list[str]:
    """Mangled names as C++ writes them where `c++filt` is there; shortened."""
    if shutil.which("c++filt") and names:
        try:
            done = run_process(["c++filt", *names], timeout=10)
        except EnvspecError:
            done = None
        lines = done.stdout.splitlines() if done is not None and done.ok else []
        if len(lines) == len(names):
            names = [_STRING.sub("std::string", line) for line in lines]
    return [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..." for name in names]
