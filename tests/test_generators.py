"""Code that draws at random starts each call from the same state, and takes nothing from anybody else."""

import random
from contextlib import nullcontext

import numpy as np
import pytest

from gradcli.generators import fixed_generators, kept_generator


@pytest.mark.parametrize("scope", [nullcontext, kept_generator])
def test_what_draws_is_a_function_and_leaves_the_generators_as_they_were(scope):
    np.random.seed(7)  # noqa: NPY002
    np.random.standard_normal()  # noqa: NPY002 - the other one of the pair is kept for the next call
    before = np.random.get_state(), random.getstate()  # noqa: NPY002
    drawn = []
    with scope():
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


@pytest.mark.parametrize("scope", [nullcontext, kept_generator])
def test_a_call_within_a_call_takes_nothing_from_it(scope):
    with scope(), fixed_generators():
        whole = np.random.standard_normal(5)  # noqa: NPY002
    with scope(), fixed_generators():
        first = np.random.standard_normal(3)  # noqa: NPY002
        with fixed_generators():
            assert np.array_equal(np.random.standard_normal(3), whole[:3])  # noqa: NPY002
        assert np.array_equal([*first, *np.random.standard_normal(2)], whole)  # noqa: NPY002


def test_what_draws_between_calls_goes_on_from_number_to_number():
    """Random code is told by that."""
    before = np.random.get_state()[1]  # noqa: NPY002
    with kept_generator():
        drawn = []
        for _ in range(3):
            drawn.append(np.random.random())  # noqa: NPY002
            with fixed_generators():
                np.random.random()  # noqa: NPY002
        assert len(set(drawn)) == 3
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
