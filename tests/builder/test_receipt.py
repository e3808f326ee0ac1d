"""A receipt holds as long as all that a run looked at is as it was, and not a moment longer."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from builder.backends.docker import asking
from builder.cli.at_once import words
from builder.flow.receipt import had_all
from builder.values import receipt
from builder.values.receipt import RECEIPTS, contents_of, holds, look, looks_of, read_receipt
from builder.values.tool import tool_digest
from envspec.system.kept import Kept
from envspec.system.seen import note_tree


@pytest.fixture
def code(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder of code."""
    folder = tmp_path / "code"
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "main.py").write_text("A = 1\n")
    (folder / "large.bin").write_bytes(bytes(receipt.SMALL + 1))
    (folder / "data").mkdir()
    (folder / "data" / "log.txt").write_text("")
    (folder / "link").symlink_to("package/main.py")
    return folder


def edited(file: pathlib.Path, data: bytes) -> None:
    """Give a file other contents of the same size, and its old date."""
    before = file.stat()
    assert before.st_size == len(data)
    file.write_bytes(data)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def relinked(link: pathlib.Path, target: str) -> None:
    """Let a link lead elsewhere."""
    link.unlink()
    link.symlink_to(target)


CHANGES: dict[str, Callable[[pathlib.Path], object]] = {
    "contents of equal size and date": lambda code: edited(code / "package" / "main.py", b"A = 2\n"),
    "a large file of equal size and date": lambda code: edited(
        code / "large.bin", b"1" * (receipt.SMALL + 1)
    ),
    "a new file": lambda code: (code / "package" / "new.py").touch(),
    "a new empty folder": lambda code: (code / "package" / "new").mkdir(),
    "a file gone": lambda code: (code / "package" / "main.py").unlink(),
    "a mode": lambda code: (code / "package" / "main.py").chmod(0o755),
    "a link": lambda code: relinked(code / "link", "large.bin"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_folder_looks_otherwise_after_any_change(
    code: pathlib.Path, change: Callable[[pathlib.Path], object]
) -> None:
    before, _ = look(str(code), (), ())
    time.sleep(0.02)  # a tick of the kernel's: what is larger is told by its date of change
    change(code)
    assert look(str(code), (), ())[0] != before


def test_what_a_link_leads_to_counts_wherever_it_is(code: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "outside.py").write_text("A = 1\n")
    (code / "out").symlink_to(tmp_path / "outside.py")
    before, _ = look(str(code), (), ())
    edited(tmp_path / "outside.py", b"A = 2\n")
    assert look(str(code), (), ())[0] != before


def test_what_stays_at_home_may_change(code: pathlib.Path) -> None:
    before, _ = look(str(code), ["data"], ["__pycache__"])
    (code / "data" / "log.txt").write_text("more")
    (code / "package" / "__pycache__").mkdir()
    (code / "package" / "__pycache__" / "main.pyc").touch()
    assert look(str(code), ["data"], ["__pycache__"])[0] == before


def test_nobody_waits_for_a_folder_without_end(code: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt, "MOST", 3)
    with pytest.raises(receipt.TooMuchError):
        look(str(code), (), ())


@pytest.fixture
def held(home: pathlib.Path, tmp_path: pathlib.Path, code: pathlib.Path) -> dict[str, Any]:
    """A receipt that speaks of one thing of each kind."""
    spec, blob, tree = tmp_path / "envspec.toml", tmp_path / "blob", tmp_path / "tree"
    spec.write_text("name = 'x'\n")
    blob.write_bytes(b"layer")
    (tree / "bin").mkdir(parents=True)
    (tree / "bin" / "python").write_text("#!")
    note_tree(tree, tree)
    layout = tmp_path / "oci"
    layout.mkdir()
    entry = {"digest": "sha256:1", "annotations": {receipt.REF: "x:latest"}}
    (layout / "index.json").write_text(json.dumps({"manifests": [entry]}))
    return {
        "tool": tool_digest(),
        "files": {str(spec): contents_of(str(spec)), str(tmp_path / ".gitignore"): ""},
        "there": {str(code): True, str(tmp_path / "card"): False},
        "folders": [{"top": str(code), "apart": [], "names": [], "digest": look(str(code), (), ())[0]}],
        "trees": [str(tree)],
        "blobs": {str(blob): looks_of(str(blob))},
        "names": [[str(layout), "x:latest", "sha256:1"]],
        "silent": ["unix:///nobody"],
        "images": [["unix:///engine", "x:latest", "sha256:2"]],
    }


ENGINE = {("unix:///engine", "x:latest"): "sha256:2"}


def held_against(held: dict[str, Any], engine: dict[tuple[str, str], str], there: str = "") -> bool:
    """Whether a receipt holds where the engine has these images, and one answers at `there`."""
    return holds(
        held,
        image_id=lambda address, name: engine.get((address, name)),
        answers=lambda address: address == there,
    )


@pytest.mark.usefixtures("held")
def test_a_receipt_holds_where_nothing_changed(held: dict[str, Any]) -> None:
    assert held_against(held, ENGINE)


@pytest.mark.parametrize("engine", [{}, {("unix:///engine", "x:latest"): "sha256:3"}])
def test_an_image_that_is_gone_or_another_one_is_noticed(
    held: dict[str, Any], engine: dict[tuple[str, str], str]
) -> None:
    assert not held_against(held, engine)


def test_an_engine_that_came_since_is_noticed(held: dict[str, Any]) -> None:
    assert not held_against(held, ENGINE, there="unix:///nobody")


BREAKS: dict[str, Callable[[pathlib.Path], object]] = {
    "the spec": lambda top: edited(top / "envspec.toml", b"name = 'y'\n"),
    "the spec is gone": lambda top: (top / "envspec.toml").unlink(),
    "a file that was not there": lambda top: (top / ".gitignore").touch(),
    "a card": lambda top: (top / "card").touch(),
    "code": lambda top: edited(top / "code" / "package" / "main.py", b"A = 2\n"),
    "a layer": lambda top: (top / "blob").unlink(),
    "a file of the environment": lambda top: (top / "tree" / "bin" / "python").unlink(),
    "the name of an image": lambda top: (top / "oci" / "index.json").write_text('{"manifests": []}'),
    "a damaged index": lambda top: (top / "oci" / "index.json").write_text("{"),
    "an index that is a list": lambda top: (top / "oci" / "index.json").write_text("[]"),
    "an index of another form": lambda top: (top / "oci" / "index.json").write_text("{}"),
    "an index that lists no entries": lambda top: (top / "oci" / "index.json").write_text(
        '{"manifests": [1]}'
    ),
    "a deep index": lambda top: (top / "oci" / "index.json").write_text("[" * 100_000),
    "the note of the environment": lambda top: shutil.rmtree(top / "home" / "trees"),
}


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS)
def test_whatever_else_changes_is_noticed(
    held: dict[str, Any], tmp_path: pathlib.Path, home: pathlib.Path, change: Callable[[pathlib.Path], object]
) -> None:
    if not (tmp_path / "home").exists():
        (tmp_path / "home").symlink_to(home)
    change(tmp_path)
    assert not held_against(held, ENGINE)


def test_another_tool_is_noticed(held: dict[str, Any]) -> None:
    assert not held_against({**held, "tool": "sha256:other"}, ENGINE)


def test_a_receipt_is_read_while_it_is_whole_and_fresh(home: pathlib.Path) -> None:
    kept: Kept[dict[str, Any]] = Kept(home / RECEIPTS, dict[str, Any])
    kept.put("key", {"text": "x"})
    assert read_receipt("key") == {"text": "x"}
    day = time.time() - receipt.LIVES - 1
    os.utime(kept.file("key"), (day, day))
    assert read_receipt("key") is None
    kept.file("key").write_bytes(b"{}")
    assert read_receipt("key") is None


ASK = "import sys; from builder.values.receipt import question; print(question('build-image'))"


@pytest.mark.parametrize(
    ("words", "variables", "same"),
    [
        ([], {}, True),
        ([], {"_": "x", "OLDPWD": "/", "SHLVL": "7"}, True),
        (["--strict"], {}, False),
        ([], {"DOCKER_HOST": "unix:///other"}, False),
        ([], {"SOURCE_DATE_EPOCH": "1"}, False),
    ],
)
def test_a_question_is_all_that_a_process_was_started_with(
    words: list[str], variables: dict[str, str], same: bool
) -> None:
    def asked(words: list[str], variables: dict[str, str]) -> str:
        env = {**os.environ, **variables}
        command = [sys.executable, "-c", ASK, *words]
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout

    assert (asked(words, variables) == asked([], {})) is same


def test_what_is_said_at_once_says_since_when() -> None:
    said = words({"text": "x\nverdict: ships (0 errors)", "day": "2026-01-31 09:05 UTC"}, 0.06)
    assert said == "x\nverdict: ships (0 errors) in 0.1 s: nothing changed since 2026-01-31 09:05 UTC\n"


LIGHT = """
import sys
import builder.cli.launch
heavy = {"click", "pydantic", "dataclasses", "pathlib", "logging", "tempfile", "http", "email"}
print(*sorted(heavy & set(sys.modules)))
"""


def test_nothing_that_takes_time_is_loaded_before_it_is_known_what_to_do() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(pathlib.Path.cwd())!r}){LIGHT}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


