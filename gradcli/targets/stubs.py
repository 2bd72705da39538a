"""Stand-ins for modules that a file imports and that what is checked does not need."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _Anything:
    """Whatever is asked of it, it is there; a decorator made of it leaves the function alone."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        decorated = (
            len(args) == 1 and not kwargs and (callable(args[0]) and not isinstance(args[0], _Anything))
        )
        return args[0] if decorated else self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter((self, self))  # fig, axes = plt.subplots()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __or__(self, other: Any) -> Any:  # Figure | None
        return self

    __ror__ = __or__

    def __mro_entries__(self, bases: tuple[type, ...]) -> tuple[type, ...]:
        return ()


class _StubModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything()


class _Absent:
    """What is not there: whatever uses it raises, as its import would."""

    def __init__(self, module: str) -> None:
        object.__setattr__(self, "_module", module)

    def _raise(self, *args: Any, **kwargs: Any) -> Any:
        module = object.__getattribute__(self, "_module")
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__") and not name.startswith("__array"):  # whoever looks what it is
            return object.__getattribute__(self, name)
        return object.__getattribute__(self, "_raise")()

    __setattr__ = __call__ = __getitem__ = __iter__ = __len__ = __bool__ = _raise
    __eq__ = __hash__ = __add__ = __radd__ = __mul__ = __rmul__ = __enter__ = __instancecheck__ = _raise


def is_absent(value: object) -> bool:
    """Whether a name stands for what is not there."""
    return type(value) in (_Absent, _AbsentModule)


class _AbsentModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Absent(self.__name__.partition(".")[0])


class _Finder(MetaPathFinder, Loader):
    """Finds the modules of these names, and everything below them."""

    def __init__(self, names: Sequence[str], kind: type[ModuleType]) -> None:
        self._names = names
        self._kind = kind

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if any(fullname == name or fullname.startswith(f"{name}.") for name in self._names):
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._kind(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextlib.contextmanager
def stubbed(names: Sequence[str], absent: Sequence[str] = ()) -> Iterator[None]:
    """While a file is imported, modules of these names are stand-ins; afterwards nobody else sees them.

    What is taken from those that are `absent` raises ModuleNotFoundError as soon as it is used.
    """
    every = (*names, *absent)
    if not every:
        yield
        return
    finders = [_Finder(names, _StubModule), _Finder(absent, _AbsentModule)]
    kept = {n: m for n, m in sys.modules.items() if any(n == s or n.startswith(f"{s}.") for s in every)}
    for name in kept:
        del sys.modules[name]
    sys.meta_path[:0] = finders
    try:
        yield
    finally:
        for finder in finders:
            sys.meta_path.remove(finder)
        stand_ins = (_StubModule, _AbsentModule)
        for name in [name for name, module in sys.modules.items() if isinstance(module, stand_ins)]:
            del sys.modules[name]
        sys.modules.update(kept)
