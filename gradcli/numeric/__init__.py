"""Numeric derivatives with their uncertainty. Knows nothing of layers, verdicts or the command line."""

from gradcli.numeric.careful import look
from gradcli.numeric.differentiate import CENTRAL, COMPLEX, LINEAR, Differentiator
from gradcli.numeric.function import Function, jitter_key, jittered, spread
from gradcli.numeric.rounding import SCATTER, Noise, drops_digits, median, output_noise
from gradcli.numeric.slopes import JUMP, KINK, NOISE, SMOOTH, Slopes

__all__ = [
    "CENTRAL",
    "COMPLEX",
    "JUMP",
    "KINK",
    "LINEAR",
    "NOISE",
    "SCATTER",
    "SMOOTH",
    "Differentiator",
    "Function",
    "Noise",
    "Slopes",
    "drops_digits",
    "jitter_key",
    "jittered",
    "look",
    "median",
    "output_noise",
    "spread",
]
