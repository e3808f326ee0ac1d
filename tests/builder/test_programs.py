"""Programs: what a plan has of them, what an image says of them, and who serves an application."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import pytest

from builder.backends.docker.dockerfile import render_dockerfile
from builder.cli.run import Wish, read_words
from builder.flow.project import Project
from builder.flow.serving import find_server
from builder.image import contents
from builder.image.contents import image_facts
from builder.image.settings import image_variables
from builder.image.starting import Folder, image_folders, image_start, named_users
from builder.image.users import user_numbers
from builder.values.plan import Plan, make_plan
from builder.values.program import planned_programs
from envspec.lockfile.lock import Lock, LockedBase
from envspec.spec.load import parse_spec
from envspec.spec.model import Spec
from envspec.system.errors import SpecError, UsageError
from tests.support.paths import ROOT
from tests.support.specs import lock, stage
from tests.support.specs import spec as spec_of
from tests.support.wheels import wheel

SHOP = """
[env]
COMMON = "{prefix}/x"
[run]
command = ["uvicorn", "shop:app", "--port", "{port}", "--host", "{host}"]
port = 8000
ports = [9000]
health = "/healthz"
env = { MODE = "fast", SITE = "{site}" }
workdir = "/srv/shop"
volumes = ["/data"]
stop-signal = "SIGINT"
[run.worker]
command = ["celery", "worker"]
health = { command = ["celery", "ping"] }
user = "www-data"
volumes = ["/queue"]
env = { MODE = "slow" }
[run.nightly]
command = ["python", "-m", "shop.report"]
user = "root"
"""


def spec(text: str = SHOP) -> Spec:
    return spec_of(stage("one", "six==1.17.0"), tail=text)


def plan(text: str = SHOP) -> Plan:
    return make_plan(spec(text), lock(base=LockedBase(image="python:3.11")))


def test_a_plan_without_run_keeps_its_digest() -> None:
    service = '[service]\nmodule = "a:b"\nsource = "."\n'
    served = make_plan(spec(service), lock())
    assert served.main is not None
    assert served.digest == served.model_copy(update={"programs": ()}).digest


@pytest.mark.parametrize("change", ["8000", '"/healthz"', '"fast"', '"slow"', '"/data"', '"SIGINT"'])
def test_all_that_is_said_of_programs_is_in_the_digest(change: str) -> None:
    other = "8001" if change == "8000" else change.replace('"', "").join(['"', 'X"'])
    other = '"SIGHUP"' if "SIGINT" in change else other
    assert plan().digest != plan(SHOP.replace(change, other, 1)).digest


def test_another_server_is_another_plan() -> None:
    wanted = spec('[service]\nmodule = "a:b"\nsource = "."\n')
    assert make_plan(wanted, lock()).digest != make_plan(wanted, lock(), served=("uvicorn",)).digest


def test_an_image_starts_as_its_programs_say() -> None:
    start = image_start(plan())
    assert (start.user, start.folder, start.command) == ("10001:10001", "/srv/shop", ("serve",))
    assert (start.ports, start.volumes, start.stop_signal) == ((8000, 9000), ("/data",), "SIGINT")
    assert start.health[-1] == "health"
    assert start.health_timeout == 30
    assert image_folders(plan()) == (
        Folder(path="/data", owner="10001:10001"),
        Folder(path="/queue", owner="www-data"),
        Folder(path="/srv/shop", owner="0:0"),
    )
    assert named_users(plan()) == ("www-data",)


def test_an_image_is_patient_as_long_as_its_slowest_program() -> None:
    assert image_start(plan()).start_timeout == 60
    slow = SHOP.replace('health = "/healthz"', 'health = "/healthz"\nstart-timeout = 299.5', 1)
    assert image_start(plan(slow)).start_timeout == 300
    assert plan(slow).digest != plan().digest
    assert plan(slow).packages_digest == plan().packages_digest


def test_a_plan_of_a_service_has_its_patience_only_where_it_is_said() -> None:
    service = '[service]\nmodule = "a:b"\nsource = "."\n'
    slow = make_plan(spec(service + "start-timeout = 300\n"), lock())
    assert slow.digest != make_plan(spec(service), lock()).digest
    assert slow.main is not None
    assert slow.main.start_timeout == 300


def test_an_image_without_a_main_program_starts_python() -> None:
    start = image_start(plan('[run.train]\ncommand = ["train"]\n'))
    assert (start.command, start.ports, start.health) == (("python",), (), ())


def test_the_image_knows_its_programs() -> None:
    facts = json.loads(json.dumps(image_facts(plan())))
    assert facts["env"] == {"COMMON": "/opt/env/x"}
    assert list(facts["programs"]) == ["main", "worker", "nightly"]
    main, worker, nightly = facts["programs"].values()
    assert main["health"] == {"path": "/healthz"}
    assert main["env"]["SITE"] == "/opt/env/lib/python3.11/site-packages"
    assert "user" not in main
    assert (worker["user"], nightly["user"]) == ("www-data", "0:0")
    assert image_variables(plan())["MODE"] == "fast"


def test_the_dockerfile_says_it() -> None:
    lines = render_dockerfile(plan()).splitlines()
    for line in (
        "WORKDIR /srv/shop",
        'VOLUME ["/data"]',
        "USER 10001:10001",
        "EXPOSE 8000 9000",
        "STOPSIGNAL SIGINT",
        'COPY --chown=www-data ["empty", "/queue"]',
        'CMD ["serve"]',
    ):
        assert line in lines
    assert any(line.startswith("HEALTHCHECK --interval=10s --timeout=30s") for line in lines)


def test_a_path_stays_a_path_in_a_dockerfile() -> None:
    text = SHOP.replace("/srv/shop", "/a b/$HOME").replace('"/data"', "'/d$x\\\"'")
    lines = render_dockerfile(plan(text)).splitlines()
    assert "WORKDIR /a b/\\$HOME" in lines
    assert [json.loads(line.partition(" ")[2]) for line in lines if line.startswith("VOLUME")] == [
        ['/d\\$x\\\\"']
    ]


PASSWD = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34::/var/www:/nologin\nbroken\n"


@pytest.mark.parametrize(
    ("owner", "numbers"),
    [
        ("root", (0, 0)), ("www-data", (33, 34)), ("www-data:5", (33, 5)), ("33", (33, 34)), ("7", (7, 7)),
        ("7:8", (7, 8)), ("app", (10001, 10001)),
    ],
)  # fmt: skip
def test_users_have_numbers(owner: str, numbers: tuple[int, int]) -> None:
    assert user_numbers(owner, PASSWD) == numbers


def test_a_user_that_the_base_does_not_have_is_refused() -> None:
    with pytest.raises(SpecError, match="the base has no user nobody-knows") as caught:
        user_numbers("nobody-knows", PASSWD)
    assert "root or app" in caught.value.hint


# The entrypoint, laid out as in an image.


@pytest.fixture
def image(tmp_path: pathlib.Path) -> pathlib.Path:
    place = tmp_path / "image"
    for name in (*contents.runtime_files(), contents.MAIN):
        target = place / ("__main__.py" if name == contents.MAIN else name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    (tmp_path / "site").mkdir()
    return place


SHOWS = ["sh", "-c", 'echo "$0 $* MODE=$MODE COMMON=$COMMON"; pwd']
PROGRAMS = {
    "main": {"command": [*SHOWS, "{host}:{port}"], "port": 8000, "env": {"MODE": "fast"}},
    "worker": {
        "command": [*SHOWS, "working"],
        "env": {"MODE": "slow"},
        "folder": "/etc",
        "health": {"command": ["sh", "-c", "test $MODE = slow"]},
    },
    "sick": {"command": ["true"], "health": {"command": ["false"]}},
}


def told(image: pathlib.Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    known: dict[str, Any] = {"site": str(image.parent / "site"), "pins": {}, "named": [], "embedded": False}
    known |= {"programs": PROGRAMS, "env": {"COMMON": "all"}}
    (image / "environment.json").write_text(json.dumps(known))
    variables = {"PATH": "/usr/bin:/bin", "MODE": "fast", "COMMON": "all", **env}
    command = [sys.executable, "-I", "-S", "-B", str(image), *words]
    return subprocess.run(command, capture_output=True, text=True, env=variables, timeout=60, cwd="/")


@pytest.mark.parametrize(
    ("words", "env", "said"),
    [
        ((), {}, "0.0.0.0:8000  MODE=fast COMMON=all\n/\n"),
        (("serve", "--more"), {}, "0.0.0.0:8000 --more MODE=fast COMMON=all\n/\n"),
        (("main",), {"MODE": "given"}, "0.0.0.0:8000  MODE=given COMMON=all\n/\n"),
        (("worker",), {}, "working  MODE=slow COMMON=all\n/etc\n"),
        (("worker", "a", "b"), {"MODE": "given"}, "working a b MODE=given COMMON=all\n/etc\n"),
        (("echo", "any"), {}, "any\n"),
    ],
)
def test_a_container_starts_programs_by_name(
    image: pathlib.Path, words: tuple[str, ...], env: dict[str, str], said: str
) -> None:
    done = told(image, *words, **env)
    assert (done.stdout, done.stderr, done.returncode) == (said, "", 0)


def test_health_is_that_of_the_program_that_runs(image: pathlib.Path) -> None:
    assert told(image, "health", "worker").returncode == 0
    assert told(image, "health", "main").returncode == 0
    sick = told(image, "health", "sick")
    assert (sick.returncode, sick.stdout) == (1, "false ends with 1\n")
    assert "no program nobody" in told(image, "health", "nobody").stderr
    told(image, "sick")
    assert told(image, "health").returncode == 1
    told(image, "worker")
    assert told(image, "health").returncode == 0


def test_a_word_that_is_nothing_is_answered_with_the_programs(image: pathlib.Path) -> None:
    done = told(image, "nosuch")
    assert done.returncode == 127
    assert "nosuch cannot be run: No such file or directory" in done.stderr
    assert f"neither a program of this image ({', '.join(sorted(PROGRAMS))})" in done.stderr
    assert "any command may stand there" in done.stderr
    assert "neither" not in told(image, "/nowhere/x").stderr  # a path is no program's name


def test_an_image_without_a_main_program_says_what_it_has(image: pathlib.Path) -> None:
    known = {"site": "/nowhere", "pins": {}, "named": [], "embedded": False, "programs": {"train": {}}}
    (image / "environment.json").write_text(json.dumps(known))
    command = [sys.executable, "-I", "-S", "-B", str(image), "serve"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (78, "the image has no main program; its programs: train\n")


# Who serves an application.

FLASK = "class Flask:\n def __call__(self, environ, start_response): ...\n"
FAST = "class Fast:\n async def __call__(self, scope, receive, send): ...\n"


def project(folder: pathlib.Path, code: str, module: str = "app:app", more: str = "") -> Project:
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src" / "app.py").write_text(code)
    text = (
        'name = "x"\npython = "3.11"\n[[stage]]\nname = "a"\n'
        f'[service]\nmodule = "{module}"\nsource = "src"\n{more}'
    )
    return Project(file=folder / "envspec.toml", spec=parse_spec(text))


def locked(folder: pathlib.Path, *names: str) -> Lock:
    from tests.support.specs import artifact

    code = {"flask": {"flask/__init__.py": FLASK}, "fast": {"fast.py": FAST}}
    return lock(*(artifact(wheel(folder / "wheels", name, files=code.get(name))) for name in names))


@pytest.fixture
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("ENVSPEC_HOME", str(tmp_path / "home"))
    return tmp_path


def served(place: pathlib.Path, code: str, *names: str, module: str = "app:app", more: str = "") -> str:
    """The words of the server, or what is said."""
    made, held = project(place, code, module, more), locked(place, *names)
    for file in (place / "wheels").glob("*.whl"):
        made.store.add(file)
    found = find_server(made, held)
    if found.words is not None:
        return " ".join(found.words)
    (finding,) = found.findings
    return f"{finding.rule} {finding.message} | {finding.hint}"


FAST_APP = "from fast import Fast\napp = Fast()\ndef make(): return app\n"
FLASK_APP = "from flask import Flask\napp = Flask()\ndef make(): return app\n"


@pytest.mark.parametrize(
    ("code", "names", "module", "words"),
    [
        (FLASK_APP, ("flask", "gunicorn"), "app:app",
         "python -m gunicorn --bind {host}:{port} --workers 1 --threads 4 app:app"),
        (FLASK_APP, ("flask", "waitress", "uvicorn"), "app:make()",
         "python -m waitress --listen={host}:{port} --call app:make"),
        (FAST_APP, ("fast", "gunicorn", "uvicorn"), "app:app",
         "python -m uvicorn --host {host} --port {port} app:app"),
        (FAST_APP, ("fast", "hypercorn"), "app:make()",
         "python -m hypercorn --bind {host}:{port} app:make()"),
        (FAST_APP, ("fast", "granian"), "app:make()",
         "python -m granian --interface asgi --host {host} --port {port} --factory app:make"),
        ("app = x()", ("uvicorn",), "app:app", "python -m uvicorn --host {host} --port {port} app:app"),
    ],
)  # fmt: skip
def test_a_server_of_the_lock_serves_it(
    home: pathlib.Path, code: str, names: tuple[str, ...], module: str, words: str
) -> None:
    assert served(home, code, *names, module=module) == words


def test_a_server_that_is_missing_is_told_before_the_build(home: pathlib.Path) -> None:
    said = served(home / "asgi", FAST_APP, "fast", "gunicorn")
    assert said == (
        "EV309 app:app is an ASGI application, and the lock has no uvicorn, hypercorn or granian"
        ' | add "uvicorn" to the `install` of the last stage'
    )
    assert "EV309 app:app is a WSGI application" in served(home / "wsgi", FLASK_APP, "flask", "uvicorn")
    said = served(home / "open", "app = x()", "flask")
    assert "whether app:app is WSGI or ASGI cannot be told (what app is in app could not" in said
    assert 'add "gunicorn"' in said


def test_a_spec_that_tells_gunicorn_of_a_worker_is_left_to_it(home: pathlib.Path) -> None:
    more = 'env = { GUNICORN_CMD_ARGS = "--worker-class uvicorn.workers.UvicornWorker" }\n'
    assert "gunicorn" in served(home, FAST_APP, "fast", "gunicorn", "uvicorn", more=more)


def test_the_speech_service_serves_itself() -> None:
    (main,) = planned_programs(spec('[service]\nmodule = "service.app:create_app()"\n'))
    words = main.words("::1", 7)
    assert words == ["python", "-m", "service", "--host", "::1", "--port", "7"]


# The words of `envspec run`.


@pytest.mark.parametrize(
    ("words", "rest", "wish"),
    [
        ((), (), Wish(spec=None, program=None, rest=())),
        (("worker",), ("-v",), Wish(spec=None, program="worker", rest=("-v",))),
        ((".",), (), Wish(spec=pathlib.Path(), program=None, rest=())),
        (("a/b", "worker"), (), Wish(spec=pathlib.Path("a/b"), program="worker", rest=())),
        (("x.toml",), (), Wish(spec=pathlib.Path("x.toml"), program=None, rest=())),
    ],
)
def test_words_name_a_spec_and_a_program(words: tuple[str, ...], rest: tuple[str, ...], wish: Wish) -> None:
    assert read_words(words, None, rest) == wish


@pytest.mark.parametrize(
    ("program", "rest", "command"),
    [
        (None, ("python", "-V"), ("python", "-V")),
        (None, ("--reload",), ()),
        ("worker", ("python",), ()),
        (None, (), ()),
    ],
)
def test_a_command_is_what_belongs_to_no_program(
    program: str | None, rest: tuple[str, ...], command: tuple[str, ...]
) -> None:
    assert Wish(spec=None, program=program, rest=rest).command == command


def test_one_word_too_many_is_refused() -> None:
    with pytest.raises(UsageError, match="'b' is one word too many"):
        read_words(("a", "b"), None, ())
