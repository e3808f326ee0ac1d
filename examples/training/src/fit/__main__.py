"""Trains: reads `points.csv` of a folder, fits a line by gradient descent, writes `model.json` beside it."""

import argparse
import json
import pathlib

import numpy as np


def main() -> None:
    """The program: see the head of the file."""
    parser = argparse.ArgumentParser(prog="fit")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--epochs", type=int, default=2000)
    parser.add_argument("--rehearse", action="store_true", help="make the points up first")
    options = parser.parse_args()
    if options.rehearse:
        rehearse(options.data)
    points = np.loadtxt(options.data / "points.csv", delimiter=",")
    slope, offset, error = fit(points[:, 0], points[:, 1], options.epochs)
    model = {"slope": slope, "offset": offset}
    (options.data / "model.json").write_text(json.dumps(model), encoding="utf-8")
    print(f"slope {slope:.2f}, offset {offset:.2f}, error {error:.2f}")


def fit(x: np.ndarray, y: np.ndarray, epochs: int, rate: float = 0.1) -> tuple[float, float, float]:
    """Slope, offset and mean squared error of the line through the points."""
    slope = offset = 0.0
    for _ in range(epochs):
        gap = slope * x + offset - y
        slope -= rate * float(np.mean(gap * x))
        offset -= rate * float(np.mean(gap))
    return slope, offset, float(np.mean((slope * x + offset - y) ** 2))


def rehearse(folder: pathlib.Path) -> None:
    """Points on a known line, so that a trial can be judged."""
    folder.mkdir(parents=True, exist_ok=True)
    x = np.linspace(-1, 1, 50)
    np.savetxt(folder / "points.csv", np.column_stack([x, 3 * x + 1]), delimiter=",")


if __name__ == "__main__":
    main()
