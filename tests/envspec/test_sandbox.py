"""Foreign code on this machine: what it may write, read and reach in the sandbox, in each of its kinds."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading

import pytest

from envspec.system import confine
from envspec.system.errors import OutsideError
from envspec.system.process import Completed
from envspec.system.sandbox import Sandbox, best_sandbox, run_sandboxed, without_secrets

HARM = """
import os, pathlib, sys, tempfile
own, *others = map(pathlib.Path, sys.argv[1:])
def tries(path):
    try:
        path.write_text("was here")
    except OSError as error:
        return "refused"
    return "written"
for each in (own / "new", pathlib.Path(tempfile.gettempdir(), "x"), pathlib.Path.home() / "x", *others):
    print(tries(each))
"""


@pytest.fixture(params=[confine.NAMESPACES, confine.LANDLOCK])
def kind(request: pytest.FixtureRequest) -> Sandbox:
    """Each kind of sandbox, where this kernel has it."""
    wanted = Sandbox(kind=request.param)
    try:
        run_sandboxed(["true"], env=os.environ, sandbox=wanted)
    except OutsideError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(error.message)
    return wanted


def python(kind: Sandbox, script: str, *words: object, **wanted: object) -> Completed:
    command = [sys.executable, "-I", "-c", script, *map(str, words)]
    return run_sandboxed(command, env=os.environ, sandbox=kind, timeout=60, **wanted)  # type: ignore[arg-type]


def test_it_writes_into_its_own_folders_alone(kind: Sandbox, tmp_path: pathlib.Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    (other / "kept").write_text("kept")
    canaries = [other / "kept", other / "new", pathlib.Path.home() / ".envspec-canary"]
    done = python(kind, HARM, own, *canaries, writable=[own])
    assert done.stdout.split()[:3] == ["written"] * 3
    assert (own / "new").read_text() == "was here"
    assert (other / "kept").read_text() == "kept"
    assert [each.exists() for each in canaries[1:]] == [False, False]


def test_what_was_made_cannot_be_undone(kind: Sandbox, tmp_path: pathlib.Path) -> None:
    script = (
        "import ctypes, pathlib, sys\n"
        "libc = ctypes.CDLL(None)\n"
        "target = sys.argv[1].encode()\n"
        "libc.mount(None, b'/', None, 32, None)\n"
        "libc.mount(target, target, None, 4096, None)\n"
        "libc.mount(None, target, None, 32 | 4096, None)\n"
        "libc.unshare(0x10020000)\n"
        "libc.mount(None, target, None, 32 | 4096, None)\n"
        "libc.umount2(target, 2)\n"
        "pathlib.Path(sys.argv[1], 'new').write_text('x')\n"
    )
    folder = tmp_path / "guarded"
    folder.mkdir()
    python(kind, script, folder)
    assert list(folder.iterdir()) == []


def test_it_does_not_reach_a_service_of_this_machine(kind: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = python(
            kind,
            "import socket, sys\nsocket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)",
            server.getsockname()[1],
        )
    assert done.code == 1


def test_it_can_ask_itself(kind: Sandbox) -> None:
    script = (
        "import socket\n"
        "with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "    socket.create_connection(server.getsockname(), 5)\n"
    )
    done = python(kind, script, asks_itself=True)
    assert done.ok, done.tail


def test_secrets_look_empty_in_namespaces(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if best_sandbox().kind != confine.NAMESPACES:
        pytest.skip("this kernel has no user namespaces")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    for name in (".ssh/id_ed25519", ".netrc", "plain"):
        (tmp_path / name).write_text("it is there")
    script = "import os, sys\nos.chdir(sys.argv[1])\nprint(os.listdir('.ssh'))\n"
    script += "print([open(name).read() for name in ('.netrc', 'plain')])"
    assert python(best_sandbox(), script, tmp_path).stdout.splitlines() == ["[]", "['', 'it is there']"]


def test_it_ends_as_the_command_did(kind: Sandbox) -> None:
    assert python(kind, "raise SystemExit(7)").code == 7
    assert python(kind, "import os\nos.kill(os.getpid(), 11)").code == -signal.SIGSEGV
    assert run_sandboxed(["no-such-program"], env=os.environ, sandbox=kind).code == 127


def test_nothing_of_it_goes_on(kind: Sandbox, tmp_path: pathlib.Path) -> None:
    script = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    os.close(1), os.close(2)\n"
        "    time.sleep(3)\n"
        "    open(sys.argv[1] + '/late', 'w')\n"
    )
    assert python(kind, script, tmp_path, writable=[tmp_path]).ok
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in left


def test_what_it_says_is_heard_line_by_line(kind: Sandbox) -> None:
    heard: list[str] = []
    done = python(
        kind,
        "import sys\nprint(sys.stdin.read())\nsys.stderr.write('one\\ntwo\\n')",
        input_text="asked",
        on_line=heard.append,
    )
    assert (done.stdout.strip(), heard) == ("asked", ["one", "two"])


def test_nothing_is_left_in_the_temporary_folder(
    kind: Sandbox, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    python(kind, HARM, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_several_run_at_once(kind: Sandbox) -> None:
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(python(kind, "").code)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0] * 6


def test_it_says_what_is_lacking() -> None:
    kinds = [Sandbox(kind=each) for each in (confine.NAMESPACES, confine.LANDLOCK, confine.NONE)]
    assert [bool(each.lacks) for each in kinds] == [False, True, True]
    assert "write" in kinds[2].lacks


def test_without_any_kind_it_runs_all_the_same() -> None:
    done = python(Sandbox(kind=confine.NONE), "import pathlib\nprint(pathlib.Path.home())")
    assert done.ok
    assert pathlib.Path(done.stdout.strip()) != pathlib.Path.home()


def test_a_kind_that_this_machine_lacks_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(kinds: int) -> None:
        raise PermissionError(1, f"unshare: {kinds}")

    monkeypatch.setattr(confine, "_enter", refuse)
    kind, why = confine.best_kind("/tmp")
    assert kind in {confine.LANDLOCK, confine.NONE}
    assert "unshare" in why


@pytest.mark.parametrize(
    "name",
    ["PIP_INDEX_URL", "UV_INDEX_URL", "ENVSPEC_INDEX_INHOUSE", "AWS_PROFILE", "GITHUB_TOKEN", "SSH_AUTH_SOCK",
     "https_proxy", "NETRC", "OPENAI_API_KEY", "DB_PASSWORD", "DOCKER_HOST", "XDG_RUNTIME_DIR"],
)  # fmt: skip
def test_variables_with_secrets_stay_out(name: str) -> None:
    assert without_secrets({name: "x", "PATH": "y"}) == {"PATH": "y"}


@pytest.mark.parametrize(
    "name", ["PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "CUDA_HOME", "TZ", "UVICORN"]
)
def test_other_variables_stay(name: str) -> None:
    assert without_secrets({name: "x"}) == {name: "x"}
