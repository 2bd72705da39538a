"""gradcli's own .npz files: a whole check in one, to look at, to compare and to run again.

Keys: `in/NAME`, `const/NAME`, `cotangent` and `out` (`cotangent/0`, `out/0`, … where forward has several
outputs), `node/NAME` (every intermediate of forward; `h_2` is the second assignment of `h`, the passes
of a loop lie along a new first axis), `grad/NAME` (analytic), `node_grad/NAME` (of a node, as backward
computed it), `num/NAME`, `unc/NAME`, `failing/NAME` (which elements are wrong, if any), and `meta`, a JSON
object as text.
"""

import json
import math
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import gradcli
from gradcli.arrays import Array
from gradcli.declarations import plain
from gradcli.errors import ArchiveError
from gradcli.npz import read_arrays, write_arrays
from gradcli.result import CheckResult, Gradient
from gradcli.spec import CheckSpec, Spelling

_LARGEST_META = 2**26  # bytes
FORMAT = 1  # of the keys and of `meta`; a reader refuses what is newer


@dataclass(frozen=True, eq=False)
class Archive:
    """What an archive holds: arrays by key, and the metadata."""

    path: Path
    arrays: Mapping[str, Array]  # without `meta`
    meta: Mapping[str, Any]

    def group(self, prefix: str) -> dict[str, Array]:
        """The arrays whose key starts with `prefix/`, by the rest of their key, in the file's order."""
        start = f"{prefix}/"
        return {key[len(start) :]: array for key, array in self.arrays.items() if key.startswith(start)}


def write(path: Path, result: CheckResult, *, nodes: bool = True) -> None:
    """Write a check's arrays and metadata to path, whole or not at all.

    nodes: with the intermediates, which takes about as long as the check did.
    The same result makes the same bytes: nothing of the clock is kept. Arrays of Python objects are left
    out and named in `meta`: only a pickle could hold them. Raises ArchiveError with path and reason.
    """
    found = _arrays(result) | (_node_arrays(result) if nodes else {})
    arrays = {key: np.asarray(value) for key, value in found.items()}
    plain = {key: array for key, array in arrays.items() if array.dtype.kind in "biufc"}
    meta = _meta(result) | {"left_out": sorted(arrays.keys() - plain.keys())}
    write_arrays(path, plain | {"meta": np.array(json.dumps(meta, default=repr))})


def read(path: Path) -> Archive:
    """Read an archive. Raises ArchiveError, one line, for what gradcli did not write."""
    arrays = read_arrays(Path(path))
    return Archive(Path(path), arrays, _parsed(Path(path), arrays.pop("meta", None)))


def is_archive(arrays: Mapping[str, Array]) -> bool:
    """Whether the arrays of an .npz file are those of an archive, not of a user's own file."""
    return "meta" in arrays and any(key.startswith("in/") for key in arrays)


def _arrays(result: CheckResult) -> dict[str, Any]:
    arrays: dict[str, Any] = dict(result.arrays)
    for name, value in result.constants.items():
        if _is_numeric(value):
            arrays.setdefault(f"const/{name}", value)
    for name, gradient in result.gradients.items():
        arrays[f"grad/{name}"] = gradient.analytic
        arrays[f"num/{name}"] = gradient.numeric
        arrays[f"unc/{name}"] = gradient.uncertainty
        if gradient.failing is not None:
            arrays[f"failing/{name}"] = gradient.failing
    return arrays


def _node_arrays(result: CheckResult) -> dict[str, Any]:
    values = {f"node/{name}": array for name, array in result.nodes().items()}
    return values | {f"node_grad/{name}": array for name, array in result.node_gradients().items()}


def _is_numeric(value: object) -> bool:
    # A list stays a list: as an array it would be another argument to forward.
    return isinstance(value, bool | int | float | complex | np.generic | np.ndarray) and (
        np.asarray(value).dtype.kind in "biufc"
    )


def _meta(result: CheckResult) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "target": result.target,
        "id": result.id,
        "seed": result.seed,
        "dtype": result.dtype,
        "verdict": result.verdict,
        "rerun": result.rerun,
        "versions": {
            "gradcli": gradcli.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "gradients": {name: _verdict(gradient) for name, gradient in result.gradients.items()},
        "violations": [
            {
                "code": violation.code,
                "message": violation.message,
                "gradient": violation.gradient,
                "file": violation.file,
                "line": violation.line,
            }
            for violation in result.violations
        ],
        "constants": {name: value for name, value in result.constants.items() if not _is_numeric(value)},
        "asked": None if result.spec is None else _asked(result.spec),
    }


def _asked(spec: CheckSpec) -> dict[str, Any]:
    """What was asked for, beside the arrays, so that the same can be asked again."""
    return {
        "options": dict(spec.options),
        "constants": {name: value for name, value in spec.constants.items() if _is_plain(value)},
        "dtype": spec.dtype,
        "settings": asdict(spec.settings),
        "loading": asdict(spec.loading),
        "declarations": plain(spec.declarations),
        "order": spec.order,
        "spelled": spec.spelling != Spelling(),  # in Python of the config, which no dump shall run
        "base": spec.base.as_posix(),
    }


def _is_plain(value: object) -> bool:
    """Whether a value comes back from JSON as it was."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_plain(one) for name, one in value.items())
    return value is None or type(value) in (bool, int, float, str)


def _verdict(gradient: Gradient) -> dict[str, Any]:
    error = float(gradient.relative_error)
    return {
        "verdict": gradient.verdict,
        "worst_index": [int(i) for i in gradient.worst_index],
        "relative_error": error if math.isfinite(error) else repr(error),  # JSON has no NaN
        "method": gradient.method,
        "compared": gradient.compared,
        "note": gradient.note,
    }


def _parsed(path: Path, meta: Array | None) -> dict[str, Any]:
    foreign = f"{path}: is an .npz file, but not one that gradcli wrote"
    if meta is None or meta.dtype.kind != "U" or meta.ndim != 0:
        raise ArchiveError(f"{foreign} (it has no 'meta')")
    if meta.nbytes > _LARGEST_META:
        raise ArchiveError(f"{foreign} (its 'meta' holds {meta.nbytes / 2**20:.0f} MiB)")
    try:
        parsed = json.loads(str(meta))
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{foreign} (its 'meta' is not JSON)") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("format"), int):
        raise ArchiveError(f"{foreign} (its 'meta' has no format)")
    if parsed["format"] > FORMAT:
        raise ArchiveError(
            f"{path}: has format {parsed['format']}, newer than this gradcli ({FORMAT}); upgrade gradcli"
        )
    return parsed
