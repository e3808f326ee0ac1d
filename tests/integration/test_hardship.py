"""Twenty seconds of what `python -m bench.service` does for ten minutes: load while workers are killed."""

from bench.service.hardship import endure


def test_killed_workers_cost_nobody_an_answer() -> None:
    """Every answer is, byte for byte, the one of calm times, or asks to come back; memory does not grow."""
    found = endure(20)
    assert found.survived, found
    assert found.killed > 15
    assert found.right > 100
    assert found.retryable < found.right / 10
