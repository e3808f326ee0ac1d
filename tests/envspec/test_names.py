"""Whether a wheel has a dotted name, read off its files."""

import pathlib

import pytest

from envspec.proof.history.names import has_name
from envspec.supply.wheel import Wheel
from tests.support.wheels import wheel

FILES: dict[str, str | bytes] = {
    "thing/__init__.py": "from .inner import *\nfrom .parts import one as first\nVERSION = '1'\n",
    "thing/inner.py": "class Kept:\n    attribute = 1\n\nclass Heir(Kept):\n    pass\n\ndef helper(): ...\n",
    "thing/parts.py": "try:\n    import json\nexcept ImportError:\n    json = None\n\none = two = 1\n",
    "thing/lazy.py": "def __getattr__(name):\n    return name\n",
    "thing/fast.cpython-311-x86_64-linux-gnu.so": b"\x7fELF",
    "thing/foreign.py": "from elsewhere import *\n",
    "thing/broken.py": "this is no Python\n",
}


@pytest.fixture
def there(tmp_path: pathlib.Path) -> Wheel:
    return Wheel(wheel(tmp_path, "thing", "1.0", files=FILES))


@pytest.mark.parametrize(
    ("dotted", "answer"),
    [
        ("thing", True),
        ("thing.VERSION", True),
        ("thing.first", True),
        ("thing.one", False),
        ("thing.helper", True),
        ("thing.Kept.attribute", True),
        ("thing.inner.Kept.gone", False),
        ("thing.inner.Heir.attribute", None),
        ("thing.parts.json", True),
        ("thing.parts.gone", False),
        ("thing.gone", False),
        ("thing.gone.deeper", False),
        ("thing.lazy.anything", None),
        ("thing.fast.anything", None),
        ("thing.foreign.anything", None),
        ("thing.broken.anything", None),
        ("other", False),
    ],
)
def test_a_name_is_there_or_not_or_nobody_can_tell(there: Wheel, dotted: str, *, answer: bool | None) -> None:
    with there:
        assert has_name(there, dotted) is answer
