"""What the user asked for, before any array exists: the common form of flags, YAML and API calls."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from numbers import Integral, Real
from pathlib import Path

from gradcli.dataclass import dataclass
from gradcli.declarations import NONE, Declarations
from gradcli.errors import UsageError

METHODS = ("auto", "linear", "complex", "central")
DTYPES = ("float64", "float32", "float16")
ORDERS = (1, 2)
ELEMENTS = ("auto", "all", "probe")
_ORIGIN = re.compile(r"(?P<file>.+?):(?P<line>\d+)(:\d+)?", re.DOTALL)


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
    nodes: bool = False  # compare every intermediate too


@dataclass(frozen=True)
class InputSpec:
    """An input to be drawn: `scale * normal + offset`, integers below high, booleans, or one-hot classes."""

    shape: tuple[int, ...]
    dtype: str | None = None  # None: the dtype of the check; or an integer type, "bool", "onehot", …
    scale: float = 1.0
    offset: float = 0.0
    high: int = 2  # integers only


@dataclass(frozen=True)
class Loading:
    """How a user's file is imported."""

    stubs: tuple[str, ...] = ()  # modules that are replaced by stand-ins
    only_symbol: bool = False  # run only the definitions that the target needs


@dataclass(frozen=True)
class TapeSpelling:
    """A tape engine in expressions over what the file defines; None: to be inferred."""

    wrap: str | None = None  # an array x as a value of the engine: "Tensor(x)"
    run: str | None = None  # backward from an output, with or without a cotangent: "out.backward(g)"
    read: str | None = None  # the gradient of a value x: "x.grad"
    unwrap: str | None = None  # the numbers of an output: "out.data"


@dataclass(frozen=True)
class ObjectSpelling:
    """An object of a user's class: how it is made, and where it keeps what."""

    constructor: str | Mapping[str, object] | None = None  # an expression that makes it, or its arguments
    parameters: Mapping[str, str] = field(default_factory=dict)  # by name: "layers[0].W"
    gradients: Mapping[str, str] = field(default_factory=dict)  # of parameters and of forward's arguments


@dataclass(frozen=True)
class Spelling:
    """What a config says of code that does not show it."""

    tape: TapeSpelling | None = None
    object: ObjectSpelling | None = None


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
    loading: Loading = Loading()
    declarations: Declarations = NONE
    spelling: Spelling = Spelling()
    order: int | None = None  # 1: derivatives of functions alone; 2: of their gradients; None: what there is
    base: Path = Path()  # the folder that relative paths start from
    origin: str | None = None  # where it was written, for messages: "configs/net.yaml:7:5"
    found: bool = False  # a file found in a folder: that it holds nothing to check is no mistake


def file_and_line(origin: str) -> tuple[str, int]:
    """The file and the line of an origin: `configs/net.yaml` and 7."""
    found = _ORIGIN.fullmatch(origin)
    assert found is not None
    return found["file"], int(found["line"])


def default_id(spec: CheckSpec) -> str:
    """The id of a check that was given none; see `derive_id`."""
    order = {} if spec.order is None else {"order": spec.order}
    return derive_id(spec.target, {**spec.options, **order})


def derive_id(target: str, options: Mapping[str, object]) -> str:
    """The id of a check that was given none: `batchnorm[batch=2,features=3]`, `layers.py:batchnorm`.

    Of a built-in layer, all dimensions stand in it, and those of its options that differ from their
    default; whatever else is given (a dtype that a grid runs over) follows. Flags and configs derive the
    same id for the same check, so they draw the same numbers.
    """
    from gradcli.layers import LAYERS

    layer = LAYERS.get(target)
    values = dict(options)
    if layer is not None:
        declared = {parameter.name: parameter.default for parameter in layer.parameters}
        values = {dim.name: options.get(dim.name, dim.default) for dim in layer.dims}
        for option in layer.options:
            value = options.get(option.name, option.default)
            if value != option.default:
                values[option.name] = value
        values |= {name: value for name, value in options.items() if name not in declared}
    listed = ",".join(f"{name}={value}" for name, value in values.items())
    return f"{target}[{listed}]" if listed else target


def validate_settings(settings: Settings) -> None:
    """Raise UsageError, one line per mistake, for settings that no check can be run with."""
    mistakes = [
        *_number("tol", settings.tol, "a finite number, 0 or more", lambda tol: 0 <= tol < math.inf),
        *_number("budget", settings.budget, "a number of seconds above 0", lambda budget: budget > 0),
    ]
    if settings.step is not None:
        mistakes += _number(
            "step", settings.step, "a finite number above 0", lambda step: 0 < step < math.inf
        )
    if not _is_integer(settings.seed) or settings.seed < 0:
        mistakes.append(f"seed must be an integer, 0 or more, got {settings.seed!r}")
    if settings.method not in METHODS:
        mistakes.append(f"method must be one of {', '.join(METHODS)}, got {settings.method!r}")
    elements = settings.elements
    if elements not in ELEMENTS and not (_is_integer(elements) and int(elements) > 0):
        mistakes.append(f"elements must be {', '.join(ELEMENTS)} or a number above 0, got {elements!r}")
    if mistakes:
        raise UsageError("\n".join(mistakes))


def _number(name: str, value: object, expected: str, holds: Callable[[float], bool]) -> list[str]:
    if isinstance(value, Real) and not isinstance(value, bool) and holds(float(value)):
        return []
    return [f"{name} must be {expected}, got {value!r}"]


def _is_integer(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
