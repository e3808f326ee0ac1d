"""Which layers an engine has already."""

import pytest

from builder.backends.docker.load import shared_layers


@pytest.mark.parametrize(
    ("stacks", "expected"),
    [
        ([], 0),
        ([["x"]], 0),
        ([["a"], ["a", "b", "x"]], 2),
        ([["b", "c"]], 0),
        ([["a", "b", "c", "d"]], 3),
        ([[]], 0),
    ],
)
def test_only_layers_from_the_lowest_on_count(stacks: list[list[str]], expected: int) -> None:
    """An engine knows a layer by all that lies below it."""
    assert shared_layers(["a", "b", "c"], stacks) == expected
