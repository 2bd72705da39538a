"""What code raises for a fault of its own, whatever it is given: no refusal of an argument."""

import re

_OF_A_MODULE = re.compile(r"module '[\w.]+' has no attribute")


def is_own_fault(error: BaseException | None) -> bool:
    """Whether it is a name that is not there, an attribute that a module has no more, or `sys.exit`."""
    if isinstance(error, AttributeError):
        return _OF_A_MODULE.match(str(error)) is not None
    own = isinstance(error, NameError | ImportError | SystemExit)
    return own and not isinstance(error, UnboundLocalError)
