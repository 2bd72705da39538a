"""The arrays that forward is run on: drawn, or read from an .npz file.

Each array is drawn from a generator of its own, seeded by (seed, id of the check, name of the input), so
that the choice and the order of checks and inputs change nothing.
"""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gradcli.arrays import MAX_BYTES, Array
from gradcli.dataclass import dataclass
from gradcli.errors import ArchiveError, UsageError
from gradcli.spec import CheckSpec, InputSpec
from gradcli.targets.notation import (
    DEFINITE,
    FLOAT_DTYPES,
    INTEGER_DTYPES,
    JOINT,
    ONE_HOT,
    SIGN,
    SYMMETRIC,
    format_shape,
)


@dataclass(frozen=True, eq=False)
class Given:
    """The inputs and constants that a check was asked for, before any function has seen them."""

    specs: Mapping[str, InputSpec]  # to be drawn
    arrays: Mapping[str, Array]  # from a file or a caller
    constants: Mapping[str, object]
    optional: Mapping[str, object]  # constants of an archive, for those functions that take them
    unrepeatable: bool  # a caller's arrays have no place on a command line

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every input that is given."""
        drawn = {name: spec.shape for name, spec in self.specs.items()}
        return drawn | {name: array.shape for name, array in self.arrays.items()}


def gather(spec: CheckSpec, arrays: Mapping[str, Array] | None = None) -> Given:
    """Bring together flags, the .npz file and a caller's arrays.

    Raises UsageError if two of them give the same input, ArchiveError for the file.
    """
    found = dict(arrays or {})
    optional: dict[str, object] = {}
    if spec.inputs_file is not None:
        loaded, optional = load(spec.inputs_file)
        for name in loaded.keys() & found.keys():
            raise UsageError(f"{spec.target}: {name} is given twice, as an array and in {spec.inputs_file}")
        found |= loaded
    for name in spec.inputs.keys() & found.keys():
        raise UsageError(f"{spec.target}: {name} is given twice, as a shape and as an array")
    return Given(spec.inputs, found, spec.constants, optional, unrepeatable=bool(arrays))


def generator(seed: int, check_id: str, name: str) -> np.random.Generator:
    """The random numbers of one input of one check."""
    digest = hashlib.sha256(f"{check_id}\0{name}".encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:16], "little")])


def draw(name: str, spec: InputSpec, dtype: str, rng: np.random.Generator, kind: str | None = None) -> Array:
    """Draw one input: `scale * normal + offset`, integers in [0, high), fair booleans, signs,
    one-hot classes, a symmetric matrix of such normals, a positive definite one, or joint probabilities.

    dtype is that of the check, for inputs that have none of their own. kind "positive" draws magnitudes of
    at least 0.1 in place of the normal. Drawn in float64 and then cast, so that a float32 check sees the
    same point as a float64 one. Raises UsageError if the array would be absurdly large.
    """
    own = spec.dtype or dtype
    size = math.prod(spec.shape) * 8 / 2**30
    if size > MAX_BYTES / 2**30:
        raise UsageError(
            f"input {name}: shape {format_shape(spec.shape)} needs {size:.3g} GiB; "
            f"more than {MAX_BYTES / 2**30:g} GiB is refused"
        )
    if own in INTEGER_DTYPES:
        highest = np.iinfo(own).max
        if not 1 <= spec.high <= highest:
            raise UsageError(f"input {name}: high must be from 1 to {highest} for {own}, got {spec.high}")
        return _integers(spec.shape, spec.high, rng).astype(own)
    if own == "bool":
        return _mask(spec.shape, rng)
    if own == SIGN:
        return _signs(spec.shape, rng)
    if own in ONE_HOT:
        return _one_hot(name, spec.shape, 0 if own == "onehot_columns" else -1, rng)
    normal = rng.standard_normal(spec.shape)
    if own == JOINT:
        return _joint(name, normal).astype(dtype)
    if own == DEFINITE:
        return _definite(name, normal).astype(dtype)
    if own == SYMMETRIC:
        own, normal = dtype, _symmetric(name, normal)
    if kind == "positive":
        normal = np.abs(normal) + 0.1
    with np.errstate(over="ignore"):  # beyond float16: infinite, and the check says so
        return np.asarray(spec.scale * normal + spec.offset).astype(own)


def _mask(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """True and false, with something true in each row: of a row without, a softmax is no softmax any more."""
    drawn = np.asarray(rng.random(shape))
    mask = np.asarray(drawn < 0.5)
    return mask | (drawn == drawn.min(axis=-1, keepdims=True)) if drawn.ndim and drawn.size else mask


_FEW = 32


def _integers(shape: tuple[int, ...], high: int, rng: np.random.Generator) -> Array:
    """Integers below high: each of them where there are more places, else the highest among others."""
    drawn = np.asarray(rng.integers(0, high, size=shape))
    if drawn.size > high:
        for missing in sorted({*range(high)} - {*drawn.flat}):
            most_common = np.bincount(
                drawn.ravel()
            ).argmax()  # repetitions are of use: one goes where many are
            drawn.flat[np.flatnonzero(drawn == most_common)[-1]] = missing
    elif drawn.size > 1:
        drawn.flat[-1] = high - 1
    return drawn


def _signs(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Integers that are -1 or 1; of several, both are among them."""
    signs = 2 * rng.integers(0, 2, size=shape) - 1
    if signs.size > 1:
        signs.flat[0], signs.flat[-1] = 1, -1
    return np.asarray(signs)


