"""How the interpreter starts as its users start it: paths, what `.pth` files and variables do, noise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .report import InterpreterFacts, Start

SNIPPET = """
import sys
if sys.path[:1] == ['']: del sys.path[0]
early = sorted(sys.modules)
path = list(sys.path)
hooks = [getattr(each, '__name__', type(each).__name__) for each in sys.meta_path]
import os
os.write(int(sys.argv[1]), repr({'path': path, 'early': early, 'hooks': hooks,
    'flags': [sys.flags.ignore_environment, sys.flags.no_site]}).encode())
"""
"""Imports nothing that a shadowing module could break before it has told what it knows."""


def start_interpreter(executable: str, env: dict[str, str], extra: list[str], timeout: float = 60.0) -> Start:
    """Start `executable` once with `extra` options and say how that went.

    Keys: `ok`, `seconds`, `code`, `output` (what it printed by itself), `path`, `early` (modules imported
    before any program runs), `hooks`.
    """
    read, write = os.pipe()
    os.set_inheritable(write, True)
    began = time.monotonic()
    command = [executable, *extra, "-c", SNIPPET, str(write)]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            pass_fds=[write],
            start_new_session=True,
        )
    finally:
        os.close(write)
    try:
        output, _ = process.communicate(timeout=timeout)
        code = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        output, code = b"", None
    with os.fdopen(read, "rb") as stream:
        told = stream.read().decode("utf-8", "replace") if code is not None else ""
    result = {
        "ok": bool(told) and code == 0,
        "code": code,
        "seconds": round(time.monotonic() - began, 4),
        "output": output[-4000:].decode("utf-8", "replace"),
    }  # type: Start
    if told:
        import ast

        result.update(ast.literal_eval(told))
    return result


def without_python_variables(env: dict[str, str]) -> dict[str, str]:
    """The same environment without Python's own variables."""
    return {name: value for name, value in env.items() if not name.startswith("PYTHON")}


def import_fresh(executable: str, env: dict[str, str], module: str, timeout: float = 30.0) -> dict[str, Any]:
    """Import one module in a fresh interpreter: `ok`, its public `names` and `file`, or `output`."""
    code = (
        "import sys\nif sys.path[:1] == ['']: del sys.path[0]\nimport %s as m\n"
        "import json\nprint('\\x1e' + json.dumps([getattr(m, '__file__', None), "
        "sorted(n for n in getattr(m, '__all__', dir(m)) if n[:1] != '_')]))" % module
    )
    try:
        done = subprocess.run(
            [executable, "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return {"ok": False, "output": "did not end in time"}
    said = done.stdout.decode("utf-8", "replace").rpartition("\x1e")[2]
    try:
        file, names = json.loads(said)
    except ValueError:
        return {"ok": False, "output": done.stderr[-2000:].decode("utf-8", "replace")}
    return {"ok": done.returncode == 0, "file": file, "names": names}


def prefix(executable: str) -> str:
    """The folder of the virtualenv that this executable belongs to, or the interpreter's own."""
    folder = os.path.dirname(os.path.dirname(executable))
    return folder if os.path.isfile(os.path.join(folder, "pyvenv.cfg")) else sys.prefix


LEVELS = (
    (4, {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    (3, {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}),
    (2, {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}),
)
"""What the levels of the x86-64 psABI add, in the words of /proc/cpuinfo."""


def cpu_level(cpuinfo: str = "/proc/cpuinfo") -> int:
    """N of x86-64-vN, which this machine's processor is; 0 where that cannot be told."""
    try:
        with open(cpuinfo) as stream:
            line = next(each for each in stream if each.startswith("flags"))
    except (OSError, StopIteration):
        return 0
    flags = set(line.partition(":")[2].split())
    level = 1
    for number, names in reversed(LEVELS):
        if not names <= flags:
            break
        level = number
    return level


def c_library(found: tuple[str, str], soabi: str) -> str:
    """The C library and its version, such as `glibc 2.36`; before 3.14 Python knows musl by its ABI alone."""
    if found[0] not in ("glibc", "musl") and soabi.endswith("-musl"):
        return "musl"
    return " ".join(found).strip()


def describe_interpreter() -> InterpreterFacts:
    """What this interpreter is, with the environment markers of the packaging standards."""
    import importlib.machinery
    import platform
    import sysconfig

    info = sys.implementation
    return {
        "version": platform.python_version(),
        "executable": sys.executable,
        "prefix": prefix(sys.executable),
        "base_prefix": sys.base_prefix,
        "platform": sysconfig.get_platform(),
        "libc": c_library(platform.libc_ver(), sysconfig.get_config_var("SOABI") or ""),
        "soabi": sysconfig.get_config_var("SOABI") or "",
        "suffixes": importlib.machinery.EXTENSION_SUFFIXES,
        "stdlib": os.path.dirname(os.__file__),
        "real_stdlib": os.path.realpath(os.path.dirname(os.__file__)),
        "cpu_level": cpu_level(),
        "debug": hasattr(sys, "gettotalrefcount"),
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "markers": {
            "implementation_name": info.name,
            "implementation_version": "%d.%d.%d" % info.version[:3],
            "os_name": os.name,
            "platform_machine": platform.machine(),
            "platform_release": platform.release(),
            "platform_system": platform.system(),
            "platform_version": platform.version(),
            "python_full_version": platform.python_version(),
            "platform_python_implementation": platform.python_implementation(),
            "python_version": "%d.%d" % sys.version_info[:2],
            "sys_platform": sys.platform,
        },
    }
