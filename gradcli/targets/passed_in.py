"""What a constructor takes and the file itself defines: activations, as objects or as functions."""

import inspect
import re
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from gradcli.targets.forward_call import parameters_of, required_arguments

_ACTIVATION = re.compile(
    r"act(ivation)?(_?(func(tion)?|fn|layer))?|non_?linearity|transfer(_?func(tion)?)?", re.IGNORECASE
)
# Smooth ones show more; the others in the order of the file.
_SMOOTH = re.compile(r"tanh|sigmoid|logistic|softplus", re.IGNORECASE)
_CALLED_SO = re.compile(
    r"\w*(tanh|sigmoid|logistic|soft_?plus|relu|elu|swish|gelu|linear|identity|sin)\w*", re.IGNORECASE
)


def activations_for(cls: type) -> Iterator[tuple[str, str, Any]]:
    """(argument, how it is called, value) for each that may be passed to the constructor of a class.

    They are classes that need no arguments, and functions of one, of the file that defines the class.
    """
    argument = next((p.name for p in parameters_of(cls) or () if _ACTIVATION.fullmatch(p.name)), None)
    module = inspect.getmodule(cls)
    if argument is None or module is None:
        return
    own = [(name, value) for name, value in vars(module).items() if _is_own(value, cls)]
    for name, value in sorted(own, key=lambda one: _SMOOTH.search(one[0]) is None):
        if _CALLED_SO.fullmatch(name) is None or value is cls:
            continue
        if isinstance(value, type) and not required_arguments(value):
            try:
                yield argument, f"{name}()", value()
            except Exception:  # it is not what it is for
                continue
        elif isinstance(value, FunctionType) and len(required_arguments(value)) == 1:
            yield argument, name, value


def _is_own(value: Any, cls: type) -> bool:
    return isinstance(value, type | FunctionType) and value.__module__ == cls.__module__
