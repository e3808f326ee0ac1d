"""Throws dice, the same ones every time."""

import numpy as np
import pandas as pd


def throws(count: int) -> "pd.Series[int]":
    """The numbers of so many throws."""
    return pd.Series(np.random.default_rng(1).integers(1, 7, count))
