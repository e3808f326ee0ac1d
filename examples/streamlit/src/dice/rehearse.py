"""Runs a page without a browser and says what it shows: `python -m dice.rehearse PAGE`."""

import sys

from streamlit.testing.v1 import AppTest


def main(page: str) -> int:
    """The program: ends with 1 where the page fails."""
    shown = AppTest.from_file(page, default_timeout=60).run()
    for failure in shown.exception:
        print(failure.value, file=sys.stderr)
    for metric in shown.metric:
        print(metric.label, metric.value)
    return 1 if shown.exception else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
