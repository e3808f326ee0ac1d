"""The command `envspec cache`, and what it takes for sizes and ages."""

import os
import pathlib
import time
from typing import Any

import click
import pytest
from click.testing import CliRunner

from builder.backends.docker import spare
from builder.cli import cache
from builder.cli.main import envspec


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """Nobody answers."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")


@pytest.fixture
def filled(home: pathlib.Path) -> pathlib.Path:
    """A home with a wheel that nobody used for forty days."""
    place = home / "wheelhouse" / "ab" / "abcd"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"x" * 1500)
    os.utime(place, (time.time() - 40 * 24 * 3600,) * 2)
    return place


def said(*words: str) -> str:
    done = CliRunner().invoke(envspec, ["cache", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_it_says_what_is_there(filled: pathlib.Path, home: pathlib.Path) -> None:
    lines = said().splitlines()
    assert lines[0] == str(home)
    assert lines[2].split()[:5] == ["wheelhouse", "1", "1.5", "kB", "40"]
    assert lines[-1].split()[:2] == ["all", "1"]


def test_pruning_without_a_word_takes_what_is_a_month_old(filled: pathlib.Path) -> None:
    assert "would remove wheelhouse: one file, 1.5 kB" in said("prune", "--dry-run")
    assert filled.exists()
    assert "freed: 1.5 kB; 0 bytes left" in said("prune")
    assert not filled.exists()


def test_pruning_takes_no_more_than_it_must(filled: pathlib.Path) -> None:
    said("prune", "--keep", "2kB")
    assert filled.exists()
    said("prune", "--keep", "1kB")
    assert not filled.exists()


@pytest.mark.parametrize(
    ("text", "size"),
    [("10GB", 10**10), ("500m", 5 * 10**8), ("1.5 GiB", 3 * 2**29), ("7", 7), ("7b", 7), ("2kb", 2000)],
)
def test_sizes(text: str, size: int) -> None:
    assert cache.Size().convert(text, None, None) == size


@pytest.mark.parametrize(("text", "days"), [("30d", 30.0), ("12h", 0.5), ("2w", 14.0), ("3", 3.0)])
def test_ages(text: str, days: float) -> None:
    assert cache.Age().convert(text, None, None) == days


@pytest.mark.parametrize("text", ["", "ten", "10XB", "-1GB", "1ib", "GB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no size"):
        cache.Size().convert(text, None, None)


@pytest.mark.parametrize("text", ["", "soon", "-1d", "1y"])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no age"):
        cache.Age().convert(text, None, None)


def image(number: int, *names: str, label: str = "") -> dict[str, Any]:
    """An image as an engine's account of its disk has it."""
    labels = {f"{label}.lock": "sha256:1"} if label else None
    return {
        "Id": str(number),
        "RepoTags": list(names),
        "Size": 100,
        "SharedSize": 60,
        "Created": number,
        "Labels": labels,
    }


class FakeEngine:
    """An engine that has these images, the layers of some, and forgets what is removed."""

    def __init__(self, images: list[dict[str, Any]], layers: dict[str, tuple[str, ...]]) -> None:
        self.client = self.images = self
        self._images = images
        self._layers = layers
        self.gone: list[str] = []

    class address:  # noqa: N801 - the engine's own name
        host = "unix:///nowhere"

    def df(self) -> dict[str, Any]:
        return {"Images": self._images}

    def layers(self, image: str) -> tuple[str, ...]:
        return self._layers.get(image, ())

    def remove(self, name: str) -> None:
        self.gone.append(name)


def test_an_image_is_spare_where_a_later_one_stands_beside_it() -> None:
    engine = FakeEngine(
        [
            image(1, "envspec/small:1111"),
            image(2, "envspec/small:2222"),
            image(3, "small:latest"),
            image(4, "envspec/base:bookworm-1"),
            image(5, "envspec/base:bookworm-2"),
            image(6, "envspec/base:bookworm-3"),
            image(7, "envspec/base:trixie-1"),
            image(8, label="io.envspec"),
            image(9, label="org.somebody"),
        ],
        {"2": ("base of 2", "x"), "4": ("base of 4",), "5": ("base of 2",)},
    )
    images = spare.own_images(engine)  # type: ignore[arg-type]
    assert {each.id for each in images} == {"1", "2", "4", "5", "6", "7", "8"}
    unwanted = [each for each in images if each.spare]
    assert {each.id for each in unwanted} == {"1", "4", "8"}
    assert {each.size for each in images} == {40}
    assert spare.remove_spare(engine, unwanted) == tuple(unwanted)  # type: ignore[arg-type]
    assert engine.gone == ["envspec/small:1111", "envspec/base:bookworm-1", "8"]
