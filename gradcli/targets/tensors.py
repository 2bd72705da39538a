"""Functions that compute with torch's tensors and have a gradient by hand: they are called with tensors.

Their arguments and results share memory with NumPy's arrays, so that what they write in place is seen.
"""

import ast
import functools
import inspect
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.targets.decorated import behind
from gradcli.targets.forward_call import parameters_of
from gradcli.targets.source_tree import source_tree

# What only a tensor has.
_METHODS = frozenset(
    [
        *("mm", "bmm", "matmul", "t", "view", "unsqueeze", "permute", "clamp", "clone", "detach", "type_as"),
        *("new_zeros", "index_add_", "scatter_", "expand", "numel"),
    ]
)
_KEYWORDS = frozenset(["dim", "keepdim"])
_DEEP = 8  # a cache nested deeper than that is left as it is


def takes_tensors(*functions: Callable[..., Any]) -> bool:
    """Whether functions of a module with torch in it are for tensors, by annotations or what they use."""
    return any(map(_is_written_for_tensors, functions))


def _is_written_for_tensors(function: Callable[..., Any]) -> bool:
    function = behind(inspect.unwrap(function))
    torch = sys.modules.get("torch")
    space = getattr(function, "__globals__", {})
    modules = [name for name, value in space.items() if torch is not None and value is torch]
    if not modules:
        return False
    annotations = [str(parameter.annotation) for parameter in parameters_of(function) or ()]
    if any("Tensor" in annotation for annotation in annotations):
        return True
    tree = source_tree(function)
    return tree is not None and any(_is_of_tensors(node, modules) for node in ast.walk(tree))


def _is_of_tensors(node: ast.AST, modules: list[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in modules
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        is_numpys = isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "numpy")
        return not is_numpys and (
            node.func.attr in _METHODS or any(word.arg in _KEYWORDS for word in node.keywords)
        )
    return False


def on_tensors(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with arrays in the place of tensors, whatever it is given and returns."""

    @functools.wraps(function)
    def called(*args: Any, **keywords: Any) -> Any:
        torch = sys.modules["torch"]
        given, words = _mapped((args, keywords), as_tensor)
        floats = [array.dtype for array in _arrays((args, keywords)) if array.dtype.kind == "f"]
        kept = torch.get_default_dtype()
        # What the code makes itself (torch.zeros) is to have as many digits as what it is given.
        wide = not floats or any(dtype == np.float64 for dtype in floats)
        torch.set_default_dtype(torch.float64 if wide else torch.float32)
        try:
            with torch.no_grad():
                return _mapped(function(*given, **words), as_array)
        finally:
            torch.set_default_dtype(kept)

    return called


def _mapped(value: Any, change: Callable[[Any], Any], depth: int = 0) -> Any:
    """The same tuples, lists and dicts of changed values."""
    if depth < _DEEP and type(value) in (tuple, list):
        return type(value)(_mapped(one, change, depth + 1) for one in value)
    if depth < _DEEP and type(value) is dict:
        return {key: _mapped(one, change, depth + 1) for key, one in value.items()}
    return change(value)


def as_tensor(value: Any) -> Any:
    """An array of numbers as a tensor that shares its memory; anything else as it is."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fciub":
        return value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an array that cannot be written
        plain = value if all(stride >= 0 for stride in value.strides) else value.copy()
        return sys.modules["torch"].from_numpy(plain)


def as_array(value: Any) -> Any:
    """A tensor as an array that shares its memory; anything else as it is."""
    torch = sys.modules["torch"]
    if not isinstance(value, torch.Tensor) or value.layout is not torch.strided:
        return value
    plain = value.detach().cpu().resolve_conj().resolve_neg()
    return plain.numpy() if plain.dtype is not torch.bfloat16 else plain.float().numpy()


def _arrays(value: Any) -> list[np.ndarray]:
    found: list[Any] = []
    _mapped(value, lambda one: found.append(one) if isinstance(one, np.ndarray) else None)
    return found
