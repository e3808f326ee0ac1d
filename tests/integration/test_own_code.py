"""One's own code and other sources through real backends, from their trees to environments and layers."""

import json
import os
import pathlib
import shutil
import subprocess
import tarfile
from typing import Any

import docker
import pytest

from envspec.lockfile.lock import parse_lock
from tests.support.program import run
from tests.support.projects import project, written

HEAD = 'name = "own"\npython = "3.11"\n[base]\nhost = true\n'

CODE = "def A():\n    return 1\n"
"""What is no placeholder."""

BACKENDS = {
    "setuptools": ('requires = ["setuptools>=61"]\nbuild-backend = "setuptools.build_meta"', ""),
    "old-setuptools": ('requires = ["setuptools<60", "wheel"]\nbuild-backend = "setuptools.build_meta"', ""),
    "hatchling": ('requires = ["hatchling"]\nbuild-backend = "hatchling.build"', ""),
    "flit": ('requires = ["flit_core>=3.4"]\nbuild-backend = "flit_core.buildapi"', ""),
    "poetry": ('requires = ["poetry-core>=2"]\nbuild-backend = "poetry.core.masonry.api"', ""),
}


def spec_in(folder: pathlib.Path, *words: str, head: str = HEAD, more: str = "") -> pathlib.Path:
    text = f'{head}[[stage]]\nname = "app"\ninstall = {json.dumps(list(words))}\n{more}'
    return written(folder, {"envspec.toml": text})


def source(folder: pathlib.Path, backend: str, *, version: str = "1.0") -> pathlib.Path:
    """A project in a src layout, with a script, for one of the backends."""
    system, more = BACKENDS[backend]
    settings = (
        f'[build-system]\n{system}\n[project]\nname = "own-lib"\nversion = "{version}"\ndescription = "own"\n'
        f'[project.scripts]\nown-say = "own_lib:main"\n{more}'
    )
    files = {"src/own_lib/__init__.py": 'def main():\n    print("one")\n', "README.md": "# own\n"}
    if backend == "old-setuptools":  # from before it read [project]
        settings = f"[build-system]\n{system}\n"
        files["setup.cfg"] = (
            f"[metadata]\nname = own-lib\nversion = {version}\n"
            "[options]\npackage_dir = =src\npackages = own_lib\n"
            "[options.entry_points]\nconsole_scripts = own-say = own_lib:main\n"
        )
    return written(folder, {"pyproject.toml": settings, **files})


@pytest.fixture
def env(tmp_path: pathlib.Path) -> dict[str, str]:
    return {**os.environ, "ENVSPEC_HOME": str(tmp_path / "home")}


def built(folder: pathlib.Path, env: dict[str, str], *more: str) -> pathlib.Path:
    """The environment of the spec in the folder, which ships."""
    done = run("build-image", "--backend", "virtualenv", "--format", "json", folder, *more, env=env)
    report = json.loads(done.stdout)
    assert report["ships"], done.stdout + done.stderr
    return pathlib.Path(report["environment"]["reference"])


def said(environment: pathlib.Path, *command: str) -> str:
    done = subprocess.run([environment / "bin" / command[0], *command[1:]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.network
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_builds_a_tree_and_sees_its_edits(
    tmp_path: pathlib.Path, env: dict[str, str], backend: str
) -> None:
    folder = spec_in(tmp_path / "spec", "./lib")
    code = source(folder / "lib", backend) / "src" / "own_lib" / "__init__.py"
    assert said(built(folder, env), "own-say") == "one"
    held, date = (folder / "envspec.lock").read_text(), code.stat()
    code.write_text(code.read_text().replace("one", "two"))
    os.utime(code, ns=(date.st_atime_ns, date.st_mtime_ns))
    assert said(built(folder, env, "--locked"), "own-say") == "two"
    assert (folder / "envspec.lock").read_text() == held
    assert any(tool.startswith(backend.removeprefix("old-")) for tool in parse_lock(held).source[0].tools)


@pytest.mark.network
@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "old-setuptools"])
def test_an_editable_tree_is_used_in_place(tmp_path: pathlib.Path, env: dict[str, str], backend: str) -> None:
    folder = spec_in(tmp_path / "spec", "-e ./lib")
    code = source(folder / "lib", backend) / "src" / "own_lib" / "__init__.py"
    environment = built(folder, env)
    assert said(environment, "python", "-c", "import own_lib; print(own_lib.__file__)") == str(code)
    code.write_text(code.read_text().replace("one", "two"))
    assert said(environment, "own-say") == "two"
    assert built(folder, env, "--locked") == environment


