"""The global generators of NumPy, Python and torch: the same state for every call, and left as they were."""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.random import mtrand

_STAND_IN = np.random.MT19937(0)  # of NumPy's generator while a call draws, where its state is kept
_keepers = 0  # blocks under way that put the whole state back


@contextmanager
def kept_generator() -> Iterator[None]:
    """Leave NumPy's global generator as it was, whatever draws from it.

    To read and write its state takes longer than a call of a small layer; here it is done once for many.
    """
    global _keepers
    state: Any = np.random.get_state()  # noqa: NPY002
    _keepers += 1
    try:
        yield
    finally:
        _keepers -= 1
        _put_back(state)


@contextmanager
def fixed_generators() -> Iterator[None]:
    """Start the global generators from the same state, and leave them as they were.

    Where the state is kept, another generator takes the place of NumPy's; only the second number of a pair
    of normal ones is lost in between.
    """
    own: Any = mtrand.get_bit_generator()
    swaps = _keepers > 0 and own is not _STAND_IN
    numpy_state: Any = None if swaps else np.random.get_state()  # noqa: NPY002
    python_state = random.getstate()
    torch = sys.modules.get("torch")
    torch_state = torch.get_rng_state() if torch else None
    if swaps:
        mtrand.set_bit_generator(_STAND_IN)
    np.random.seed(0)  # noqa: NPY002
    random.seed(0)
    if torch:
        _seed(torch)
    try:
        yield
    finally:
        if torch:
            torch.set_rng_state(torch_state)
        if swaps:
            mtrand.set_bit_generator(own)
        else:
            _put_back(numpy_state)
        random.setstate(python_state)


def _put_back(state: Any) -> None:
    """A list, because NumPy takes the numbers one by one, and those of an array slowly."""
    kind, key, *others = state
    np.random.set_state((kind, key.tolist(), *others))  # noqa: NPY002


def _seed(torch: Any) -> None:
    """Without a device beside the processor, as is cheap: `manual_seed` notes for CUDA who called it."""
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        torch.manual_seed(0)
    else:
        torch.default_generator.manual_seed(0)
