"""Several indexes: which of them counts for a package, held against uv and pip themselves."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import subprocess
import sys
import tomllib

import pytest

from envspec.ingest.draft import Wish
from envspec.ingest.pyproject import read_pyproject
from envspec.ingest.write import spec_text
from envspec.lockfile.lock import Lock
from envspec.resolve.prefer import preferences_of
from envspec.resolve.resolver import resolve_spec
from envspec.spec.load import parse_spec
from envspec.supply.pip_settings import PipSettings
from envspec.supply.sources import Sources
from envspec.supply.uv import uv_program
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import OutsideError
from tests.support.index import json_page, sha256, simple_index
from tests.support.specs import PIP_TOOLS
from tests.support.web import JSON, Answer, Web
from tests.support.wheels import wheel

pytestmark = pytest.mark.usefixtures("home")

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

SHELVES = {
    "one": {"a": ["1.0"]},
    "two": {"a": ["3.0"], "b": ["1.0"]},
    "own": {"a": ["2.0"], "b": ["9.0"], "c": ["1.0", "5.0"], "app": ["1.0"]},
}
"""What each of three indexes has; `app` needs all else."""


@pytest.fixture
def shops(tmp_path: pathlib.Path, web: Web) -> dict[str, str]:
    """The addresses of the three."""
    for shop, packages in SHELVES.items():
        for name, versions in packages.items():
            needs = ["a", "b", "c"] if name == "app" else []
            files = [wheel(tmp_path / shop, name, version, requires=needs) for version in versions]
            serve(web, shop, name, files)
    return {shop: f"{web.url}/{shop}/simple" for shop in SHELVES}


def serve(web: Web, shop: str, name: str, files: list[pathlib.Path]) -> None:
    page = json_page(name, files, f"{web.url}/{shop}/files")
    web.answers[f"/{shop}/simple/{name}/"] = Answer(body=page, kind=JSON)
    for file in files:
        web.answers[f"/{shop}/files/{file.name}"] = Answer(body=file.read_bytes(), ranges=True)


def project(shops: dict[str, str], tables: str) -> str:
    head = '[project]\nname = "x"\nversion = "1"\ndependencies = ["app"]\n'
    return f'{head}requires-python = ">={PYTHON}"\n' + tables.format(**shops)


def index(name: str, more: str = "") -> str:
    return f'[[tool.uv.index]]\nname = "{name}"\nurl = "{{{name}}}"\n{more}\n'


def locked_by_uv(tmp_path: pathlib.Path, text: str) -> dict[str, str]:
    """What the real `uv lock` makes of a project."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(text)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
    env |= {"UV_CACHE_DIR": str(tmp_path / "uv"), "UV_PYTHON_DOWNLOADS": "never"}
    env |= {"UV_PYTHON": sys.executable, "XDG_CONFIG_HOME": str(tmp_path / "none")}
    done = subprocess.run(
        [uv_program(), "lock", "--no-progress"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    packages = tomllib.loads((folder / "uv.lock").read_text())["package"]
    return {entry["name"]: entry["version"] for entry in packages if entry["name"] != "x"}


def lock_of(
    tmp_path: pathlib.Path, text: str, machine: PipSettings, resolver: str = "uv", before: Lock | None = None
) -> Lock:
    spec = parse_spec(text)
    sources = Sources(spec, machine).within(tmp_path)
    store = Wheelhouse(tmp_path / "store")
    held = resolve_spec(spec, sources, store, resolver=resolver, prefer=preferences_of(before))
    for entry in held.artifact:  # and every file of it can be had
        found = [file for file in sources.files(entry.index, entry.name) if file.sha256 == entry.sha256]
        assert found, entry.name
    return held


FIRST = index("one") + index("two")
PINNED = '[tool.uv.sources]\na = {{ index = "two" }}\n'


@pytest.mark.parametrize(
    ("tables", "versions"),
    [
        pytest.param(FIRST + index("own", "default = true"), "1.0 1.0 5.0", id="first"),
        pytest.param(index("own", "default = true") + index("two") + index("one"), "3.0 1.0 5.0", id="order"),
        pytest.param(
            '[tool.uv]\nindex-strategy = "unsafe-best-match"\n' + FIRST + index("own", "default = true"),
            "3.0 9.0 5.0",
            id="best",
        ),
        pytest.param(
            '[tool.uv]\nindex-url = "{own}"\nextra-index-url = ["{one}", "{two}"]\n', "1.0 1.0 5.0", id="old"
        ),
        pytest.param(
            index("one") + index("two", "explicit = true") + index("own", "default = true"),
            "1.0 9.0 5.0",
            id="explicit",
        ),
    ],
)
@pytest.mark.parametrize("resolver", ["uv", PIP_TOOLS])
def test_a_project_of_uv_gets_the_versions_that_uv_locks(
    tmp_path: pathlib.Path, shops: dict[str, str], tables: str, versions: str, resolver: str
) -> None:
    text = project(shops, tables)
    theirs = locked_by_uv(tmp_path, text)
    assert [theirs[name] for name in "abc"] == versions.split()
    spec = spec_text(read_pyproject(tmp_path / "project" / "pyproject.toml", Wish(python=PYTHON)))
    nowhere = PipSettings(index_url=(tmp_path / "nowhere").as_uri())
    assert lock_of(tmp_path, spec, nowhere, resolver).pins == theirs


def test_a_package_that_names_its_index_comes_from_there_alone(
    tmp_path: pathlib.Path, shops: dict[str, str]
) -> None:
    """One that is explicit is asked for nothing else, another for all that those before it do not have."""
    for more, b in (("explicit = true", "9.0"), ("", "1.0")):
        folder = tmp_path / b
        folder.mkdir()
        text = project(
            shops, PINNED + index("one") + index("two", more) + index("own", "default = true")
        ).replace('["app"]', '["app", "a"]')
        theirs = locked_by_uv(folder, text)
        assert (theirs["a"], theirs["b"]) == ("3.0", b)
        spec = spec_text(read_pyproject(folder / "project" / "pyproject.toml", Wish(python=PYTHON)))
        held = lock_of(folder, spec, PipSettings(index_url="file:///nowhere"))
        assert held.pins == theirs
        assert {entry.name: entry.index for entry in held.artifact}["a"] == "two"


def asked(shops: dict[str, str], **how: str) -> str:
    tables = "".join(f'[index.{name}]\nurl = "{shops[name]}"\nextra = {said}\n' for name, said in how.items())
    return f'name = "x"\npython = "{PYTHON}"\n{tables}[[stage]]\nname = "all"\ninstall = ["app"]\n'


@pytest.mark.parametrize(
    ("how", "versions"),
    [
        ({"one": "true", "two": "true"}, "3.0 9.0 5.0"),
        ({"one": '"first"', "two": "true"}, "1.0 9.0 5.0"),
        ({"two": '"first"', "one": '"first"'}, "3.0 1.0 5.0"),
        ({"two": '"last"', "one": '"last"'}, "2.0 9.0 5.0"),
    ],
)
@pytest.mark.parametrize("resolver", ["uv", PIP_TOOLS])
def test_extra_indexes_count_as_the_spec_says(
    tmp_path: pathlib.Path, shops: dict[str, str], how: dict[str, str], versions: str, resolver: str
) -> None:
    held = lock_of(tmp_path, asked(shops, **how), PipSettings(index_url=shops["own"]), resolver)
    assert [held.pins[name] for name in "abc"] == versions.split()


def test_the_last_index_is_asked_for_what_no_other_has(
    tmp_path: pathlib.Path, shops: dict[str, str], web: Web
) -> None:
    text = asked(shops, own='"last"', one='"first"')
    assert lock_of(tmp_path, text, PipSettings(index_url=shops["two"])).pins == {
        "a": "1.0",
        "app": "1.0",
        "b": "1.0",
        "c": "5.0",
    }
    assert "/own/simple/a/" not in [path for path, _ in web.asked]  # whose business that is not


def test_a_page_of_links_may_come_first(tmp_path: pathlib.Path, shops: dict[str, str], web: Web) -> None:
    digest = sha256(tmp_path / "two" / "a-3.0-py3-none-any.whl")
    link = f'<!DOCTYPE html><a href="/two/files/a-3.0-py3-none-any.whl#sha256={digest}">a</a>'
    web.answers["/links.html"] = Answer(body=link.encode(), kind="text/html")
    text = asked({"links": f"{web.url}/links.html"}, links='"first"')
    held = lock_of(tmp_path, text, PipSettings(index_url=shops["own"]))
    assert (held.pins["a"], held.pins["b"]) == ("3.0", "9.0")
    assert [path for path, _ in web.asked].count("/links.html") == 1


@pytest.mark.parametrize("resolver", ["uv", PIP_TOOLS])
def test_a_folder_may_come_first(tmp_path: pathlib.Path, shops: dict[str, str], resolver: str) -> None:
    folder = simple_index(tmp_path / "folder", [wheel(tmp_path / "made", "a", "0.5")])
    machine = PipSettings(index_url=shops["own"])
    held = lock_of(tmp_path, asked({"mine": folder}, mine='"first"'), machine, resolver)
    assert (held.pins["a"], held.pins["b"]) == ("0.5", "9.0")


def test_folders_alone_are_asked_without_a_network(tmp_path: pathlib.Path) -> None:
    one = simple_index(tmp_path / "one", [wheel(tmp_path / "a", "a", "0.5")])
    own = simple_index(
        tmp_path / "own", [wheel(tmp_path / "b", "a"), wheel(tmp_path / "b", "app", requires=["a"])]
    )
    spec = parse_spec(asked({"one": one}, one='"first"'))
    sources = Sources(spec, PipSettings(index_url=own), offline=True).within(tmp_path)
    assert resolve_spec(spec, sources, Wheelhouse(tmp_path / "store")).pins == {"a": "0.5", "app": "1.0"}


def test_an_index_that_comes_first_and_cannot_be_asked_is_no_reason_to_ask_the_next(
    tmp_path: pathlib.Path, shops: dict[str, str], web: Web
) -> None:
    web.answers["/one/simple/a/"] = Answer(status=403)
    with pytest.raises(OutsideError, match=r"index one cannot be asked for a: .*\(403\)"):
        lock_of(tmp_path, asked(shops, one='"first"'), PipSettings(index_url=shops["own"]))


@pytest.mark.parametrize("besides", ["spec", "pip"])
def test_an_index_with_some_files_of_a_version_moves_nothing(
    tmp_path: pathlib.Path, shops: dict[str, str], web: Web, besides: str
) -> None:
    """uv takes the files of a version from one index alone: shown two, it took that of the extra one."""
    tag = f"cp{PYTHON.replace('.', '')}"
    native = f"{tag}-{tag}-manylinux_2_17_x86_64"
    fast, slow = wheel(tmp_path / "own", "a", "9.0", tag=native), wheel(tmp_path / "one", "a", "9.0")
    serve(web, "own", "a", [fast])
    serve(web, "one", "a", [])
    machine = PipSettings(index_url=shops["own"])
    if besides == "pip":
        machine = dataclasses.replace(machine, extra_index_urls=(shops["one"],))
    text = asked(shops, one="true") if besides == "spec" else asked(shops)
    before = lock_of(tmp_path, text, machine)
    serve(web, "one", "a", [slow])
    after = lock_of(tmp_path, text, machine, before=before)
    assert [entry.file for entry in after.artifact if entry.name == "a"] == [fast.name]
    assert lock_of(tmp_path, text, machine).artifact == before.artifact
