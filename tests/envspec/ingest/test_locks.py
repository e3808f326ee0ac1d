"""Specs and pins from the locks of other tools."""

from __future__ import annotations

import contextlib
import json
import pathlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from envspec.ingest.draft import Draft, Pin, PinFile, Wish
from envspec.ingest.read import read_description
from envspec.resolve.keep import UnkeptError, keep_pins, refuse_unasked
from envspec.spec.load import parse_spec
from envspec.spec.target import target_of
from envspec.supply.page import RemoteFile
from envspec.system.errors import EnvspecError, OutsideError, SpecError
from tests.support.drafts import drafted, left, spec_of, words_of

A, B, C = "a" * 64, "b" * 64, "c" * 64

PYPROJECT = """\
[project]
name = "demo"
dependencies = ["flask", "numpy<3"]
[project.optional-dependencies]
x = ["rich"]
"""

UV = f"""\
version = 1
requires-python = ">=3.11"

[[package]]
name = "demo"
version = "0.1"
source = {{ virtual = "." }}
dependencies = [
    {{ name = "flask", extra = ["async"] }},
    {{ name = "numpy", version = "1.26.4", marker = "python_version < '3.12'" }},
    {{ name = "numpy", version = "2.1.3", marker = "python_version >= '3.12'" }},
    {{ name = "tool" }},
]

[[package]]
name = "flask"
version = "3.1.1"
source = {{ registry = "https://packages.example/simple" }}
dependencies = [{{ name = "colorama", marker = "sys_platform == 'win32'" }}]
sdist = {{ url = "https://files.example/flask-3.1.1.tar.gz", hash = "sha256:{A}", size = 10 }}
wheels = [{{ url = "https://files.example/flask-3.1.1-py3-none-any.whl", hash = "sha256:{B}", size = 9 }}]

[package.optional-dependencies]
async = [{{ name = "asgiref" }}]

[[package]]
name = "asgiref"
version = "3.8.0"
source = {{ registry = "https://packages.example/simple" }}
wheels = [{{ url = "https://files.example/asgiref-3.8.0-py3-none-any.whl", hash = "sha256:{C}" }}]

[[package]]
name = "colorama"
version = "0.4.6"
source = {{ registry = "https://packages.example/simple" }}
wheels = [{{ url = "https://files.example/colorama-0.4.6-py3-none-any.whl", hash = "sha256:{C}" }}]

[[package]]
name = "numpy"
version = "1.26.4"
source = {{ registry = "https://packages.example/simple" }}
wheels = [{{ url = "https://files.example/numpy-1.26.4-cp311-cp311-any.whl", hash = "sha256:{A}" }}]

[[package]]
name = "numpy"
version = "2.1.3"
source = {{ registry = "https://packages.example/simple" }}
wheels = [{{ url = "https://files.example/numpy-2.1.3-cp312-cp312-any.whl", hash = "sha256:{B}" }}]

[[package]]
name = "tool"
version = "1.0"
source = {{ git = "https://git.example/a/tool.git?rev=v1#{"1" * 40}" }}
"""

POETRY = f"""\
[[package]]
name = "flask"
version = "3.1.1"
groups = ["main"]
files = [{{file = "flask-3.1.1-py3-none-any.whl", hash = "sha256:{A}"}}]

[[package]]
name = "pywin32"
version = "306"
groups = ["main"]
markers = "sys_platform == 'win32'"
files = [{{file = "pywin32-306-cp311-cp311-win32.whl", hash = "sha256:{B}"}}]

[[package]]
name = "pytest"
version = "8.0"
groups = ["dev"]
files = [{{file = "pytest-8.0-py3-none-any.whl", hash = "sha256:{B}"}}]

[[package]]
name = "torch"
version = "2.8.0+cpu"
groups = ["main"]
files = [{{file = "torch-2.8.0+cpu-cp311-cp311-linux_x86_64.whl", hash = "sha256:{C}"}}]
[package.source]
type = "legacy"
url = "https://torch.example/whl/cpu"
reference = "torch"

[metadata]
python-versions = "^3.11"
"""

PDM = f"""\
[metadata]
groups = ["default", "test"]
[[package]]
name = "flask"
version = "3.1.1"
groups = ["default"]
files = [{{url = "https://files.example/flask-3.1.1-py3-none-any.whl", hash = "sha256:{A}"}}]
[[package]]
name = "pytest"
version = "8.0"
groups = ["test"]
files = []
"""

