"""Where files come from, and in what words it is said that they cannot be had."""

import dataclasses
import datetime as dt
import pathlib

import pytest

from envspec.supply.http import Patience
from envspec.supply.local_index import folder_files
from envspec.supply.page import project_of
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.system.errors import OutsideError
from tests.support.index import json_page, sha256, simple_index
from tests.support.specs import spec, stage
from tests.support.web import JSON, Answer, Web
from tests.support.wheels import sdist, wheel

SPEC = spec(
    stage("one", "demo==1.0", more='index = "mine"'),
    tail='[index.mine]\nurl = "https://index.invalid/simple"',
)
AT_ONCE = Patience(again=1, pause=0)

WITHOUT_INDEX = PipSettings(no_index=True)


def sources(mine: str = "https://index.invalid/simple", machine: PipSettings = WITHOUT_INDEX) -> Sources:
    """Sources whose index `mine` is redirected there, on such a machine."""
    return Sources(SPEC, dataclasses.replace(machine, redirects={"MINE": mine}), patience=AT_ONCE)


@pytest.fixture
def demo(tmp_path: pathlib.Path) -> pathlib.Path:
    return wheel(tmp_path / "files", "demo")


def test_a_simple_index_in_a_folder(tmp_path: pathlib.Path, demo: pathlib.Path) -> None:
    (found,) = sources(simple_index(tmp_path / "simple", [demo])).files("mine", "Demo")
    assert (found.file, found.url, found.sha256) == (demo.name, demo.as_uri(), sha256(demo))


def test_a_folder_of_wheels_as_an_index(demo: pathlib.Path) -> None:
    (found,) = sources(str(demo.parent)).files("mine", "demo")
    assert (found.file, found.size) == (demo.name, demo.stat().st_size)


def test_an_index_in_json(web: Web, demo: pathlib.Path) -> None:
    page = json_page(
        "demo", [demo], web.url, **{"upload-time": "2024-04-01T00:00:00Z", "requires-python": ">=3"}
    )
    web.answers["/simple/demo/"] = Answer(body=page, kind=JSON)
    (found,) = sources(f"{web.url}/simple/").files("mine", "demo")
    assert (found.sha256, found.size) == (sha256(demo), demo.stat().st_size)
    assert (found.uploaded, found.requires_python) == (dt.datetime(2024, 4, 1, tzinfo=dt.UTC), ">=3")


def test_an_index_in_html(web: Web) -> None:
    page = b'<a href="../../files/demo-1.0-py3-none-any.whl" data-yanked="broken">demo</a><a href="x">y</a>'
    page = page.replace(b">demo<", b">demo-1.0-py3-none-any.whl<")
    web.answers["/simple/demo/"] = Answer(body=page, kind="text/html")
    (found,) = sources(f"{web.url}/simple").files("mine", "demo")
    assert (found.url, found.yanked) == (f"{web.url}/files/demo-1.0-py3-none-any.whl", "broken")


def test_a_listing_is_asked_once(web: Web) -> None:
    web.answers["/demo/"] = Answer(body=json_page("demo", [], web.url), kind=JSON)
    there = sources(web.url)
    assert there.files("mine", "demo") == there.files("mine", "demo") == ()
    assert len(web.asked) == 1


def test_a_project_that_an_index_does_not_know_has_no_files(web: Web) -> None:
    assert sources(web.url).files("mine", "demo") == ()


def test_other_projects_on_the_page_do_not_count(
    web: Web, tmp_path: pathlib.Path, demo: pathlib.Path
) -> None:
    foreign = wheel(tmp_path, "demo-evil")
    web.answers["/demo/"] = Answer(body=json_page("demo", [demo, foreign], web.url), kind=JSON)
    assert [file.file for file in sources(web.url).files("mine", "demo")] == [demo.name]


TROUBLE = {
    "error": (Answer(status=500), "it fails, again and again"),
    "forbidden": (Answer(status=403), r"it refuses access \(403\)"),
    "half": (Answer(body=b"{", promised=900, kind=JSON), "its answer broke off"),
    "cut": (Answer(body=b'{"meta": {"api-ver', kind=JSON), "something that is no package index"),
    "picture": (Answer(body=b"\x89PNG", kind="image/png"), "something that is no package index"),
    "number": (Answer(body=b"7", kind=JSON), "something that is no package index"),
    "list": (Answer(body=b"[]", kind=JSON), "something that is no package index"),
    "empty": (Answer(body=b"{}", kind=JSON), "something that is no package index"),
    "future": (
        Answer(body=b'{"meta": {"api-version": "9.0"}, "name": "demo", "files": []}', kind=JSON),
        "a form of a later time",
    ),
    "nameless": (
        Answer(body=b'{"meta": {"api-version": "1.0"}, "name": "demo", "files": [{}]}', kind=JSON),
        "something that is no package index",
    ),
}


