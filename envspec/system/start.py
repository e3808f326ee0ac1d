"""Starts the programs `envspec` and `build-image`, once it is sure that their code is the code that runs.

The wheel installs packages called `builder` and `service`, which are common names: another distribution's
would fail in odd ways. The programs are known here by name alone, for nothing else is certain to be ours.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # below `signal`, which takes its time to load
import sys

TYPE_CHECKING = False  # nothing is loaded here that can wait: until signals wait too, Ctrl-C is a traceback
if TYPE_CHECKING:
    import pathlib


def envspec() -> None:
    """The program `envspec`."""
    _start("envspec")


def build_image() -> None:
    """The program `build-image`."""
    _start("build-image")


def _start(program: str) -> None:
    if hasattr(_signal, "pthread_sigmask"):  # not on Windows
        _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP))
    try:
        from envspec.system.own_code import keep_own_code

        keep_own_code()
        from envspec.system.interruption import answer_signals

        answer_signals()
        _start_ours(program)
    except MemoryError:  # before anything is loaded that could tell it better
        sys.stderr.write("error: there is too little memory to start\nhint: see what `ulimit -v` allows\n")
        sys.exit(4)


def _start_ours(program: str) -> None:
    import importlib

    from envspec.system.where import settle_home

    settle_home()
    for package in ("builder", "service"):
        if (place := foreign_package(package)) is not None:
            sys.stderr.write(
                f"error: the package {package} in {place} is not the one that belongs to envspec\n"
                "hint: install envspec where nothing else is installed, as `uv tool install` and `pipx` do\n"
            )
            sys.exit(4)
    importlib.import_module("builder.cli.launch").start_program(program)


def foreign_package(package: str) -> pathlib.Path | None:
    """Where a package of that name comes from, if it is not ours; it is looked at and not imported."""
    import importlib.util
    import pathlib

    spec = importlib.util.find_spec(package)
    place = pathlib.Path(spec.origin or "?") if spec else pathlib.Path("nowhere")
    own = pathlib.Path(__file__).parents[2] / package / "__init__.py"
    if place == own and b"envspec" in own.read_bytes():
        return None
    return place.parent
