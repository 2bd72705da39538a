"""What the user asked for, before any array exists: the common form of flags, YAML and API calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

METHODS = ("auto", "linear", "complex", "central")
DTYPES = ("float64", "float32", "float16")


@dataclass(frozen=True)
class Settings:
    """How to check; the same keywords everywhere: `gradcli.check`, flags and YAML."""

    seed: int = 0
    tol: float = 1e-7
    method: str = "auto"  # one of METHODS
    step: float | None = None  # None: chosen per element
    elements: str | int = "auto"  # "auto", "all", "probe" or a number of elements per input
    budget: float = 10.0  # seconds per check
    blame: bool = True


@dataclass(frozen=True)
class InputSpec:
    """An input to be drawn: `scale * normal + offset`, or integers in [0, high), or booleans."""

    shape: tuple[int, ...]
    dtype: str | None = None  # None: the dtype of the check; may be an integer type or "bool"
    scale: float = 1.0
    offset: float = 0.0
    high: int = 2  # integers only


@dataclass(frozen=True)
class CheckSpec:
    """One check as asked for; `targets.resolve` makes Problems of it."""

    target: str
    id: str | None = None  # None: derived from the target and its options
    options: Mapping[str, object] = field(default_factory=dict)  # dimensions and options of a layer
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    inputs_file: Path | None = None  # an .npz with arrays by argument name
    constants: Mapping[str, object] = field(default_factory=dict)
    dtype: str = "float64"
    settings: Settings = Settings()
    base: Path = Path()  # the folder that relative paths start from
    origin: str | None = None  # where it was written, for messages: "configs/net.yaml:7"
