"""`python -m service.client --text ... --output ...`: the command line of the client."""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Sequence

from service.client.blocking import Client, ClientError


def run_client(arguments: Sequence[str] | None = None) -> int:
    """The command line: 0 when the sound was written, 1 when the service refused, 2 for a wrong call."""
    given = _arguments().parse_args(arguments)
    choices = {name: getattr(given, name) for name in _CHOICES if getattr(given, name) is not None}
    try:
        client = Client(given.url, key=given.key, timeout=given.timeout)
        client.wait_until_ready(given.wait)
        speech = client.speak(given.text, **choices)
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_bytes(speech.audio)
    except (ClientError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{given.output}: {speech.duration:.2f} s at {speech.sample_rate} Hz")  # noqa: T201
    return 0


_CHOICES = ("voice", "emotion", "intensity", "speed", "pitch", "format")


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service.client", description="Speak a text into a file.")
    parser.add_argument("--url", default="http://127.0.0.1:5000", help="the service (%(default)s)")
    parser.add_argument("--key", default="", help="its key, where it needs one")
    parser.add_argument("--text", required=True, help="what to say")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the file to write")
    parser.add_argument(
        "--wait", type=float, default=30.0, help="seconds to wait until it is ready (%(default)s)"
    )
    parser.add_argument("--timeout", type=float, default=70.0, help="seconds for one reply (%(default)s)")
    for name in ("voice", "emotion", "format"):
        parser.add_argument(f"--{name}", help=f"{name}, as GET /voices lists them")
    for name in ("intensity", "speed", "pitch"):
        parser.add_argument(f"--{name}", type=float, help=f"{name}, 1 is normal")
    return parser


if __name__ == "__main__":
    sys.exit(run_client())