def _symmetric(name: str, normal: Array) -> Array:
    if normal.ndim != 2 or normal.shape[0] != normal.shape[1]:
        raise UsageError(
            f"input {name}: a symmetric matrix has as many rows as columns, got {format_shape(normal.shape)}"
        )
    return np.asarray((normal + normal.T) / np.sqrt(2.0))


def _definite(name: str, normal: Array) -> Array:
    """Its eigenvalues differ, and none is below 1."""
    square = _symmetric(name, normal)
    return np.asarray(square @ square / max(1, len(square)) + np.eye(len(square)))


def _joint(name: str, normal: Array) -> Array:
    """Symmetric probabilities that sum to 1; on the diagonal next to nothing, for a logarithm is taken."""
    odds = np.exp(0.5 * _symmetric(name, normal))
    np.fill_diagonal(odds, 0.0)
    probabilities = odds / (np.sum(odds) or 1.0)
    np.fill_diagonal(probabilities, 1e-12)
    return np.asarray(probabilities)


def _one_hot(name: str, shape: tuple[int, ...], axis: int, rng: np.random.Generator) -> Array:
    """Integers that are 0 but for a single 1 along an axis; the last class is among them."""
    if not shape or not shape[axis]:
        raise UsageError(f"input {name}: one-hot classes need an axis of classes, got {format_shape(shape)}")
    along = np.moveaxis(np.zeros(shape, dtype=np.int64), axis, -1)
    classes = np.asarray(rng.integers(0, shape[axis], size=along.shape[:-1]))
    if classes.ndim:
        classes[..., -1:] = shape[axis] - 1
    np.put_along_axis(along, classes[..., None], 1, axis=-1)
    return np.moveaxis(along, -1, axis).copy()


def load(path: Path) -> tuple[dict[str, Array], dict[str, object]]:
    """The arrays of an .npz file by argument name, and constants if it is an archive of gradcli's.

    Raises ArchiveError, one line, for a file that is not an .npz or holds what no input can be.
    """
    from gradcli.archive import is_archive  # here, because most checks read no file and start sooner
    from gradcli.npz import read_arrays

    arrays = read_arrays(path)
    constants: dict[str, object] = {}
    if is_archive(arrays):
        constants = {
            key.removeprefix("const/"): array.item() if array.ndim == 0 else array
            for key, array in arrays.items()
            if key.startswith("const/")
        }
        arrays = {key.removeprefix("in/"): array for key, array in arrays.items() if key.startswith("in/")}
    for name, array in arrays.items():
        if not is_input_dtype(array.dtype):
            raise ArchiveError(
                f"{path}: {name!r} has dtype {array.dtype}; "
                f"an input is {', '.join(FLOAT_DTYPES)}, an integer or bool"
            )
    return arrays, constants


def is_input_dtype(dtype: np.dtype) -> bool:
    """Whether an input may have this dtype: real, of a precision that gradcli knows."""
    return dtype.kind in "iub" or dtype.name in FLOAT_DTYPES


def require_floating(where: str, inputs: Mapping[str, Array]) -> None:
    """Raise UsageError if none of the inputs can have a gradient."""
    if not any(array.dtype.kind == "f" for array in inputs.values()):
        found = ", ".join(f"{name} is {array.dtype}" for name, array in inputs.items()) or "there is no input"
        raise UsageError(f"{where}: no floating-point input, so there is no gradient to check ({found})")
