"""The probe's few words of ELF against the judge's reader and pyelftools: two readers, one oracle.

The two cannot be one: the probe runs where this project is not, and the judge must read files of proofs
before there is an environment.
"""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from builder.inside.probe import elf as inside
from envspec.proof.abi import elf as outside

MODULES = sorted(pathlib.Path(np.__file__).parent.rglob("*.so"))
LIBRARIES = sorted(pathlib.Path(np.__file__).parents[1].glob("numpy.libs/*.so*"))


def exported(file: pathlib.Path) -> set[str]:
    """Names of the modules that pyelftools finds a file to be."""
    with file.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".dynsym")
        assert isinstance(table, SymbolTableSection)
        defined = {each.name for each in table.iter_symbols() if each["st_shndx"] != "SHN_UNDEF"}
    return {name.removeprefix("PyInit_") for name in defined if name.startswith("PyInit_")}


@pytest.mark.parametrize("file", [*MODULES, *LIBRARIES], ids=lambda file: file.name)
def test_both_readers_and_the_oracle_name_the_same_modules(file: pathlib.Path) -> None:
    names = exported(file)
    assert set(outside.read_elf(file.read_bytes()).python_inits) == names
    for name in {file.name.partition(".")[0], "other"}:
        assert inside.initialises(str(file), name) is (name in names)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_what_is_cut_off_is_whole_to_neither(tmp_path: pathlib.Path, share: float) -> None:
    data = MODULES[0].read_bytes()
    cut = tmp_path / "cut.so"
    cut.write_bytes(data[: int(share * len(data))])
    assert inside.whole(str(MODULES[0]))
    assert not inside.whole(str(cut))
    with pytest.raises(outside.ElfError):
        outside.read_elf(cut.read_bytes())
