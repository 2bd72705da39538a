"""What code raises for a fault of its own, whatever it is given: no refusal of an argument."""

import re

_OF_A_MODULE = re.compile(r"module '[\w.]+' has no attribute")
_COUNTED_WRONG = re.compile(r"returned an incorrect number of gradients")


def is_own_fault(error: BaseException | None) -> bool:
    """Whether it is a name that is not there, an attribute that a module has no more, or `sys.exit`.

    Or torch's refusal of a backward that returns a gradient too few or too many.
    """
    if isinstance(error, AttributeError):
        return _OF_A_MODULE.match(str(error)) is not None
    if isinstance(error, RuntimeError) and _COUNTED_WRONG.search(str(error)):
        return True
    own = isinstance(error, NameError | ImportError | SystemExit)
    return own and not isinstance(error, UnboundLocalError)
