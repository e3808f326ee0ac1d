"""What Python's standard library has, had and lost: the one table, for proofs and for the judge."""

from envspec.proof.stdlib.older import PYTHON_2_BUILTINS
from envspec.proof.stdlib.table import Stdlib, lost_names, was_ever_standard

__all__ = ["PYTHON_2_BUILTINS", "Stdlib", "lost_names", "was_ever_standard"]
