"""The wheelhouse: every byte checked, downloads resumed, any number of runs at once."""

import concurrent.futures
import pathlib
import random
import subprocess
import sys

import pytest

from envspec.lockfile.lock import Artifact, File
from envspec.supply.http import Patience
from envspec.supply.page import RemoteFile
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError
from envspec.system.progress import Progress
from tests.support.index import json_page, simple_index
from tests.support.specs import artifact, file_of, spec, stage
from tests.support.web import JSON, Answer, Web
from tests.support.wheels import wheel

SPEC = spec(stage("one", "demo==1.0"))
AT_ONCE = Patience(again=0)
BODY = random.Random(0).randbytes(3 << 20)


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Wheelhouse:
    return Wheelhouse(tmp_path / "wheelhouse")


def sources(index: str = "file:///nowhere", *, offline: bool = False) -> Sources:
    return Sources(SPEC, PipSettings(index_url=index), offline=offline, patience=AT_ONCE)


@pytest.fixture
def demo(tmp_path: pathlib.Path) -> pathlib.Path:
    return wheel(tmp_path / "files", "demo", files={"demo.bin": BODY})


def remote(web: Web, place: pathlib.Path, answer: Answer | None = None) -> RemoteFile:
    """The file as the server offers it: whole, unless it is to answer something else."""
    web.answers["/" + place.name] = answer or Answer(body=place.read_bytes())
    return RemoteFile(file=place.name, url=f"{web.url}/{place.name}")


