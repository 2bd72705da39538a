"""Costs that may be meant for vectors alone: `np.mean((y - p) ** 2)` with `-2 / len(y) * (y - p)`.

Of matrices `len` counts the rows, and the gradient is off by a factor; nothing in the code says that they
are meant.
"""

import ast
import re
from collections.abc import Iterator

from gradcli.problem import Problem
from gradcli.targets.inference.guess import Drawn
from gradcli.targets.inference.points import Point
from gradcli.targets.source_tree import source_tree

# What only makes sense of more axes than one, and what speaks of the axes.
_OF_MATRICES = re.compile(r"axis|shape|\.T\b|transpose|@|dot\(|matmul|keepdims|einsum|reshape|ndim|:, ")


def as_vectors(problem: Problem, point: Point) -> Iterator[Point]:
    """The same point with vectors in the place of matrices, where the code may be meant for them alone."""
    layout = point.found.candidate.layout
    drawn = {name: guess for name, guess in layout.items() if isinstance(guess, Drawn) and guess.axes}
    alike = {guess.axes for guess in drawn.values()}
    if problem.source is None or not problem.source.lone or len(alike) != 1 or len(alike.pop()) != 2:
        return
    trees = [source_tree(function) for function in (problem.source.forward, problem.source.backward)]
    texts = [ast.unparse(tree) if tree is not None else "shape" for tree in trees]
    if "len(" in texts[-1] and not any(map(_OF_MATRICES.search, texts)):
        inputs = point.inputs
        yield Point(point.found, point.sizes, shapes={name: inputs[name].shape[:1] for name in drawn})
