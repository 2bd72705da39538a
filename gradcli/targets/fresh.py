"""Constants that a call may write to: every call gets its own."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

_WRITTEN_TO = (dict, list, set, np.random.Generator, np.random.RandomState)


def is_written_to(value: Any) -> bool:
    """Whether a call may change a constant, so that the next one needs another."""
    return isinstance(value, (np.ndarray, *_WRITTEN_TO))


def fresh(constants: Mapping[str, Any]) -> dict[str, Any]:
    """The constants with copies of the arrays, containers and generators among them.

    An option dict often holds running statistics, which forward updates, or a generator's seed.
    """
    return {name: _own(value) for name, value in constants.items()}


def _own(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, _WRITTEN_TO):
        try:
            return copy.deepcopy(value)
        except Exception:  # it may hold a module or a lock
            return value
    return value
