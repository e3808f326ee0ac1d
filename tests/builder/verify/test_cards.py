"""Environments for cards, judged with and without one: the driver's place, and what only a card shows."""

# ruff: noqa: N802 (the names of the driver's functions)

from __future__ import annotations

import ast
import pathlib
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.inside.probe import cards, device, elf, naming, reading, standin, strays, usage
from builder.judge import judge_subject
from builder.judge.rules.cards import judge_cards
from builder.judge.rules.imports import judge_imports
from envspec.spec.model import Smoke
from envspec.system.finding import Severity

from .compiling import compiled
from .environments import Environment, errors, warnings
from .facts import facts, fault

CARD = {"nodes": ["/dev/nvidia0"], "driver": "580.65.06", "cuda": 13000,
        "cards": [{"name": "H200", "major": 9, "minor": 0}]}  # fmt: skip


def found(**trial: object) -> list[tuple[str, str]]:
    """Rule and severity of what is found on a machine with a card where one trial went so."""
    told = facts(device={**CARD, "trials": [{"what": "wanted", "module": "wanted", **trial}]})
    return [(each.rule, each.severity.name) for each in judge_cards(told)]


def test_a_machine_without_a_card_is_not_asked() -> None:
    assert not list(judge_cards(facts(device={"nodes": [], "driver": "", "error": "no libcuda.so.1"})))


@pytest.mark.parametrize(("trial", "rule"), [
    ({"told": {"cuda": "13.0"}}, []),
    ({}, []),  # not meant for cards
    ({"refused": "RuntimeError: no kernel image"}, [("EV296", "ERROR")]),
    ({"wrong": "values changed", "at": "matrix product"}, [("EV297", "ERROR")]),
    ({"error": fault("RuntimeError", "CUDNN_STATUS_NOT_INITIALIZED"), "at": "cuDNN"}, [("EV297", "ERROR")]),
    ({"signal": 11}, [("EV297", "ERROR")]),
    ({"timeout": True}, [("EV297", "ERROR")]),
    ({"what": "wanted to helper", "wrong": "values changed"}, [("EV298", "ERROR")]),
    ({"what": "wanted to helper", "error": fault("TypeError", "no stream")}, [("EV298", "WARNING")]),
])  # fmt: skip
def test_what_a_card_shows(trial: dict[str, Any], rule: list[tuple[str, str]]) -> None:
    assert found(**trial) == rule


def test_a_kernel_that_fails_by_a_fault_that_is_told_is_no_second_error() -> None:
    told = fault("AttributeError", "module 'helper' has no attribute 'old'")
    file, line, _ = told["frames"][0]
    misfit = {"module": "wanted", "path": file, "line": line, "name": "helper.old", "confirmed": True}
    trial = {"what": "wanted", "module": "wanted", "error": told, "at": "first kernel"}
    device = {**CARD, "trials": [trial]}
    for missing, weight in (([misfit], "INFO"), ([{**misfit, "line": line + 1}], "ERROR")):
        usage = [{"module": "wanted", "missing": missing}]
        (finding,) = judge_cards(facts(device=device, usage=usage))
        assert (finding.rule, finding.severity.name) == ("EV297", weight)


def test_a_driver_whose_library_does_not_work_is_told() -> None:
    told = facts(device={"nodes": ["/dev/nvidia0"], "driver": "580", "error": "libcuda.so.1: not there"})
    assert [each.rule for each in judge_cards(told)] == ["EV296"]


@pytest.mark.parametrize(("message", "card", "rule"), [
    ("Found no NVIDIA driver on your system.", False, "EV299"),
    ("Unsloth cannot find any torch accelerator? You need a GPU.", False, "EV299"),
    ("0 active drivers ([]). There should only be one.", False, "EV299"),
    ("CUDA error: no CUDA-capable device is detected", False, "EV299"),
    ("libcuda.so.1: cannot open shared object file: No such file or directory", False, "EV299"),
    ("libnvidia-ml.so.1: cannot open shared object file: No such file or directory", True, "EV299"),
    ("No CUDA GPUs are available", True, "EV296"),
    ("Torch not compiled with CUDA enabled: needs a GPU", False, "EV201"),
    ("libcudart.so.12: cannot open shared object file: No such file or directory", False, "EV203"),
    ("cannot import name 'x' from 'y'; a GPU is required", False, "EV201"),
])  # fmt: skip
def test_what_only_lacks_a_device_is_told_apart(message: str, card: bool, rule: str) -> None:
    outcome = {"module": "wanted", "error": fault("RuntimeError", message)}
    told = facts(outcome, device=CARD if card else {"nodes": [], "driver": ""})
    (finding,) = judge_imports(told, Smoke())
    assert finding.rule == rule
    assert (finding.severity is Severity.INFO) == (rule == "EV299")


