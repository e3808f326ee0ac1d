"""`envspec fix` for real: solved, proved, built, judged, and only then written."""

import pathlib
import re
import shutil

import pytest

from envspec.spec.load import load_spec
from tests.support.index import simple_index
from tests.support.paths import EXAMPLES
from tests.support.program import machine, run
from tests.support.wheels import wheel

from .conftest import spec_in

SPEC = """\
# what this is for
name = "small"
python = "3.11"

[base]
host = true

[[stage]]
name = "only"
install = ["app==1.0"]  # the pin that stays
"""

GREET = "def greet():\n    return 'hello'.upper()\n"


@pytest.fixture
def shop(tmp_path: pathlib.Path) -> str:
    """`app` needs a name that the newest `lib` no longer has, and `tool` fails only when it really runs."""
    files = tmp_path / "files"
    app = "import tool\nfrom lib import greet\n"
    offered = [wheel(files, "app", requires=["lib", "tool"], files={"app.py": app})]
    offered += [wheel(files, "lib", version, files={"lib.py": GREET}) for version in ("1.0", "1.1")]
    offered += [wheel(files, "lib", "2.0", files={"lib.py": GREET.replace("greet", "welcome")})]
    offered += [wheel(files, "tool", "1.0", files={"tool.py": "answer = int('42')\n"})]
    offered += [wheel(files, "tool", "2.0", files={"tool.py": "answer = int('4' + 'x' * 2)\n"})]
    return simple_index(tmp_path / "simple", offered)


def test_what_reading_and_what_running_shows_is_mended(tmp_path: pathlib.Path, shop: str) -> None:
    place = spec_in(tmp_path / "small", SPEC)
    done = run("envspec", "fix", place, env=machine(tmp_path / "home", PIP_INDEX_URL=shop), timeout=280)
    assert done.returncode == 0, done.stderr
    assert load_spec(place).stage[0].install == ("app==1.0", "lib==1.1", "tool==1.0")
    assert "# the pin that stays" in (place / "envspec.toml").read_text()
    assert "verified in" in done.stdout
    again = run("envspec", "fix", place, env=machine(tmp_path / "home", PIP_INDEX_URL=shop), timeout=280)
    assert "nothing to fix" in again.stdout


def test_a_budget_that_is_over_leaves_the_spec_alone(tmp_path: pathlib.Path, shop: str) -> None:
    place = spec_in(tmp_path / "small", SPEC)
    env = machine(tmp_path / "home", PIP_INDEX_URL=shop)
    done = run("envspec", "fix", place, "--budget", "1", env=env, timeout=60)
    assert done.returncode == 1
    assert "the time is over" in done.stderr
    assert "Traceback" not in done.stderr
    assert (place / "envspec.toml").read_text() == SPEC


@pytest.mark.network
@pytest.mark.reference
def test_the_articles_pins_become_pins_that_work(tmp_path: pathlib.Path) -> None:
    """At most three of them change; how long it takes is for a machine that does nothing else."""
    place = shutil.copytree(EXAMPLES / "article", tmp_path / "article")
    done = run("envspec", "fix", place, "--budget", "1500", "--quiet", timeout=1600)
    assert done.returncode == 0, done.stderr
    before, after = (set(_pins(folder)) for folder in (EXAMPLES / "article", place))
    assert 0 < len(after - before) <= 3
    assert {"numpy==1.23.5", "scipy==1.11.4", "modelscope==1.13.0"} <= after


def _pins(folder: pathlib.Path) -> list[str]:
    text = (folder / "envspec.toml").read_text()
    return re.findall(r'"([\w-]+==[\w.]+)"', text)
