"""Excerpts of wheels: what is fetched, what is kept, and for which wheels they do."""

import contextlib
import dataclasses
import hashlib
import pathlib
import random
import struct
from typing import Any

import pytest

from envspec.lockfile.lock import Artifact
from envspec.proof.reading import Shelf, bring_to_read, may_lack
from envspec.supply.core_metadata import WheelMetadata
from envspec.supply.excerpt import open_excerpt
from envspec.supply.http import Patience
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheel import Wheel, WheelError
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError
from envspec.system.home import tool_home
from tests.support.index import json_page
from tests.support.specs import artifact, lock, spec, stage
from tests.support.web import JSON, Answer, Web
from tests.support.wheels import wheel

pytestmark = pytest.mark.usefixtures("home")

MIB = 1 << 20
PATIENT = Patience(again=0)


def library(size: int = 3 * MIB, machine: int = 62) -> bytes:
    """What begins as a shared library does, and cannot be made smaller."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine)
    return head.ljust(64, b"\0") + random.Random(1).randbytes(size)


class Index:
    """An index on the loopback address whose server gives parts of files, and a lock of all that it has."""

    def __init__(self, web: Web, folder: pathlib.Path) -> None:
        self.web = web
        self.store = Wheelhouse(tool_home() / "wheelhouse")
        self._folder = folder
        self._entries: list[Artifact] = []
        self._known: dict[str, WheelMetadata] = {}

    def add(self, name: str, version: str = "1.0", *, ranges: bool = True, **more: Any) -> Artifact:
        file = wheel(self._folder, name, version, **more)
        entry = artifact(file)
        self._entries.append(entry)
        with Wheel(file) as opened:
            self._known[entry.name] = opened.metadata
        self.web.answers[f"/files/{file.name}"] = Answer(body=file.read_bytes(), ranges=ranges)
        page = json_page(entry.name, [file], f"{self.web.url}/files")
        self.web.answers[f"/simple/{entry.name}/"] = Answer(body=page, kind=JSON)
        return entry

    def vendor(self, name: str, soname: str, version: str = "1.0", **more: Any) -> Artifact:
        """A wheel of NVIDIA's with one large library."""
        files = {f"nvidia/{name}/__init__.py": "NAME = 1\n", f"nvidia/{name}/lib/{soname}": library()}
        return self.add(f"nvidia-{name}-cu12", version, files=files, **more)

    def read(self, *, offline: bool = False) -> Shelf:
        held = lock(*self._entries)
        settings = PipSettings(index_url=f"{self.web.url}/simple")
        sources = Sources(spec(stage("one", "app==1.0")), settings, offline=offline, patience=PATIENT)
        parts = bring_to_read(held, self._known, sources, self.store, large=MIB)
        return Shelf(store=self.store, parts=parts)

    def read_one(self) -> pathlib.Path:
        """The excerpt of a wheel."""
        entry = self.vendor("cublas", "libcublas.so.12")
        return self.read().place(entry)


@pytest.fixture
def index(web: Web, tmp_path: pathlib.Path) -> Index:
    return Index(web, tmp_path / "files")


def sent(web: Web) -> list[str]:
    """The files that were fetched whole."""
    return sorted(
        path.rpartition("/")[2].split("-")[0] for path, part in web.asked if "/files/" in path and not part
    )


def test_of_a_library_of_nvidias_only_what_is_around_it_is_fetched(index: Index, web: Web) -> None:
    entry = index.vendor("cublas", "libcublas.so.12")
    shelf = index.read()
    assert shelf.parts == {"nvidia-cublas-cu12"}
    assert not index.store.has(entry)
    assert sent(web) == []
    with shelf.open(entry) as opened:
        assert opened.metadata.name == "nvidia-cublas-cu12"
        assert opened.read("nvidia/cublas/__init__.py") == b"NAME = 1\n"
        assert {each.name: each.size for each in opened.entries}[
            "nvidia/cublas/lib/libcublas.so.12"
        ] > 3 * MIB
        with pytest.raises(WheelError, match="not fetched"):
            opened.read("nvidia/cublas/lib/libcublas.so.12")
        (found,) = shelf.binaries(entry, opened)
    assert found.opaque
    assert found.elf is not None
    assert (found.elf.soname, found.elf.machine, found.elf.needed) == ("libcublas.so.12", "x86_64", ())
    assert shelf.place(entry).stat().st_size < MIB


def test_a_kept_excerpt_asks_nobody(index: Index, web: Web) -> None:
    index.vendor("cublas", "libcublas.so.12")
    index.read()
    web.asked.clear()
    assert index.read(offline=True).parts == {"nvidia-cublas-cu12"}
    assert web.asked == []


def test_a_damaged_excerpt_is_fetched_anew(index: Index, caplog: pytest.LogCaptureFixture) -> None:
    entry = index.vendor("cublas", "libcublas.so.12")
    place = index.read().place(entry)
    place.write_bytes(place.read_bytes()[:-1] + b"x")
    assert index.read().parts
    assert "is damaged" in caplog.text
    with index.read().open(entry) as opened:
        assert opened.metadata.version == "1.0"


def test_the_whole_wheel_is_read_where_it_is_there(index: Index) -> None:
    entry = index.vendor("cublas", "libcublas.so.12")
    index.read()
    index.store.add(index._folder / entry.file)
    assert index.read().parts == set()