@given(st.lists(st.from_regex(r"(cu[A-Z]|nvml)\w{0,12}", fullmatch=True), max_size=30))
def test_a_library_in_the_drivers_place_can_be_read(names: list[str]) -> None:
    for machine in standin.MACHINES:
        data = standin.library(machine, "libcuda.so.1", names)
        assert data.count(b"\x7fELF") == 1
        for name in names:
            assert b"\0" + name.encode() + b"\0" in data
    assert standin.library("vax", "libcuda.so.1", names) == b""


@pytest.mark.skipif(sys.platform != "linux", reason="ELF")
def test_a_library_in_the_drivers_place_knows_no_device(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "it.so"
    data = standin.library(platform.machine(), "libcuda.so.1", ["cuInit", "cuLaunchKernel", "nvmlInit_v2"])
    if not data:
        pytest.skip("another machine")
    file.write_bytes(data)
    program = (
        f"import ctypes; a = ctypes.CDLL({str(file)!r}, ctypes.RTLD_GLOBAL)\n"
        "b = ctypes.CDLL('libcuda.so.1')\n"
        "print(b.cuInit(0), b.cuLaunchKernel(), a.nvmlInit_v2(), hasattr(b, 'cuOther'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["100", "100", "9", "False"]


@pytest.mark.parametrize(("body", "fails"), [
    ("", False),
    ('PyErr_SetString(PyExc_ImportError, "cannot import name x"); return NULL;', True),
])  # fmt: skip
def test_a_module_that_links_the_driver_is_judged_with_another_in_its_place(
    environment: Environment, tmp_path: pathlib.Path, body: str, fails: bool
) -> None:
    driver = tmp_path / "libcuda.so"
    source = tmp_path / "driver.c"
    source.write_text("int cuInit(int flags) { return 0; }\n")
    link = ["gcc", "-shared", "-fPIC", str(source), "-o", str(driver), "-Wl,-soname,libcuda.so.1"]
    head = "int cuInit(int);"
    compiled(tmp_path, name="_none")  # skips where there is no compiler
    subprocess.run(link, check=True, timeout=60)
    module = compiled(
        tmp_path, str(driver), declarations=head, body=f"if (cuInit(0) == 100) {{ {body or ';'} }}"
    )
    environment.install(
        "good", {"good/__init__.py": "from good import _fast\n", "good/_fast.abi3.so": module}
    )
    judged = judge_subject(environment.target)
    assert bool(errors(judged)) is fails
    assert not [each for each in warnings(judged) if "EV203" in each]


@pytest.mark.parametrize(("unnamed", "rule"), [(True, "EV212"), (False, "EV201")])
def test_a_compiled_module_that_nothing_names_may_fail(unnamed: bool, rule: str) -> None:
    error = fault("ModuleNotFoundError", "No module named 'helper.gone'", bases=["ImportError"])
    told = facts({"module": "wanted._left", "error": error, "unnamed": unnamed})
    assert [each.rule for each in judge_imports(told, Smoke())] == [rule]


@pytest.mark.parametrize(("source", "asked"), [
    ("def has_xpu():\n    return other.xpu.Tensor\n", True),
    ("def f(kind):\n    if kind == 'xpu':\n        return other.xpu.Tensor\n", True),
    ("def f(kind):\n    return other.xpu.Tensor\n", False),
])  # fmt: skip
def test_code_for_those_who_have_a_device_asks_for_it(source: str, asked: bool) -> None:
    reader = reading.SourceReader("app", lambda chain: chain[0] == "other")
    reader.read_module(ast.parse("import other\n" + source))
    (use,) = [each for each in reader.uses if len(each.chain) == 3]
    assert usage.is_asked("other.xpu.Tensor", use, "app.part") is asked


def test_the_drivers_file_is_read(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "version"
    file.write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release\nGCC version: 12.2.0\n"
    )
    assert device.release(str(file)) == "580.159.04"
    assert device.release(str(tmp_path / "none")) == ""


class Driver:
    """A driver's library with one card."""

    def __init__(self, code: int = 0) -> None:
        self.code = code

    def cuInit(self, _: int) -> int:
        return self.code

    def cuDriverGetVersion(self, target: Any) -> None:
        target._obj.value = 13000

    def cuDeviceGetCount(self, target: Any) -> None:
        target._obj.value = 1

    def cuDeviceGet(self, target: Any, number: int) -> None:
        target._obj.value = number

    def cuDeviceGetName(self, target: Any, *_: object) -> None:
        target.value = b"H200"

    def cuDeviceGetAttribute(self, target: Any, kind: int, _: object) -> None:
        target._obj.value = {device.MAJOR: 9, device.MINOR: 0}[kind]


def test_the_driver_is_asked() -> None:
    assert device.ask(Driver()) == {"cuda": 13000, "cards": CARD["cards"]}
    assert device.ask(Driver(code=100)) == {"error": "cuInit says 100"}


class Library:
    """A library that computes on a card, as `cards` knows them; what it hands over may be changed."""

    def __init__(self, spoil: Callable[[Any], Any] = lambda value: value, refuses: str = "") -> None:
        self.spoil, self.refuses = spoil, refuses

    def __call__(self) -> Library:
        return self

    def meant(self) -> bool:
        return True

    def ready(self) -> None:
        if self.refuses:
            raise RuntimeError(self.refuses)

    def send(self, array: Any) -> Any:
        return array

    def fetch(self, value: Any) -> Any:
        return value

    def take(self, value: Any) -> Any:
        return self.spoil(value)

    def steps(self) -> dict[str, Any]:
        return {"kernel": lambda a: self.spoil(a + a), "matrix product": lambda a: a @ a}

    def told(self) -> dict[str, str]:
        return {"cuda": "13"}


def zeros(value: Any) -> Any:
    return value * 0


@pytest.mark.parametrize(("library", "told"), [
    (Library(), "told"), (Library(zeros), "wrong"), (Library(refuses="no kernel image"), "refused"),
])  # fmt: skip
def test_a_library_computes_on_the_card(library: Library, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "limit", lambda _: None)
    monkeypatch.setitem(cards.LIBRARIES, "fake", library)
    assert told in cards.compute("fake")


@pytest.mark.parametrize(("taker", "told"), [
    (Library(), set()), (Library(zeros), {"wrong"}),
    (Library(lambda value: np.full_like(value, np.nan)), {"wrong"}),
])  # fmt: skip
def test_an_array_goes_from_one_to_the_other(
    taker: Library, told: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "limit", lambda _: None)
    monkeypatch.setitem(cards.LIBRARIES, "one", Library())
    monkeypatch.setitem(cards.LIBRARIES, "other", taker)
    assert set(cards.exchange(["one", "other"])) == told


def test_an_exchange_that_fails_in_company_is_tried_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Spoiler(Library):
        """Takes arrays once a process."""

        taken = 0

        def take(self, value: Any) -> Any:
            self.taken += 1
            if self.taken > 1:
                raise MemoryError("no room beside the others")
            return value

    spoiler = Spoiler()
    monkeypatch.setattr(cards, "limit", lambda _: None)
    monkeypatch.setattr(device, "ask", lambda: {"cards": [{"name": "H200"}]})
    for name, library in (("one", Library()), ("other", Library()), ("spoiler", lambda: spoiler)):
        monkeypatch.setitem(cards.LIBRARIES, name, library)
    said: list[dict[str, Any]] = []
    cards.carry_out({"libraries": ["one", "other", "spoiler"], "timeout": 60.0}, said.append)
    trials = said[-1]["outcome"]["facts"]["trials"]
    assert len(trials) == 3 + 6
    assert not [each for each in trials if "error" in each or "wrong" in each]


def dist(tmp_path: pathlib.Path, files: dict[str, str], roots: list[str]) -> Any:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return {"folder": str(tmp_path), "files": [[name, "", ""] for name in files], "roots": roots}


@pytest.mark.parametrize(("source", "roots", "left_out"), [
    ("", ["app", "build.lib.app"], {"build.lib.app"}),
    ("", ["app", "app_src.src.core"], {"app_src.src.core"}),
    ("from extra.part import x", ["app", "extra.part"], set()),  # its own namespace
    ("", ["google.app", "google.other"], set()),  # nothing but a namespace
    ("", ["app", "other"], set()),
])  # fmt: skip
def test_folders_that_a_wheel_installs_by_accident(
    tmp_path: pathlib.Path, source: str, roots: list[str], left_out: set[str]
) -> None:
    assert strays.strays(dist(tmp_path, {"app/__init__.py": source}, roots)) == left_out


def test_a_file_that_a_hook_serves_by_another_name(tmp_path: pathlib.Path) -> None:
    dist(tmp_path, {"plug/__init__.py": "", "plug/host/gpu/__init__.py": "", "host/__init__.py": ""}, [])
    (tmp_path / "hook.py").write_text(
        "import sys, os, importlib.util\nclass F:\n def find_spec(s, name, path=None, target=None):\n"
        "  if name == 'host.gpu':\n"
        "   f = os.path.join(os.path.dirname(__file__), 'plug/host/gpu/__init__.py')\n"
        "   return importlib.util.spec_from_file_location(name, f)\nsys.meta_path.insert(0, F())\n"
    )
    root = pathlib.Path(naming.__file__).parents[3]
    program = "import hook; from builder.inside.probe.naming import other_name as name; "
    program += "print(name('plug.host.gpu'), name('plug.host'))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
        env={"PYTHONPATH": f"{tmp_path}:{root}", "PATH": ""},
    )  # fmt: skip
    assert done.stdout.split() == ["host.gpu"], done.stderr


@given(st.binary(max_size=400))
def test_bytes_that_are_no_library_have_no_symbols(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        for head in (b"", b"\x7fELF\x02\x01\x01".ljust(16, b"\0")):
            file.seek(0)
            file.write(head + data)
            file.flush()
            assert elf.symbols(file.name) == (set(), set()) or head
            assert isinstance(elf.needed(file.name), list)
