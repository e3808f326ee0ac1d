"""Specs from pyproject.toml, of every tool: nothing of it is lost in silence."""

from __future__ import annotations

import pathlib
import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from envspec.ingest.entries import leaves
from envspec.system.errors import EnvspecError, SpecError
from tests.support.drafts import drafted, left, spec_of, words_of

STANDARD = """\
[project]
name = "demo"
version = "1.0"
requires-python = ">=3.10,<3.13"
dependencies = [
    "numpy==1.26.4",
    "torch==2.8.0",
    "torch==2.2.2; sys_platform == 'darwin'",
    "uvicorn[standard]>=0.30",
]
scripts = {demo = "demo:main"}

[project.optional-dependencies]
serve = ["fastapi==0.115.12"]
all = ["demo[serve]", "rich"]

[dependency-groups]
dev = ["pytest", {include-group = "lint"}]
lint = ["ruff"]

[tool.ruff]
line-length = 100
"""

UV = """\
[project]
name = "speech"
dependencies = ["torch==2.8.0", "shared", "numpy<2"]
[project.optional-dependencies]
cu124 = ["torch==2.8.0"]
[tool.uv]
constraint-dependencies = ["click<9"]
override-dependencies = ["protobuf==5.29.0"]
exclude-newer = "2025-06-01T00:00:00Z"
dev-dependencies = ["mypy"]
package = false
conflicts = [[{extra = "cu124"}]]
no-binary-package = ["scipy"]
[tool.uv.workspace]
members = ["libs/*", "none/*"]
[tool.uv.sources]
shared = { workspace = true }
unasked = { path = "x" }
torch = [
    { index = "torch-cpu", marker = "sys_platform == 'linux'" },
    { index = "torch-cu124", extra = "cu124" },
]
[[tool.uv.index]]
name = "torch-cpu"
url = "https://torch.example/whl/cpu"
explicit = true
[[tool.uv.index]]
name = "torch-cu124"
url = "https://torch.example/whl/cu124"
explicit = true
[[tool.uv.index]]
name = "private"
url = "https://me:secret@packages.example/simple"
"""

POETRY = """\
[tool.poetry]
name = "asr"
version = "0.1"
package-mode = false
[tool.poetry.dependencies]
python = "^3.10"
numpy = "^1.26"
fastapi = { version = "~0.115.0", extras = ["all"] }
torch = { version = "2.8.0", source = "pytorch" }
onnx = [
    { version = "1.16.0", python = "<3.12" },
    { version = "1.17.0", python = ">=3.12" },
]
redis = { version = "^5", optional = true }
lost = { version = "^5", optional = true }
either = "^1.0 || ^2.0"
odd = "latest"
[tool.poetry.extras]
cache = ["redis"]
[tool.poetry.group.test.dependencies]
pytest = "*"
[[tool.poetry.source]]
name = "pytorch"
url = "https://torch.example/whl/cpu"
priority = "explicit"
"""

PDM = """\
[project]
name = "vision"
dependencies = ["pillow"]
[tool.pdm]
distribution = false
[tool.pdm.dev-dependencies]
test = ["pytest"]
[tool.pdm.resolution.overrides]
urllib3 = "1.26.18"
[[tool.pdm.source]]
name = "inner"
url = "https://packages.example/simple"
"""

HATCH = """\
[project]
name = "text"
dynamic = ["dependencies", "version"]
[tool.hatch.metadata.hooks.requirements_txt]
files = ["needs.in"]
[tool.hatch.envs.train]
dependencies = ["datasets"]
features = ["x"]
"""

ALL = {"standard": STANDARD, "uv": UV, "poetry": POETRY, "pdm": PDM, "hatch": HATCH}


@pytest.mark.parametrize("name", ALL)
def test_every_value_of_the_file_is_carried_over_or_named(tmp_path: pathlib.Path, name: str) -> None:
    draft = drafted(tmp_path, ALL[name], "pyproject.toml", needs__in="six\n")
    own = [item for item in draft.items if not item.file]
    assert sum(item.size for item in own) == leaves(tomllib.loads(ALL[name]))
    left(draft)


def test_the_standard_tables_become_stages_and_variants(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, STANDARD, "pyproject.toml", python=None)
    spec = spec_of(draft)
    assert spec.stage[0].install == ("numpy==1.26.4", "torch==2.8.0", "uvicorn[standard]>=0.30")
    assert {name: part.stage[0].install for name, part in spec.variant.items()} == {
        "serve": ("fastapi==0.115.12",),
        "all": ("fastapi==0.115.12", "rich"),
        "dev": ("pytest", "ruff"),
        "lint": ("ruff",),
    }


def test_what_is_for_another_machine_replaces_nothing_and_is_named(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, STANDARD, "pyproject.toml")
    assert left(draft)["torch==2.2.2; sys_platform == 'darwin'"].startswith("does not count on Python 3.11")


