"""The promises of a backward beside its numbers, each with a code.

Every test costs a handful of evaluations, whatever the size of the arrays. A test that a broken promise has
made meaningless (linearity of random code) is left out.
"""

from gradcli.contract.backward import observe_backward
from gradcli.contract.equality import comparable
from gradcli.contract.findings import findings, precision
from gradcli.contract.forward import observe_forward
from gradcli.contract.layout import layout
from gradcli.contract.linearity import linearity
from gradcli.contract.repetition import calls, in_a_row, unless_random
from gradcli.contract.vjp import Vjp

__all__ = [
    "Vjp",
    "calls",
    "comparable",
    "findings",
    "in_a_row",
    "layout",
    "linearity",
    "observe_backward",
    "observe_forward",
    "precision",
    "unless_random",
]
