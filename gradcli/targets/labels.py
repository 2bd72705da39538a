"""What arguments are called that predictions are compared with."""

import re

LABEL = re.compile(
    r"y|t|lab(el)?s?|targets?|y_?(true|train|batch|one_?hot|real|gt|target)|\w*one_?hot\w*|gt|ys"
    r"|(ground_?)?truth(_\w+)?|true|actual|expected|desired|(true|target|expected|desired)_\w+|\w+_(true|target|expected)",
    re.IGNORECASE,
)
