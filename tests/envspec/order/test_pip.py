"""Pip itself, on folders of small wheels and, marked so, on the real index."""

import json
import pathlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator

import pytest

from envspec.order import PipStage, PipTarget, simulate_stages
from envspec.spec.target import Target, host_glibc

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


def place(python: str, interpreter: pathlib.Path | None = None) -> PipTarget:
    target = Target(python=python, machine="x86_64", glibc=host_glibc())
    return PipTarget(target=target, interpreter=interpreter)


HERE = place(PYTHON, pathlib.Path(sys.executable))
ELSEWHERE = place("3.8")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    folder = tmp_path_factory.mktemp("wheels")

    def wheel(name: str, version: str, *requires: str, python: str = ">=3.6") -> None:
        info = f"{name}-{version}.dist-info"
        with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
            lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
            lines += [f"Requires-Python: {python}", *(f"Requires-Dist: {text}" for text in requires)]
            archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "")

    for version in ("1.0", "1.1", "2.0"):
        wheel("base", version)
    wheel("user", "1.0", "base>=2")
    wheel("keeper", "1.0", "base")
    wheel("marked", "1.0", "keeper; python_version < '3.9'", "user; python_version >= '3.9'")
    wheel("modern", "1.0")
    wheel("modern", "2.0", python=">=3.9")
    return ("--no-index", "--find-links", str(folder))


def stage(index: tuple[str, ...], *requirements: str) -> PipStage:
    return PipStage(name=requirements[0], requirements=requirements, options=index)


@pytest.mark.parametrize("where", [HERE, ELSEWHERE], ids=["here", "emulated"])
def test_what_is_installed_stays_unless_it_must_move(index: tuple[str, ...], where: PipTarget) -> None:
    found = simulate_stages([stage(index, "base==1.0"), stage(index, "keeper"), stage(index, "user")], where)
    assert found.emulated is (where is ELSEWHERE)
    first, second, third = found.stages
    assert first.installed == {"base": "1.0"}
    assert second.changes == ()
    assert [(c.name, c.before, c.after, c.because) for c in third.changes] == [
        ("base", "1.0", "2.0", ("user 1.0 needs base>=2",))
    ]
    assert dict(found.final) == {"base": "2.0", "keeper": "1.0", "user": "1.0"}
    assert json.loads(json.dumps(found.as_dict()))["stages"][2]["changes"][0]["after"] == "2.0"


def test_markers_and_requires_python_are_those_of_the_target(index: tuple[str, ...]) -> None:
    stages = [stage(index, "marked", "modern")]
    assert simulate_stages(stages, HERE).final == {
        "base": "2.0",
        "marked": "1.0",
        "modern": "2.0",
        "user": "1.0",
    }
    assert simulate_stages(stages, ELSEWHERE).final == {
        "base": "2.0", "keeper": "1.0", "marked": "1.0", "modern": "1.0",
    }  # fmt: skip


def test_what_pip_refuses_comes_with_its_reason(index: tuple[str, ...]) -> None:
    found = simulate_stages([stage(index, "user", "base<2")], HERE)
    assert "base" in found.stages[0].problem
    assert found.final == {}


SEQUENCES = {
    "later pandas": (["numpy==1.23.5"], ["pandas"]),
    "pin back": (["flask"], ["werkzeug<3"]),
    "sibling": (["flask==2.2.5", "werkzeug==2.2.3"], ["flask-login"]),
    "old click": (["click==7.1.2"], ["flask", "black"]),
    "two frameworks": (["starlette==0.27.0"], ["fastapi"]),
    "data stack": (["numpy==1.26.4", "scipy==1.11.4"], ["scikit-learn"], ["xarray"]),
    "requests family": (["urllib3==1.26.18", "chardet==4.0.0"], ["requests"], ["botocore"]),
    "pydantic 1": (["pydantic==1.10.13"], ["fastapi"], ["pydantic-settings"]),
    "jinja": (["jinja2==3.0.3", "markupsafe==2.0.1"], ["nbconvert"]),
    "hub": (["huggingface-hub==0.19.4"], ["datasets==2.14.5"], ["tokenizers"]),
    "docs": (["docutils==0.17.1"], ["sphinx"], ["myst-parser"]),
    "test tools": (["pytest==7.4.4"], ["pytest-asyncio"], ["pytest-xdist"]),
    "google": (["protobuf==3.20.3"], ["grpcio-tools"], ["googleapis-common-protos"]),
    "database": (["sqlalchemy==1.4.49"], ["alembic"], ["sqlmodel"]),
    "async": (["aiohttp==3.8.6"], ["aiobotocore"], ["gql"]),
    "packaging": (["packaging==21.3"], ["black"], ["poetry-core", "build"]),
    "notebook": (["traitlets==5.0.0"], ["ipython"], ["ipykernel"]),
    "plots": (["numpy==1.24.4", "matplotlib==3.7.5"], ["seaborn"], ["plotly"]),
    "typing": (["typing-extensions==4.5.0"], ["pydantic"], ["rich", "typer"]),
    "crypto": (["cryptography==41.0.7"], ["pyopenssl"], ["paramiko"]),
}


@pytest.fixture(scope="module")
def agreement(pytestconfig: pytest.Config) -> Iterator[dict[str, bool]]:
    """Whether simulation and pip agreed, by sequence; printed behind the last one."""
    found: dict[str, bool] = {}
    yield found
    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        differ = ", ".join(name for name, same in found.items() if not same) or "none"
        reporter.write_line(
            f"\nsimulate and pip: {sum(found.values())} of {len(found)} agree; differ: {differ}"
        )


@pytest.mark.network
@pytest.mark.parametrize("name", SEQUENCES)
def test_pip_run_for_real_leaves_the_same_versions(
    name: str, tmp_path: pathlib.Path, agreement: dict[str, bool]
) -> None:
    stages = [
        PipStage(name=str(number), requirements=tuple(words)) for number, words in enumerate(SEQUENCES[name])
    ]
    found = simulate_stages(stages, HERE)
    home = tmp_path / "real"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True, timeout=120)
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python")]
    for item in stages:
        subprocess.run(
            [*pip, "install", "--quiet", *item.requirements], check=True, timeout=600, capture_output=True
        )
    listed = subprocess.run(
        [*pip, "list", "--format", "json"], check=True, timeout=60, capture_output=True, text=True
    )
    real = {
        row["name"].lower().replace("_", "-").replace(".", "-"): row["version"]
        for row in json.loads(listed.stdout)
    }
    agreement[name] = dict(found.final) == real
    assert dict(found.final) == real


def test_there_are_twenty_sequences() -> None:
    assert len(SEQUENCES) >= 20
