"""The article's table: what is drawn, what counts, and that an interrupted run goes on where it was."""

import json
import pathlib
from collections.abc import Mapping

import pytest

from bench import article
from bench.measured import Size

WORKS = {"installed": True, "imported": True, "kept": True, "start": 2.0, "memory": 300.0, "size": 900.0}
DRIFTS = {**WORKS, "kept": False}
FAILS = {"installed": False, "imported": False, "kept": False, "why": "torch: no room"}


def test_the_same_orders_are_drawn_every_time() -> None:
    drawn = article.draws(Size())
    assert len(drawn) == 37
    assert drawn == article.draws(Size())
    assert len(set(drawn)) > 12
    assert all(sorted(order) == sorted(article.STAGES) for order in drawn)


def test_an_order_counts_as_often_as_it_is_drawn_and_is_tried_once(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = article.draws(Size())
    known = "-".join(drawn[0])
    kept = tmp_path / "article.json"
    kept.write_text(json.dumps({known: FAILS}))
    tried: list[str] = []

    def naive(order: tuple[str, ...]) -> Mapping[str, float]:
        tried.append("-".join(order))
        return DRIFTS

    monkeypatch.setattr(article, "KEPT", kept)
    monkeypatch.setattr(article, "naive", naive)
    monkeypatch.setattr(article, "locked", lambda: WORKS)
    found = {one.name: one for one in article.measurements(Size())}

    assert sorted(tried) == sorted({"-".join(order) for order in drawn} - {known})
    failed = sum("-".join(order) == known for order in drawn)
    assert found["installs"].sides[1].values == pytest.approx((100 * (37 - failed) / 37,))
    assert found["keeps its pins"].sides[0].values == (100.0,)
    assert found["keeps its pins"].sides[1].values == (0.0,)
    assert len(found["imports of the service"].sides[1].values) == 37 - failed
    assert set(json.loads(kept.read_text())) == {"-".join(order) for order in drawn}
