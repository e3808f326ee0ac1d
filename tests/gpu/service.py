"""The speech service on the card: the tests' tiny model, loaded by ModelScope, spoken on both devices."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

from tests.gpu.layout import ROOT, answer

SCRIPTS = ROOT / "tests" / "service" / "reference"
CLOSE = 0.05
"""How far the loudness on the card may be from that on the processor, as a share of it."""


def main(out: str) -> int:
    """On `cuda` it must say the card's name in /readyz and /metrics, and speak as on the processor."""
    folder = pathlib.Path(out) / "tiny"
    _run("tiny_model.py", folder)
    said = {"cuda": json.loads(_run("speak_through_adapter.py", folder, "cuda"))}
    ready, plain = said["cuda"]["http"]["readyz"], {"cuda": said["cuda"]["plain"]}
    if "rms" not in plain["cuda"]:
        return answer(False, str(ready.get("reason") or plain["cuda"].get("message")), facts=said)
    said["cpu"] = json.loads(_run("speak_through_adapter.py", folder, "cpu"))
    plain["cpu"] = said["cpu"]["plain"]
    if "rms" not in plain["cpu"]:
        return answer(False, f"on the processor: {plain['cpu'].get('message')}", facts=said)
    good = (
        ready.get("status") == "ready"
        and str(ready.get("device", "")).startswith("cuda")
        and bool(ready.get("card"))
        and ready["card"] in "".join(said["cuda"]["http"]["place"])
        and said["cpu"]["http"]["readyz"]["device"] == "cpu"
        and abs(plain["cuda"]["rms"] - plain["cpu"]["rms"]) <= CLOSE * plain["cpu"]["rms"]
        and plain["cuda"]["duration"] == plain["cpu"]["duration"]
    )
    words = f"{ready.get('status')} on {ready.get('device')} ({ready.get('card')}), loaded in "
    words += (
        f"{said['cuda']['load_seconds']} s; RMS {plain['cuda']['rms']:.0f} against {plain['cpu']['rms']:.0f}"
    )
    return answer(good, words, facts=said)


def _run(script: str, *arguments: object) -> str:
    """One of the service's own test programs; its last line."""
    path = os.pathsep.join([str(ROOT), os.environ["GPU_SERVICE"]])
    env: dict[str, Any] = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "2"}
    command = [sys.executable, str(SCRIPTS / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=SCRIPTS, check=False)
    sys.stdout.write(done.stderr)
    if done.returncode:
        sys.exit(answer(False, f"{script} failed: {done.stderr.strip().splitlines()[-1][:300]}"))
    return (done.stdout.strip().splitlines() or ["null"])[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