@pytest.mark.parametrize(("allowed", "chosen"), [(">=3.8,<3.9", "3.8"), ("==3.12.*", "3.12"), ("<3", None)])
def test_the_python_is_one_that_the_project_allows(
    tmp_path: pathlib.Path, allowed: str, chosen: str | None
) -> None:
    text = f'[project]\nname = "x"\nrequires-python = "{allowed}"\ndependencies = ["six"]\n'
    draft = drafted(tmp_path, text, "pyproject.toml", python=None)
    assert chosen is None or draft.python == chosen
    assert any(allowed in remark for remark in draft.remarks)


def test_a_python_that_the_project_does_not_allow_is_said_so(tmp_path: pathlib.Path) -> None:
    text = '[project]\nname = "x"\nrequires-python = "<3.10"\ndependencies = ["six"]\n'
    assert "3.11 is not among" in drafted(tmp_path, text, "pyproject.toml").remarks[0]


def test_a_file_beside_tells_the_python(tmp_path: pathlib.Path) -> None:
    (tmp_path / ".python-version").write_text("3.12.4\n")
    draft = drafted(tmp_path, STANDARD, "pyproject.toml", python=None)
    assert draft.python == "3.12"


def test_sources_of_uv_send_packages_to_their_index(tmp_path: pathlib.Path) -> None:
    spec = spec_of(drafted(tmp_path, UV, "pyproject.toml"))
    assert [(stage.name, stage.install, stage.index) for stage in spec.stage] == [
        ("torch-cpu", ("torch==2.8.0",), "torch-cpu"),
        ("packages", ("numpy<2",), None),
    ]
    assert spec.constraints == ("click<9",)
    assert spec.overrides == ("protobuf==5.29.0",)
    assert str(spec.as_of) == "2025-06-01"
    assert spec.index["private"].extra == "first"
    assert spec.variant["cu124"].stage[0].index == "torch-cpu"


def test_passwords_of_indexes_stay_out_of_the_spec(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, UV, "pyproject.toml")
    assert "secret" not in repr(draft)
    assert any("password" in remark for remark in draft.remarks)


def test_the_constraints_of_poetry_mean_what_poetry_says(tmp_path: pathlib.Path) -> None:
    draft = drafted(tmp_path, POETRY, "pyproject.toml")
    assert words_of(draft) == [
        "torch==2.8.0",
        "numpy>=1.26,<2.0",
        "fastapi[all]>=0.115.0,<0.116.0",
        'onnx==1.16.0; python_version < "3.12"',
        "either>=1.0,<3.0",
    ]
    assert spec_of(draft).variant["cache"].stage[0].install == ("redis>=5,<6",)
    assert set(left(draft)) >= {"odd = latest", "lost = {version = ^5, optional = True}"}


def test_pdm_and_hatch_are_read(tmp_path: pathlib.Path) -> None:
    pdm = spec_of(drafted(tmp_path, PDM, "pyproject.toml"))
    assert (pdm.overrides, pdm.index["inner"].extra) == (("urllib3==1.26.18",), True)
    hatch = spec_of(drafted(tmp_path, HATCH, "pyproject.toml", needs__in="six==1.16.0\n"))
    assert hatch.stage[0].install == ("six==1.16.0",)
    assert hatch.variant["hatch-train"].stage[0].install == ("datasets",)


def test_setup_files_are_read_as_text_and_never_run(tmp_path: pathlib.Path) -> None:
    script = """\
import os, setuptools
open("ran", "w")
NEEDS = ["numpy", "scipy<2"]
setuptools.setup(
    install_requires=NEEDS + ["six; python_version < '3'"] + read("x"),
    extras_require={"gpu": ["torch"], ":sys_platform == 'linux'": ["uvloop"], name: ["y"]},
    python_requires=">=3.9",
)
"""
    draft = drafted(tmp_path, script, "setup.py")
    assert words_of(draft)[:3] == ["numpy", "scipy<2", "uvloop; sys_platform == 'linux'"]
    assert spec_of(draft).variant["gpu"].stage[0].install == ("torch",)
    assert set(left(draft)) >= {"install_requires = read('x')", "extras_require = ['y']"}
    assert not (tmp_path / "ran").exists()


def test_setup_cfg_is_read(tmp_path: pathlib.Path) -> None:
    text = "[options]\ninstall_requires =\n    numpy\n    # why\n    file: needs.txt\n"
    text += "[options.extras_require]\nx = a\n"
    draft = drafted(tmp_path, text, "setup.cfg", needs__txt="six\n")
    assert words_of(draft)[:2] == ["numpy", "six"]
    assert list(spec_of(draft).variant) == ["x"]


