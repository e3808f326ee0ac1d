"""Compiled files by hand: what they need, know by name, define and use."""

from envspec.proof.abi.binary import Binary
from envspec.proof.abi.elf import Elf, Symbol


def compiled(
    path: str,
    *,
    needed: tuple[str, ...] = (),
    opens: tuple[str, ...] = (),
    soname: str = "",
    runpath: tuple[str, ...] = (),
    defines: tuple[str, ...] = (),
    uses: tuple[str, ...] = (),
) -> Binary:
    """A file of a wheel that says no more than what is given."""
    facts = Elf(
        machine="x86_64", soname=soname, needed=needed, rpath=(), runpath=runpath,
        defined=tuple(Symbol(name=name, version="", library="", weak=False) for name in defines),
        undefined=tuple(Symbol(name=name, version="", library="", weak=False) for name in uses),
        version_needs=(), version_definitions=(), cpu_level=1,
    )  # fmt: skip
    return Binary(path=path, elf=facts, opens=opens)


def vendor(folder: str, soname: str) -> Binary:
    """A library in the folder of one of NVIDIA's wheels."""
    return compiled(f"nvidia/{folder}/lib/{soname}", soname=soname)
