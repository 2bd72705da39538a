"""A derivation as Rich renderables: the graph, its local partials, and how the paths add up."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from gradcli.explain.derivation import Derivation
from gradcli.explain.derive import Derived, Partial, Paths
from gradcli.result import PASS, Gradient

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_WIDTH = 80  # a page is read in a narrow window as in a wide one, and pasted
# In this order: σ² before ².
_PLAIN = {
    "∂": "d",
    "μ": "mu",
    "σ²": "var",
    "x̂": "x_hat",
    "γ": "gamma",
    "β": "beta",
    "ε": "eps",
    "π": "pi",
    "x₀": "x_0",
    "kernel²": "kernel^2",
    "√": "sqrt",
    "Σ": "sum ",
    "²": "^2",
    "³": "^3",
    "ᵀ": "^T",
    "·": "g",
    "½": "1/2",
    "±": "+-",
    "←": "<-",
}


@dataclass(frozen=True)
class DerivationReport:
    """All of `gradcli explain LAYER` below the layer's own description."""

    derived: Derived

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        derived = self.derived
        write = _Writer(options.ascii_only)
        yield write(_point(derived))
        yield ""
        yield write("The graph, from the output back to the inputs", "bold")
        yield from (write.tree(derived.derivation, name) for name in derived.derivation.outputs)
        yield ""
        yield write("Local partials", "bold")
        yield write(
            "Each pulls the cotangent of its node (the dot, where the order matters) back\n"
            "over one edge, once by its formula and once by perturbing that edge alone, the\n"
            "other nodes frozen. Shown is the element at which the two differ most."
        )
        yield ""
        yield Constrain(write.partials(derived.derivation, derived.partials), _WIDTH)
        for paths in derived.paths:
            yield ""
            yield from write.paths(derived.derivation, paths)
        yield ""
        yield write.verdict(derived)