def test_all_that_setup_files_say_is_named(tmp_path: pathlib.Path) -> None:
    script = "from setuptools import setup\nsetup(name='shop', version=v(), setup_requires=['cython'],\n"
    script += "  tests_require=['mock'], entry_points={'a': ['b']}, install_requires=['six'])\n"
    draft = drafted(tmp_path, script, "setup.py")
    assert spec_of(draft).name == "shop"
    assert left(draft).keys() == {
        "version",
        "entry_points",
        "setup_requires ['cython']",
        "tests_require ['mock']",
    }
    text = "[metadata]\nname = till\nauthor = me\n[options]\ninstall_requires = six\nzip_safe = no\n"
    text += "tests_require =\n  mock\n[flake8]\nmax = 1\n[options.entry_points]\nx = y\n"
    draft = drafted(tmp_path, text, "setup.cfg")
    assert spec_of(draft).name == "till"
    named = {
        "metadata.author",
        "options.zip_safe",
        "tests_require mock",
        "[flake8]",
        "[options.entry_points]",
    }
    assert left(draft).keys() >= named


WRONG = {
    "no list": "[project]\ndependencies = 1\n",
    "no text": "[project]\ndependencies = [1.5, []]\n",
    "cycle": '[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}]\n',
    "absent": '[dependency-groups]\na = [{include-group = "b"}]\n',
    "deep": "x = " + "[" * 10_000,
    "digits": "[project]\nname = " + "9" * 5000,
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_its_place(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(SpecError) as caught:
        drafted(tmp_path, WRONG[name], "pyproject.toml")
    assert 0 < len(str(caught.value)) < 1500


_KEYS = some.sampled_from(["git", "path", "index", "version", "extras", "name", "url"])
_VALUES = some.recursive(
    some.one_of(
        some.one_of(some.integers(-9, 9), some.booleans(), some.text(max_size=5), some.just("a>=1")),
    ),
    lambda inner: some.one_of(
        some.lists(inner, max_size=3),
        some.dictionaries(_KEYS, inner, max_size=3),
    ),
    max_leaves=6,
)
_PLACES = [
    ("project", "dependencies"), ("project", "optional-dependencies"), ("project", "dynamic"), ("project",),
    ("dependency-groups",), ("tool", "uv"), ("tool", "uv", "sources"), ("tool", "uv", "index"),
    ("tool", "uv", "workspace"), ("tool", "poetry"), ("tool", "poetry", "dependencies"),
    ("tool", "poetry", "group"),
    ("tool", "poetry", "source"), ("tool", "poetry", "extras"), ("tool", "pdm"), ("tool", "pdm", "source"),
    ("tool", "pdm", "dev-dependencies"), ("tool", "hatch", "envs"), ("tool", "setuptools", "dynamic"),
]  # fmt: skip


@example(tables={("tool", "poetry", "dependencies"): {"git": []}})
@example(tables={("tool", "poetry", "dependencies"): {"git": {"extras": 1}}})
@given(some.dictionaries(some.sampled_from(_PLACES), _VALUES, min_size=1, max_size=3))
def test_any_table_gives_a_draft_with_everything_in_it_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, tables: dict[tuple[str, ...], object]
) -> None:
    import tomlkit

    data: dict[str, object] = {}
    for path, value in tables.items():
        place = data
        for step in path[:-1]:
            inner = place.setdefault(step, {})
            if not isinstance(inner, dict):
                return
            place = inner
        place[path[-1]] = value
    try:
        text = tomlkit.dumps(data)
    except Exception:  # noqa: BLE001 - what tomlkit cannot write is none of ours
        return
    try:
        draft = drafted(tmp_path_factory.mktemp("fuzz"), text, "pyproject.toml")
    except EnvspecError:
        return
    own = [item for item in draft.items if not item.file]
    assert sum(item.size for item in own) == leaves(tomllib.loads(text))


def test_poetry_adds_to_the_standard_table_only_where_packages_come_from(tmp_path: pathlib.Path) -> None:
    text = (
        '[project]\nname = "demo"\ndependencies = ["websockets>=15", "torch"]\n[tool.poetry.dependencies]\n'
    )
    text += 'websockets = "^13.1"\nmore = "*"\ntorch = {version = "^2", source = "cpu"}\n'
    text += '[[tool.poetry.source]]\nname = "cpu"\nurl = "https://torch.example/cpu"\npriority = "explicit"\n'
    draft = drafted(tmp_path, text, "pyproject.toml")
    assert {word.split(">")[0] for word in words_of(draft)} == {"websockets", "torch"}
    assert "websockets>=15" in words_of(draft)
    assert {"websockets = ^13.1", "more = *"} <= {text.replace('"', "") for text in left(draft)}


def test_an_override_that_holds_nowhere_here_still_takes_its_package_away(tmp_path: pathlib.Path) -> None:
    text = '[project]\nname = "demo"\ndependencies = ["six"]\n[tool.uv]\n'
    text += "override-dependencies = [\"torchcodec; sys_platform == 'never'\"]\n"
    draft = drafted(tmp_path, text, "pyproject.toml")
    assert spec_of(draft).overrides == ("torchcodec; sys_platform == 'never'",)
    assert not left(draft)
