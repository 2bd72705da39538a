"""What is done for the allocator costs a few arrays at most, and is given back at once."""

import tracemalloc

import pytest

from gradcli.memory import keep_freed


@pytest.mark.parametrize(
    ("nbytes", "most"), [(1000, 0), (1 << 18, 1 << 20), (1 << 24, 1 << 25), (1 << 40, 1 << 25)]
)
def test_no_more_than_a_few_arrays_are_taken_and_none_are_kept(nbytes, most):
    tracemalloc.start()
    keep_freed(nbytes)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept <= 1 << 12
    assert most <= peak <= most + (1 << 12)
