"""Commands in a tree of files; skipped where the kernel allows no user namespaces."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
from typing import Any

import pytest

from builder.image import travelling
from builder.inside import sandbox


def start(command: list[str], root: pathlib.Path, **wanted: Any) -> subprocess.CompletedProcess[str]:
    facts = {"layers": ["/"], "root": str(root), "env": dict(os.environ), "cwd": "/", "user": 10001, **wanted}
    words = [sys.executable, "-I", "-c", travelling.program("sandbox"), json.dumps(facts), *command]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, input=wanted.get("stdin"))


# The one below the virtual environment: a checkout may lie in /tmp, which is another one inside.
# An interpreter that was made in the checkout lies there as well.
PYTHON = os.path.realpath(sys.executable)
if PYTHON.startswith("/tmp/"):
    PYTHON = shutil.which("python3", path="/usr/local/bin:/usr/bin") or PYTHON


def python(script: str, root: pathlib.Path, **wanted: Any) -> subprocess.CompletedProcess[str]:
    return start([PYTHON, "-c", script], root, **wanted)


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    done = start(["true"], tmp_path)
    if done.returncode == sandbox.REFUSED:
        assert os.environ.get("CI") != "true", done.stderr
        pytest.skip(done.stderr)
    return tmp_path


def test_it_is_another_user_with_processes_of_its_own(root: pathlib.Path) -> None:
    said = python(
        "import os; print(os.getuid(), os.getpid(), sorted(p for p in os.listdir('/proc') if p.isdigit()))",
        root,
    )
    assert said.stdout == "10001 2 ['1', '2']\n"


def test_there_is_no_network_but_a_loopback_of_its_own(root: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        port = outside.getsockname()[1]
        said = python(
            "import socket; print(socket.if_nameindex()); s = socket.create_server(('127.0.0.1', 0));"
            "socket.create_connection(s.getsockname()).close(); print('reached')\n"
            f"try: socket.create_connection(('127.0.0.1', {port})); print('the host')\n"
            "except OSError: print('nobody')",
            root,
        )
    assert said.stdout.splitlines() == ["[(1, 'lo')]", "reached", "nobody"]


def test_nothing_can_be_written_but_temporary_files(root: pathlib.Path) -> None:
    said = python(
        "import pathlib\n"
        "for place in ('/evil', '/usr/evil', '/tmp/good', '/dev/shm/good', '/dev/null'):\n"
        "    try: pathlib.Path(place).write_text('x'); print(place)\n"
        "    except OSError: pass\n",
        root,
    )
    assert said.stdout.split() == ["/tmp/good", "/dev/shm/good", "/dev/null"]
    assert not pathlib.Path("/tmp/good").exists()


def test_layers_lie_over_each_other(root: pathlib.Path) -> None:
    lower, upper = root / "layers" / "lower", root / "layers" / "upper"
    for folder, text in ((lower, "below"), (upper, "above")):
        folder.mkdir(parents=True)
        for name in ("proc", "tmp", "run", "dev"):
            (folder / name).mkdir()
        (folder / "file").write_text(text)
    (root / "top").mkdir()
    done = start(["/program"], root / "top", layers=[str(lower), str(upper)])
    assert (done.returncode, done.stderr) == (127, "/program: No such file or directory\n")


def test_a_folder_that_is_shown_can_be_written_to_at_its_own_path(root: pathlib.Path) -> None:
    shown, top = root / "shown", root / "top"
    shown.mkdir()
    top.mkdir()
    said = python(f"open({str(shown / 'made')!r}, 'w').write('x')", top, shown=[str(shown)])
    assert (said.returncode, said.stderr) == (0, "")
    assert (shown / "made").read_text() == "x"


def test_it_ends_as_the_command_ends(root: pathlib.Path) -> None:
    assert python("raise SystemExit(7)", root).returncode == 7
    assert python("import os; os.abort()", root).returncode == -6
    assert python("import os; os.kill(os.getpid(), 9)", root).returncode == -9
    assert start(["no-such-program"], root).returncode == 127


def test_standard_input_arrives(root: pathlib.Path) -> None:
    assert python("print(input())", root, stdin="hello\n").stdout == "hello\n"


def test_orphans_die_with_the_command(root: pathlib.Path) -> None:
    done = python("import os, time\nif os.fork() == 0: time.sleep(600)", root)
    assert done.returncode == 0


def test_where_it_cannot_be_made_one_line_says_so(tmp_path: pathlib.Path) -> None:
    done = start(["true"], tmp_path / "nowhere")
    assert done.returncode == sandbox.REFUSED
    assert done.stderr.startswith("no sandbox can be made here: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_volume_begins_with_what_is_there(root: pathlib.Path) -> None:
    script = (
        "import json, pathlib; there = pathlib.Path(json.__file__).parent; file = there / 'decoder.py'\n"
        "print(file.stat().st_size); (there / 'new').mkdir(); file.write_text('x'); print(file.read_text())"
    )
    place = subprocess.run(
        [PYTHON, "-c", "import json; print(json.__file__)"], capture_output=True, text=True, check=True
    )
    file = pathlib.Path(place.stdout).parent / "decoder.py"
    size = file.stat().st_size
    assert python(script, root, volumes=[str(file.parent)]).stdout == f"{size}\nx\n"
    assert (file.stat().st_size, "Read-only" in python(script, root).stderr) == (size, True)
