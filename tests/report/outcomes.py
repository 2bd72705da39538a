"""Outcomes of every kind, under names that no format has room for."""

from dataclasses import replace
from functools import cache

import numpy as np

import gradcli
from gradcli.errors import UsageError
from gradcli.suite.outcome import Outcome

HOSTILE = "a[b]:c,d\"e'<f>&g%h|i`j\n\x1b[31m\x00\u2028💥\udcff"


@cache
def _checked(factor, x):
    return gradcli.check(lambda x: (x**2, x), lambda dout, x: factor * dout * x, {"x": np.array(x)})


def checked(id, factor, x=(1.0, 2.0)):
    """The check of a square whose backward is off by a factor."""
    return Outcome(id, result=replace(_checked(factor, tuple(x)), id=id))


def wrong(id="f", x=(1.0, 2.0)):
    return checked(id, 1.0, x)


def right(id="g"):
    return checked(id, 2.0)


def infinite(id="infinite"):
    return checked(id, np.inf, (1.0,))


def undecided(id="undecided"):
    result = wrong(id).result
    gradient = replace(result.gradients["x"], verdict="inconclusive", note="too noisy")
    unsure = replace(result, verdict="inconclusive", violations=(), gradients={"x": gradient})
    return Outcome(id, result=unsure)


def failed(id="h"):
    return Outcome(id, error=UsageError(f"no such thing: {id}"))


def known(id="k"):
    return replace(wrong(id), known=f"{id}.json")


def expected(id="expected"):
    outcome = wrong(id)
    return replace(outcome, result=replace(outcome.result, expected=f"why: {id}"))


def loud(id="loud"):
    return replace(right(id), output=f"printed\n{HOSTILE}\n")


def of_every_kind():
    """Each kind twice: under a plain name and under one that breaks what is not escaped."""
    kinds = (wrong, right, infinite, undecided, failed, known, expected, loud)
    return [outcome for kind in kinds for outcome in (kind(kind.__name__), kind(kind.__name__ + HOSTILE))]
