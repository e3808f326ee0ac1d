"""Reading wheels, hostile ones above all."""

import contextlib
import pathlib
import random
import stat
import struct
import tracemalloc
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envspec.supply.core_metadata import parse_metadata
from envspec.supply.wheel import Limits, Wheel, WheelError, module_name

METADATA = "Metadata-Version: 2.1\nName: Demo_Pkg\nVersion: 1.0\nRequires-Dist: numpy>=1.2\n"


def make(folder: pathlib.Path, files: dict[str, bytes | str], **options: int) -> pathlib.Path:
    target = folder / "demo_pkg-1.0-py3-none-any.whl"
    with zipfile.ZipFile(target, "w", options.get("compression", zipfile.ZIP_DEFLATED)) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = options.get("mode", 0o100644) << 16
            archive.writestr(info, content)
    return target


def demo(folder: pathlib.Path, **more: bytes) -> pathlib.Path:
    return make(
        folder,
        {
            "demo/__init__.py": "x = 1\n",
            "demo/_fast.cpython-311-x86_64-linux-gnu.so": b"\x7fELF",
            "demo.libs/libz-1234.so.1": b"\x7fELF",
            "single.py": "",
            "demo_pkg-1.0.data/purelib/extra/mod.py": "",
            "demo_pkg-1.0.data/scripts/run": "",
            "demo_pkg-1.0.dist-info/METADATA": METADATA,
            "demo_pkg-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\nTag: py2-none-any\n",
            "demo_pkg-1.0.dist-info/RECORD": "demo/__init__.py,sha256=abc,6\nother,,\n",
            **more,
        },
    )


def test_a_wheel_tells_what_it_holds(tmp_path: pathlib.Path) -> None:
    with Wheel(demo(tmp_path)) as wheel:
        assert wheel.metadata.name == "demo-pkg"
        assert wheel.metadata.requires == ("numpy>=1.2",)
        assert wheel.tags == ("py3-none-any", "py2-none-any")
        assert wheel.record["demo/__init__.py"] == "sha256=abc"
        assert wheel.top_level == ("demo", "extra", "single")
        assert wheel.extension_modules == {"demo._fast": "demo/_fast.cpython-311-x86_64-linux-gnu.so"}
        assert set(wheel.binaries) == {
            "demo/_fast.cpython-311-x86_64-linux-gnu.so",
            "demo.libs/libz-1234.so.1",
        }
        assert wheel.library["extra/mod.py"] == "demo_pkg-1.0.data/purelib/extra/mod.py"
        assert wheel.read("demo/__init__.py") == b"x = 1\n"
        with wheel.buffer("demo/__init__.py") as data:
            assert data[:] == b"x = 1\n"


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../evil.py", "a/../../b.py", "a//b.py", "C:/x.py", "a/./b.py", "a\nb.py"]
)
def test_names_that_leave_the_place_are_refused(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(WheelError, match="demo_pkg"):
        Wheel(make(tmp_path, {name: "x"}))


def test_links_are_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(WheelError, match="symbolic link"):
        Wheel(make(tmp_path, {"a.py": "/etc/passwd"}, mode=0o120777))


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_devices_and_the_like_are_refused(tmp_path: pathlib.Path, kind: int) -> None:
    with pytest.raises(WheelError, match=r"'a.py' is a device, a pipe or a socket"):
        Wheel(make(tmp_path, {"a.py": ""}, mode=kind | 0o644))


def test_duplicates_are_refused(tmp_path: pathlib.Path) -> None:
    target = tmp_path / "twice.whl"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.py", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.py", "2")
    with pytest.raises(WheelError, match="twice"):
        Wheel(target)


def test_a_file_without_a_name_is_refused(tmp_path: pathlib.Path) -> None:
    target = tmp_path / "demo_pkg-1.0-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("x", "1")
    raw = target.read_bytes()
    start = raw.index(b"PK\1\2")
    nameless = raw[start : start + 28] + bytes(2) + raw[start + 30 : start + 46] + raw[start + 47 :]
    end = nameless.index(b"PK\5\6")
    sizes = struct.pack("<L", end)
    target.write_bytes(raw[:start] + nameless[: end + 12] + sizes + nameless[end + 16 :])
    with pytest.raises(WheelError, match="without a name"):
        Wheel(target)


