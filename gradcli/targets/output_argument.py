"""Whether a derivative such as `sigmoid_derivative(a)` takes the function's input or its output."""

import inspect
import re
from collections.abc import Callable
from typing import Any

from gradcli.targets.forward_call import argument_names

_OUTPUT = re.compile(r"y|a|s|out\w*|\w*_out(put)?|fx|sig\w*|activ\w*|act", re.IGNORECASE)
_TOLD = re.compile(
    r"output of|of (the|its) output|already (been )?(activated|applied)|activated", re.IGNORECASE
)


def taken_at_output(derivative: Callable[..., Any], right_at_input: bool, right_at_output: bool) -> bool:
    """What trying says, where only one of the two is right; else what the name or the docstring says."""
    if right_at_input != right_at_output:
        return right_at_output
    first = next(iter(argument_names(derivative)), "")
    return _OUTPUT.fullmatch(first) is not None or _TOLD.search(inspect.getdoc(derivative) or "") is not None