@pytest.mark.parametrize(("answer", "said"), TROUBLE.values(), ids=TROUBLE)
def test_trouble_is_said_in_words_and_without_hosts(web: Web, answer: Answer, said: str) -> None:
    web.answers["/demo/"] = answer
    with pytest.raises(OutsideError, match=said) as caught:
        sources(web.url).files("mine", "demo")
    assert "index mine cannot be asked for demo" in caught.value.message
    assert "ENVSPEC_INDEX_MINE" in caught.value.hint
    assert "127.0.0.1" not in caught.value.message


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("http://127.0.0.1:9/simple", "no connection"),
        ("/nowhere/at/all", "its folder is not there"),
        ("file:///nowhere", "its folder is not there"),
        ("nonsense", "its folder is not there"),
        ("http://", "it has no address that could be asked"),
        ("gopher://x.example/", "it has no address that could be asked"),
    ],
)
def test_an_index_that_is_not_there_is_said_so(place: str, said: str) -> None:
    with pytest.raises(OutsideError, match=said):
        sources(place).files("mine", "demo")


def test_a_passing_failure_is_asked_again(web: Web) -> None:
    web.answers["/demo/"] = Answer(status=503)
    with pytest.raises(OutsideError):
        sources(web.url).files("mine", "demo")
    assert len(web.asked) == 2


def test_offline_nothing_is_asked(web: Web) -> None:
    there = Sources(SPEC, PipSettings(no_index=True, redirects={"MINE": web.url}), offline=True)
    with pytest.raises(OutsideError, match="offline"):
        there.files("mine", "demo")
    assert web.asked == []


def test_offline_folders_still_count(tmp_path: pathlib.Path, demo: pathlib.Path) -> None:
    index = simple_index(tmp_path / "simple", [demo])
    there = Sources(SPEC, PipSettings(no_index=True, redirects={"MINE": index}), offline=True)
    assert len(there.files("mine", "demo")) == 1


def test_the_machines_folders_are_candidates_beside_every_index(demo: pathlib.Path) -> None:
    """They also help where the index cannot be asked."""
    there = sources("/nowhere", PipSettings(no_index=True, find_links=(str(demo.parent),)))
    assert [file.file for file in there.files("mine", "demo")] == [demo.name]
    with pytest.raises(OutsideError):
        there.files("mine", "other")


def test_folders_hold_all_sorts_of_things(tmp_path: pathlib.Path, demo: pathlib.Path) -> None:
    folder = demo.parent
    sdist(folder, "demo")
    (folder / "demo-2.0-py3-none-any.whl").mkdir()
    (folder / "demo-3.0-py3-none-any.whl").symlink_to(tmp_path / "gone")
    (folder / "demo-notes.txt").write_text("")
    (folder / "demo-1.0.whl").write_text("")
    assert [file.file for file in folder_files(folder, "demo")] == [demo.name, "demo-1.0.tar.gz"]


def test_the_default_index_is_the_machines_with_its_extras(
    tmp_path: pathlib.Path, demo: pathlib.Path
) -> None:
    extra = wheel(tmp_path / "extra", "demo", "2.0")
    there = sources(
        machine=PipSettings(
            index_url=simple_index(tmp_path / "one", [demo]),
            extra_index_urls=(simple_index(tmp_path / "two", [extra]),),
        )
    )
    assert [file.file for file in there.files("default", "demo")] == [demo.name, extra.name]


def test_a_wheel_of_the_spec_comes_from_the_spec(tmp_path: pathlib.Path, demo: pathlib.Path) -> None:
    wanted = spec(f'name = "one"\nwheels = [{{ path = "files/{demo.name}" }}]')
    there = Sources(wanted, PipSettings(no_index=True)).within(tmp_path)
    assert [file.url for file in there.files("spec", "demo")] == [demo.as_uri()]


def test_a_wheel_of_the_spec_that_is_not_there_is_said_so(tmp_path: pathlib.Path) -> None:
    wanted = spec('name = "one"\nwheels = [{ path = "files/demo-1.0-py3-none-any.whl" }]')
    with pytest.raises(OutsideError, match=r"files/demo-1\.0-py3-none-any\.whl is not there"):
        Sources(wanted, PipSettings()).within(tmp_path).files("spec", "demo")


@pytest.mark.parametrize(
    ("file", "project"),
    [
        ("Foo_Bar-1.0-py3-none-any.whl", "foo-bar"),
        ("foo.bar-1.0.tar.gz", "foo-bar"),
        ("foo-1.0.zip", "foo"),
        ("foo-1.0.exe", None),
        ("foo.whl", None),
        ("", None),
    ],
)
def test_a_file_name_tells_its_project(file: str, project: str | None) -> None:
    assert project_of(file) == project