def test_a_bomb_is_refused_before_it_is_inflated(tmp_path: pathlib.Path) -> None:
    bomb = make(tmp_path, {"zeros": bytes(4 << 20)})
    with pytest.raises(WheelError, match="would inflate"):
        Wheel(bomb, limits=Limits(free=1 << 20))


@pytest.mark.parametrize("said", [10_000_000, 1])
def test_ten_million_files_are_refused_without_reading_them_all(tmp_path: pathlib.Path, said: int) -> None:
    """Whatever the archive says of their number: half a gigabyte of table of contents, next to no memory."""
    target, count = tmp_path / "demo_pkg-1.0-py3-none-any.whl", 10_000_000
    entry = b"PK\1\2" + bytes(24) + struct.pack("<HHH", 1, 0, 0) + bytes(12) + b"a"
    length = count * len(entry)
    with target.open("wb") as stream:
        for _ in range(100):
            stream.write(entry * (count // 100))
        stream.write(struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, said, said, length, 0))
        stream.write(struct.pack("<4sLQL", b"PK\6\7", 0, length, 1))
        stream.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
    tracemalloc.start()
    try:
        with pytest.raises(WheelError, match="more files than the 100000"):
            Wheel(target)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        target.unlink()
    assert peak < 4 << 20


def test_many_files_with_long_names_are_no_reason_to_refuse(tmp_path: pathlib.Path) -> None:
    target = make(tmp_path, {f"{'long' * 20}/{number}.py": "" for number in range(30)})
    with Wheel(target, limits=Limits(entries=30)) as opened:
        assert len(opened.entries) == 30
    with pytest.raises(WheelError, match="more files than the 29"):
        Wheel(target, limits=Limits(entries=29))


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("a/" * 1500 + "x.py", "1500 folders deep"),
        ("a/" * 90 + "b" * 239, "is fine"),
        ("b" * 241, "no file system holds"),
        ("b" * 60_000, "no file system holds: 60000 bytes"),
        ("/".join("c" * 200 for _ in range(6)), "a path of 1205 bytes"),
    ],
    ids=["deep", "fine", "name", "long name", "path"],
)
def test_paths_are_bounded(tmp_path: pathlib.Path, path: str, problem: str) -> None:
    target = make(tmp_path, {path: ""})
    if problem == "is fine":
        with Wheel(target) as opened:
            assert path in opened
        return
    with pytest.raises(WheelError, match=problem) as caught:
        Wheel(target)
    assert len(caught.value.message) < 400


