"""What the user need not say: shapes and values, found by name, by documentation and by trying."""

from gradcli.targets.inference.choice import problem_of
from gradcli.targets.inference.defaults import other_values
from gradcli.targets.inference.search import NothingFits, infer

__all__ = ["NothingFits", "infer", "other_values", "problem_of"]