@pytest.mark.network
def test_machine_code_is_the_same_bytes_wherever_it_is_built(
    tmp_path: pathlib.Path, env: dict[str, str]
) -> None:
    files = {
        "pyproject.toml": f"[build-system]\n{BACKENDS['setuptools'][0]}\n"
        '[project]\nname = "own-fast"\nversion = "1.0"\n',
        "setup.py": "from setuptools import Extension, setup\n"
        'setup(ext_modules=[Extension("own_fast", ["fast.c"])])\n',
        "fast.c": "#include <Python.h>\n#include <assert.h>\n"
        'static struct PyModuleDef made = {PyModuleDef_HEAD_INIT, "own_fast", __FILE__, -1, NULL};\n'
        "PyMODINIT_FUNC PyInit_own_fast(void) { return PyModule_Create(&made); }\n",
    }
    digests = set()
    for name in ("one", "two"):
        folder = spec_in(tmp_path / name, "./fast")
        written(folder / "fast", files)
        own = {**env, "ENVSPEC_HOME": str(tmp_path / f"home-{name}")}
        environment = built(folder, own)
        assert said(environment, "python", "-c", "import own_fast") == ""
        (module,) = environment.glob("lib/*/site-packages/own_fast*.so")
        digests.add(module.read_bytes())
    assert len(digests) == 1


@pytest.mark.network
@pytest.mark.parametrize("backend", ["setuptools-scm", "hatch-vcs"])
def test_a_version_of_git_s_tags_is_told(tmp_path: pathlib.Path, env: dict[str, str], backend: str) -> None:
    system, more = {
        "setuptools-scm": (
            'requires = ["setuptools>=64", "setuptools-scm>=8"]\nbuild-backend = "setuptools.build_meta"',
            "[tool.setuptools_scm]\n",
        ),
        "hatch-vcs": (
            'requires = ["hatchling", "hatch-vcs"]\nbuild-backend = "hatchling.build"',
            '[tool.hatch.version]\nsource = "vcs"\n',
        ),
    }[backend]
    settings = f'[build-system]\n{system}\n[project]\nname = "own-lib"\ndynamic = ["version"]\n{more}'
    folder = spec_in(tmp_path / "spec", "./lib")
    tree = written(folder / "lib", {"pyproject.toml": settings, "src/own_lib/__init__.py": CODE})
    done = run("envspec", "lock", folder, env=env)
    assert "commit it and `git tag v1.0`" in done.stdout + done.stderr
    commit(tree, "v3.4")
    ask = ("python", "-c", "import importlib.metadata as m; print(m.version('own-lib'))")
    assert said(built(folder, env), *ask) == "3.4"
    other = spec_in(tmp_path / "other", f"git+{tree.as_uri()}@v3.4")
    assert said(built(other, env), *ask) == "3.4"


