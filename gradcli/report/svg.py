"""Error against step as SVG: one self-contained file, without scripts, fonts or anything from the network."""

import math
from collections.abc import Iterable, Iterator, Sequence
from xml.sax.saxutils import escape

from gradcli.report.curve import LEGEND, Range, error_range, level, remarks, shown, step_range, title
from gradcli.sweep import Curve

_WIDTH, _HEIGHT = 760, 490  # of one curve with its text
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 736, 62, 352  # of the frame
_LINE = 20  # between lines of text

# Blue and vermilion of Okabe and Ito (2008), told apart by the colour-blind too; and lines differ in kind.
# All below one class, so that nothing else changes where the drawing is put into a page.
_STYLE = """\
.curves text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 }
.curves .title { font-weight: bold }
.curves .paper { fill: #ffffff }
.curves .grid { stroke: #d8dee4; stroke-width: 1 }
.curves .frame { fill: none; stroke: #57606a; stroke-width: 1 }
.curves .second { fill: none; stroke: #0072b2; stroke-width: 2 }
.curves .fourth { fill: none; stroke: #d55e00; stroke-width: 2; stroke-dasharray: 7 3 }
.curves .level { stroke: #57606a; stroke-width: 1.5; stroke-dasharray: 2 4 }
.curves .chosen { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  .curves text { fill: #e6edf3 }
  .curves .paper { fill: #0d1117 }
  .curves .grid { stroke: #30363d }
  .curves .frame, .curves .level { stroke: #9198a1 }
  .curves .second { stroke: #56b4e9 }
  .curves .fourth { stroke: #f0883e }
  .curves .chosen { stroke: #e6edf3 }
}"""


def document(curves: Sequence[Curve]) -> str:
    """One SVG document, a curve below the other."""
    height = _HEIGHT * len(curves)
    panels = (
        _element("g", _panel(curve), transform=f"translate(0 {_HEIGHT * place})")
        for place, curve in enumerate(curves)
    )
    paper = _element("rect", (), class_="paper", width="100%", height="100%")
    names = ", ".join(title(curve)[0] for curve in curves)
    children = [
        _element("title", [escape(f"Error against step: {names}")]),
        _element("style", [_STYLE]),
        paper,
        *panels,
    ]
    svg = _element(
        "svg",
        children,
        xmlns="http://www.w3.org/2000/svg",
        class_="curves",
        role="img",
        width=_WIDTH,
        height=height,
        viewBox=f"0 0 {_WIDTH} {height}",
    )
    return f"{svg}\n"


def _panel(curve: Curve) -> Iterator[str]:
    name, what = title(curve)
    yield _text(_LEFT, 26, name, class_="title")
    yield _text(_LEFT, 26 + _LINE, what)
    steps, errors = step_range(curve), error_range(curve)
    yield from _grid(steps, errors)
    yield _element("rect", (), class_="frame", x=_LEFT, y=_TOP, width=_RIGHT - _LEFT, height=_BOTTOM - _TOP)
    if (known := level(curve)) is not None:
        yield _line("level", _LEFT, _y(known, errors), _RIGHT, _y(known, errors))
    if curve.chosen is not None:
        x = _x(curve.chosen, steps)
        yield _line("chosen", x, _TOP, x, _BOTTOM)
    for kind, values in (("fourth", curve.errors4), ("second", curve.errors2)):
        yield _element("path", (), class_=kind, d=_path(curve, shown(curve, values), steps, errors))
    yield from _legend(curve)


def _grid(steps: Range, errors: Range) -> Iterator[str]:
    for exponent in range(steps.high, steps.low - 1, -1):
        x = _x(10.0**exponent, steps)
        yield _line("grid", x, _TOP, x, _BOTTOM)
        if (steps.high - exponent) % 2 == 0:
            yield _text(x, _BOTTOM + 18, f"1e{exponent}", text_anchor="middle")
    for exponent in range(errors.high, errors.low - 1, -2):
        y = _y(exponent, errors)
        yield _line("grid", _LEFT, y, _RIGHT, y)
        yield _text(_LEFT - 8, y + 4, f"1e{exponent}", text_anchor="end")


def _legend(curve: Curve) -> Iterator[str]:
    """What the lines are, each beside a piece of it, and below that the same words as on a terminal."""
    y = _BOTTOM + 2 * _LINE
    entries = [("second", "2nd order"), ("fourth", "4th order")]
    entries += [("chosen", "chosen step")] if curve.chosen is not None else []
    entries += [("level", "uncertainty of the check")] if level(curve) is not None else []
    for place, (kind, words) in enumerate(entries):
        x = _LEFT + 150 * place
        yield _line(kind, x, y - 4, x + 28, y - 4)
        yield _text(x + 36, y, words)
    for place, words in enumerate([LEGEND, *remarks(curve)], start=1):
        yield _text(_LEFT, y + place * _LINE, words)


def _path(curve: Curve, values: Sequence[float | None], steps: Range, errors: Range) -> str:
    """Straight lines from point to point, interrupted where there is no error."""
    words: list[str] = []
    down = False
    for step, value in zip(curve.steps.tolist(), values, strict=True):
        if value is not None:
            words.append(f"{'L' if down else 'M'}{_x(step, steps):.1f} {_y(value, errors):.1f}")
        down = value is not None
    return " ".join(words)


def _x(step: float, steps: Range) -> float:
    part = (math.log10(step) - steps.low) / (steps.high - steps.low)
    return _LEFT + min(max(part, 0.0), 1.0) * (_RIGHT - _LEFT)


def _y(value: float, errors: Range) -> float:
    part = (errors.high - value) / (errors.high - errors.low)
    return _TOP + min(max(part, 0.0), 1.0) * (_BOTTOM - _TOP)


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return _element("line", (), class_=kind, x1=x1, y1=y1, x2=x2, y2=y2)


def _text(x: float, y: float, words: str, **attributes: str) -> str:
    return _element("text", [escape(words)], x=x, y=y, **attributes)


def _element(tag: str, children: Iterable[str], **attributes: str | float) -> str:
    """An XML element. Attributes in Python's spelling: `class_`, `text_anchor`."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_attribute(value)}"' for name, value in attributes.items()
    )
    inside = "\n".join(children)
    return f"<{tag}{written}>{inside}</{tag}>" if inside else f"<{tag}{written}/>"


def _attribute(value: str | float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else escape(str(value), {'"': "&quot;"})
