"""The reference stack: it works, and where uv's answer to its stages differs from pip's."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from envspec.lockfile.lock import parse_lock
from tests.support.paths import EXAMPLES
from tests.support.program import run

from .conftest import spec_in

pytestmark = pytest.mark.reference

LOOSE = """\
name = "loose"
python = "3.11"
[base]
host = true
[[stage]]
name = "numeric"
install = ["numpy==1.23.5", "scipy==1.11.4"]
[[stage]]
name = "modelscope"
install = ["modelscope==1.13.0", "datasets>=2.14.5"]
"""
"""The reference stack with what its authors pinned, and nothing more."""


def test_the_pipeline_can_be_imported(reference_python: pathlib.Path) -> None:
    script = "from modelscope.pipelines import pipeline; import torch, numpy; print(numpy.__version__)"
    done = subprocess.run([reference_python, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "1.23.5"


def test_what_is_installed_is_what_was_locked(reference_python: pathlib.Path) -> None:
    held = parse_lock((EXAMPLES / "sambert-hifigan" / "envspec.lock").read_text())
    script = (
        "import json, importlib.metadata as m, re;"
        "print(json.dumps({re.sub('[-_.]+', '-', d.name).lower(): d.version for d in m.distributions()}))"
    )
    done = subprocess.run([reference_python, "-c", script], capture_output=True, text=True, timeout=300)
    assert json.loads(done.stdout) == held.pins


@pytest.mark.network
def test_where_the_two_resolvers_agree_on_the_reference_stack(
    shared_home: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both keep every pin and answer with one consistent set; what they choose freely may differ."""
    env = {**os.environ, "ENVSPEC_HOME": str(shared_home)}
    pins = {}
    for resolver in ("uv", "pip-tools"):
        folder = spec_in(tmp_path / resolver, LOOSE)
        done = run("envspec", "lock", folder, "--resolver", resolver, env=env, timeout=590)
        assert done.returncode == 0, done.stdout
        pins[resolver] = parse_lock((folder / "envspec.lock").read_text()).pins
    ours, theirs = pins["uv"], pins["pip-tools"]
    both = {name: (ours.get(name), theirs.get(name)) for name in sorted(ours | theirs)}
    differ = {name: pair for name, pair in both.items() if pair[0] != pair[1]}
    with capsys.disabled():
        sys.stdout.write(f"\n{len(both) - len(differ)} packages alike; (uv, pip-tools) differ: {differ}\n")
    for answer in (ours, theirs):
        assert (answer["numpy"], answer["scipy"], answer["modelscope"]) == ("1.23.5", "1.11.4", "1.13.0")
    assert len(differ) <= len(ours) // 4