def test_a_server_that_gives_no_parts_gives_the_whole(index: Index, web: Web) -> None:
    entry = index.vendor("cublas", "libcublas.so.12", ranges=False)
    assert index.read().parts == set()
    assert index.store.has(entry)


def test_a_server_that_lies_of_its_parts_gives_the_whole(index: Index, web: Web) -> None:
    entry = index.vendor("cublas", "libcublas.so.12")
    path = f"/files/{entry.file}"
    web.answers[path] = dataclasses.replace(web.answers[path], part="bytes 0-1/2")
    assert index.read().parts == set()
    assert index.store.has(entry)


def test_what_is_not_nvidias_is_fetched_whole(index: Index, web: Web) -> None:
    entry = index.add("torch", files={"torch/lib/libtorch_cuda.so": library(), "torch/__init__.py": ""})
    assert index.read().parts == set()
    assert index.store.has(entry)


def test_without_the_network_a_wheel_that_nobody_has_is_named(index: Index) -> None:
    index.vendor("cublas", "libcublas.so.12")
    with pytest.raises(OutsideError, match=r"offline|wheelhouse"):
        index.read(offline=True)


def test_what_was_moved_from_an_exact_pin_is_read_whole_and_so_is_what_needs_it(index: Index) -> None:
    index.add(
        "app", requires=["nvidia-cusparse-cu12==1.0", "nvidia-nvjitlink-cu12==2.0", "nvidia-cufft-cu12==1.0"]
    )
    index.vendor("cusparse", "libcusparse.so.12", requires=["nvidia-nvjitlink-cu12"])
    index.vendor("nvjitlink", "libnvJitLink.so.12")
    index.vendor("cufft", "libcufft.so.11")
    assert index.read().parts == {"nvidia-cufft-cu12"}


def test_what_is_pinned_together_is_not_read_however_old_it_is(index: Index) -> None:
    index.add("app", requires=["nvidia-cusparse-cu12==1.0", "nvidia-nvjitlink-cu12==1.0"])
    index.vendor("cusparse", "libcusparse.so.12", requires=["nvidia-nvjitlink-cu12"], made=(2025, 6, 1))
    index.vendor("nvjitlink", "libnvJitLink.so.12", made=(2023, 6, 1))
    assert index.read().parts == {"nvidia-cusparse-cu12", "nvidia-nvjitlink-cu12"}


@pytest.mark.parametrize(
    ("made", "parts"),
    [
        ((2025, 5, 20), {"nvidia-cusparse-cu12", "nvidia-nvjitlink-cu12"}),
        ((2026, 1, 1), {"nvidia-cusparse-cu12", "nvidia-nvjitlink-cu12"}),
        ((2023, 4, 4), set()),
        ((1980, 1, 1), set()),
    ],
)
def test_a_library_that_is_older_than_what_needs_it_is_read(
    index: Index, made: tuple[int, int, int], parts: set[str]
) -> None:
    index.vendor("cusparse", "libcusparse.so.12", requires=["nvidia-nvjitlink-cu12"], made=(2025, 6, 1))
    index.vendor("nvjitlink", "libnvJitLink.so.12", made=made)
    assert index.read().parts == parts


def test_no_bytes_make_a_reader_of_excerpts_stumble(index: Index, tmp_path: pathlib.Path) -> None:
    place = index.read_one().read_bytes()
    chance = random.Random(7)
    other = tmp_path / "other.whl"
    for _ in range(300):
        body = bytearray(place)
        for _ in range(chance.randrange(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        cut = body[: chance.randrange(len(body))] if chance.random() < 0.3 else body
        rest = bytes(cut).partition(b"\n")[2]
        signed = hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest
        other.write_bytes(signed if chance.random() < 0.7 else bytes(cut))
        with contextlib.suppress(ValueError, WheelError), open_excerpt(other) as opened:
            for entry in opened.entries:
                with contextlib.suppress(WheelError):
                    opened.read(entry.name)


def test_a_library_that_is_opened_by_name_may_be_old(index: Index) -> None:
    index.vendor("cublas", "libcublas.so.12", requires=["nvidia-nvrtc-cu12"], made=(2026, 10, 29))
    index.vendor("nvrtc", "libnvrtc.so.12", made=(2025, 5, 27))
    assert index.read().parts == {"nvidia-cublas-cu12", "nvidia-nvrtc-cu12"}


@pytest.mark.parametrize(
    ("files", "may"),
    [
        (["nvidia/cublas/lib/libcublasLt.so.12"], True),
        (["nvidia/nvshmem/lib/libnvshmem_host.so.3", "nvidia/nvshmem/lib/libnvshmem_device.bc"], True),
        (["nvidia/cuda_nvrtc/lib/libnvrtc.alt.so.12"], True),
        (["nvidia/cublas/lib/libcublasLt.so.12", "own/lib/libkernels.so"], False),
        (["nvidia/cublas/lib/libcublasLt.so.12", "own/kernels.cubin"], False),
        (["cudf/libcudf.so"], False),
        (["model/weights.bin"], False),
    ],
)
def test_only_libraries_of_nvidias_may_be_lacking(files: list[str], may: bool) -> None:
    assert may_lack(files) is may
