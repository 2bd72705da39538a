"""What code may be meant for alone, where a guess is wider: symmetric matrices.

`0.5 * x @ A @ x` with `A @ x` is right for a symmetric A. Nothing in such code says what is meant.
"""

from collections.abc import Iterator
from dataclasses import replace

from gradcli.problem import Problem
from gradcli.targets.inference.guess import Drawn
from gradcli.targets.inference.points import Point


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
