"""A source that a solver cannot ask: a finding with what its build lacks, and who asks for it."""

from __future__ import annotations

from envspec.resolve.refusal import unbuilt_source
from envspec.resolve.uv_solver import _failure
from envspec.system.errors import FindingsError
from envspec.system.process import Completed

SAID = """\
  × Failed to build `av==10.0.0`
  ├─▶ The build backend returned an error
  ╰─▶ Call to `setuptools.build_meta.get_requires_for_build_wheel` failed (exit status: 1)
      [stderr]
      Package libavformat was not found in the pkg-config search path.
      Package 'libavformat', required by 'virtual:world', not found

  hint: `av` (v10.0.0) was included because `faster-whisper` (v0.9.0) depends on `av>=10.dev0,
  <11.dev0`
"""


def test_a_source_that_cannot_be_asked_is_a_finding() -> None:
    (finding,) = unbuilt_source("av==10.0.0", SAID).findings
    assert (finding.rule, finding.where) == ("EV106", "av")
    assert "which needs the pkg-config file libavformat" in finding.message
    assert "another faster-whisper, which depends on `av>=10.dev0" in (finding.hint or "")


def test_the_solver_says_it_so() -> None:
    error = _failure(Completed(command=(), code=1, stdout="", stderr=SAID))
    assert isinstance(error, FindingsError)