Reply = Callable[[str], bytes]


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> Iterator[Callable[[Reply], str]]:
    """`engine(reply)` is the address of one that answers each question so, given the line that asks."""
    import socket

    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def start(reply: Reply) -> str:
        place = tmp_path / "socket"
        listening.bind(str(place))
        listening.listen()

        def serve() -> None:
            while True:
                try:
                    line, _ = listening.accept()
                except OSError:
                    return
                with line:
                    line.sendall(reply(line.recv(4096).decode().split("\r\n")[0]))

        threading.Thread(target=serve, daemon=True).start()
        return f"unix://{place}"

    yield start
    listening.close()


def test_an_engine_is_asked_for_an_image(engine: Callable[[Reply], str]) -> None:
    def reply(asked: str) -> bytes:
        if asked == "GET /images/x:latest/json HTTP/1.0":
            return b'HTTP/1.0 200 OK\r\nA: b\r\n\r\n{"Id": "sha256:1"}'
        return b'HTTP/1.0 404 Not Found\r\n\r\n{"message": "no such image"}'

    address = engine(reply)
    assert asking.image_id(address, "x:latest") == "sha256:1"
    assert asking.image_id(address, "y:latest") is None


DEEP = b"HTTP/1.0 200 OK\r\n\r\n" + b"[" * 100_000


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0\r\n", b"HTTP/1.0 500 Oops\r\n\r\nno", b"HTTP/1.0 200 OK\r\n\r\n<html>", DEEP]
)
def test_what_is_no_engine_gives_no_answer(engine: Callable[[Reply], str], said: bytes) -> None:
    address = engine(lambda _: said)
    with pytest.raises(asking.NoAnswerError):
        asking.image_id(address, "x:latest")


def test_nobody_at_the_socket_gives_no_answer(tmp_path: pathlib.Path) -> None:
    assert not asking.answers(f"unix://{tmp_path}/nobody")
    assert not asking.answers("tcp://localhost:1")


def test_an_engine_that_was_given_an_image_has_it_the_next_time() -> None:
    said = "loaded into the engine, which had 3 of 14 layers; serve it: docker run x:1"
    assert had_all(said) == "loaded into the engine, which had 14 of 14 layers; serve it: docker run x:1"
    assert had_all("image sha256:1") == "image sha256:1"
