"""Programs of a spec, as a user builds and starts them; the index is a folder, so no network is needed."""

from __future__ import annotations

import json
import pathlib
import signal
import subprocess
import time
from typing import Any

import pytest

from tests.support.index import simple_index
from tests.support.program import BIN, machine, run
from tests.support.wheels import wheel

from .conftest import spec_in

SERVER = """
import asyncio, importlib, json, sys

def main():
    host, port, name = sys.argv[1:]
    module, _, attribute = name.partition(":")
    app = getattr(importlib.import_module(module), attribute)
    asyncio.run(serve(host, int(port), app))

async def serve(host, port, app):
    async def answer(reader, writer):
        method, path, _ = (await reader.readline()).decode().split()
        length = 0
        while (line := (await reader.readline()).decode().strip()):
            if line.lower().startswith("content-length:"):
                length = int(line.split(":")[1])
        body = await reader.readexactly(length)
        sent = []
        async def receive():
            return {"type": "http.request", "body": body}
        async def send(event):
            sent.append(event)
        await app({"type": "http", "method": method, "path": path}, receive, send)
        said = b"".join(event.get("body", b"") for event in sent)
        head = f"HTTP/1.1 {sent[0]['status']} x\\r\\nContent-Length: {len(said)}\\r\\n\\r\\n"
        writer.write(head.encode() + said)
        await writer.drain()
        writer.close()
    async with await asyncio.start_server(answer, host, port) as server:
        await server.serve_forever()

if __name__ == "__main__":
    main()
"""
"""A server for ASGI applications of a few lines: no index is needed for it."""

SHOP = """
import json, os

async def app(scope, receive, send):
    body = json.loads((await receive())["body"] or "null")
    found = {"/healthz": {"well": True}, "/price": {"sku": body and body["sku"], "mode": os.environ["MODE"]}}
    status = 200 if scope["path"] in found else 404
    await send({"type": "http.response.start", "status": status})
    await send({"type": "http.response.body", "body": json.dumps(found.get(scope["path"])).encode()})
"""
WORKER = """
import os, pathlib, sys, tempfile, time

flag = pathlib.Path(tempfile.gettempdir(), "worker-is-well")

def main():
    if sys.argv[1:] == ["ping"]:
        return not flag.exists()
    flag.write_text(os.environ.get("MODE", "none"))
    print("working", sys.argv[1:], os.environ.get("MODE", "none"), flush=True)
    while True:
        time.sleep(1)

if __name__ == "__main__":
    sys.exit(main())
"""

SPEC = """\
name = "shop"
python = "3.11"
{base}
[[stage]]
name = "app"
install = ["serve-asgi==1.0", "shop==1.0"]

[run]
command = ["python", "-m", "serve_asgi", "{{host}}", "{{port}}", "shop.api:app"]
port = 8000
health = "/healthz"
env = {{ MODE = "fast" }}
[[run.trial]]
path = "/price"
json = {{ sku = 7 }}
expect = {{ sku = 7, mode = "fast" }}
[[run.trial]]
path = "/nothing"
status = 404

[run.worker]
command = ["python", "-m", "shop.worker"]
health = {{ command = ["python", "-m", "shop.worker", "ping"] }}

[run.report]
command = ["python", "-c", "import sys; print('reported', sys.argv[1:]); sys.exit(len(sys.argv) - 1)"]
[[run.report.trial]]
args = ["one", "two"]
exit = 2
output = "reported ['one', 'two']"

[run.nightly]
command = ["python", "-m", "shop.nightly"]
schedule = "0 3 * * *"
"""
HERE = SPEC.format(base="[base]\nhost = true\n")


@pytest.fixture
def env(tmp_path: pathlib.Path) -> dict[str, str]:
    code = {
        "shop/__init__.py": "",
        "shop/api.py": SHOP,
        "shop/worker.py": WORKER,
        "shop/nightly.py": "print('done')\n",
    }
    index = simple_index(
        tmp_path / "simple",
        [
            wheel(tmp_path / "files", "serve-asgi", files={"serve_asgi.py": SERVER}),
            wheel(tmp_path / "files", "shop", files=code),
        ],
    )
    return machine(tmp_path / "home", PIP_INDEX_URL=index)


def built(
    folder: pathlib.Path, env: dict[str, str], *more: str, backend: str = "virtualenv"
) -> dict[str, Any]:
    done = run("build-image", "--backend", backend, "--format", "json", folder, *more, env=env)
    assert "Traceback" not in done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def told(report: dict[str, Any], rule: str) -> list[str]:
    return [f"{each['where']}: {each['message']}" for each in report["findings"] if each["rule"] == rule]


