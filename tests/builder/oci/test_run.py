"""Commands in an image where the machine allows no sandbox: why, in a sentence."""

import os
import pathlib
import subprocess
import sys

import pytest

from builder.backends.oci import run
from envspec.system.errors import OutsideError

PROGRAM = """
import pathlib, sys
from builder.backends.oci import run
from envspec.system.errors import OutsideError
try:
    run.run_in_layers([pathlib.Path("/")], ["true"], user=0, folder="/", env={}, hint="")
except OutsideError as error:
    sys.exit(error.message)
"""


@pytest.mark.parametrize(
    ("poor", "why"),
    [
        ("echo 0 >/proc/sys/user/max_user_namespaces", "allows no user namespaces"),
        ("mount -t tmpfs none /proc", "there is no /proc here"),
    ],
)
def test_what_the_machine_lacks_is_said_in_words(poor: str, why: str) -> None:
    script = f'{poor} || exit 99; exec "$@"'
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    words = [*inside, sys.executable, "-c", PROGRAM]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    if done.returncode == 99 or "unshare: unshare failed" in done.stderr:
        assert os.environ.get("CI") != "true", done.stderr
        pytest.skip(f"no such machine can be made here: {done.stderr.strip()}")
    assert why in done.stderr
    assert "Errno" not in done.stderr
    assert done.returncode == 1


def test_another_reason_is_quoted(tmp_path: pathlib.Path) -> None:
    with pytest.raises(OutsideError, match="No such file") as caught:
        run.run_in_layers([tmp_path / "nowhere"], ["true"], user=0, folder="/", env={}, hint="do x")
    assert caught.value.hint == "do x"
