"""Why a command could not be run, in words that help."""

import pathlib
import subprocess

import pytest

from builder.inside import program


def refused(command: str) -> str:
    with pytest.raises(OSError, match=r"No such file|Permission denied") as caught:
        subprocess.run([command], check=True)
    return program.refusal(command, caught.value)


def test_a_script_whose_interpreter_is_not_there_says_so(tmp_path: pathlib.Path) -> None:
    script = tmp_path / "start"
    script.write_text("#!/no/such/bash -e\n")
    script.chmod(0o755)
    assert "begins with #!/no/such/bash, which is not here" in refused(str(script))


def test_what_is_not_there_itself_is_no_script(tmp_path: pathlib.Path) -> None:
    assert refused(str(tmp_path / "gone")).endswith("gone cannot be run: No such file or directory")


def test_a_file_that_may_not_be_run_keeps_its_reason(tmp_path: pathlib.Path) -> None:
    (tmp_path / "data").write_text("#!/bin/sh\n")
    assert refused(str(tmp_path / "data")).endswith("cannot be run: Permission denied")
