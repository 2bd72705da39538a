"""What was found out about a function once is not found out again: guessing asks at every try."""

import functools
import weakref
from collections.abc import Callable
from typing import Any, TypeVar, cast

FindOut = TypeVar("FindOut", bound=Callable[[Any], Any])


def remembered(find_out: FindOut) -> FindOut:
    """The same, of each function once, for as long as it lives; what is found must not be changed."""
    known: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()

    @functools.wraps(find_out)
    def recall(function: Any) -> Any:
        try:
            return known[function]
        except KeyError:
            found = known[function] = find_out(function)
            return found
        except TypeError:  # nothing can refer to it weakly, or it has no hash: a method of such an object
            return find_out(function)

    return cast(FindOut, recall)
