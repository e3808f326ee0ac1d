"""`envspec verify` of the machine's own Python: no error but those that are true."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

from tests.gpu.layout import TRUE_FAULT, answer

MOST_WARNINGS = 5
PROGRAM = "import sys; from builder.cli.launch import start_program; start_program('envspec')"


def main(out: str) -> int:
    """The judge's report goes into the folder; false errors and more warnings than five are a failure."""
    command = [sys.executable, "-c", PROGRAM, "verify", "--python", os.environ["GPU_PYTHON"]]
    command += ["--report", str(pathlib.Path(out) / "verify"), "--format", "json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    sys.stdout.write(done.stderr)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return answer(False, f"the judge ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    found = {
        weight: [each for each in report["findings"] if each["severity"] == weight]
        for weight in ("error", "warning", "info")
    }
    false = [
        each
        for each in found["error"]
        if not any(name in f"{each.get('where', '')} {each['message']}" for name in TRUE_FAULT)
    ]
    said = ", ".join(f"{len(each)} {weight}s" for weight, each in found.items())
    words = [f"{each['rule']} {each['message'][:200]}" for each in false]
    good = not false and len(found["warning"]) <= MOST_WARNINGS
    return answer(good, "; ".join([f"{said} in {report['seconds'].get('verify', 0):.0f} s", *words]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
