"""How an object of a user's class is made: from what is given, from defaults, and from what names suggest."""

import re
from collections.abc import Callable, Collection, Mapping
from inspect import Parameter
from typing import Any

from gradcli.errors import UsageError, first_line
from gradcli.generators import fixed_generators
from gradcli.targets.forward_call import parameters_of
from gradcli.targets.lengths_asked import lengths_asked
from gradcli.targets.passed_in import is_slope, tanh_prime
from gradcli.targets.tensor_objects import made_of_doubles

Shape = tuple[int, ...]

OUTPUTS, HIDDEN = 2, 6
_LARGE = 32  # a size by default beyond which a smaller one is given
# What a step `W -= RATE * grad` is large enough for: the gradient can be read off W, to its last digit.
RATE = 2.0**200

_FEATURES = re.compile(
    r"(n_?|nn_)?(in|inputs?|inp|input_nodes|fan_in)(_?(features|dim|dims|size|units|nodes|neurons|len|length|num|n))?"
    r"|n_in(puts?)?"
    r"|(n|num)_(in|inputs?|features|neurons_in)|in_?(dim|features|size)|[Dd]_?in|features|(n|num)_features?|num_features"
    r"|dim|size|units_in|input_dimension|embed_dim|d_model|normalized_shape|dims?|fan_in|n_x|[Ddn]"
)
_CHANNELS = re.compile(
    r"(in|input)_?(channels?|ch|planes|depth|maps)|C_?in|c_in|n_?channels|channels|num_channels|nInputPlane"
)
_OUTPUTS = re.compile(
    r"(n_?|nn_)?(out|outputs?)(_?(features|dim|dims|size|units|nodes|neurons|ch|channels?|planes|depth|maps|num|n))?"
    r"|n_out(puts?)?"
    r"|(n|num)_(out|outputs?|units|neurons|filters|kernels|classes|neurons_out)|n_units|units|[Dd]_?out|C_?out|c_out"
    r"|fan_out|classes|out_?(dim|features|size|channels)|filters|(layer_)?depth|num_neurons|n_y|nOutputPlane|neurons|nodes|output_dimension|K|num_labels"
)
_HIDDEN = re.compile(
    r"(n_?|nn_)?hidden(_?(features|dim|dims|size|units|nodes))?|[Dd]_?hidden|n_h|H|(n|num)_hidden"
)
_SIZES = re.compile(
    r"(layer_?)?(sizes|dims|widths|dimensions)|layers_(sizes|dims)|hidden_(sizes|dims|layers)"
)
_SHAPE = re.compile(r"(input|in)_shape")
_NAME, _ACTIVATES = re.compile(r"name|kind|type"), re.compile(r"activ|nonlin", re.IGNORECASE)
_OPTIMISER = re.compile(r"\w*optimi[sz]er|optim|opt")
_SQUARE = re.compile(
    r"(kernel|filter|pool|window)(_?size)?|strides?|pad(ding)?|dilation"
)  # for each of two axes
_RATE = re.compile(r"lr|learn(ing)?_?rate|alpha|eta|step_size")
_TRAINING = r"training|train|is_train(ing)?|train_?(flg|flag|mode)"
_NUMBERS = (
    (r"(kernel|filter)_?shape", (3, 3)),
    (r"(pool|window)_?shape", (2, 2)),
    (r"(kernel|filter|k|f)_?(size|height|width|h|w)|(k|f)[hw]?|ksize", 3),
    (r"pool_?(size|height|width|h|w)|window(_size)?|pool", 2),
    (r"stride|strides|dilation|groups|step|stride_\w", 1),
    (r"pad(ding)?|pad_\w", 0),
    (r"eps(ilon)?", 1e-5),
    (r"momentum|decay|rho", 0.9),
    (r"p|rate|drop\w*|keep_prob|slope|temperature|reg|negative_slope", 0.5),
    (r"(init|weight)_?(std|stddev|scale|sigma)|std_?(dev)?", 0.5),
    (r"(layer_)?name|label|tag", "layer"),
    (rf"{_TRAINING}|(use_)?bias", True),
    (r"act(ivation)?(_?(func(tion)?|fn|name|type))?|nonlinearity", "tanh"),
    (r"(n_?)?vocab(ulary)?(_?size)?|num_embeddings|n_words", 7),
    (r"(T|seq_len|time_steps|steps|n_steps)", 3),
    (r"(N|batch_?size|batch|n_samples)", 4),
)
# A default that stands for "I shall see": it is better said.
_SAID_WHERE_NONE = re.compile(r"(input|in)_(shape|size|dim|features|channels|units)")
_SAID_WHERE_ONE = re.compile(r"batch_?size")  # what has a row for each sample is made with it


class SteepestDescent:
    """An optimiser whose steps give the gradient away."""

    learning_rate = lr = RATE

    def update(self, w: Any, grad_wrt_w: Any) -> Any:
        return w - RATE * grad_wrt_w

    def __repr__(self) -> str:
        return "an optimiser"


