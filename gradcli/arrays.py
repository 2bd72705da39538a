"""The array types of gradcli's annotations, and how much an array may hold."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

MAX_BYTES = 4 * 2**30  # of what is drawn or read at once; more is refused before anything is allocated
