"""Functions that return functions: what a call of theirs gives needs a name before it can be checked."""

import ast
from collections.abc import Callable, Sequence
from typing import Any

from gradcli.targets.python_file import Loaded
from gradcli.targets.remembered import remembered
from gradcli.targets.returned_names import own_nodes
from gradcli.targets.source_tree import source_tree

_DEFINES = ast.FunctionDef | ast.ClassDef


def advice(loaded: Loaded, names: Sequence[str]) -> str | None:
    """What to add to a file in which a function returns others that it defines; None without one."""
    for name in loaded.functions(names):
        made = made_by(loaded.namespace[name])
        if made:
            return (
                f"{loaded.at(name)}: {name} returns what it defines: give that a name at the top of the "
                f"file, as in `{', '.join(made)} = {name}(...)`"
            )
    return None


@remembered
def made_by(function: Callable[..., Any]) -> list[str]:
    """Names for the functions that a function defines and returns; empty where it returns anything else."""
    tree = source_tree(function)
    if tree is None:
        return []
    whole = tree.body[0]
    defined = (node for node in ast.walk(whole) if isinstance(node, _DEFINES) and node is not whole)
    inner = {node.name for node in defined if not _wraps(node)}
    returned = [node.value for node in own_nodes(whole) if isinstance(node, ast.Return)]
    if not returned or returned[-1] is None:
        return []
    parts = returned[-1].elts if isinstance(returned[-1], ast.Tuple) else [returned[-1]]
    named = list(map(_definition, parts))
    return [name.lower() for name in named if name is not None] if inner.issuperset(named) else []


def _wraps(node: ast.AST) -> bool:
    """Whether it takes whatever another function does, as what a decorator returns."""
    return isinstance(node, ast.FunctionDef) and node.args.vararg is not None


def _definition(node: ast.expr) -> str | None:
    """`f` of `f`, `Scale` of `Scale.apply`."""
    if isinstance(node, ast.Attribute) and node.attr == "apply":
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
