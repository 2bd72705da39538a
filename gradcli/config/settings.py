"""The settings of a check: one table for configs, the JSON Schema and the command line."""

from typing import Literal

from gradcli.dataclass import dataclass
from gradcli.spec import DTYPES, ELEMENTS, METHODS, CheckSpec, Settings


@dataclass(frozen=True)
class Setting:
    """One setting: what it may be, what it is if nobody says anything, and what it does."""

    name: str
    kind: Literal["integer", "number", "choice", "flag", "elements"]  # elements: a word or a positive integer
    default: object
    help: str
    choices: tuple[str, ...] = ()
    minimum: int | None = None  # inclusive
    above: float | None = None  # exclusive lower bound
    in_matrix: bool = False  # whether a grid may run over it


_DEFAULTS = Settings()

_ALL = (
    Setting(
        "seed",
        "integer",
        _DEFAULTS.seed,
        "seed of the random inputs and cotangents",
        minimum=0,
        in_matrix=True,
    ),
    Setting(
        "dtype",
        "choice",
        CheckSpec.dtype,
        "floating type of the inputs",
        choices=DTYPES,
        in_matrix=True,
    ),
    Setting(
        "tol",
        "number",
        _DEFAULTS.tol,
        "relative error allowed beyond what rounding explains",
        minimum=0,
        in_matrix=True,
    ),
    Setting(
        "method",
        "choice",
        _DEFAULTS.method,
        "how the numeric gradient is computed",
        choices=METHODS,
        in_matrix=True,
    ),
    Setting(
        "step",
        "number",
        _DEFAULTS.step,
        "size of the perturbation; chosen for each element if not given",
        above=0.0,
        in_matrix=True,
    ),
    Setting(
        "elements",
        "elements",
        _DEFAULTS.elements,
        "how many elements of each input to compare: all, that many, a probe along random directions, "
        "or what fits the budget (auto)",
        choices=ELEMENTS,
        minimum=1,
    ),
    Setting("budget", "number", _DEFAULTS.budget, "seconds that a check may take", above=0.0),
    Setting("blame", "flag", _DEFAULTS.blame, "look for the faulty line when a gradient is wrong"),
    Setting("nodes", "flag", _DEFAULTS.nodes, "compare the gradient of every intermediate too"),
)

SETTINGS: dict[str, Setting] = {setting.name: setting for setting in _ALL}