def test_a_path_below_a_file_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(WheelError, match="'a/b' is both a file and a folder"):
        Wheel(make(tmp_path, {"a/b": "", "a/b/c": ""}))


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("Requires-Dist: click\n" * 10_001, "10001 requirements; 10000 are allowed"),
        ("Keywords: x\n" * 50_001, "more than 50000 lines"),
        ("".join(f"X-{number}: x\n" for number in range(201)), "20. kinds of fields; 200 are allowed"),
    ],
    ids=["requirements", "lines", "fields"],
)
def test_metadata_without_end_is_refused(head: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_metadata(f"Metadata-Version: 2.1\nName: a\nVersion: 1\n{head}\ntext".encode())


def test_odd_requirements_are_problems_of_bounded_length() -> None:
    deep = f"a; {'(' * 4_000}python_version > '3'{')' * 4_000}"
    head = f"Requires-Dist: {'a' * 60_000}\nRequires-Dist: {deep}\n" + "Requires-Dist: click\n" * 2
    head += "".join(f"Requires-Dist: not one {number}!\n" for number in range(100))
    facts = parse_metadata(f"Metadata-Version: 2.1\nName: a\nVersion: 1\n{head}\n".encode())
    assert facts.requires == ("click",)
    assert len(facts.problems) == 21
    assert max(map(len, facts.problems)) < 200


def test_overlapping_members_are_refused(tmp_path: pathlib.Path) -> None:
    """Two entries of the table of contents that point at the same bytes."""
    target = make(tmp_path, {"a": b"x" * 90, "b": b"y" * 90})
    raw = bytearray(target.read_bytes())
    second = raw.rfind(b"PK\x01\x02")
    struct.pack_into("<I", raw, second + 42, 0)
    target.write_bytes(raw)
    with pytest.raises(WheelError, match="overlaps"):
        Wheel(target)


def test_damaged_bytes_are_found_while_reading(tmp_path: pathlib.Path) -> None:
    target = make(tmp_path, {"a.py": b"x" * 1000})
    raw = bytearray(target.read_bytes())
    raw[30 + len("a.py") + 2] ^= 0xFF
    target.write_bytes(raw)
    with Wheel(target) as wheel, pytest.raises(WheelError, match=r"a\.py cannot be inflated"):
        wheel.read("a.py")


def test_a_file_larger_than_asked_for_is_refused(tmp_path: pathlib.Path) -> None:
    with Wheel(demo(tmp_path)) as wheel, pytest.raises(WheelError, match="6 bytes; 3 are allowed"):
        wheel.read("demo/__init__.py", limit=3)


@pytest.mark.parametrize("content", [b"", b"PK", b"<html>no such file</html>", bytes(100)])
def test_what_is_no_zip_is_an_error_with_a_hint(tmp_path: pathlib.Path, content: bytes) -> None:
    target = tmp_path / "x.whl"
    target.write_bytes(content)
    with pytest.raises(WheelError) as caught:
        Wheel(target)
    assert "not a zip archive" in caught.value.message
    assert caught.value.hint


def test_two_dist_infos_are_an_error(tmp_path: pathlib.Path) -> None:
    file = demo(tmp_path, **{"other-1.dist-info/METADATA": b""})
    with Wheel(file) as wheel, pytest.raises(WheelError, match=r"2 \.dist-info folders"):
        _ = wheel.metadata


def test_metadata_keeps_what_it_understands() -> None:
    read = parse_metadata(
        b"Name: x\nVersion: 1.0\nRequires-Dist: fine>=1\nRequires-Dist: bad (>=1.0.*)\n"
        b"Requires-Python: >=3.6.*\nSummary: caf\xe9\n"
    )
    assert read.requires == ("fine>=1",)
    assert len(read.problems) >= 2


@pytest.mark.parametrize("data", [b"", b"Name: x\n", b"Name: ../x\nVersion: 1\n", b"Name: x\nVersion: one\n"])
def test_metadata_without_name_or_version_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="name and version"):
        parse_metadata(data)


@given(st.binary(max_size=400))
def test_any_metadata_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_metadata(b"Name: x\nVersion: 1\n" + data)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=12),
    st.integers(0, 2000),
)
def test_any_damage_is_a_typed_error(
    tmp_path: pathlib.Path, changes: list[tuple[int, int]], cut: int
) -> None:
    raw = bytearray(demo(tmp_path).read_bytes())
    for place, value in changes:
        raw[place % len(raw)] = value
    target = tmp_path / "damaged.whl"
    target.write_bytes(raw[: len(raw) - cut] if cut < 200 else raw)
    with contextlib.suppress(WheelError), Wheel(target) as wheel:
        for entry in wheel.entries:
            assert len(wheel.read(entry.name)) == entry.size
        assert wheel.metadata.name
        assert wheel.record is not None


def test_module_names() -> None:
    assert module_name("a/b.cpython-311-x86_64-linux-gnu.so") == "a.b"
    assert module_name("a/libfoo-1.2.so") == ""


def test_a_large_file_is_right_or_refused_whatever_was_damaged(tmp_path: pathlib.Path) -> None:
    chance = random.Random(3)
    body = b"".join(bytes([chance.randrange(8)]) * chance.randrange(1, 40) for _ in range(60_000))
    whole = tmp_path / "large-1-py3-none-any.whl"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large.so", body)
    archive_bytes = whole.read_bytes()
    with Wheel(whole) as opened:
        assert opened.read("large.so") == body
        inside = opened.entries[0].packed
    for _ in range(200):
        damaged = bytearray(archive_bytes)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(inside)] ^= chance.randrange(1, 256)
        whole.write_bytes(damaged)
        with contextlib.suppress(WheelError), Wheel(whole) as opened:
            assert opened.read("large.so") == body


@pytest.mark.parametrize("told", [100, 200_000])
def test_a_large_file_of_another_size_than_promised_is_refused(tmp_path: pathlib.Path, told: int) -> None:
    body = random.Random(5).randbytes(150_000)
    whole = tmp_path / "large-1-py3-none-any.whl"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large.so", body)
    size = struct.pack("<L", len(body))
    whole.write_bytes(whole.read_bytes().replace(size, struct.pack("<L", told)))
    with Wheel(whole) as opened, pytest.raises(WheelError, match=r"large\.so"):
        opened.read("large.so")