def assert_all_was_tried(report: dict[str, Any]) -> None:
    assert report["ships"], report["findings"]
    assert list(report["trials"]) == ["main", "worker", "report", "nightly"]
    assert [trial["status"] for trial in report["trials"]["main"]["trials"]] == [200, 404]
    assert report["trials"]["worker"]["ready"]
    assert report["trials"]["report"]["trials"][0]["exit"] == 2
    assert [line.partition(":")[0] for line in told(report, "EV305")] == ["run", "run.report", "run.worker"]
    assert told(report, "EV308") == [
        "run.nightly: program nightly was not run, for it is a job without a trial; its command is there"
    ]


def test_every_program_is_tried_before_it_ships(tmp_path: pathlib.Path, env: dict[str, str]) -> None:
    report = built(spec_in(tmp_path / "shop", HERE), env)
    assert_all_was_tried(report)
    again = built(tmp_path / "shop", env)
    assert again["trials"] == report["trials"]  # kept: measured anew, its times would differ


@pytest.mark.network
@pytest.mark.slow
def test_images_are_tried_as_well(tmp_path: pathlib.Path, env: dict[str, str]) -> None:
    """The base of Debian packages comes from an archive; all else is here."""
    folder = spec_in(tmp_path / "shop", SPEC.format(base='[base]\ndebian = "bookworm"\n'))
    assert_all_was_tried(built(folder, env, backend="oci"))


@pytest.mark.parametrize(
    ("old", "new", "rule", "said"),
    [
        ("mode = \"fast\" }\n[[", "mode = \"slow\" }\n[[", "EV303",
         'answers POST /price otherwise than expected: mode is "fast", expected "slow"'),
        ('"-m", "shop.worker"]', '"-c", "import time; time.sleep(1)"]', "EV301",
         "run.worker: program worker ends with 0 instead of running on"),
        ("exit = 2", "exit = 0", "EV307", "a trial of program report, ends with 2 instead of 0"),
        ("shop.nightly", "shop.gone", "EV306",
         "run.nightly: program nightly cannot be started: there is no module shop.gone"),
        ("shop.api:app", "shop.api:gone", "EV301", "run: the main program ends with 1 instead of serving"),
    ],
)  # fmt: skip
def test_what_does_not_work_does_not_ship(
    tmp_path: pathlib.Path, env: dict[str, str], old: str, new: str, rule: str, said: str
) -> None:
    text = HERE.replace(old, new, 1)
    assert text != HERE
    report = built(spec_in(tmp_path / "shop", text), env)
    assert report["exit_code"] == 1
    (found,) = told(report, rule)
    assert said in found


def test_programs_are_run_by_name(tmp_path: pathlib.Path, env: dict[str, str]) -> None:
    folder = spec_in(tmp_path / "shop", HERE)
    done = run("envspec", "run", "-q", folder, "report", "--", "x", env=env)
    assert (done.returncode, done.stdout) == (1, "reported ['x']\n")
    done = run(
        "envspec", "run", "-q", folder, "--", "python", "-c", "import shop.api, os; os._exit(5)", env=env
    )
    assert (done.returncode, done.stdout) == (5, "")
    done = run("envspec", "run", "-q", folder, "reprot", env=env)
    assert done.returncode == 2
    assert "no program reprot; its programs: main, worker, report, nightly" in done.stderr


def test_a_program_gets_the_signals_itself(tmp_path: pathlib.Path, env: dict[str, str]) -> None:
    folder = spec_in(tmp_path / "shop", HERE)
    run("envspec", "lock", folder, env=env)
    words = [str(BIN / "envspec"), "run", "-q", str(folder), "worker", "--", "now"]
    process = subprocess.Popen(words, env={**env, "OWN_TOKEN": "x"}, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "working ['now'] none\n"
    assert "OWN_TOKEN=x" in pathlib.Path(f"/proc/{process.pid}/environ").read_text()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == -signal.SIGTERM
    process.communicate()


def test_the_main_program_is_served_where_it_is_asked_to(tmp_path: pathlib.Path, env: dict[str, str]) -> None:
    from .test_serve import asked

    folder = spec_in(tmp_path / "shop", HERE)
    words = [str(BIN / "envspec"), "serve", "-q", str(folder), "--port", "0"]
    process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    time.sleep(0.1)
    assert json.loads(asked(f"{address}/healthz")) == {"well": True}
    process.terminate()
    process.wait(20)
    process.communicate()


def test_a_shell_has_the_programs_of_the_environment(tmp_path: pathlib.Path, env: dict[str, str]) -> None:
    folder = spec_in(tmp_path / "shop", HERE)
    words = [str(BIN / "envspec"), "shell", "-q", str(folder)]
    script = "command -v python; echo $MODE; exit 3\n"
    done = subprocess.run(
        words, env={**env, "SHELL": "/bin/sh"}, input=script, capture_output=True, text=True
    )
    python, mode = done.stdout.splitlines()
    assert python.startswith(str(tmp_path / "home" / "environments"))
    assert (mode, done.returncode) == ("fast", 3)
