"""How many digits of two numbers a reader needs."""

import math

USUAL = 6
_MOST = 17


def telling_apart(relative_error: float) -> int:
    """As many as show where two numbers differ, and one more; the usual number where they hardly agree."""
    if not 0 < relative_error < 1:
        return USUAL
    return min(max(USUAL, 2 - math.floor(math.log10(relative_error))), _MOST)
