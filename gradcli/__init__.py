"""gradcli: is a hand-written backward pass right, and if not, which line is wrong?

The public names are those of `__all__`; everything else may change any day. They are loaded on
first use, so that `gradcli --help` need not import NumPy.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gradcli.api import assert_gradients as assert_gradients
    from gradcli.api import check as check
    from gradcli.api import check_target as check_target
    from gradcli.errors import GradcliError as GradcliError
    from gradcli.result import Blame as Blame
    from gradcli.result import CheckResult as CheckResult
    from gradcli.result import Gradient as Gradient
    from gradcli.result import Violation as Violation

_HOME = {
    "assert_gradients": "gradcli.api",
    "check": "gradcli.api",
    "check_target": "gradcli.api",
    "GradcliError": "gradcli.errors",
    "Blame": "gradcli.result",
    "CheckResult": "gradcli.result",
    "Gradient": "gradcli.result",
    "Violation": "gradcli.result",
}

__all__ = [
    "Blame",
    "CheckResult",
    "GradcliError",
    "Gradient",
    "Violation",
    "__version__",
    "assert_gradients",
    "check",
    "check_target",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'gradcli' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
