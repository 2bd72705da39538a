"""The functions that backward is spread over: those of its file that it calls and forward does not."""

import gc
from collections.abc import Iterator
from contextlib import suppress
from types import CodeType, FunctionType

from gradcli.arrays import Array
from gradcli.blame.source import NotReadable, Written, read
from gradcli.executed import functions_run
from gradcli.problem import Problem
from gradcli.subject import copies


def helpers(problem: Problem, backward: Written, cotangents: tuple[Array, ...]) -> list[Written]:
    """Each once, in the order of their lines; none where the code raises. Cost: one forward and one backward.

    What forward calls as well is no part of backward: damage to it would change what is differentiated.
    """
    try:
        with functions_run(backward.file) as ahead:
            run = problem.forward(copies(problem.inputs))
        with functions_run(backward.file) as back:
            problem.backward(tuple(cotangent.copy() for cotangent in cotangents), run.saved)
    except Exception:
        return []
    own = backward.function.__code__
    codes = sorted(back - ahead - {own}, key=lambda code: code.co_firstlineno)
    return [written for code in codes for written in _written(code) if code.co_name != own.co_name]


def _written(code: CodeType) -> Iterator[Written]:
    """The function that runs this code, if there is one that stays: one that is made anew within another is
    a part of that."""
    for function in gc.get_referrers(code):
        if isinstance(function, FunctionType) and "<locals>" not in function.__qualname__:
            with suppress(NotReadable):
                yield read(function)
            return
