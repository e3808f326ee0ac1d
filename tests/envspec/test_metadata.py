"""What packages require: read from where it costs least, kept, and never believed blindly."""

import pathlib

import pytest

from envspec.supply.core_metadata import WheelMetadata
from envspec.supply.http import Patience
from envspec.supply.metadata import wheel_metadata
from envspec.supply.page import RemoteFile
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError
from tests.support.specs import file_of, spec, stage
from tests.support.web import Answer, Web
from tests.support.wheels import wheel

pytestmark = pytest.mark.usefixtures("home")
SPEC = spec(stage("one", "demo==1.0"))


def ask(
    tmp_path: pathlib.Path, place: pathlib.Path, remote: RemoteFile | None, *, offline: bool = False
) -> WheelMetadata:
    sources = Sources(SPEC, PipSettings(), offline=offline, patience=Patience(again=0))
    return wheel_metadata(file_of(place), remote, store=Wheelhouse(tmp_path / "store"), sources=sources)


@pytest.fixture
def demo(tmp_path: pathlib.Path) -> pathlib.Path:
    return wheel(tmp_path, "demo", requires=["numpy>=1"])


@pytest.fixture
def remote(web: Web, demo: pathlib.Path) -> RemoteFile:
    """The wheel on a server that has its metadata beside it (PEP 658)."""
    web.answers[f"/{demo.name}"] = Answer(body=demo.read_bytes())
    text = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: numpy>=1\n"
    web.answers[f"/{demo.name}.metadata"] = Answer(body=text)
    return RemoteFile(file=demo.name, url=f"{web.url}/{demo.name}")


def test_the_index_serves_the_part_that_is_needed(
    tmp_path: pathlib.Path, web: Web, demo: pathlib.Path, remote: RemoteFile
) -> None:
    assert ask(tmp_path, demo, remote).requires == ("numpy>=1",)
    assert [path for path, _ in web.asked] == [f"/{demo.name}.metadata"]


def test_an_index_without_that_part_serves_the_wheel(
    tmp_path: pathlib.Path, web: Web, demo: pathlib.Path, remote: RemoteFile
) -> None:
    del web.answers[f"/{demo.name}.metadata"]
    assert ask(tmp_path, demo, remote).requires == ("numpy>=1",)
    assert Wheelhouse(tmp_path / "store").has(file_of(demo))


def test_a_stored_wheel_asks_nobody(
    tmp_path: pathlib.Path, web: Web, demo: pathlib.Path, remote: RemoteFile
) -> None:
    Wheelhouse(tmp_path / "store").add(demo)
    assert ask(tmp_path, demo, remote).requires == ("numpy>=1",)
    assert web.asked == []


def test_what_was_read_is_kept(
    tmp_path: pathlib.Path, web: Web, demo: pathlib.Path, remote: RemoteFile
) -> None:
    first = ask(tmp_path, demo, remote)
    web.answers.clear()
    assert ask(tmp_path, demo, None, offline=True) == first


def test_a_page_that_is_no_metadata_is_not_taken_for_it(
    tmp_path: pathlib.Path, web: Web, demo: pathlib.Path, remote: RemoteFile
) -> None:
    web.answers[f"/{demo.name}.metadata"] = Answer(body=b"<html>welcome</html>")
    assert ask(tmp_path, demo, remote).requires == ("numpy>=1",)


def test_metadata_that_names_nothing_is_refused_and_forgotten(
    tmp_path: pathlib.Path, web: Web, demo: pathlib.Path, remote: RemoteFile
) -> None:
    good = web.answers[f"/{demo.name}.metadata"]
    web.answers[f"/{demo.name}.metadata"] = Answer(body=b"Metadata-Version: 2.1\nName: ../x\n")
    with pytest.raises(OutsideError, match="does not say what it is"):
        ask(tmp_path, demo, remote)
    web.answers[f"/{demo.name}.metadata"] = good
    assert ask(tmp_path, demo, remote).name == "demo"


def test_a_wheel_that_is_none_is_said_so(tmp_path: pathlib.Path) -> None:
    fake = tmp_path / "demo-1.0-py3-none-any.whl"
    fake.write_bytes(b"no archive")
    Wheelhouse(tmp_path / "store").add(fake)
    with pytest.raises(OutsideError, match="not a zip archive"):
        ask(tmp_path, fake, None)