def commit(folder: pathlib.Path, *tags: str) -> None:
    own = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    own |= {f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    words = [["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"], *(["tag", tag] for tag in tags)]
    for each in words:
        subprocess.run(["git", *each], cwd=folder, env=own, check=True)


def test_a_workspace_of_five_is_built_and_one_edit_builds_one(
    tmp_path: pathlib.Path, env: dict[str, str]
) -> None:
    names = ["app", "core", "model", "data", "util"]
    folder = spec_in(tmp_path / "spec", "./packages/app", "./packages/core")
    beside = "".join(f"{name} = {{ workspace = true }}\n" for name in names)
    workspace = f'[tool.uv.workspace]\nmembers = ["packages/*"]\n[tool.uv.sources]\n{beside}'
    written(folder, {"pyproject.toml": workspace})
    for name, after in zip(names, [*names[1:], None], strict=True):
        code = f"from {after} import A\n" if after else "def A():\n    return 1\n"
        project(folder / "packages" / name, name, requires=[after] if after else [], code=code)
    ask = ("python", "-c", "import app; print(app.A())")
    assert said(built(folder, env), *ask) == "1"
    util = folder / "packages" / "util" / "src" / "util" / "__init__.py"
    util.write_text("def A():\n    return 2\n")
    done = run("envspec", "check", folder, "--locked", env=env)
    assert done.returncode == 0, done.stdout
    assert [line for line in done.stderr.splitlines() if "building" in line] == [
        "  building a wheel from ./packages/util"
    ]
    assert said(built(folder, env, "--locked"), *ask) == "2"


def test_requirements_that_changed_are_refused_when_locked(
    tmp_path: pathlib.Path, env: dict[str, str]
) -> None:
    folder = spec_in(tmp_path / "spec", ".")
    project(folder, "own")
    assert run("envspec", "lock", folder, env=env).returncode == 0
    held = (folder / "envspec.lock").read_text()
    project(folder, "own", requires=["other; python_version < '3'"])
    done = run("envspec", "lock", "--locked", folder, env=env)
    assert done.returncode == 1
    assert "the lock envspec.lock does not fit: . requires other things" in done.stdout
    assert (folder / "envspec.lock").read_text() == held
    assert run("envspec", "lock", folder, env=env).returncode == 0
    assert (folder / "envspec.lock").read_text() != held


def test_a_lock_serves_offline_and_in_other_forms(tmp_path: pathlib.Path, env: dict[str, str]) -> None:
    repository = project(tmp_path / "repository", "far", code=CODE)
    commit(repository, "v1")
    folder = spec_in(tmp_path / "spec", "./own", f"far @ git+{repository.as_uri()}@v1")
    project(folder / "own", "own", requires=["far"], code=CODE)
    assert run("envspec", "lock", folder, env=env).returncode == 0
    shutil.rmtree(repository)
    assert (
        said(built(folder, env, "--locked", "--offline"), "python", "-c", "import own, far; print(1)") == "1"
    )
    done = run("envspec", "lock", folder, "--locked", "--offline", "--export", tmp_path / "out", env=env)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "requirements-1-app.txt").read_text()
    assert "own==1.0" in text
    assert "far==1.0" in text
    assert len(list((tmp_path / "out" / "wheels").iterdir())) == 2
    told = run("envspec", "explain", folder, "far", env=env).stdout
    assert "own 1.0: far" in told
    assert "stage app: far @ git+file://" in told


def layers(image: pathlib.Path) -> dict[str, str]:
    """Digest of each layer of a saved image by what made it."""
    with tarfile.open(image) as archive:

        def read(name: str) -> Any:
            stream = archive.extractfile(name)
            assert stream is not None
            return json.load(stream)

        config = read(read("manifest.json")[0]["Config"])
    made = [step["created_by"] for step in config["history"] if not step.get("empty_layer")]
    return dict(zip(made, config["rootfs"]["diff_ids"], strict=True))


def two_trees(folder: pathlib.Path) -> pathlib.Path:
    """The code of the first of two trees in a spec on a Debian base, which is to be edited."""
    base = HEAD.replace("host = true", 'debian = "bookworm"')
    spec_in(
        folder, "six==1.17.0", "./early", "./late", head=base, more="[smoke]\nimports = ['early', 'late']\n"
    )
    project(folder / "late", "late", code="def A():\n    return 1\n")
    early = project(folder / "early", "early", code="def A():\n    return 1\n")
    return early / "src" / "early" / "__init__.py"


def edit(code: pathlib.Path) -> None:
    code.write_text(code.read_text().replace("1", "2"))


@pytest.mark.network
def test_an_edit_changes_one_layer_of_an_image(tmp_path: pathlib.Path, env: dict[str, str]) -> None:
    code = two_trees(tmp_path / "spec")
    found = []
    for name in ("one.tar", "two.tar"):
        image = tmp_path / name
        done = run("build-image", "--backend", "oci", "--output", image, tmp_path / "spec", env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        found.append(layers(image))
        edit(code)
    before, after = found
    assert before.keys() == after.keys()
    changed = {made.removeprefix("envspec: ") for made in before if before[made] != after[made]}
    assert changed == {"stage app.early", "stage app.early, compiled"}


@pytest.mark.network
@pytest.mark.docker
def test_an_edit_changes_one_layer_of_an_engine_s_image(tmp_path: pathlib.Path, env: dict[str, str]) -> None:
    code = two_trees(tmp_path / "spec")
    found = []
    for tag in ("one", "two"):
        name = f"envspec-own-code:{tag}"
        done = run("build-image", "--backend", "docker", "--tag", name, tmp_path / "spec", env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        found.append(docker.from_env().images.get(name).attrs["RootFS"]["Layers"])
        edit(code)
    before, after = found
    # The base, the empty environment, the stage, and the two trees, of which the edited one comes first.
    assert [place for place, layer in enumerate(before) if after[place] != layer] == [3]
    assert len(before) == len(after)
