"""What the user need not say: shapes and values, found by name, by documentation and by trying."""

from gradcli.targets.inference.choice import problem_of
from gradcli.targets.inference.defaults import other_values
from gradcli.targets.inference.search import NothingFits, infer
from gradcli.targets.inference.unguessable import half_read, unguessable
from gradcli.targets.inference.windows import is_windowed, of_many_windows

__all__ = [
    "NothingFits",
    "half_read",
    "infer",
    "is_windowed",
    "of_many_windows",
    "other_values",
    "problem_of",
    "unguessable",
]