PYLOCK = f"""\
lock-version = "1.0"
created-by = "uv"
requires-python = ">=3.11"
[[packages]]
name = "flask"
version = "3.1.1"
[[packages.wheels]]
url = "https://files.example/flask-3.1.1-py3-none-any.whl"
size = 9
hashes = {{ sha256 = "{A}" }}
[[packages]]
name = "colorama"
version = "0.4.6"
marker = "sys_platform == 'win32'"
wheels = [{{ url = "https://files.example/colorama-0.4.6-py3-none-any.whl", hashes = {{ sha256 = "{B}" }} }}]
[[packages]]
name = "tool"
vcs = {{ type = "git", url = "https://git.example/a/tool.git", commit-id = "{"1" * 40}" }}
"""

PIPENV = json.dumps(
    {
        "_meta": {"requires": {"python_version": "3.11"}},
        "default": {
            "flask": {"version": "==3.1.1", "hashes": [f"sha256:{A}", f"sha256:{B}"]},
            "pywin32": {"version": "==306", "hashes": [f"sha256:{A}"], "markers": "sys_platform == 'win32'"},
        },
        "develop": {"pytest": {"version": "==8.0", "hashes": [f"sha256:{A}"]}},
    },
    indent=4,
)

CONDA = """\
version: 1
metadata: {platforms: [linux-64, osx-64]}
package:
- {name: python, version: 3.11.4, manager: conda, platform: linux-64, category: main}
- {name: pytorch, version: 2.1.0, manager: conda, platform: linux-64, category: main}
- {name: pytorch, version: 2.1.0, manager: conda, platform: osx-64, category: main}
- {name: ffmpeg, version: '6.1', manager: conda, platform: linux-64, category: main}
- {name: flask, version: 3.1.1, manager: pip, platform: linux-64, category: main}
"""


def pins_of(draft: Draft) -> dict[str, str]:
    return {pin.name: pin.version for pin in draft.pins}


def test_a_lock_of_uv_holds_what_the_target_needs(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, UV, "uv.lock")
    assert pins_of(draft) == {"flask": "3.1.1", "asgiref": "3.8.0", "numpy": "1.26.4"}
    assert draft.pins[0].files[1] == PinFile(
        sha256=B,
        file="flask-3.1.1-py3-none-any.whl",
        url="https://files.example/flask-3.1.1-py3-none-any.whl",
        size=9,
    )
    assert f"tool @ git+https://git.example/a/tool.git@{'1' * 40}" in words_of(draft)
    assert pins_of(drafted(tmp_path, UV, "uv.lock", python="3.12"))["numpy"] == "2.1.3"


def test_every_package_of_a_lock_is_held_or_named(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, UV, "uv.lock")
    assert sum(item.file == "uv.lock" for item in draft.items) == UV.count("[[package]]")
    assert left(draft).keys() == {"demo 0.1", "colorama 0.4.6", "numpy 2.1.3"}


def test_the_project_beside_a_lock_says_what_is_asked_for(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, UV, "uv.lock", pyproject__toml=PYPROJECT)
    assert words_of(draft) == ["flask", "numpy<3"]
    assert list(spec_of(draft).variant) == ["x"]
    assert pins_of(draft) == {"flask": "3.1.1", "asgiref": "3.8.0", "numpy": "1.26.4"}
    wish = Wish(python="3.11", folder=tmp_path)
    assert pins_of(read_description(tmp_path / "pyproject.toml", wish)) == pins_of(draft)


@pytest.mark.parametrize(
    ("name", "text", "pins"),
    [
        ("poetry.lock", POETRY, {"flask": "3.1.1", "torch": "2.8.0+cpu"}),
        ("pdm.lock", PDM, {"flask": "3.1.1"}),
        ("pylock.toml", PYLOCK, {"flask": "3.1.1"}),
        ("pylock.dev.toml", PYLOCK, {"flask": "3.1.1"}),
        ("Pipfile.lock", PIPENV, {"flask": "3.1.1"}),
        ("conda-lock.yml", CONDA, {}),
    ],
)
def test_other_locks_are_read(tmp_path: pathlib.Path, name: str, text: str, pins: dict[str, str]) -> None:
    draft = drafted(tmp_path, text, name)
    assert pins_of(draft) == pins
    words = words_of(draft)
    assert "flask==3.1.1" in words
    assert not any(word.startswith(("pywin32", "pytest", "colorama")) for word in words)
    assert ("torch==2.1.0" in words) == (name == "conda-lock.yml")


