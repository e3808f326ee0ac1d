"""The judge on small environments that are made by hand, one fault each."""

from __future__ import annotations

import contextlib
import json
import pathlib
import py_compile
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from builder.judge import InterpreterSubject, judge_subject
from builder.values.verdict import Verdict
from envspec.spec.model import Smoke
from envspec.system.errors import OutsideError
from envspec.system.finding import Severity
from envspec.system.progress import Progress
from envspec.system.sandbox import NONE, Sandbox

from .environments import Environment, errors, warnings

ROOT = pathlib.Path(__file__).parents[3]


def test_a_healthy_environment_ships(environment: Environment) -> None:
    source = "import json\nfrom good.inner import value\n"
    environment.install("good", {"good/__init__.py": source, "good/inner.py": "value = 1\n"})
    verdict = judge_subject(environment.target)
    assert verdict.ships
    assert [(each.name, each.version) for each in verdict.distributions] == [("good", "1.0")]
    assert verdict.counts["imports"] == 1


def test_a_verdict_survives_its_json_form(environment: Environment) -> None:
    environment.install("bad", {"bad.py": "import nowhere_to_be_found\n"})
    verdict = judge_subject(environment.target, fast=True)
    assert not verdict.ships
    assert Verdict.from_dict(json.loads(json.dumps(verdict.as_dict()))) == verdict


def test_one_cause_is_one_finding_that_counts_what_it_takes_down(environment: Environment) -> None:
    environment.install("base", {"base.py": "raise RuntimeError('base is broken')\n"})
    for name in ("first", "second"):
        environment.install(name, {f"{name}.py": "import base\n"}, requires=("base",))
    found = errors(judge_subject(environment.target))
    assert list(found) == ["EV201:base"]
    assert "takes down 2 more: first, second" in found["EV201:base"]


def test_what_wants_a_file_of_its_own_is_tried_where_programs_start(
    environment: Environment, tmp_path: pathlib.Path
) -> None:
    environment.install("shop", {"shop.py": "PRICES = open('prices.json').read()\n"})
    (tmp_path / "app").mkdir()
    there = str(tmp_path / "app")
    assert list(errors(judge_subject(environment.target, folder=there))) == ["EV201:shop"]
    (tmp_path / "app" / "prices.json").write_text("{}")
    assert errors(judge_subject(environment.target, folder=there)) == {}
    assert list(errors(judge_subject(environment.target))) == ["EV201:shop"]


def test_a_name_that_another_distribution_lost_names_the_pair(environment: Environment) -> None:
    environment.install("provider", {"provider.py": "new = 1\n"}, version="2.0")
    environment.install("user", {"user.py": "from provider import old\n"}, requires=("provider",))
    verdict = judge_subject(environment.target)
    finding = next(each for each in verdict.findings if each.rule == "EV201")
    assert finding.hint == "user 1.0 and provider 2.0 do not go together"


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("import ctypes\nctypes.string_at(0)\n", "EV202"),
        ("import time\ntime.sleep(60)\n", "EV204"),
        ("while True: print('x' * 100000)\n", "EV205"),
        ("import os\nwhile True: os.fork()\n", "EV205"),
        ("import os\nos.kill(os.getppid(), 9)\nimport time\ntime.sleep(30)\n", "EV205"),
        ("import os\nos.kill(-1, 9)\nimport time\ntime.sleep(30)\n", "EV205"),
        ("import sys\nsys.exit(3)\n", "EV201"),
        ("import os\nos._exit(3)\n", "EV201"),
        ("import imp\nimport exceptions\n", "EV213"),
        ("raise OSError('libnowhere.so.3: cannot open shared object file')\n", "EV203"),
        ("raise ImportError('/lib/libc.so.6: version `GLIBC_2.99\\' not found')\n", "EV223"),
        ("raise ImportError('x.so: undefined symbol: foo_bar')\n", "EV222"),
        ("raise ValueError('numpy.dtype size changed, may indicate binary incompatibility')\n", "EV220"),
    ],
)  # fmt: skip
def test_what_an_import_does_is_named_and_bounded(environment: Environment, source: str, rule: str) -> None:
    environment.install("hostile", {"hostile.py": source})
    environment.install("bystander", {"bystander.py": "value = len('x')\n"})
    began = time.monotonic()
    verdict = judge_subject(environment.target, timeout=6.0)
    assert list(errors(verdict)) == [f"{rule}:hostile"]
    assert time.monotonic() - began < 90


