"""Specs and pins from the locks of other tools."""

from __future__ import annotations

import contextlib
import json
import pathlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from envspec.ingest.draft import Draft, PinFile, Wish
from envspec.ingest.read import read_description
from envspec.system.errors import EnvspecError, SpecError
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
    return {pin.name: pin.version for pin in draft.pins if not pin.word}


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
    assert words_of(draft) == ["flask", "numpy<3", f"tool @ git+https://git.example/a/tool.git@{'1' * 40}"]
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
        ("conda-lock.yml", CONDA, {"torch": "2.1.0", "flask": "3.1.1"}),
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


POETRY_1 = f"""\
[[package]]
name = "uvicorn"
version = "0.27.0"
optional = false
python-versions = ">=3.8"
[package.dependencies]
h11 = ">=0.8"
typing-extensions = {{version = ">=4.0", markers = "python_version < \\"3.11\\""}}
uvloop = {{version = ">=0.14.0,<0.15.0 || >0.15.0", optional = true, markers = "extra == \\"standard\\""}}
[package.extras]
standard = ["uvloop (>=0.14.0,!=0.15.0)"]

[[package]]
name = "h11"
version = "0.14.0"
optional = false
python-versions = ">=3.7"

[[package]]
name = "uvloop"
version = "0.17.0"
optional = false
python-versions = ">=3.7"

[[package]]
name = "typing-extensions"
version = "4.9.0"
optional = false
python-versions = ">=3.8"

[[package]]
name = "numpy"
version = "1.26.4"
optional = false
python-versions = ">=3.9"

[[package]]
name = "numpy"
version = "2.1.0"
optional = false
python-versions = ">=3.12"

[[package]]
name = "pytest"
version = "8.0"
optional = false
python-versions = ">=3.8"

[metadata]
lock-version = "1.1"
python-versions = ">=3.10"
[metadata.files]
h11 = [{{file = "h11-0.14.0-py3-none-any.whl", hash = "sha256:{A}"}}]
numpy = [
    {{file = "numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl", hash = "sha256:{A}"}},
    {{file = "numpy-2.1.0-cp312-cp312-manylinux_2_17_x86_64.whl", hash = "sha256:{B}"}},
]
pytest = [{{file = "pytest-8.0-py3-none-any.whl", hash = "sha256:{A}"}}]
typing-extensions = [{{file = "typing_extensions-4.9.0-py3-none-any.whl", hash = "sha256:{A}"}}]
uvicorn = [{{file = "uvicorn-0.27.0-py3-none-any.whl", hash = "sha256:{A}"}}]
uvloop = [{{file = "uvloop-0.17.0.tar.gz", hash = "sha256:{A}"}}]
"""

POETRY_PROJECT = """\
[tool.poetry]
name = "demo"
package-mode = false
[tool.poetry.dependencies]
python = ">=3.10"
uvicorn = { version = "^0.27", extras = ["standard"] }
numpy = "*"
[tool.poetry.group.dev.dependencies]
pytest = "*"
"""


@pytest.mark.parametrize(
    ("python", "more"),
    [
        ("3.10", {"numpy": "1.26.4", "typing-extensions": "4.9.0"}),
        ("3.11", {"numpy": "1.26.4"}),
        ("3.12", {"numpy": "2.1.0"}),
    ],
)
def test_an_old_lock_of_poetry_is_walked_from_the_project(
    tmp_path: pathlib.Path, python: str, more: dict[str, str]
) -> None:
    """It does not tell which packages the target gets: groups, markers and extras decide on the way."""
    draft = drafted(tmp_path, POETRY_1, "poetry.lock", python=python, pyproject__toml=POETRY_PROJECT)
    assert pins_of(draft) == {"uvicorn": "0.27.0", "h11": "0.14.0", "uvloop": "0.17.0", **more}


PDM_4 = f"""\
[metadata]
groups = ["default", "test"]
strategy = ["cross_platform"]
lock_version = "4.4"

[[package]]
name = "flask"
version = "3.1.1"
dependencies = ["colorama; sys_platform == 'win32'", "click>=8"]
files = [{{file = "flask-3.1.1-py3-none-any.whl", hash = "sha256:{A}"}}]

[[package]]
name = "flask"
version = "3.1.1"
extras = ["async"]
dependencies = ["asgiref>=3", "flask==3.1.1"]
files = [{{file = "flask-3.1.1-py3-none-any.whl", hash = "sha256:{A}"}}]

[[package]]
name = "asgiref"
version = "3.8.0"
files = [{{file = "asgiref-3.8.0-py3-none-any.whl", hash = "sha256:{A}"}}]

[[package]]
name = "click"
version = "8.1.7"
files = [{{file = "click-8.1.7-py3-none-any.whl", hash = "sha256:{A}"}}]

[[package]]
name = "colorama"
version = "0.4.6"
files = [{{file = "colorama-0.4.6-py2.py3-none-any.whl", hash = "sha256:{A}"}}]

[[package]]
name = "pytest"
version = "8.0"
files = [{{file = "pytest-8.0-py3-none-any.whl", hash = "sha256:{A}"}}]
"""


