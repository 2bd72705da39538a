"""The flags that declare what is on purpose, and the line that gives them again."""

from collections.abc import Callable, Sequence
from typing import Any

from gradcli.declarations import EVERY, Declarations, read
from gradcli.errors import UsageError


def read_declarations(options: dict[str, Any]) -> Declarations:
    """Take the flags out of a command's options. Raises UsageError, which starts with the flag."""
    scale, sign, surrogate = (options.pop(name, ()) for name in ("scale", "sign", "surrogate"))
    reason, until = options.pop("xfail", None), options.pop("xfail_until", None)
    if until is not None and reason is None:
        raise UsageError("--xfail-until: needs --xfail REASON")
    try:
        return read(
            scale=_by_gradient("--scale", scale, str),
            sign=_by_gradient("--sign", sign, _sign),
            stop_gradient=list(options.pop("stop_gradient", ())) or None,
            nograd=list(options.pop("nograd", ())) or None,
            surrogate=_surrogate(surrogate),
            xfail=None if reason is None else {"reason": reason, "until": until},
        )
    except UsageError as error:
        text = str(error)
        raise UsageError(text if text.startswith("--") else f"--{_flagged(text)}") from None


def _flagged(text: str) -> str:
    key, colon, rest = text.partition(":")
    return f"{key.replace('_', '-')}{colon}{rest}"


def _by_gradient(flag: str, texts: Sequence[str], convert: Callable[[str], Any]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for text in texts:
        name, value = _split(text)
        if name in found:
            raise UsageError(f"{flag} {text}: {name or 'the factor of all gradients'} is given twice")
        found[name] = convert(value)
    return found or None


def _split(text: str) -> tuple[str, str]:
    """`W=1/4` is for W, `1/4` for every gradient."""
    name, equals, value = text.partition("=")
    return (name.strip(), value.strip()) if equals else (EVERY, text.strip())


def _sign(text: str) -> Any:
    return {"-1": -1, "-": -1, "1": 1, "+1": 1, "+": 1}.get(text, text)


def _surrogate(texts: Sequence[str]) -> dict[str, Any] | None:
    """`x=straight-through estimator`; a reason alone is for the gradients as a whole."""
    names, reasons = [], []
    for text in texts:
        name, equals, reason = text.partition("=")
        is_named = bool(equals) and name.strip().isidentifier()
        names += [name.strip()] if is_named else []
        reasons.append(reason.strip() if is_named else text.strip())
    if not texts:
        return None
    if names and len(names) < len(texts):
        raise UsageError("--surrogate: name the gradient in each, or in none: x=straight-through estimator")
    return {"reason": "; ".join(dict.fromkeys(reasons)), "gradients": names or None}