def guess(name: str, seen: Shape | None) -> Any:
    """A value for an argument that sets a size or a usual constant; None if its name says nothing.

    seen: the shape of what forward is given, if that is known.
    """
    shape = seen or (4, 3)
    if _OPTIMISER.fullmatch(name):
        return SteepestDescent()
    if is_slope(name):
        return tanh_prime
    if _SHAPE.fullmatch(name):
        return shape[1:]
    if re.fullmatch(r"(output|out)_shape", name):
        return (*shape[1:-1], OUTPUTS)
    if _SIZES.fullmatch(name):
        return [shape[-1], HIDDEN, OUTPUTS]
    if _CHANNELS.fullmatch(name):
        return shape[1] if len(shape) > 2 else OUTPUTS
    if _HIDDEN.fullmatch(name):
        return HIDDEN
    for pattern, value in _NUMBERS:
        if re.fullmatch(pattern, name):
            return value
    if _FEATURES.fullmatch(name):
        return shape[1] if len(shape) > 2 and "dim" not in name else shape[-1]
    return OUTPUTS if _OUTPUTS.fullmatch(name) else None


def is_rate(name: str) -> bool:
    """Whether an argument is the length of an optimiser's steps."""
    return _RATE.fullmatch(name) is not None


def is_training(name: str) -> bool:
    """Whether an argument says that what is computed is for training."""
    return re.fullmatch(_TRAINING, name) is not None


def unguessable(function: Callable[..., Any]) -> list[str]:
    """The required arguments, the object aside, that no guess can be made for."""
    lengths = lengths_asked(function) if isinstance(function, type) else frozenset()
    return [
        parameter.name
        for parameter in (parameters_of(function) or [])
        if parameter.default is Parameter.empty
        and parameter.kind not in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)
        and guess(parameter.name, None) is None
        and parameter.name not in lengths
        and not is_rate(parameter.name)
    ]


def construct(where: str, cls: type, given: Mapping[str, Any], seen: Shape | None) -> Any:
    """An object of the class; the same one every time, whatever random numbers its parameters start from.

    Raises UsageError, with the call that was made, if the constructor raises.
    """
    arguments = {**suggested(cls, given, seen), **given}
    try:
        with fixed_generators(), made_of_doubles():
            made = cls(**arguments)
            _initialise(made)
    except (Exception, SystemExit) as error:
        call = ", ".join(f"{name}={_short(value)}" for name, value in arguments.items())
        raise UsageError(
            f"{where}: {cls.__name__}({call}) raised {type(error).__name__}: {first_line(error)}; "
            "give what it needs with --set NAME=VALUE or --input NAME=SHAPE"
        ) from error
    return made


def suggested(cls: type, given: Collection[str], seen: Shape | None) -> dict[str, Any]:
    """What the constructor gets beside what is given, for an input of this shape."""
    found: dict[str, Any] = {}
    lengths = _unnamed_lengths(cls, given, seen)
    for parameter in parameters_of(cls) or []:
        name = parameter.name
        is_batch_of_one = parameter.default == 1 and _SAID_WHERE_ONE.fullmatch(name) is not None
        needed = (
            parameter.default is Parameter.empty
            or (parameter.default is None and _SAID_WHERE_NONE.fullmatch(name))
            or _is_large(parameter)
            or is_batch_of_one
        )
        if name in given or not needed or parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
            continue
        value = "tanh" if _NAME.fullmatch(name) and _ACTIVATES.search(cls.__name__) else guess(name, seen)
        value = seen[0] if is_batch_of_one and seen else lengths.get(name, value)
        found[name] = 0.1 if is_rate(name) else _as_annotated(value, parameter)
    return {name: value for name, value in found.items() if value is not None}


def _unnamed_lengths(cls: type, given: Collection[str], seen: Shape | None) -> dict[str, int]:
    """Lengths by their order, where the name of one says nothing: features and outputs of `Linear(i, o)`."""
    asked = lengths_asked(cls)
    names = [p.name for p in parameters_of(cls) or [] if p.name in asked and p.default is Parameter.empty]
    if all(name in given or guess(name, None) is not None for name in names):
        return {}
    features = (seen or (4, 3))[-1]
    return {name: OUTPUTS if place else features for place, name in enumerate(names)}


def _as_annotated(value: Any, parameter: Parameter) -> Any:
    """A length as the shape that an annotation asks for: `input_size: tuple[int, ...]`."""
    annotation = str(parameter.annotation)
    wants_shape = re.match(r"(typing\.)?tuple\b", annotation, re.IGNORECASE)
    takes_number = re.search(r"\bint\b", re.sub(r"\[[^\]]*\]", "", annotation))  # `tuple[int, int] | int`
    if not wants_shape or takes_number or not isinstance(value, int):
        return value
    return (value,) * (2 if _SQUARE.fullmatch(parameter.name) else 1)


def _is_large(parameter: Parameter) -> bool:
    """Whether it is a size that is made for training (`input_dim=3072`), more than a check need look at."""
    sizes = (_FEATURES, _HIDDEN)
    is_size = any(pattern.fullmatch(parameter.name) for pattern in sizes)
    return is_size and isinstance(parameter.default, int) and parameter.default > _LARGE


def _initialise(made: Any) -> None:
    """Layers that get their parameters from `initialize(optimizer)` get them here."""
    initialise = getattr(made, "initialize", None)
    names = [p.name for p in parameters_of(initialise) or []] if callable(initialise) else []
    if names == ["optimizer"]:
        assert initialise is not None
        initialise(SteepestDescent())


def _short(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"array{shape}" if shape is not None else repr(value)