@pytest.mark.parametrize(("word", "more"), [("flask", {}), ("flask[async]", {"asgiref": "3.8.0"})])
def test_a_lock_of_pdm_without_groups_is_walked_from_the_project(
    tmp_path: pathlib.Path, word: str, more: dict[str, str]
) -> None:
    project = f'[project]\nname = "demo"\ndependencies = ["{word}"]\n'
    draft = drafted(tmp_path, PDM_4, "pdm.lock", pyproject__toml=project)
    assert pins_of(draft) == {"flask": "3.1.1", "click": "8.1.7", **more}


def test_what_is_locked_counts_where_the_project_was_edited_since(tmp_path: pathlib.Path) -> None:
    project = '[project]\nname = "demo"\ndependencies = ["flask>=4", "rich", "numpy"]\n'
    draft = drafted(tmp_path, UV, "uv.lock", pyproject__toml=project)
    assert words_of(draft)[:2] == ["flask==3.1.1", "numpy"]
    assert left(draft)["rich"] == "is not in uv.lock, which was made before it was asked for"
    assert [note for note in draft.notes if "asks for flask>=4, and uv.lock holds 3.1.1" in note]


def test_a_root_without_dependencies_gets_none_of_its_groups(tmp_path: pathlib.Path) -> None:
    text = UV.replace('    { name = "flask", extra = ["async"] },\n', "").replace(
        '    { name = "tool" },\n', ""
    )
    text = "\n".join(line for line in text.splitlines() if 'name = "numpy", version' not in line)
    draft = drafted(tmp_path, text, "uv.lock", pyproject__toml='[project]\nname = "demo"\n')
    assert not draft.pins


def test_a_project_that_needs_nothing_still_has_a_lock(tmp_path: pathlib.Path) -> None:
    """Its lock holds development packages alone; what is installed is the project."""
    project = '[project]\nname = "demo"\n[build-system]\nrequires = []\n'
    text = POETRY.replace('groups = ["main"]', 'groups = ["dev"]')
    assert [pin.word for pin in drafted(tmp_path, text, "poetry.lock", pyproject__toml=project).pins] == ["."]


def test_the_last_of_two_versions_for_one_target_counts(tmp_path: pathlib.Path) -> None:
    """As with the tool itself, which installs one over the other."""
    other = POETRY.replace(
        "[metadata]", POETRY[: POETRY.index("[[package]]", 5)].replace("3.1.1", "3.1.2") + "[metadata]"
    )
    draft = drafted(tmp_path, other, "poetry.lock")
    assert pins_of(draft)["flask"] == "3.1.2"
    assert [note for note in draft.notes if "holds flask as 3.1.1 and 3.1.2 for one target" in note]


def test_the_project_itself_is_known_by_its_name(tmp_path: pathlib.Path) -> None:
    """So that a lock can hold it where it cannot be built."""
    build = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    draft = drafted(tmp_path, UV, "uv.lock", pyproject__toml=PYPROJECT + build)
    assert {pin.name: pin.word for pin in draft.pins if pin.word == "."} == {"demo": "."}


def test_names_and_moments_of_a_pylock_are_taken_as_pipenv_writes_them(tmp_path: pathlib.Path) -> None:
    text = PYLOCK.replace('"flask"', '"Flask.Thing"').replace("flask-3.1.1-", "flask_thing-3.1.1-")
    text = text.replace("size = 9", 'size = 9\nupload-time = "2024-01-01T00:00:00Z"')
    draft = drafted(tmp_path, text, "pylock.toml")
    assert pins_of(draft) == {"flask-thing": "3.1.1"}


def test_a_lock_of_conda_for_other_machines_says_which(tmp_path: pathlib.Path) -> None:
    text = CONDA.replace("platform: linux-64", "platform: osx-arm64")
    with pytest.raises(SpecError, match="what osx-64, osx-arm64 installs, and nothing for linux-64"):
        drafted(tmp_path, text, "conda-lock.yml")


LOCK_WITH_EXTRA = """[[package]]
name = "{name}"
version = "1.0"
{more}
files = [{{file = "{name}-1.0-py3-none-any.whl", hash = "sha256:{digest}"}}]
"""


@pytest.mark.parametrize(
    "more", ["optional = true", 'optional = true\ngroups = ["main"]\nmarkers = "extra == \'pg\'"']
)
def test_an_extra_that_an_image_installs_by_poetry_is_held(tmp_path: pathlib.Path, more: str) -> None:
    rows = (("six", 'groups = ["main"]' if "groups" in more else ""), ("psy", more))
    lock = "".join(LOCK_WITH_EXTRA.format(name=name, more=said, digest=A) for name, said in rows)
    project = "[tool.poetry]\nname = 'x'\npackage-mode = false\n[tool.poetry.dependencies]\nsix = '*'\n"
    project += "psy = {version = '*', optional = true}\n[tool.poetry.extras]\npg = ['psy']\n"
    install = "COPY . .\nRUN poetry install -E pg --only main\n"
    image = f"FROM python:3.11 AS b\n{install}FROM python:3.11\nCOPY --from=b /opt/venv /opt/venv\n{install}"
    others = {"pyproject__toml": project, "poetry__lock": lock}
    draft = drafted(tmp_path, image, "Dockerfile", **others)
    assert (words_of(draft), sorted(pins_of(draft))) == (["six", "psy"], ["psy", "six"])
