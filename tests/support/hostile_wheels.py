"""Wheels that mean harm, or know no measure: what each holds, and how the programs should end for it."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable, Mapping

from tests.support.wheels import wheel

INFO = "evil-1.0.dist-info"
DATA = "evil-1.0.data"
BODY = "def hello(a):\n    return a + 1\n"
MAIN = {"evil/__init__.py": BODY}

Files = Mapping[str, str | bytes]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Hostile:
    """One wheel, and the exit codes of `envspec check` and of a build in a virtual environment."""

    files: Callable[[str], Files]
    """Its files, for a folder outside that it would like to write into."""
    check: int
    build: int
    says: str = ""
    """What the programs have to say about it."""
    requires: tuple[str, ...] = ()


def refused(files: Files, says: str, code: int = 4, *, requires: tuple[str, ...] = ()) -> Hostile:
    """One that is told, and never installed."""
    return Hostile(files=lambda _: files, check=code, build=code, says=says, requires=requires)


def harmless(files: Files, says: str = "") -> Hostile:
    """One that looks worse than it is: it ships."""
    return Hostile(files=lambda _: files, check=0, build=0, says=says)


def runs(code: str, ends: int, says: str = "", *, file: str = "evil/__init__.py") -> Hostile:
    """One whose code does something when it is run; `OUT` in it is the folder outside.

    `envspec check` ends as a build does: it tries the same imports.
    """

    def files(outside: str) -> Files:
        return {**MAIN, file: code.replace("OUT", outside)}

    return Hostile(files=files, check=ends, build=ends, says=says)


def _entry(*lines: str) -> Files:
    return {**MAIN, f"{INFO}/entry_points.txt": "[console_scripts]\n" + "\n".join(lines) + "\n"}


_WRITE = 'open("OUT/new", "w").write("was here")\n'
_QUIETLY = f"try:\n    {_WRITE}except OSError:\n    pass\n"

WHEELS: Mapping[str, Hostile] = {
    "interpreter": refused({**MAIN, f"{DATA}/scripts/python": "#!/bin/sh\n"}, "EV160", 1),
    "interpreter-as-data": refused({**MAIN, f"{DATA}/data/bin/python3": "#!/bin/sh\n"}, "EV160", 1),
    "configuration": refused({**MAIN, f"{DATA}/data/pyvenv.cfg": "home = /nowhere\n"}, "EV160", 1),
    "activation": refused({**MAIN, f"{DATA}/scripts/activate": "rm -rf /\n"}, "EV160", 1),
    "pip": refused(_entry("pip = evil:hello"), "EV160", 1),
    "program-python": refused(_entry("python3 = evil:hello"), "EV160", 1),
    "unknown-place": refused({**MAIN, f"{DATA}/anywhere/x": "x"}, "EV160", 1),
    "metadata-of-another": refused({**MAIN, f"{DATA}/purelib/click-8.1.dist-info/METADATA": "x"}, "EV160", 1),
    "standard-library": refused({**MAIN, f"{DATA}/data/lib/python3.11/os.py": "x = 1\n"}, "EV160", 1),
    "deep": refused({**MAIN, "evil/" + "a/" * 1500 + "x.py": ""}, "folders deep"),
    "long-name": refused({**MAIN, "evil/" + "a" * 60_000 + ".py": ""}, "no file system holds"),
    "file-and-folder": refused({**MAIN, "evil/x": "", "evil/x/y.py": ""}, "both a file and a folder"),
    "escape": refused({**MAIN, "../outside.py": "x = 1\n"}, "leaves the place"),
    "absolute": refused({**MAIN, "/tmp/outside.py": "x = 1\n"}, "absolute"),
    "many": refused({**MAIN, **{f"evil/m{n}.py": "" for n in range(110_000)}}, "100000"),
    "requirements": refused(MAIN, "10001 requirements", requires=("click",) * 10_001),
    "many-lines": refused(MAIN, "50000 lines", requires=("click",) * 60_000),
    "large-module": harmless({**MAIN, "evil/table.py": "x = 1\n" * 800_000}, "EV143"),
    "many-commands": harmless(_entry(*(f"run{n} = evil:hello" for n in range(2_000)))),
    "start-hook": harmless({**MAIN, "evil.pth": "import sys\n"}, "EV162"),
    "namespace-hook": harmless({**MAIN, "evil-nspkg.pth": "import sys, types, os\n"}),
    "capitals": harmless({**MAIN, "evil/a.py": "x = 1\n", "evil/A.py": "x = 2\n"}, "capitals"),
    "sitecustomize": harmless({**MAIN, "sitecustomize.py": "x = 1\n"}, "EV162"),
    "writes": runs(BODY + _WRITE, 0, "EV208"),
    "writes-quietly": runs(BODY + _QUIETLY, 0),
    "writes-at-start": runs(f"import os; exec({_QUIETLY!r})\n", 0, "EV162", file="evil.pth"),
    "writes-in-sitecustomize": runs(_QUIETLY, 0, "EV162", file="sitecustomize.py"),
    "reads-secrets": runs(
        BODY + 'import os\nfile = "OUT/.ssh/id"\n'
        "if os.path.exists(file):\n    raise RuntimeError(open(file).read())\n", 0
    ),
    "reads-variables": runs(
        BODY + 'import os\ntold = os.environ.get("SOME_TOKEN")\n'
        "if told:\n    raise RuntimeError(told)\n", 0
    ),
    "removes": runs(
        BODY + 'import shutil\nshutil.rmtree("OUT", ignore_errors=True)\n', 0
    ),
    "kills": runs(BODY + "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n", 1, "EV205"),
    "leaves-a-process": runs(
        BODY + "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(5)\n"
        '    open("OUT/late", "w")\n    os._exit(0)\n', 0
    ),
}  # fmt: skip


def write(folder: pathlib.Path, hostile: Hostile, outside: pathlib.Path) -> pathlib.Path:
    """A spec of that one wheel, in a folder of its own."""
    made = wheel(folder, "evil", files=hostile.files(str(outside)), requires=hostile.requires)
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    (folder / "envspec.toml").write_text(
        'name = "x"\npython = "3.11"\n[base]\nhost = true\n[[stage]]\nname = "a"\n'
        f'wheels = [{{path = "{made.name}", sha256 = "{digest}"}}]\n'
    )
    return folder
