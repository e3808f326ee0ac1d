"""The documentation tells every setting and every route."""

from __future__ import annotations

import dataclasses
import re

from flask.testing import FlaskClient

from service.settings.environment import PREFIX, Settings
from service.voices.choose import ENGINES

from .conftest import ROOT

PAGE = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")


def test_every_setting_is_told() -> None:
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", PAGE))
    assert named == {PREFIX + field.name.upper() for field in dataclasses.fields(Settings)}


def test_every_engine_is_told() -> None:
    told = re.search(r"`TTS_ENGINE` \(([^)]*)\)", PAGE)
    assert told
    assert re.findall(r"`(\w+)`", told[1]) == [*ENGINES]


def test_every_route_is_told(http: FlaskClient) -> None:
    for path, methods in http.get("/openapi.json").get_json()["paths"].items():
        for method in set(methods) - {"parameters"}:
            assert f"`{method.upper()} {path}`" in PAGE
