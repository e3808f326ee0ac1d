"""What of a set serves which card, and which driver it wants."""

import json
import pathlib

import pytest

from envspec.proof.gpu import device, served
from envspec.proof.gpu.device import CardFile
from envspec.proof.gpu.served import GpuProof, gpu_proof, known_gpu_proof
from envspec.supply.facts import FactStore
from tests.support.fatbins import FAMILY, ONLY_THAT, PTX, container, elf, entry
from tests.support.specs import artifact, lock, spec, stage
from tests.support.wheels import wheel


def card_file(*entries: bytes, needs: tuple[str, ...] = (), path: str = "app/_C.so") -> CardFile:
    return device.read(path, elf(container(*entries), needs=needs))


def proof(target: str, **files: CardFile) -> GpuProof:
    """The proof of packages of one file each, whose names have `_` for `-`."""
    wanted = spec(stage("one", "app==1"), tail=f"[target]\n{target}")
    named = {name.replace("_", "-"): (file,) for name, file in files.items()}
    return gpu_proof(wanted, dict.fromkeys(named, "1.0"), named)


def test_machine_code_counts_before_ptx() -> None:
    (row,) = proof('gpu = ["sm_86", "sm_90", "sm_75"]', app=card_file(entry(80), entry(80, PTX))).rows
    assert [(each.by, each.code, each.driver) for each in row.served] == [
        ("machine code", "sm_80", ""),
        ("PTX", "sm_80", "550.54.14"),
        ("none", "", ""),
    ]


def test_suffixes_bind_code_to_a_card_and_to_a_family() -> None:
    code = card_file(entry(90, flags=ONLY_THAT), entry(100, flags=FAMILY))
    (row,) = proof('gpu = ["sm_90", "sm_103", "sm_120"]', app=code).rows
    assert [each.by for each in row.served] == ["machine code", "machine code", "none"]


def test_code_that_is_linked_with_the_main_library_does_not_make_up_for_it() -> None:
    main = device.read("torch/lib/libmain.so", elf(container(entry(70), entry(80), entry(90))))
    beside = device.read("torch/lib/libbeside.so", elf(container(entry(60)), needs=["libmain.so"]))
    apart = device.read("torch/lib/libapart.so", elf(container(entry(60))))
    wanted = spec(stage("one", "torch==1"), tail='[target]\ngpu = ["P100", "V100"]')
    for files, by in (((main, beside), "none"), ((main, beside, apart), "machine code")):
        (row,) = gpu_proof(wanted, {"torch": "2.8.0"}, {"torch": files}).rows
        assert [each.by for each in row.served] == [by, "machine code"]


def test_what_cannot_be_read_is_unknown_and_not_lacking() -> None:
    (row,) = proof('gpu = ["sm_90"]', app=card_file(entry(80), entry(80, kind=77))).rows
    assert row.served[0].by == "unknown"


def test_the_driver_follows_the_runtime_and_ptx_raises_it() -> None:
    code = card_file(entry(80), entry(80, PTX, language=(8, 7)), needs=("libcudart.so.12",))
    assert proof('gpu = ["sm_86"]', app=code).floor == "525.60.13"
    raised = proof('gpu = ["sm_90"]', app=code)
    assert raised.floor == "570.26"
    assert "its PTX for sm_80, all that it has for sm_90" in raised.raising[0].why


@pytest.mark.parametrize(
    ("needs", "cuda"),
    [
        (("libcudart.so.11.0",), 11),
        (("libcublas.so.12", "libcudart.so.13"), 13),
        (("libcufft.so.11",), 12),
        (("libcusparse.so.12",), 0),
        ((), 0),
    ],
)
def test_cuda_is_told_by_what_is_needed(needs: tuple[str, ...], cuda: int) -> None:
    (row,) = proof("", app=card_file(entry(80), needs=needs)).rows
    assert row.cuda == cuda


def test_of_files_for_several_releases_the_oldest_counts() -> None:
    files = {
        "bits": (
            card_file(entry(80), needs=("libcudart.so.13",), path="bits/a_cuda130.so"),
            card_file(entry(80), needs=("libcudart.so.11.0",), path="bits/a_cuda118.so"),
        )
    }
    found = gpu_proof(spec(stage("one", "bits==1")), {"bits": "1.0"}, files)
    assert (found.rows[0].cuda, found.floor) == (11, "450.80.02")


def test_nvidias_libraries_are_judged_by_their_release_and_never_by_lists() -> None:
    bundled = card_file(entry(75), path="app.libs/libcufft-0123abcd.so.12")
    assert proof("gpu = ['sm_90']", app=bundled).rows == ()
    found = gpu_proof(
        spec(stage("one", "app==1"), tail='[target]\ngpu = ["V100", "H100"]'),
        {"nvidia-cublas-cu12": "12.4.5.8", "nvidia-cuda-runtime": "13.0.96", "nvidia-ml-py": "13.1"},
        {},
    )
    assert [(row.package, row.cuda, [each.by for each in row.served]) for row in found.rows] == [
        ("nvidia-cublas-cu12", 12, ["release", "release"]),
        ("nvidia-cuda-runtime", 13, ["none", "release"]),
    ]


def test_a_proof_has_a_json_form() -> None:
    found = proof('gpu = ["RTX 4090"]\ndriver = "550"', app=card_file(entry(80), needs=("libcudart.so.12",)))
    body = json.loads(json.dumps(served.as_json(found)))
    assert (body["floor"], body["raised_by"]) == ("525.60.13", ["app"])
    assert served.from_json(body) == found


def test_it_is_had_from_kept_facts_alone(tmp_path: pathlib.Path) -> None:
    app = wheel(tmp_path, "app", files={"app/_C.so": elf(container(entry(90)))})
    own = wheel(tmp_path, "nvidia-cublas-cu12")
    held, store = lock(artifact(app), artifact(own)), FactStore(tmp_path / "facts")
    wanted = spec(stage("one", "app==1.0"), tail='[target]\ngpu = ["sm_90"]')
    assert known_gpu_proof(wanted, held, store) is None
    rows = device.as_json([device.read("app/_C.so", elf(container(entry(90))))])
    store.put(held.artifact[0].installed.sha256, device.READER, device.VERSION, rows)
    found = known_gpu_proof(wanted, held, store)
    assert found is not None
    assert [row.package for row in found.rows] == ["app", "nvidia-cublas-cu12"]