def test_an_image_that_installs_by_a_lock_has_its_pins(tmp_path: pathlib.Path) -> None:
    text = "FROM python:3.11\nCOPY . /app/\nWORKDIR /app\nRUN uv sync --frozen\n"
    draft = drafted(tmp_path, text, "Dockerfile", uv__lock=UV, pyproject__toml=PYPROJECT)
    assert (pins_of(draft)["flask"], draft.pinned_by) == ("3.1.1", "uv.lock")


def test_packages_of_another_index_have_a_stage_with_it(tmp_path: pathlib.Path) -> None:
    spec = spec_of(drafted(tmp_path, POETRY, "poetry.lock"))
    assert {stage.index: stage.install for stage in spec.stage} == {
        None: ("flask==3.1.1",),
        "torch-cpu": ("torch==2.8.0+cpu",),
    }


class Offering:
    """Sources that offer some files, or refuse."""

    def __init__(self, *files: RemoteFile, away: bool = False) -> None:
        self._files, self._away = files, away

    def files(self, index: str, project: str) -> tuple[RemoteFile, ...]:
        if self._away:
            raise OutsideError("away")
        return tuple(file for file in self._files if file.file.startswith(project))


SPEC = parse_spec('name = "x"\npython = "3.11"\n[[stage]]\nname = "a"\ninstall = ["flask>=3"]\n')
FLASK = Pin(name="flask", version="3.1.1", files=(PinFile(sha256=A),))
WHEEL = RemoteFile(file="flask-3.1.1-py3-none-any.whl", url="file:///flask", sha256=A, size=9)


def test_pins_are_looked_up_by_their_digest() -> None:
    other = RemoteFile(file="flask-3.1.1.tar.gz", url="file:///other", sha256=B)
    [solved] = keep_pins(SPEC, Offering(WHEEL, other), [FLASK])  # type: ignore[arg-type]
    assert (solved.version, solved.files) == ("3.1.1", (WHEEL,))


def test_a_lock_that_tells_its_files_needs_no_index() -> None:
    file = PinFile(sha256=A, file="flask-3.1.1-py3-none-any.whl", url="https://files.example/x", size=9)
    pin = Pin(name="flask", version="3.1.1", files=(file,))
    [solved] = keep_pins(SPEC, Offering(away=True), [pin])  # type: ignore[arg-type]
    assert (solved.files[0].url, solved.files[0].size) == ("https://files.example/x", 9)


@pytest.mark.parametrize(
    ("pin", "offering", "why"),
    [
        (FLASK, Offering(), "no index offers"),
        (FLASK, Offering(away=True), "cannot be looked up"),
    ],
)
def test_pins_that_do_not_do_are_refused(pin: Pin, offering: Offering, why: str) -> None:
    with pytest.raises(UnkeptError, match=why):
        keep_pins(SPEC, offering, [pin])  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "version"), [("flask", "2.0"), ("six", "1.0")])
def test_pins_that_are_not_what_is_asked_for_are_refused_first(name: str, version: str) -> None:
    with pytest.raises(UnkeptError, match="does not hold flask>=3"):
        refuse_unasked(SPEC, target_of(SPEC), [Pin(name=name, version=version, files=FLASK.files)])


LOCKS = ["uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "conda-lock.yml"]


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.parametrize(
    "text", ["package = 1", "[[package]]\nname = 1\nversion = []", '{"default": 1}', "a: ["]
)
def test_what_is_no_lock_is_told_or_gives_nothing(tmp_path: pathlib.Path, name: str, text: str) -> None:
    with contextlib.suppress(SpecError):
        assert not drafted(tmp_path, text, name).pins


_CUTS = some.tuples(
    some.integers(0, 2000), some.integers(0, 60), some.sampled_from(["", "[", "1", '"', "{}", "\n"])
)


@pytest.mark.parametrize(
    ("name", "text"), [("uv.lock", UV), ("pylock.toml", PYLOCK), ("Pipfile.lock", PIPENV)]
)
@settings(max_examples=30)
@given(cut=_CUTS)
def test_a_damaged_lock_gives_a_draft_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, text: str, cut: tuple[int, int, str]
) -> None:
    begin, length, instead = cut
    damaged = text[:begin] + instead + text[begin + length :]
    with contextlib.suppress(EnvspecError):
        drafted(tmp_path_factory.mktemp("fuzz"), damaged, name)
