"""A derivation as Rich renderables: the graph, its local partials, and how the paths add up."""

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
    **{"∂": "d", "μ": "mu", "σ²": "var", "x̂": "x_hat", "γ": "gamma", "β": "beta", "ε": "eps", "π": "pi"},
    **{"√": "sqrt", "Σ": "sum ", "²": "^2", "³": "^3", "ᵀ": "^T", "·": "g", "½": "1/2", "±": "+-", "←": "<-"},
}


@dataclass(frozen=True)
class DerivationReport:
    """All of `gradcli explain LAYER` below the layer's own description."""

    derived: Derived

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        derived = self.derived
        write = _Writer(options.ascii_only)
        yield write("The graph, from the output back to the inputs", "bold")
        yield from (write.tree(derived.derivation, name) for name in derived.derivation.outputs)
        yield ""
        yield write("Local partials", "bold")
        yield write(
            "Each is applied to the cotangent of its node (the dot), once by its formula and\n"
            "once by perturbing that edge alone, the other nodes frozen; shown is the element\n"
            "at which the two differ most."
        )
        yield Constrain(write.partials(derived.derivation, derived.partials), _WIDTH)
        yield from (
            write(f"∂{p.node.symbol}/∂{derived.derivation.symbol(p.edge.parent)}: {p.edge.why}")
            for p in derived.partials
            if p.edge.why
        )
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
        plain = box.ASCII2 if self.ascii_only else box.SIMPLE_HEAD
        table = Table(box=plain, pad_edge=False, padding=0 if self.ascii_only else (0, 1, 0, 0))
        for title in ("partial", "formula", "by formula", "perturbed", "error"):
            table.add_column(title, no_wrap=title != "formula", justify="left")
        for partial in partials:
            gradient, at = partial.gradient, partial.gradient.worst_index
            table.add_row(
                self(f"∂{partial.node.symbol}/∂{derivation.symbol(partial.edge.parent)}"),
                self(partial.edge.formula),
                _number(gradient, gradient.analytic[at]),
                _number(gradient, gradient.numeric[at]),
                _error(gradient),
            )
        return table

    def paths(self, derivation: Derivation, paths: Paths) -> "RenderResult":
        """The shares of the paths, their sum, and what it has to be."""
        symbol = derivation.symbol(paths.name)
        at = f" at {paths.index}" if paths.index else ""
        yield self(f"d{symbol}{at} ← {len(paths.terms)} path{'s' if len(paths.terms) > 1 else ''}", "bold")
        terms = [(self.plain(f"through {derivation.symbol(node)}"), share) for node, share in paths.terms]
        width = max(len("backward"), *(cell_len(name) for name, _ in terms))
        rows = [(name, f"{share: .9g}") for name, share in terms]
        if len(rows) > 1:
            rows.append(("sum", f"{paths.total: .9g}"))
        rows += [
            ("backward", f"{paths.backward: .9g}"),
            ("numeric", f"{paths.numeric: .9g} ± {paths.uncertainty:.1e}"),
        ]
        yield from (self(f"  {set_cell_size(name, width)}  {value}") for name, value in rows)

    def verdict(self, derived: Derived) -> Text:
        good = sum(partial.gradient.verdict == PASS for partial in derived.partials)
        sums = sum(paths.agrees for paths in derived.paths)
        line = Text("PASS" if derived.agrees else "FAIL", "green" if derived.agrees else "bold red")
        line.append(
            f"  {derived.id}\n"
            f"      {good} of {len(derived.partials)} partials agree, "
            f"{sums} of {len(derived.paths)} gradients are sums of their paths"
        )
        return line


def _number(gradient: Gradient, value: float) -> str:
    """A number; what is zero within its uncertainty is zero, and not what rounding left of it."""
    zero = gradient.note == "zero" and gradient.verdict == PASS
    return "0" if zero else f"{float(value):.6g}"


def _error(gradient: Gradient) -> Text:
    """The relative error; a wrong partial is said in words too, for want of colour."""
    shown = "zero" if gradient.note == "zero" else f"{gradient.relative_error:.1e}"
    return Text(shown) if gradient.verdict == PASS else Text(f"{shown} WRONG", "bold red")
