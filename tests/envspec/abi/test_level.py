"""EV180: processors that compiled files need."""

import pytest

from envspec.proof.abi.binary import read
from envspec.proof.abi.level import level_findings
from tests.envspec.abi.conftest import Compile


@pytest.mark.parametrize(("cpu", "found"), [("x86-64-v2", 1), ("x86-64-v3", 0), (None, 0)])
def test_a_file_that_says_it_needs_more_is_an_error(
    compile_shared: Compile, cpu: str | None, found: int
) -> None:
    data = compile_shared("level.so", "int f(void){return 1;}", "-Wl,-z,x86-64-v3").read_bytes()
    findings = [*level_findings(cpu, {"fast": [read("fast/_core.so", data)]}, {"fast": "1.0"})]
    assert len(findings) == found
    if findings:
        assert "fast 1.0 needs processors of x86-64-v3" in findings[0].message
        assert (findings[0].rule, str(findings[0].severity)) == ("EV180", "error")


def test_files_that_are_chosen_by_processor_do_not_count(compile_shared: Compile) -> None:
    data = compile_shared("chosen.so", "int f(void){return 1;}", "-Wl,-z,x86-64-v3").read_bytes()
    for path in ("x.libs/glibc-hwcaps/x86-64-v3/liba.so", "fast/_core_avx2.so", "fast/core.v3.so"):
        assert [*level_findings("x86-64-v2", {"fast": [read(path, data)]}, {})] == []