def half(store: Wheelhouse, place: pathlib.Path, body: bytes | None = None) -> int:
    """Leave half a download behind, as a run that was killed does; its length."""
    data = place.read_bytes()
    part = data[: len(data) // 2] if body is None else body
    partial = store.root / "partial" / file_of(place).sha256
    partial.parent.mkdir(parents=True)
    partial.write_bytes(part)
    return len(part)


def test_what_is_fetched_is_stored_under_its_sha256(store: Wheelhouse, demo: pathlib.Path) -> None:
    file = file_of(demo)
    store.fetch([artifact(demo)], sources(str(demo.parent)))
    assert store.path(file).read_bytes() == demo.read_bytes()
    assert file.sha256 in str(store.path(file))
    assert store.path(file).stat().st_mode & 0o222 == 0


def test_many_files_are_fetched_and_counted(store: Wheelhouse, tmp_path: pathlib.Path) -> None:
    class Counted(Progress):
        total = done = 0

        def begin(self, title: str, total: int) -> None:
            self.total = total

        def advance(self, title: str, amount: int) -> None:
            self.done += amount

    files = [wheel(tmp_path / "many", f"demo{number}") for number in range(30)]
    counted = Counted()
    store.fetch(map(artifact, files), sources(simple_index(tmp_path / "simple", files)), counted)
    assert all(store.has(file_of(file)) for file in files)
    assert counted.done == counted.total > 0


def test_a_download_goes_on_where_it_stopped(store: Wheelhouse, demo: pathlib.Path, web: Web) -> None:
    have = half(store, demo)
    store.bring(remote(web, demo, Answer(body=demo.read_bytes(), ranges=True)), file_of(demo), sources())
    assert store.verify(file_of(demo))
    assert web.asked == [(f"/{demo.name}", f"bytes={have}-")]


def test_a_server_that_cannot_resume_sends_all_of_it(store: Wheelhouse, demo: pathlib.Path, web: Web) -> None:
    half(store, demo)
    store.bring(remote(web, demo), file_of(demo), sources())
    assert store.verify(file_of(demo))


def test_a_download_that_was_whole_already_is_kept(store: Wheelhouse, demo: pathlib.Path, web: Web) -> None:
    half(store, demo, demo.read_bytes())
    store.bring(remote(web, demo, Answer(body=demo.read_bytes(), ranges=True)), file_of(demo), sources())
    assert store.verify(file_of(demo))


@pytest.mark.parametrize("ranges", [True, False])
def test_wrong_bytes_of_an_earlier_run_do_no_harm(
    store: Wheelhouse, demo: pathlib.Path, web: Web, ranges: bool
) -> None:
    half(store, demo, b"something else entirely")
    store.bring(remote(web, demo, Answer(body=demo.read_bytes(), ranges=ranges)), file_of(demo), sources())
    assert store.verify(file_of(demo))


def test_an_answer_that_breaks_off_is_kept_for_the_next_run(
    store: Wheelhouse, demo: pathlib.Path, web: Web
) -> None:
    whole = demo.read_bytes()
    broken = remote(web, demo, Answer(body=whole[: 2 << 20], promised=len(whole)))
    with pytest.raises(OutsideError, match="did not arrive: its answer broke off") as caught:
        store.bring(broken, file_of(demo), sources())
    assert "goes on there" in caught.value.hint
    store.bring(remote(web, demo, Answer(body=demo.read_bytes(), ranges=True)), file_of(demo), sources())
    assert web.asked[-1][1] == f"bytes={2 << 20}-"


def test_other_bytes_are_refused_and_not_kept(store: Wheelhouse, demo: pathlib.Path, web: Web) -> None:
    with pytest.raises(OutsideError, match="is not the file that was locked"):
        store.bring(remote(web, demo, Answer(body=b"evil")), file_of(demo), sources())
    assert not store.has(file_of(demo))
    assert [path for path in store.root.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_an_index_that_lists_another_sha256_is_refused_unasked(
    store: Wheelhouse, tmp_path: pathlib.Path, demo: pathlib.Path
) -> None:
    index = simple_index(tmp_path / "simple", [demo])
    entry = artifact(demo).model_copy(update={"sha256": "0" * 64})
    with pytest.raises(OutsideError, match="serves other bytes under that name"):
        store.fetch([entry], sources(index))


def test_an_index_without_the_file_is_said_so(
    store: Wheelhouse, tmp_path: pathlib.Path, demo: pathlib.Path
) -> None:
    with pytest.raises(OutsideError, match="index default does not have it"):
        store.fetch([artifact(demo)], sources(simple_index(tmp_path / "simple", [])))


def test_what_arrived_beside_a_failure_stays(
    store: Wheelhouse, tmp_path: pathlib.Path, demo: pathlib.Path
) -> None:
    gone = artifact(wheel(tmp_path / "other", "gone"))
    with pytest.raises(OutsideError):
        store.fetch([artifact(demo), gone], sources(simple_index(tmp_path / "simple", [demo])))
    assert store.has(file_of(demo))


def test_a_full_store_needs_no_source(store: Wheelhouse, demo: pathlib.Path) -> None:
    store.add(demo)
    store.fetch([artifact(demo)], sources(offline=True))


def test_offline_says_what_is_missing(store: Wheelhouse, demo: pathlib.Path, web: Web) -> None:
    with pytest.raises(OutsideError, match=r"demo-1\.0-py3-none-any\.whl is not in the wheelhouse"):
        store.bring(remote(web, demo), file_of(demo), sources(offline=True))
    assert web.asked == []


def test_a_cut_off_entry_counts_as_missing(store: Wheelhouse, demo: pathlib.Path) -> None:
    place = store.path(store.add(demo))
    place.chmod(0o644)
    place.write_bytes(demo.read_bytes()[:-1])
    assert not store.has(file_of(demo))
    store.fetch([artifact(demo)], sources(str(demo.parent)))
    assert store.verify(file_of(demo))


def test_a_damaged_entry_is_thrown_away(store: Wheelhouse, demo: pathlib.Path) -> None:
    place = store.path(store.add(demo))
    place.chmod(0o644)
    place.write_bytes(b"\0" * demo.stat().st_size)
    assert not store.verify(file_of(demo))
    assert not store.has(file_of(demo))


def test_a_file_of_unknown_sha256_is_taken_and_named(store: Wheelhouse, demo: pathlib.Path, web: Web) -> None:
    assert store.take(remote(web, demo), sources()) == file_of(demo)
    assert store.has(file_of(demo))


def test_a_file_that_is_not_what_its_index_promised_is_not_taken(
    store: Wheelhouse, demo: pathlib.Path, web: Web
) -> None:
    lying = RemoteFile(file=demo.name, url=remote(web, demo).url, sha256="0" * 64)
    with pytest.raises(OutsideError, match="is not the file that its index"):
        store.take(lying, sources())


def test_threads_share_one_download(store: Wheelhouse, demo: pathlib.Path, web: Web) -> None:
    file, there = file_of(demo), remote(web, demo, Answer(body=demo.read_bytes(), pause=0.2))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.bring(there, file, sources()), range(4)))
    assert len(web.asked) == 1
    assert store.verify(file)


SCRIPT = """
import pathlib, sys
from envspec.lockfile.lock import Artifact
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from tests.support.specs import spec, stage
store, index = Wheelhouse(pathlib.Path(sys.argv[1])), sys.argv[2]
entry = Artifact.model_validate_json(sys.argv[3])
store.fetch([entry], Sources(spec(stage("one", "demo==1.0")), PipSettings(index_url=index)))
assert store.verify(entry)
"""


def test_processes_share_one_download(store: Wheelhouse, demo: pathlib.Path, web: Web) -> None:
    remote(web, demo, Answer(body=demo.read_bytes(), pause=0.5))
    web.answers["/simple/demo/"] = Answer(body=json_page("demo", [demo], web.url), kind=JSON)
    entry: Artifact = artifact(demo)
    command = [sys.executable, "-c", SCRIPT, str(store.root), f"{web.url}/simple", entry.model_dump_json()]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [(run.communicate(timeout=60)[1], run.returncode) for run in runs] == [("", 0), ("", 0)]
    assert [path for path, _ in web.asked].count(f"/{demo.name}") == 1


def test_adding_twice_is_adding_once(store: Wheelhouse, demo: pathlib.Path) -> None:
    assert store.add(demo) == store.add(demo) == File(**file_of(demo).model_dump())
    assert demo.exists()
