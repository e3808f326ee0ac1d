"""Asks a running worker: `python -m thumbs.ask count TEXT`, or `ping`."""

import sys

from thumbs import tasks

PATIENCE = 20
"""Seconds that a worker gets to answer."""


def main(words: list[str]) -> int:
    """The program: see the head of the file."""
    if words[:1] == ["ping"]:
        print(tasks.ping.delay().get(timeout=PATIENCE))
    else:
        print(tasks.count.delay(words[1]).get(timeout=PATIENCE), "words")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
