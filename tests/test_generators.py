"""Code that draws at random starts each call from the same state, and takes nothing from anybody else."""

import random

import numpy as np

from gradcli.subject import fixed_generators


def test_what_draws_is_a_function_and_leaves_the_generators_as_they_were():
    np.random.seed(7)  # noqa: NPY002
    np.random.standard_normal()  # noqa: NPY002 - the other one of the pair is kept for the next call
    before = np.random.get_state(), random.getstate()  # noqa: NPY002
    drawn = []
    for _ in range(2):
        with fixed_generators():
            drawn.append((np.random.standard_normal(), random.random()))  # noqa: NPY002
    assert drawn[0] == drawn[1]
    (kind, key, *others), python = np.random.get_state(), random.getstate()  # noqa: NPY002
    assert (kind, key.tolist(), others, python) == (
        before[0][0],
        before[0][1].tolist(),
        [*before[0][2:]],
        before[1],
    )
