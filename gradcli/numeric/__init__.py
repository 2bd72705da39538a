"""Numeric derivatives with their uncertainty. Knows nothing of layers, verdicts or the command line."""

from gradcli.numeric.careful import GLANCE, glance, look, turns
from gradcli.numeric.differentiate import Differentiator
from gradcli.numeric.dropped import dropped_to
from gradcli.numeric.function import Function, bend, jitter_key, jittered, spread
from gradcli.numeric.hidden import hidden, most_beside_one, with_hidden
from gradcli.numeric.known import CENTRAL, COMPLEX, LINEAR
from gradcli.numeric.rounding import (
    POINTS,
    Noise,
    least_noise,
    output_noise,
    scatter,
    widen_noise,
)
from gradcli.numeric.slopes import JUMP, KINK, NOISE, SMOOTH, Slopes
from gradcli.numeric.still import stands_still
from gradcli.numeric.structure import Pairing, Position, discover_together

__all__ = [
    "CENTRAL",
    "COMPLEX",
    "GLANCE",
    "JUMP",
    "KINK",
    "LINEAR",
    "NOISE",
    "POINTS",
    "SMOOTH",
    "Differentiator",
    "Function",
    "Noise",
    "Pairing",
    "Position",
    "Slopes",
    "bend",
    "discover_together",
    "dropped_to",
    "glance",
    "hidden",
    "jitter_key",
    "jittered",
    "least_noise",
    "look",
    "most_beside_one",
    "output_noise",
    "scatter",
    "spread",
    "stands_still",
    "turns",
    "widen_noise",
    "with_hidden",
]
