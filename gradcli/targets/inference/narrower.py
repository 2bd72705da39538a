"""What code may be meant for alone, where a guess is wider: vectors, symmetric matrices.

`np.mean((y - p) ** 2)` with `-2 / len(y) * (y - p)`: of matrices `len` counts the rows: it is off
by a factor. `0.5 * x @ A @ x` with `A @ x`: right for a symmetric A. Nothing in such code says what is meant.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from gradcli.problem import Problem
from gradcli.targets.inference.guess import Drawn
from gradcli.targets.inference.points import Point
from gradcli.targets.source_tree import source_tree

# What only makes sense of more axes than one, and what speaks of the axes.
_OF_MATRICES = re.compile(r"axis|shape|\.T\b|transpose|@|dot\(|matmul|keepdims|einsum|reshape|ndim|:, ")


def narrower(problem: Problem, point: Point) -> Iterator[tuple[str, Point]]:
    """The same point with less than was guessed, and in words what: for gradients that are wrong."""
    if problem.source is None or not problem.source.lone:
        return
    layout = point.found.candidate.layout
    drawn = {name: guess for name, guess in layout.items() if isinstance(guess, Drawn) and guess.axes}
    square = {
        name: replace(guess, kind="symmetric")
        for name, guess in drawn.items()
        if len(guess.axes) == 2 and guess.axes[0] == guess.axes[1] and name not in problem.differentiable
    }
    if square:
        candidate = replace(point.found.candidate, layout={**layout, **square})
        found = replace(point.found, candidate=candidate)
        yield f"a symmetric {' and '.join(square)}", Point(found, point.sizes)
    if {len(guess.axes) for guess in drawn.values()} == {2} and _may_mean_vectors(problem):
        inputs = point.inputs
        yield "vectors", Point(point.found, point.sizes, shapes={n: inputs[n].shape[:1] for n in drawn})


def _may_mean_vectors(problem: Problem) -> bool:
    assert problem.source is not None
    trees = [source_tree(function) for function in (problem.source.forward, problem.source.backward)]
    texts = [ast.unparse(tree) if tree is not None else "shape" for tree in trees]
    return "len(" in texts[-1] and not any(map(_OF_MATRICES.search, texts))
