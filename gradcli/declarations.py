"""What is on purpose: gradients that are meant to differ from the derivative, and how.

A declaration is written in a config, as a flag or as a keyword of `gradcli.check`; all three are read here.
It names what it excuses; nothing beyond that is absorbed, and one that does not hold is an error (GC112).
"""

import datetime
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import field, replace
from numbers import Integral, Real
from typing import Any

from gradcli.dataclass import dataclass
from gradcli.errors import UsageError
from gradcli.expression import require_grammar

EVERY = ""  # stands for all gradients, as the name of one
_LONGEST_REASON = 500
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class Surrogate:
    """A gradient that is another function's on purpose, such as a straight-through estimator."""

    reason: str
    gradients: tuple[str, ...] = ()  # none named: at least one of all differs


@dataclass(frozen=True)
class ExpectedFailure:
    """A check that is known to fail, why, and until when that is all right."""

    reason: str
    until: datetime.date | None = None  # the last day on which the failure does not count

    def has_expired(self, today: datetime.date) -> bool:
        return self.until is not None and today > self.until


@dataclass(frozen=True)
class Declarations:
    """All that is declared of one check."""

    scale: Mapping[str, str] = field(default_factory=dict)  # by gradient: 1/m times the derivative
    sign: Mapping[str, int] = field(default_factory=dict)
    stop_gradient: tuple[str, ...] = ()  # inputs that backward takes for constants
    nograd: tuple[str, ...] = ()  # inputs of floats without a gradient
    surrogate: Surrogate | None = None
    xfail: ExpectedFailure | None = None

    @property
    def without_gradient(self) -> frozenset[str]:
        """Inputs that are not compared."""
        return frozenset({*self.nograd, *self.stop_gradient})

    @property
    def named(self) -> dict[str, list[str]]:
        """Every input that is named, and the declarations that name it."""
        found: dict[str, list[str]] = {}
        surrogates = self.surrogate.gradients if self.surrogate else ()
        for key, names in (
            ("scale", self.scale),
            ("sign", self.sign),
            ("stop_gradient", self.stop_gradient),
            ("nograd", self.nograd),
            ("surrogate", surrogates),
        ):
            for name in names:
                if name != EVERY:
                    found.setdefault(name, []).append(key)
        return found

    def about(self, is_meant: Callable[[str], bool]) -> "Declarations":
        """Those that name only inputs that are meant, and those that name none."""

        def among(names: Iterable[str]) -> tuple[str, ...]:
            return tuple(name for name in names if name == EVERY or is_meant(name))

        surrogate = self.surrogate
        if surrogate and surrogate.gradients:
            gradients = among(surrogate.gradients)
            surrogate = replace(surrogate, gradients=gradients) if gradients else None
        return replace(
            self,
            scale={name: self.scale[name] for name in among(self.scale)},
            sign={name: self.sign[name] for name in among(self.sign)},
            stop_gradient=among(self.stop_gradient),
            nograd=among(self.nograd),
            surrogate=surrogate,
        )


KEYS = ("scale", "sign", "stop_gradient", "nograd", "surrogate", "xfail")

NONE = Declarations()


