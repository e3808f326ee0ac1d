"""The loader's cache, read by the system's own ldconfig."""

import pathlib
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.debian.ldconfig import loader_cache, soname_order

NAMES = ["libz.so.1", "libstdc++.so.6", "liba.so.10", "liba.so.9", "liba-2.so", "lib.so"]
LDCONFIG = shutil.which("ldconfig") or shutil.which("ldconfig", path="/sbin:/usr/sbin")


@pytest.mark.skipif(LDCONFIG is None, reason="compares with ldconfig")
def test_ldconfig_reads_what_was_written(tmp_path: pathlib.Path) -> None:
    libraries = {name: f"/usr/lib/{name}" for name in NAMES}
    file = tmp_path / "ld.so.cache"
    file.write_bytes(loader_cache(libraries, "amd64"))
    done = subprocess.run([str(LDCONFIG), "-p", "-C", str(file)], capture_output=True, text=True, timeout=20)
    lines = [line.split() for line in done.stdout.splitlines()[1:] if "=>" in line]
    assert {line[0]: line[-1] for line in lines} == libraries
    assert [line[0] for line in lines] == sorted(NAMES, key=soname_order, reverse=True)


def test_digits_count_as_numbers() -> None:
    assert sorted(["a.so.10", "a.so.9", "a.so"], key=soname_order) == ["a.so", "a.so.9", "a.so.10"]


@given(st.lists(st.text("ab.-01", min_size=1, max_size=6), min_size=3, max_size=3))
def test_the_order_is_one_that_a_binary_search_can_use(names: list[str]) -> None:
    low, middle, high = sorted(names, key=soname_order)
    assert soname_order(low) <= soname_order(middle) <= soname_order(high)
