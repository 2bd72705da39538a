"""What arguments are called that predictions are compared with."""

import re

LABEL = re.compile(
    r"y|t|lab(el)?s?|targets?|y_?(true|train|batch|one_?hot|real|gt|target)|\w*one_?hot\w*|gt|ys"
    r"|(ground_?)?truth(_\w+)?|true|actual|expected|desired|(true|target|expected|desired)_\w+|\w+_(true|target|expected)",
    re.IGNORECASE,
)


def is_called_label(name: str) -> bool:
    """Whether a name is that of a label beyond doubt: `y` and `t` may be any operand."""
    return len(name) > 2 and LABEL.fullmatch(name) is not None