@dataclass(frozen=True)
class _Writer:
    """Text in Unicode, or in ASCII where the terminal has no more."""

    ascii_only: bool

    def __call__(self, text: str, style: str = "") -> Text:
        return Text(self.plain(text), style)

    def plain(self, text: str) -> str:
        if self.ascii_only:
            for symbol, word in _PLAIN.items():
                text = text.replace(symbol, word)
        return text

    def tree(self, derivation: Derivation, name: str) -> Tree:
        """The nodes that a node is computed from, each spelt out once."""
        seen: set[str] = set()

        def label(name: str) -> Text:
            node = derivation.node(name)
            symbol = derivation.symbol(name)
            if node is None:
                return self(symbol)
            return self(f"{symbol}, above" if name in seen else f"{symbol} = {node.formula}")

        def grow(tree: Tree, name: str) -> Tree:
            node = derivation.node(name)
            if node is not None and name not in seen:
                seen.add(name)
                for edge in node.edges:
                    grow(tree.add(label(edge.parent)), edge.parent)
            return tree

        return grow(Tree(label(name)), name)

    def partials(self, derivation: Derivation, partials: tuple[Partial, ...]) -> Table:
        lines = box.ASCII if self.ascii_only else box.SIMPLE_HEAD
        table = Table(box=lines, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
        for title in ("partial", "formula", "by formula", "perturbed", "error"):
            table.add_column(title, no_wrap=title != "formula", justify="left")
        for partial in partials:
            gradient, at = partial.gradient, partial.gradient.worst_index
            formula = self(partial.edge.formula)
            if partial.edge.why:
                formula.append_text(self(f"\n{partial.edge.why}", "italic"))
            table.add_row(
                self(f"∂{partial.node.symbol}/∂{derivation.symbol(partial.edge.parent)}"),
                formula,
                _number(gradient, gradient.analytic[at]),
                _number(gradient, gradient.numeric[at]),
                _error(gradient),
            )
        return table

    def paths(self, derivation: Derivation, paths: Paths) -> "RenderResult":
        """The shares of the paths, their sum, and what it has to be."""
        symbol = derivation.symbol(paths.name)
        count = f"{len(paths.terms)} path{'s' if len(paths.terms) > 1 else ''}"
        yield self(f"d{symbol}{_place(paths.index)} ← {count}", "bold")
        shares = [(self.plain(f"through {derivation.symbol(node)}"), share) for node, share in paths.terms]
        ends = [("backward", paths.backward), ("numeric", paths.numeric)]
        several = len(shares) > 1
        if several:
            ends.insert(0, ("sum", paths.total))
        numbers = _aligned([value for _, value in (*shares, *ends)])
        width = max(cell_len(name) for name, _ in (*shares, *ends))
        rows = [
            f"  {set_cell_size(name, width)}  {number}"
            for (name, _), number in zip((*shares, *ends), numbers, strict=True)
        ]
        rows[-1] += f" ± {paths.uncertainty:.1e}"
        rule = "-" if self.ascii_only else "─"
        if several:
            rows.insert(len(shares), "  " + rule * (width + 2 + len(numbers[0])))
        yield from map(self, rows)

    def verdict(self, derived: Derived) -> Text:
        good = sum(partial.gradient.verdict == PASS for partial in derived.partials)
        sums = sum(paths.agrees for paths in derived.paths)
        line = Text("PASS" if derived.agrees else "FAIL", "green" if derived.agrees else "bold red")
        line.append(f"  {_broken(derived.id)}")
        line.append(f"\n      {good} of {_count(len(derived.partials), 'partial')} agree")
        line.append(f", {sums} of {_count(len(derived.paths), 'gradient')} the sum of the paths")
        return line


def _point(derived: Derived) -> str:
    """Where the numbers are taken: `x 2x3, γ 3, β 3; eps = 1e-05; seed 0`."""
    check, derivation = derived.check, derived.derivation
    shapes = {name[3:]: array.shape for name, array in check.arrays.items() if name.startswith("in/")}
    inputs = ", ".join(
        f"{derivation.inputs.get(name, name)} {'x'.join(map(str, shape)) or 'scalar'}"
        for name, shape in shapes.items()
    )
    constants = ", ".join(f"{name} = {value}" for name, value in check.constants.items())
    return "; ".join(part for part in (inputs, constants, f"seed {check.seed}") if part)


def _broken(id: str) -> str:
    """An id over several lines where it is too long for one."""
    whole, *more = id.split(",")
    for part in more:
        fits = len(whole.rpartition("\n")[2]) + len(part) < _WIDTH - 8
        whole += f",{part}" if fits else f",\n        {part}"
    return whole


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _place(index: tuple[int, ...]) -> str:
    return f" at {index if len(index) > 1 else index[0]}" if index else ""


def _aligned(values: list[float]) -> list[str]:
    """Numbers with their points below each other, and some digits left of the smallest."""
    sizes = [math.floor(math.log10(abs(v))) for v in values if v and math.isfinite(v)] or [0]
    decimals = min(max(8 - max(sizes), 3 - min(sizes), 0), 12)
    if not -6 <= min(sizes) <= max(sizes) <= 8:
        return [f"{value: .8e}" for value in values]
    texts = [f"{value:.{decimals}f}" for value in values]
    return [text.rjust(max(map(len, texts))) for text in texts]


def _number(gradient: Gradient, value: float) -> str:
    """A number; what is zero within its uncertainty is zero, and not what rounding left of it."""
    zero = gradient.note == "zero" and gradient.verdict == PASS
    return "0" if zero else f"{float(value):.6g}"


def _error(gradient: Gradient) -> Text:
    """The relative error; a wrong partial is said in words too, for want of colour."""
    shown = "zero" if gradient.note == "zero" else f"{gradient.relative_error:.1e}"
    return Text(shown) if gradient.verdict == PASS else Text(f"{shown} WRONG", "bold red")
