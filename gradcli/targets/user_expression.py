"""Python that a config writes about the user's code: `Tensor(x)`, `out.backward(g)`, `Net([Affine(3, 2)])`.

It is run, in the namespace of the file that it is about; NumPy is there as `np`. What is wrong with the text
itself is told from what the user's code raises: the first is a mistake of the config.
"""

import ast
import builtins
from collections.abc import Collection, Iterator, Mapping
from types import CodeType
from typing import Any, Literal

import numpy as np

from gradcli.errors import UsageError, first_line
from gradcli.targets.near_miss import did_you_mean


class UserExpression:
    """An expression, or with `statements` what may be assignments too, of a config."""

    def __init__(
        self,
        where: str,
        key: str,
        text: str,
        namespace: Mapping[str, Any],
        given: Collection[str] = (),
        *,
        statements: bool = False,
    ) -> None:
        """where, key: for messages; given: the names that a call gives beside those of the namespace.

        Raises UsageError for what is no Python and for names that stand for nothing.
        """
        self._where = f"{where}: {key}"
        self.text = text
        self._namespace = namespace
        mode: Literal["exec", "eval"] = "exec" if statements else "eval"
        try:
            self._tree: ast.AST = ast.parse(text.strip(), mode=mode)
            self._code: CodeType = compile(text.strip(), f"<{key}>", mode)
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise UsageError(f"{self._where}: {syntax_mistake(text, error)}") from None
        self._refuse_unknown_names(given)

    @property
    def names(self) -> set[str]:
        """The names that it speaks of."""
        return {node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name)}

    @property
    def assigned_names(self) -> set[str]:
        """The names that it gives a meaning to."""
        return set(_bound(self._tree))

    def __call__(self, **given: Any) -> Any:
        """Its value; None for statements. Raises UsageError for a mistake of its own."""
        return self.run(given)[0]

    def run(self, given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Its value, and the names that it has assigned."""
        space = {"np": np, **self._namespace, **given}
        before = dict(space)
        try:
            value = eval(self._code, space)
        except (Exception, SystemExit) as error:
            if _is_its_own(error, self._code.co_filename):
                raise self.mistake(f"raised {type(error).__name__}: {_said(error)}") from error
            raise
        return value, {name: v for name, v in space.items() if name not in before or before[name] is not v}

    def mistake(self, what: str) -> UsageError:
        """That it is wrong, and how."""
        return UsageError(f"{self._where}: {self.text!r} {what}")

    def _refuse_unknown_names(self, given: Collection[str]) -> None:
        bound = set(_bound(self._tree))
        known = {"np", *given, *self._namespace, *bound}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Name) and node.id not in known and not hasattr(builtins, node.id):
                public = [name for name in known if not name.startswith("_")]
                near = did_you_mean(node.id, public) or "."
                beside = f" Beside what the file defines there are {', '.join([*given, 'np'])}"
                raise self.mistake(f"speaks of {node.id!r}, which is not there{near}{beside}")


def syntax_mistake(text: str, error: Exception) -> str:
    """What is said of a text that is no Python."""
    return f"{text!r} is no Python: {_said(error)}"


def _said(error: BaseException) -> str:
    return str(error.msg) if isinstance(error, SyntaxError) else first_line(error)


def _bound(tree: ast.AST) -> Iterator[str]:
    """The names that the text itself gives a meaning to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


def _is_its_own(error: BaseException, file: str) -> bool:
    """Whether the text itself raised it, and nothing that it calls."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and last.tb_frame.f_code.co_filename == file
