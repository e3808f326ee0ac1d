"""Runs every part that wants a card, each within a time limit; prints a summary and writes it as JSON.

The standard library alone: it runs in the Python of the machine, which has torch and the others but not this
project. The parts that use the project run in an environment of their own, made of the wheels in out/gpu.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from typing import Any

from tests.gpu.layout import ROOT, SERVICE, TOOL

ALL = 470.0
"""Seconds for everything: eight minutes, and a moment to write it down."""
NO_CARD = 4


@dataclasses.dataclass(frozen=True)
class Part:
    """One thing that is looked at."""

    name: str
    seconds: float
    """What it may take."""
    tool: bool
    """Whether it runs in the project's environment, rather than in the machine's own."""
    needs_card: bool = True


PARTS = (
    Part("verify", 300.0, tool=True),  # the longest goes first: the others are done beside it
    Part("doctor", 70.0, tool=False),
    Part("launches", 120.0, tool=True),
    Part("service", 200.0, tool=False),
    Part("exchange", 150.0, tool=False),
    Part("reader", 120.0, tool=True, needs_card=False),
)


def main(arguments: list[str]) -> int:
    """Run the parts; 0 where all is as it should be, 4 where there is no card, 1 for everything else."""
    out = pathlib.Path(arguments[0]) if arguments else ROOT / "out" / "gpu-report"
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    card = _cards()
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="envspec-gpu-") as folder:
        place = pathlib.Path(folder)
        problem = _set_up(place)
        with concurrent.futures.ThreadPoolExecutor(3) as pool:  # most of them wait for one core each
            running = [pool.submit(_run, part, place, out, began, problem) for part in PARTS]
            for each in concurrent.futures.as_completed(running):
                results.append(each.result())
                _tell(results[-1])
    results.sort(key=lambda each: [part.name for part in PARTS].index(each["part"]))
    seconds = round(time.monotonic() - began, 1)
    good = all(each["good"] for each in results)
    (out / "gpu.json").write_text(
        json.dumps({"cards": card, "good": good, "seconds": seconds, "parts": results}, indent=1) + "\n"
    )
    verdict = "all is as it should be" if good else "not all is as it should be"
    _line(f"{verdict}, {seconds:.0f} s; {out}/gpu.json")
    if not card["cards"]:
        _line(f"there is no card here ({card.get('problem', 'the driver counts none')}): this proves little")
        return NO_CARD
    return 0 if good else 1


def _cards() -> dict[str, Any]:
    from builder.inside.entrypoint import driver

    found = driver.ask()
    names = [f"{each['name']} ({each['major']}.{each['minor']})" for each in found["cards"]]
    _line(f"cards: {', '.join(names) or 'none'}; driver {found.get('driver', 'none')}")
    return found


def _set_up(place: pathlib.Path) -> str:
    """The environment of the project, and the folder of what the service needs; why not, or empty."""
    if not list(TOOL.glob("*.whl")):
        return "there are no wheels in out/gpu: run `scripts/gpu prepare` where there is an index"
    command = [sys.executable, "-m", "venv", "--without-pip", str(place / "tool")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"no environment can be made: {done.stderr.strip() or done.stdout.strip()}"
    (site,) = (place / "tool").glob("lib/python*/site-packages")
    _unpack(TOOL, site)
    _unpack(SERVICE, place / "service")
    (site / "envspec.pth").write_text(f"{ROOT}\n")
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    known = site / f"envspec-{version[1] if version else '0'}.dist-info"
    known.mkdir()
    (known / "METADATA").write_text(f"Metadata-Version: 2.1\nName: envspec\nVersion: {known.stem[8:]}\n")
    return ""


def _unpack(wheels: pathlib.Path, place: pathlib.Path) -> None:
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(place)


def _run(part: Part, place: pathlib.Path, out: pathlib.Path, began: float, problem: str) -> dict[str, Any]:
    """One part, as what it said: `good`, `said` and more."""
    left = min(part.seconds, ALL - (time.monotonic() - began))
    told: dict[str, Any] = {"part": part.name, "good": False}
    if part.tool and problem:
        return {**told, "said": problem, "seconds": 0.0}
    if left < 5:
        return {**told, "said": "no time was left for it", "seconds": 0.0}
    python = str(place / "tool" / "bin" / "python") if part.tool else sys.executable
    env = {**os.environ, "GPU_PYTHON": sys.executable, "GPU_SERVICE": str(place / "service")}
    env["ENVSPEC_HOME"] = str(place / "home")
    env.pop("PYTHONPATH", None)
    if not part.tool:
        env["PYTHONPATH"] = str(ROOT)
    start = time.monotonic()
    log = out / f"{part.name}.log"
    with log.open("wb") as stream:
        command = [python, "-m", f"tests.gpu.{part.name}", str(out)]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, env=env, cwd=ROOT,
            start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(left)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            told["said"] = f"it was not done within {left:.0f} s"
    told["seconds"] = round(time.monotonic() - start, 1)
    return {**_answer(log), **told} if "said" in told else {**told, **_answer(log)}


def _answer(log: pathlib.Path) -> dict[str, Any]:
    """The last line of JSON in a part's log; its last words where it has none."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    try:
        found: dict[str, Any] = json.loads(lines[-1])
        return found if {"good", "said"} <= found.keys() else {"said": lines[-1][:300]}
    except (IndexError, ValueError, AttributeError):
        return {"said": f"it ended without an answer: {lines[-1][:300] if lines else 'nothing was said'}"}


def _tell(result: dict[str, Any]) -> None:
    mark = "OK" if result["good"] else "FAIL"
    _line(f"[{mark}] {result['part']} ({result['seconds']:.0f} s): {result['said']}")


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
