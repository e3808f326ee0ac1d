"""All facts of a wheel's compiled files, and their way through JSON."""

import json
import pathlib
import zipfile

import pytest

from envspec.proof.abi import binary, code
from envspec.supply.wheel import Wheel
from tests.envspec.abi.conftest import Compile


def test_facts_survive_json(compile_shared: Compile, tmp_path: pathlib.Path) -> None:
    file = compile_shared("fast.so", "extern int far(void); int PyInit_fast(void) { return far(); }")
    target = tmp_path / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        archive.write(file, "demo-1.0.data/platlib/demo/fast.so")
        archive.writestr("demo/cut.so", file.read_bytes()[:5000])
        archive.writestr("demo/empty.so", b"")
        archive.writestr("lib/libscript.so.1", "GROUP ( /lib/libc.so.6 )")
    with Wheel(target) as wheel:
        found = binary.read_wheel(wheel)
    assert [item.path for item in found] == ["demo/fast.so", "demo/cut.so", "demo/empty.so"]
    assert found[0].elf
    assert found[0].elf.python_inits == ("fast",)
    assert "cut off" in found[1].problem
    assert "too short" in found[2].problem
    assert binary.from_json(json.loads(json.dumps(binary.as_json(found)))) == found


def test_a_file_with_more_code_than_is_read_can_still_be_loaded(
    compile_shared: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frameworks have modules of hundreds of megabytes; what their code says stays unknown."""
    words = "module compiled against API version 0x%x but this version of numpy is 0x%x"
    source = f'const char *said = "{words}"; int PyInit_huge(void) {{ return 1; }}'
    data = compile_shared("huge.so", source).read_bytes()
    monkeypatch.setattr(code, "LARGEST", 1)
    found = binary.read("huge.so", data)
    assert (found.problem, found.numpy.headers, found.numpy.oldest) == ("", 1, "")
    assert found.elf