def test_judging_changes_nothing_and_leaves_nothing_running(
    environment: Environment, tmp_path: pathlib.Path
) -> None:
    mark = tmp_path / "alive"
    environment.install(
        "vandal",
        {
            "vandal/__init__.py": "import os, shutil, subprocess, sys\n"
            "here = os.path.dirname(__file__)\n"
            "shutil.rmtree(os.path.dirname(here), ignore_errors=True)\n"
            f"subprocess.Popen(['sh', '-c', 'sleep 3; touch {mark}'], start_new_session=True)\n"
        },
    )
    environment.install("other", {"other/__init__.py": "import json\n"})
    before = environment.snapshot()
    verdict = judge_subject(environment.target)
    assert environment.snapshot() == before
    assert "EV208:vandal" in warnings(verdict)
    time.sleep(4)
    assert not mark.exists()


def test_an_interrupted_judge_leaves_nothing_running(environment: Environment) -> None:
    environment.install("slow", {"slow.py": "import time\ntime.sleep(300)\n"})
    python = str(environment.folder / "bin" / "python")
    command = [sys.executable, "-m", "builder.cli.launch", "envspec", "verify", "--quiet", "--python", python]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as judge:
        wait_for(lambda: len(running(python)) >= 3)
        judge.send_signal(signal.SIGINT)
        assert judge.wait(timeout=60) == 130
    wait_for(lambda: not running(python))


def running(python: str) -> list[str]:
    """Process ids whose command begins with this interpreter."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes().startswith(python.encode()):
                found.append(path.parent.name)
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    """Give something half a minute to become true."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


class Listener(Progress):
    """Keeps what is told, and may be fed up with it."""

    def __init__(self, *, interrupts: bool = False) -> None:
        self.interrupts = interrupts
        self.tasks: dict[str, tuple[int, int]] = {}
        self.ended: list[str] = []

    def begin(self, title: str, total: int) -> None:
        self.tasks[title] = (0, total)
        if self.interrupts:
            raise KeyboardInterrupt

    def advance(self, title: str, amount: int) -> None:
        done, total = self.tasks[title]
        self.tasks[title] = (done + amount, total)

    def end(self, title: str) -> None:
        self.ended.append(title)


def test_how_far_the_imports_are_is_told(environment: Environment) -> None:
    for name in ("one", "two", "three"):
        environment.install(name, {f"{name}.py": "import os\n"})
    listener = Listener()
    judge_subject(environment.target, progress=listener)
    assert listener.tasks["import"] == (6, 6)  # each is imported, and then read
    assert listener.ended == list(listener.tasks)


def test_an_interruption_while_progress_is_told_leaves_nothing_running(environment: Environment) -> None:
    environment.install("quick", {"quick.py": "import os\n"})
    environment.install("slow", {"slow.py": "import time\ntime.sleep(300)\n"})
    with pytest.raises(KeyboardInterrupt):
        judge_subject(environment.target, progress=Listener(interrupts=True))
    wait_for(lambda: not running(str(environment.folder / "bin" / "python")))


def test_an_import_that_looks_for_a_host_is_a_warning(environment: Environment) -> None:
    source = "import socket\ntry:\n    socket.getaddrinfo('example.invalid', 80)\nexcept OSError:\n    pass\n"
    environment.install("caller", {"caller.py": source})
    assert "EV207:caller" in warnings(judge_subject(environment.target))


def test_declared_imports_and_attributes_are_checked(environment: Environment) -> None:
    environment.install("good", {"good/__init__.py": "class A:\n    b = 1\n", "good/part.py": "import sys\n"})
    smoke = Smoke(imports=("good.part", "good.absent"), attributes=("good:A.b", "good:A.c"))
    verdict = judge_subject(environment.target, smoke=smoke)
    assert sorted(errors(verdict)) == ["EV210:good.absent", "EV211:good:A.c"]


def test_drift_from_the_lock_is_an_error_although_everything_imports(environment: Environment) -> None:
    environment.install("good", {"good.py": "import os\n"}, version="2.0")
    environment.install("extra", {"extra.py": "import os\n"})
    verdict = judge_subject(environment.target, lock={"Good": "1.0", "gone": "3"})
    assert sorted(errors(verdict)) == ["EV280:Good", "EV281:gone"]
    assert "EV282:extra" in warnings(verdict)
    assert judge_subject(environment.target, lock={"good": "2.0.0", "extra": "1"}).ships


