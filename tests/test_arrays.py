import numpy as np
import pytest

from gradcli.arrays import BLOCK, blocks
from gradcli.contract.equality import same, same_bits


@pytest.mark.parametrize("shape", [(), (0,), (5,), (0, 3), (3, BLOCK), (2 * BLOCK + 1,), (BLOCK, 2, 3)])
def test_parts_cover_an_array_in_order_and_once(shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    parts = [np.ravel(array[block]) for block in blocks(shape)]
    assert np.array_equal(np.concatenate(parts), np.ravel(array))


@pytest.mark.parametrize("place", [0, BLOCK, 3 * BLOCK - 1])
def test_one_other_number_in_any_part_makes_large_arrays_differ(place):
    a = np.random.default_rng(0).standard_normal(3 * BLOCK)
    a[BLOCK + 1] = np.nan
    b = a.copy()
    assert same((a,), (b,))
    assert same_bits(a, b)
    b[place] += 1.0
    assert not same((a,), (b,))
    assert not same_bits(a, b)


def test_zeros_of_either_sign_are_the_same_number_in_other_bits():
    assert same((np.zeros(3),), (-np.zeros(3),))
    assert not same_bits(np.zeros(3), -np.zeros(3))
