"""What an argument's name says: possible shapes and values, the likeliest first."""

import re

from gradcli.targets.advice import usual_constant
from gradcli.targets.inference.guess import Drawn, Fixed, Guess, drawn

_LABELS = ("N|int|M", "N|int|D", "N|int|2", "N D", "N", "N 1", "N D|unit", "1 N|int|2", "N M")
_DATA = ("N D", "N", "B C I J", "N T D", "D N", "D 1", "1 D", "N D|unit", "N|near1", "D", "N N")
# A name -> shapes in the words of `guess.drawn`. The first pattern that fits is taken.
_ROLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\w*mask", ("N D|bool", "N T|bool", "N|bool", "B C I J|bool")),
    (r"\w*(vec|vector)", ("D", "N D", "N")),
    (r"\w+(bias)", ("", "M", "N")),
    (
        r"idx|ind(ex|ices)|ids|seg(ment)?(_?ids?|s)?|tokens?|words",
        # The last two: sums over groups and a scatter, as long as the data and below any number of groups.
        ("N T|int|V", "N|int|V", "N|int|M", "N|int|D", "N|int|2", "N D|int|2"),
    ),
    (
        r"y|t|lab(el)?s?|targets?|target_(ind(ex|ices)|idx)|y_?(true|train|batch)|\w*one_?hot\w*|captions|gt|ys",
        _LABELS,
    ),
    (
        r"y_?(hat|pred)\w*|preds?|predictions?|probs?|a_?l|outputs?",
        ("N D", "N", "N D|unit", "N|unit", "1 N|unit", "N 1|unit"),
    ),
    (r"scores|logits", ("N D", "N", "N T V")),
    (r"w_?x\w*|wax|w_?xh|u", ("D H", "H D")),
    (r"w_?h\w*|waa|w_?hh", ("H H",)),
    (r"prev_[hc]|[hc]_?(prev(_?t)?|0|(t_?)?minus_?1|tm1)|h|[hc]_?next|a0", ("N H", "H", "H N", "H 1")),
    (r"w_?1", ("D H|small", "H D|small")),
    (r"w_?2", ("H M|small", "M H|small", "H D|small")),
    (r"w_?3", ("M K|small", "K M|small")),
    (r"b_?1", ("H", "1 H", "H 1")),
    (r"b_?2", ("M", "1 M", "M 1", "D")),
    (r"b_?3", ("K", "1 K", "K 1")),
    (r"theta|params?|coefs?|nn_params|initial_theta", ("D", "D 1", "D M", "M D", "N")),
    (r"w|weights?|kernels?|filters?|w\w{0,2}|\w+_weights?", ("D M", "M D", "D", "D 1", "F C P Q")),
    (r"b|bias(es)?|\w+_bias|b\w", ("M", "", "1 M", "M 1", "N", "D", "F")),
    (r"gamma|gain|scale|g", ("D|near1", "1 D|near1", "D 1|near1", "C|near1", "1 C 1 1|near1")),
    (r"beta|shift", ("D", "1 D", "D 1", "C", "1 C 1 1")),
    (r"(running_|moving_)?(mean|mu|avg)", ("D", "", "N")),
    (r"(running_|moving_)?(var|variance|sigma\w*|std)", ("D|near1", "|near1", "N|near1")),
    (r"a_?prev|a|q|p", ("D N", "N N", "N D", "D D", "N")),
    (r"h|hess\w*|cov\w*|sigma|m|k", ("N N", "D D", "N D", "D")),
    (r"pi|prior|start\w*", ("D", "N", "M")),
    (r"trans(ition)?s?(_\w+)?", ("D D", "N N", "M M")),
    (r"v|query|key|value|queries|keys|values", ("N T D", "T D")),
)
_WEIGHT = re.compile(r"W_?[a-z]{3,}")  # Wattn, W_out: `width` is none
# What may as well be a number that multiplies all: it has no gradient then.
_COUNT, _COUNTS = re.compile(r"(num|n)_\w+"), (3, 4, 5)  # the first of which runs may be of no use
_MAY_BE_NUMBER = re.compile(r"gamma|scale|beta|shift|sigma\w*|k")
_DATA_NAME = re.compile(r"x|z|xs|inp|inputs?|data|feat(ure)?s?", re.IGNORECASE)
_AXIS, _DIMS = re.compile(r"dim|axis"), (1, 2, 3, 0)  # `dim` may be a length as well
_ONE_LABEL = 7  # the rank of a label that is one number
_FAR = 12  # a rank that little else reaches
_NUMBER = {"int": (2, 1, 3), "float": (0.5,), "bool": (True, False), "str": ("train", "mean")}


def by_name(name: str, annotation: str) -> list[tuple[int, Guess]]:
    """Guesses with their ranks, 0 the likeliest; annotation: as text, "" for none."""
    value = usual_constant(name)
    fixed: list[object] = [] if value is None else [value]
    fixed += _NUMBER.get(annotation, ()) or (_COUNTS if value == 1 and _COUNT.fullmatch(name) else ())
    if name == "dim" and annotation in ("", "int"):
        fixed = [*_DIMS]
    if not fixed and _MAY_BE_NUMBER.fullmatch(name):
        fixed = [2]
    if fixed and (annotation in _NUMBER or not _may_be_array(name)):
        told: list[Guess] = [Fixed(value) for value in fixed]
        # What is differentiated may be a single number: `def sigmoid(z: float)`.
        if annotation == "float":
            told.append(Drawn(()))
        if _AXIS.fullmatch(name):  # torch saves tensors alone: `torch.tensor(dim)`
            told.append(drawn("|int|2"))
        return [*enumerate(told)]
    plain = "w" if _WEIGHT.fullmatch(name) else name.lower()
    shapes = _shapes(plain)
    if not shapes and plain.startswith("log_"):
        shapes = tuple(text for text in _shapes(plain[4:]) if "|" not in text)
    guesses: list[Guess] = [drawn(text) for text in shapes]
    found = [*enumerate(guesses), *((len(guesses) + rank, Fixed(value)) for rank, value in enumerate(fixed))]
    others: list[Guess] = [drawn(text) for text in _DATA]
    start = len(found) + (2 if found else 0)
    found += [(start + rank, guess) for rank, guess in enumerate(others) if guess not in guesses]
    # Data that are no array are further off than any parameter that is none.
    return [
        *found,
        (_ONE_LABEL if shapes == _LABELS else start + 5, Drawn(())),
        (start + (_FAR if _DATA_NAME.fullmatch(name) else 6), Fixed(2)),
    ]


def _shapes(name: str) -> tuple[str, ...]:
    return next((texts for pattern, texts in _ROLES if re.fullmatch(pattern, name)), ())


def may_be_number(name: str) -> bool:
    """Whether what is called so may as well be a number that multiplies all."""
    return _MAY_BE_NUMBER.fullmatch(name) is not None


def _may_be_array(name: str) -> bool:
    """Whether a name of what is usually a number is that of an array as well."""
    return name in ("p", "n", "alpha") or _MAY_BE_NUMBER.fullmatch(name) is not None
