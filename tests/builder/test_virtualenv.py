"""The virtualenv backend's folders: what killed runs left is swept, what others work on is not."""

import os
import pathlib
import time

from builder.backends.virtualenv import VirtualenvBackend
from builder.values.payload import collect_payload
from builder.values.plan import make_plan
from envspec.spec.model import Service
from envspec.system.home import tool_home
from tests.support import specs


def test_abandoned_copies_of_payloads_are_swept(home: pathlib.Path, tmp_path: pathlib.Path) -> None:
    payloads = tool_home() / "payloads"
    old, young = payloads / ".payload-old", payloads / ".payload-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "half.py").write_text("")
    yesterday = time.time() - 86_400
    os.utime(old, (yesterday, yesterday))
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.py").write_text("app = 1\n")
    service = Service(module="app:app", source="app")
    spec = specs.spec(specs.stage("one")).model_copy(update={"service": service})
    plan = make_plan(spec, specs.lock(), collect_payload(service, tmp_path))
    copied = VirtualenvBackend()._payload(plan, tmp_path)
    assert copied is not None
    assert (pathlib.Path(copied) / "app.py").read_text() == "app = 1\n"
    assert young.is_dir()
    assert not old.exists()