def read(**values: Any) -> Declarations:
    """The declarations that these values say, None where nothing is declared; see KEYS.

    scale: an expression, or a mapping from gradients to expressions; sign: -1 likewise; stop_gradient and
    nograd: names; surrogate: a reason, or {"reason": …, "gradients": […]}; xfail: a reason, or
    {"reason": …, "until": a date}. Raises UsageError, which starts with the key.
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        if value is not None:
            try:
                found[key] = _READERS[key](value)
            except UsageError as error:
                raise UsageError(f"{key}: {error}") from None
    declarations = Declarations(**found)
    refuse_contradictions(declarations)
    return declarations


def read_one(key: str, value: Any) -> Any:
    """The value of one declaration. Raises UsageError, which does not name the key."""
    return _READERS[key](value)


def refuse_contradictions(declarations: Declarations) -> None:
    """Raise UsageError for declarations of one input that exclude each other."""
    for name, keys in declarations.named.items():
        others = [key for key in keys if key not in ("scale", "sign")]
        if others and len(keys) > 1:
            first, second = others[0], next(key for key in keys if key != others[0])
            raise UsageError(
                f"{first}: {name} is declared {second} too, and only one of the two can hold: "
                f"{_MEANING[first]}"
            )


def plain(declarations: Declarations) -> dict[str, Any]:
    """The declarations as values for JSON, which `read` takes back."""
    found: dict[str, Any] = {}
    for key in ("scale", "sign"):
        values = getattr(declarations, key)
        if values:
            found[key] = values[EVERY] if set(values) == {EVERY} else dict(values)
    for key in ("stop_gradient", "nograd"):
        if getattr(declarations, key):
            found[key] = list(getattr(declarations, key))
    if declarations.surrogate is not None:
        gradients = list(declarations.surrogate.gradients)
        found["surrogate"] = {"reason": declarations.surrogate.reason}
        found["surrogate"] |= {"gradients": gradients} if gradients else {}
    if declarations.xfail is not None:
        until = declarations.xfail.until
        found["xfail"] = {"reason": declarations.xfail.reason}
        found["xfail"] |= {"until": until.isoformat()} if until else {}
    return found


_MEANING = {
    "stop_gradient": "what is constant has no gradient",
    "nograd": "what has no gradient is not compared",
    "surrogate": "a surrogate is not held against the derivative",
}


def _scale(value: Any) -> dict[str, str]:
    return {name: _expression(one) for name, one in _by_gradient(value).items()}


def _expression(value: Any) -> str:
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        text = str(int(value)) if isinstance(value, Integral) else repr(float(value))
    else:
        raise UsageError(f"must be a number or text such as 1/4 or 1/m, got {value!r:.60}")
    require_grammar(text)
    return text


def _sign(value: Any) -> dict[str, int]:
    found = _by_gradient(value)
    for one in found.values():
        if isinstance(one, bool) or one not in (1, -1):
            raise UsageError(f"must be -1 (or 1), got {one!r:.60}")
    return {name: int(one) for name, one in found.items()}


def _by_gradient(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        return {EVERY: value}
    if not value or not all(isinstance(name, str) for name in value):
        raise UsageError(f"must name gradients, such as {{W: 1/4}}, got {value!r:.60}")
    return value


def _names(value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Collection) or not names or not all(isinstance(n, str) and n for n in names):
        raise UsageError(f"must be a list of inputs, such as [x], got {value!r:.60}")
    return tuple(dict.fromkeys(names))


def _surrogate(value: Any) -> Surrogate:
    values = _with_reason(value, "gradients")
    gradients = values.get("gradients")
    return Surrogate(values["reason"], () if gradients is None else _names(gradients))


def _xfail(value: Any) -> ExpectedFailure:
    values = _with_reason(value, "until")
    return ExpectedFailure(values["reason"], _date(values.get("until")))


def _with_reason(value: Any, other: str) -> Mapping[str, Any]:
    values = {"reason": value} if isinstance(value, str) else value
    if not isinstance(values, Mapping) or not set(values) <= {"reason", other}:
        raise UsageError(f"must be a reason, or a mapping with 'reason' and '{other}', got {_written(value)}")
    reason = values.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise UsageError("needs a reason, for whoever reads the report")
    if len(reason) > _LONGEST_REASON or not reason.isprintable():
        raise UsageError(f"the reason must be at most {_LONGEST_REASON} printable characters")
    return values


def _written(value: object) -> str:
    """A value as a config has it, where that differs from Python."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return f"{value!r:.60}"


def _date(value: Any) -> datetime.date | None:
    if value is None or (isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)):
        return value
    try:
        if not isinstance(value, str) or _DATE.fullmatch(value) is None:
            raise ValueError
        return datetime.date.fromisoformat(value)
    except ValueError:
        raise UsageError(f"until must be a date such as 2027-01-31, got {value!r:.60}") from None


_READERS: dict[str, Any] = {
    "scale": _scale,
    "sign": _sign,
    "stop_gradient": _names,
    "nograd": _names,
    "surrogate": _surrogate,
    "xfail": _xfail,
}
