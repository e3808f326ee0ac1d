"""The way of the facts from the probe to the judge."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Sequence

import pytest

from builder.inside.probe.protocol import FORMAT, MARK
from builder.judge import transport
from envspec.system.errors import OutsideError
from envspec.system.process import Completed


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Saying:
    """A target whose interpreter prints what it is told to."""

    stdout: str
    label: str = "a place"
    python: str = "python"
    root: pathlib.Path | None = None

    def run(self, command: Sequence[str], *, stdin: str | None, timeout: float | None) -> Completed:
        return Completed(command=tuple(command), code=0, stdout=self.stdout, stderr="", timed_out=False)


def test_facts_of_this_format_arrive() -> None:
    facts = transport.run_probe(
        Saying(stdout=f"noise{MARK}{json.dumps({'format': FORMAT})}"), {"deadline": 1}
    )
    assert facts["format"] == FORMAT


@pytest.mark.parametrize(
    ("stdout", "said"),
    [
        (f"{MARK}" + json.dumps({"format": FORMAT - 1}), f"of format {FORMAT - 1}, not {FORMAT}"),
        (f"{MARK}{{}}", "no report of the probe"),
        (f"{MARK}[]", "no report of the probe"),
        (f"{MARK}mischief", "no report of the probe"),
        ("", "its interpreter ended with 0"),
    ],
)
def test_what_is_no_such_report_is_refused(stdout: str, said: str) -> None:
    with pytest.raises(OutsideError, match="a place could not be judged") as caught:
        transport.run_probe(Saying(stdout=stdout), {"deadline": 1})
    assert said in caught.value.message