@pytest.mark.parametrize(
    ("damage", "rule"), [("gone", "EV230"), ("empty", "EV231"), ("zeros", "EV231"), ("broken", "EV231")]
)
def test_damaged_files_are_errors(environment: Environment, damage: str, rule: str) -> None:
    environment.install("good", {"good/__init__.py": "import os\n", "good/late.py": "def f(): return 1\n"})
    late = environment.site / "good" / "late.py"
    if damage == "gone":
        late.unlink()
    else:
        late.write_bytes({"empty": b"", "zeros": b"\0" * 30, "broken": b"def f(:\n"}[damage])
    assert list(errors(judge_subject(environment.target))) == [f"{rule}:good"]


def test_an_edited_comment_and_a_missing_test_do_not_keep_from_shipping(environment: Environment) -> None:
    files = ("good/__init__.py", "good/late.py", "good/tests/test_x.py")
    environment.install("good", dict.fromkeys(files, "import os\n"))
    (environment.site / "good/late.py").write_text("import os  # mine\n")
    (environment.site / "good/tests/test_x.py").unlink()
    verdict = judge_subject(environment.target)
    assert verdict.ships
    assert warnings(verdict) == {"EV232:good"}
    assert not judge_subject(environment.target, strict=True).ships


def test_compiled_sources_and_their_absence_do_not_keep_from_shipping(environment: Environment) -> None:
    environment.install("good", {"good/__init__.py": "import os\n", "good/late.py": "import os\n"})
    for path in (environment.site / "good").glob("*.py"):
        py_compile.compile(str(path), cfile=f"{path}c")
        path.unlink()
    assert errors(judge_subject(environment.target)) == {}


def test_a_second_registration_is_an_error(environment: Environment) -> None:
    environment.install("good", {"good.py": "import os\n"}, version="2.0")
    environment.install("good", {"good.py": "import os\n"}, version="1.0")
    assert "EV235:good" in errors(judge_subject(environment.target))


def test_a_package_without_its_metadata_is_an_error_where_others_require_it(environment: Environment) -> None:
    (environment.site / "lost").mkdir()
    (environment.site / "lost/__init__.py").write_text("import os\n")
    environment.install("user", {"user.py": "import lost\n"}, requires=("lost",))
    assert list(errors(judge_subject(environment.target))) == ["EV234:lost"]


def test_a_placeholder_is_an_error_and_a_package_that_only_requires_others_is_not(
    environment: Environment,
) -> None:
    environment.install("empty", {"empty/__init__.py": "def hello():\n    return 'hello'\n"})
    environment.install("meta", {"meta.py": "'''Installs others.'''\n"}, requires=("real",))
    environment.install("real", {"real.py": "import os\n"})
    assert list(errors(judge_subject(environment.target))) == ["EV245:empty"]


def test_a_wheel_of_another_platform_is_an_error(environment: Environment) -> None:
    environment.install("mac", {"mac.py": "import os\n"}, tag="cp311-cp311-macosx_11_0_arm64")
    assert list(errors(judge_subject(environment.target))) == ["EV224:mac"]


