"""The description of the API is true: every route is in it, and what it promises holds under fire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.settings.environment import Settings
from service.speech.request import FIELDS
from tests.service.fakes import FakeEngine

if TYPE_CHECKING:
    from schemathesis import Case

PAGE = {"/", "/assets/<name>"}


def test_every_route_is_described(http: FlaskClient) -> None:
    described = {
        (path.replace("{", "<").replace("}", ">"), method.upper())
        for path, methods in http.get("/openapi.json").get_json()["paths"].items()
        for method in methods
        if method != "parameters"
    }
    served = {
        (rule.rule, method)
        for rule in http.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule not in PAGE
    }
    assert described == served


def test_every_field_is_described(http: FlaskClient) -> None:
    document = http.get("/openapi.json").get_json()
    schema = document["paths"]["/tts"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == set(FIELDS)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_hostile_requests_get_what_is_described(mode: str) -> None:
    """Schemathesis makes requests that fit the description, or break it; no reply may surprise.

    That every fitting request is accepted cannot be promised: no schema says what SSML is, or that a text
    holds something to speak.
    """
    schemathesis = pytest.importorskip("schemathesis")
    checks = pytest.importorskip("schemathesis.specs.openapi.checks")
    generation = pytest.importorskip("schemathesis.generation")
    schema = schemathesis.openapi.from_wsgi("/openapi.json", create_app(Settings(), FakeEngine()))
    seen: list[int] = []
    for operation in schema.get_all_operations():
        strategy = operation.ok().as_strategy(generation_mode=generation.GenerationMode[mode])

        @hypothesis.given(case=strategy)
        @hypothesis.settings(
            max_examples=40, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
        )
        def attack(case: Case[Any]) -> None:
            response = case.call()
            seen.append(response.status_code)
            case.validate_response(response, excluded_checks=[checks.positive_data_acceptance])

        try:
            attack()
        except hypothesis.errors.Unsatisfiable:
            continue  # an operation without parameters cannot be called wrongly
    assert len(seen) > 100
    assert 500 not in seen
