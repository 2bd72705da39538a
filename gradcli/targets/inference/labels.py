"""What arguments are called that predictions are compared with."""

import re

LABEL = re.compile(
    r"y|t|lab(el)?s?|targets?|y_?(true|train|batch|one_?hot)|\w*one_?hot\w*|gt|ys", re.IGNORECASE
)