def test_a_module_in_front_of_an_installed_one_is_an_error(
    environment: Environment, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.install("good", {"good.py": "import os\nvalue = 1\n"})
    (tmp_path / "app").mkdir()
    (tmp_path / "app/good.py").write_text("x = 1\n")
    (tmp_path / "app/random.py").write_text("x = 1\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "app"))
    assert sorted(errors(judge_subject(environment.target))) == ["EV241:random", "EV242:good"]


def test_a_failing_pth_file_is_a_warning(environment: Environment) -> None:
    environment.install("good", {"good.py": "import os\n"})
    (environment.site / "zz.pth").write_text("import not_a_module_xyz\n")
    verdict = judge_subject(environment.target)
    assert verdict.ships
    assert "EV243:zz.pth" in warnings(verdict)


def test_violated_metadata_with_everything_working_is_a_warning(environment: Environment) -> None:
    environment.install("good", {"good.py": "import os\n"}, version="2.0")
    environment.install("user", {"user.py": "import good\n"}, requires=("good<2", "absent"))
    verdict = judge_subject(environment.target)
    assert verdict.ships
    assert {"EV250:user", "EV251:user"} <= warnings(verdict)


def test_what_is_only_there_for_others_may_fail_while_they_work(environment: Environment) -> None:
    environment.install("helper", {"helper.py": "from os import no_such_name\n"})
    environment.install("user", {"user.py": "import sys\n"}, requires=("helper",))
    verdict = judge_subject(environment.target)
    assert verdict.ships
    assert "EV201:helper" in warnings(verdict)


def test_an_absent_optional_module_inside_a_package_is_information(environment: Environment) -> None:
    environment.install(
        "good", {"good/__init__.py": "", "good/one.py": "import nowhere\n", "good/two.py": "1\n"}
    )
    verdict = judge_subject(environment.target)
    assert {each.severity for each in verdict.findings} == {Severity.INFO}


def test_a_package_with_an_empty_init_is_judged_by_its_modules(environment: Environment) -> None:
    lost = "raise ImportError('magic shared library not found')\n"
    parts = {"thing/__init__.py": "", "thing/base.py": lost, "thing/image.py": "from . import base\n"}
    environment.install("thing", {**parts, "thing/words.py": "text = ''\n"})
    found = errors(judge_subject(environment.target))
    assert list(found) == ["EV203:thing.base"]
    assert judge_subject(environment.target, fast=True).ships


def test_a_public_module_that_does_not_fit_what_it_calls_is_an_error(environment: Environment) -> None:
    environment.install(
        "good", {"good/__init__.py": "", "good/one.py": "int(None)\n", "good/two.py": "x = 1\n"}
    )
    assert list(errors(judge_subject(environment.target))) == ["EV201:good.one"]


def test_old_finders_are_errors_where_the_interpreter_ignores_them(environment: Environment) -> None:
    source = (
        "import sys\n\n\nclass Old:\n    def find_module(self, name, path=None):\n        return None\n\n\n"
    )
    environment.install("lazy", {"lazy.py": source + "sys.meta_path.append(Old())\n"})
    verdict = judge_subject(environment.target)
    assert ("EV214:lazy" in errors(verdict)) is (sys.version_info >= (3, 12))


def test_a_finding_can_be_ignored_by_place(environment: Environment) -> None:
    environment.install("bad", {"bad.py": "raise OSError('libx.so.1: cannot open shared object file')\n"})
    assert not judge_subject(environment.target, smoke=Smoke(ignore=("EV203:other",))).ships
    assert judge_subject(environment.target, smoke=Smoke(ignore=("EV203:bad",))).ships


def test_a_constructor_that_passes_a_refused_argument_is_an_error(environment: Environment) -> None:
    environment.install(
        "provider",
        {"provider.py": "class Base:\n    def __init__(self, *, new=None):\n        self.new = new\n"},
    )
    environment.install(
        "user",
        {
            "user.py": "import provider\n\n\nclass Mine(provider.Base):\n    def __init__(self, **rest):\n"
            "        rest.setdefault('new', 1)\n        super().__init__(**rest)\n\n\n"
            "class Client:\n    def __init__(self):\n        self.inner = Mine(old=3)\n\n\n"
            "class Fine:\n    def __init__(self):\n        self.inner = Mine(new=3)\n"
        },
        requires=("provider",),
    )
    found = errors(judge_subject(environment.target))
    assert list(found) == ["EV261:user"]
    assert "'old'" in found["EV261:user"]
    assert "'new'" not in found["EV261:user"]


@pytest.mark.parametrize("needed", [False, True])
def test_a_name_that_a_command_misses_at_its_start_is_an_error(
    environment: Environment, needed: bool
) -> None:
    """Unless the package is only there for others, whose users do not call it."""
    environment.install("provider", {"provider.py": "import os\n"})
    corners = {f"user/corner{number}.py": "x = 1\n" for number in range(20)}
    code = {
        "__init__": "",
        "app": "from provider import gone\n",
        "main": "import user.app\ndef run(): pass\n",
    }
    entry = {"user-1.0.dist-info/entry_points.txt": "[console_scripts]\nuse-it = user.main:run [extra]\n"}
    files = {f"user/{name}.py": text for name, text in code.items()}
    environment.install("user", {**files, **corners, **entry}, requires=("provider",))
    if needed:
        environment.install("other", {"other.py": "import user\n"}, requires=("user",))
    verdict = judge_subject(environment.target)
    assert verdict.ships is needed
    said = [each.message for each in verdict.findings if each.rule == "EV201"]
    assert needed or "takes down 1 more: user.main; `use-it` cannot start" in said[0]


class Unconfined(InterpreterSubject):
    """An interpreter of a machine that has no sandbox."""

    sandbox = Sandbox(kind=NONE, why="it has none")


@pytest.mark.parametrize("kind", [InterpreterSubject, Unconfined])
def test_a_command_is_started_only_where_it_can_do_no_harm(
    environment: Environment, kind: type[InterpreterSubject]
) -> None:
    environment.install("provider", {"provider.py": "import os\n"})
    environment.install(
        "user",
        {
            "user.py": "import provider\n\n\ndef run():\n    return getattr(provider, 'go' + 'ne')()\n",
            "user-1.0.dist-info/entry_points.txt": "[console_scripts]\nuse-it = user:run\n",
        },
        requires=("provider",),
    )
    found = errors(judge_subject(kind(environment.folder / "bin" / "python")))
    assert list(found) == (["EV260:user"] if kind is InterpreterSubject else [])


def test_names_that_are_gone_count_by_where_they_are_used(environment: Environment) -> None:
    environment.install("provider", {"provider.py": "import os\n"})
    environment.install(
        "user",
        {
            "user.py": "import provider\n\n\nclass Client:\n    def __init__(self):\n"
            "        self._start()\n\n    def _start(self):\n        return provider.gone\n"
        },
    )
    environment.install(
        "careful",
        {
            "careful.py": "import provider\n\n\ndef one():\n    try:\n        return provider.gone\n"
            "    except AttributeError:\n        return 1\n\n\ndef two():\n"
            "    if hasattr(provider, 'gone'):\n        return provider.gone\n    return 2\n"
        },
    )
    source = "import provider\n\n\ndef rare():\n    return provider.gone\n"
    environment.install("casual", {"casual.py": source})
    verdict = judge_subject(environment.target)
    assert list(errors(verdict)) == ["EV260:user"]
    assert {each for each in warnings(verdict) if each.startswith("EV260")} == {"EV260:casual"}


def test_a_missing_program_is_an_error_where_the_package_says_so(environment: Environment) -> None:
    environment.install(
        "wrapper",
        {
            "wrapper.py": "import shutil, warnings\n"
            "if shutil.which('no-such-program') is None:\n"
            '    warnings.warn("Couldn\'t find no-such-program", RuntimeWarning)\n'
        },
    )
    environment.install("silent", {"silent.py": "import shutil\nshutil.which('no-other-program')\n"})
    assert list(errors(judge_subject(environment.target))) == ["EV244:wrapper"]
    # What it would run may be what nobody needs who brought it along for something else.
    environment.install("host", {"host.py": "import os\n"}, requires=("wrapper",))
    assert not errors(judge_subject(environment.target))


def test_an_interpreter_that_is_none_cannot_be_judged(tmp_path: pathlib.Path) -> None:
    with pytest.raises(OutsideError, match="there is no interpreter"):
        InterpreterSubject(tmp_path / "python")
    with pytest.raises(OutsideError, match="could not be judged"):
        judge_subject(InterpreterSubject("/bin/true"))


def test_the_command_prints_json_and_exits_by_the_verdict(environment: Environment) -> None:
    environment.install("bad", {"bad.py": "1 / 0\n"})
    program = [sys.executable, "-m", "builder.cli.launch", "envspec", "verify", "--quiet", "--format", "json"]
    found = []
    for python in (str(environment.folder / "bin" / "python"), "/nowhere/python"):
        command = [*program, "--fast", "--python", python]
        found.append(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120))
    assert [each.returncode for each in found] == [1, 4]
    assert json.loads(found[0].stdout)["verdict"] == "must be fixed"
    assert "there is no interpreter" in found[1].stderr


def test_an_empty_environment_is_said_to_be_empty(environment: Environment) -> None:
    verdict = judge_subject(environment.target)
    assert verdict.ships
    assert "EV246:" in warnings(verdict)
    assert verdict.python.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}")


RESTLESS = """
import datetime, os, tempfile
said = f"{datetime.datetime.now()} [{os.getpid()}] {object()} {tempfile.mkdtemp()}"
"""


def test_two_looks_at_one_environment_find_the_same(environment: Environment) -> None:
    environment.install("noisy", {"noisy.py": RESTLESS + "print(said)\n"})
    environment.install("broken", {"broken.py": RESTLESS + "raise RuntimeError(said)\n"})
    first, second = judge_subject(environment.target, fast=True), judge_subject(environment.target, fast=True)
    assert {"EV201", "EV206"} <= {each.rule for each in first.findings}
    assert first.findings == second.findings
