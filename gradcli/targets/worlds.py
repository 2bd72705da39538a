"""What arguments usually are, by their names: one `World` for each habit of laying arrays out.

All lengths are small and distinct, so that a transposed or broadcast array does not fit by accident.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gradcli.spec import InputSpec

N, D, M, H, T, C, F, K = (
    4,
    3,
    2,
    5,
    3,
    2,
    3,
    3,
)  # rows, features, outputs, hidden, steps, channels, filters, classes
ROWS, COLUMNS = 5, 6  # of an image
LENGTHS = {
    **dict.fromkeys(("N", "n", "B", "m", "batch", "batch_size", "num_samples", "n_samples"), N),
    **dict.fromkeys(
        ("D", "d", "n_features", "num_features", "features", "input_dim", "n_in", "in_features"), D
    ),
    **dict.fromkeys(("M", "O", "k", "n_out", "output_dim", "out_features"), M),
    **dict.fromkeys(("num_classes", "n_classes", "classes"), K),
    **{"H": H, "h": H, "T": T, "t": T, "C": C, "c": C, "F": F, "K": K, "V": 7, "W": COLUMNS, "w": COLUMNS},
    **{"HH": 3, "WW": 3, "kh": 3, "kw": 3, "KH": 3, "KW": 3},
}

_ROLES = tuple(
    (role, re.compile(pattern, re.IGNORECASE))
    for role, pattern in (
        ("mask", r"\w*mask"),
        ("labels", r"y|t|targets?|labels?|y_?true|y_?label|ground_?truth|gt|classes"),
        ("indices", r"idx|ind(ex|ices)|ids|tokens|\w+_(idx|ids|indices)"),
        ("feature", r"gamma|beta|scale|shift|g|mean|var|mu|sigma\w*|running_\w+"),
        ("input_weight", r"w_?[xi]h?|u|w_?[ifgoc]x|weights?_?(ih|x)"),
        ("hidden_weight", r"w_?hh?|w_?[ifgoc]h|weights?_?(hh|h)|v"),
        (
            "hidden",
            r"h0?|prev_?h|h_?prev|c0?|prev_?c|c_?prev|hidden|h_?t|state|prev_hidden_?state|h_?in|c_?in",
        ),
        ("theta", r"theta\w*|nn_?params|params|parameters|coef\w*"),
        ("weight", r"w\d?|w_?\w{1,3}|weights?\d?|kernels?|filters?|weight_matrix"),
        ("bias", r"b\d?|bias(es)?\d?|b_?\w{1,3}"),
        ("query", r"q|k|queries|keys|query|key|v|values?"),
    )
)


def role_of(name: str) -> str:
    """What an argument of this name usually is; "data" where the name says nothing else."""
    return next((role for role, pattern in _ROLES if pattern.fullmatch(name)), "data")


@dataclass(frozen=True)
class World:
    """The shapes of roles that go together."""

    data: tuple[int, ...]
    shapes: Mapping[str, tuple[int, ...]]  # by role; a role that is missing has the shape of data
    labels: tuple[InputSpec, ...] = (InputSpec((N,), "int64", high=K),)  # in turn
    words: str = "$^"  # a pattern in the name of the target for which this comes first
    high: int = 0  # data are integers below this

    def specs(self, names: list[str]) -> Iterator[dict[str, InputSpec]]:
        """The inputs of these names, for each kind of label."""
        is_labelled = any(role_of(name) in ("labels", "indices") for name in names)
        for labels in self.labels if is_labelled else self.labels[:1]:
            yield {name: self._spec(role_of(name), labels) for name in names}

    def _spec(self, role: str, labels: InputSpec) -> InputSpec:
        if role in ("labels", "indices"):
            return labels
        shape = self.shapes.get(role, self.data)
        if role == "data" and self.high:
            return InputSpec(shape, "int64", high=self.high)
        return InputSpec(shape, "bool") if role == "mask" else InputSpec(shape)


def _classes(rows: int, classes: int) -> tuple[InputSpec, ...]:
    return (
        InputSpec((rows,), "int64", high=classes),
        InputSpec((rows, classes)),
        InputSpec((rows,)),
        InputSpec((rows,), "int64", high=2),
        InputSpec((rows, 1)),
    )


_STEP = {"hidden": (N, H), "input_weight": (D, H), "hidden_weight": (H, H), "weight": (D, H), "bias": (H,)}
_GATES = {
    "hidden": (N, H),
    "input_weight": (D, 4 * H),
    "hidden_weight": (H, 4 * H),
    "weight": (D, 4 * H),
    "bias": (4 * H,),
}
_RECURRENT = r"rnn|lstm|gru|temporal|sequence|recurrent|attention"
_PICTURES = r"conv|pool|spatial|image|im2col|2d"
_REGRESSION = r"logistic|regress|cost|svm|hinge|mse|least"

_COLUMN_STEP = {"hidden": (H, 1), "input_weight": (H, D), "hidden_weight": (H, H), "bias": (H, 1)}
_VECTOR_STEP = {"hidden": (H,), "input_weight": (H, D), "hidden_weight": (H, H), "bias": (H,)}
_BINARY = InputSpec((N,), "int64", high=2)
_COLUMN_OF_BINARY = InputSpec((N, 1), "int64", high=2)
_ONE_CLASS = InputSpec((), "int64", high=D)

WORLDS = (
    World((N, D), {"weight": (D, M), "bias": (M,), "feature": (D,), "theta": (D,)}, _classes(N, D)),
    World((N, D), {"weight": (M, D), "bias": (M,), "feature": (D,), "theta": (D, M)}, _classes(N, M)),
    World(
        (N, D), {"weight": (D, M), "bias": (1, M), "feature": (1, D), "theta": (D, 1)}, _classes(N, M)[::-1]
    ),
    World(
        (D, N), {"weight": (M, D), "bias": (M, 1), "feature": (D, 1), "theta": (M, D)}, _classes(M, N)[1:2]
    ),
    World(
        (N, D),
        {"weight": (D,), "bias": (), "feature": (D,), "theta": (D,)},
        (_BINARY, InputSpec((N,))),
        _REGRESSION,
    ),
    World((N, D), {"weight": (D, 1), "bias": (1,), "theta": (D, 1)}, (_COLUMN_OF_BINARY,), _REGRESSION),
    World((N, D), dict.fromkeys(("weight", "bias", "feature", "theta"), (N, D)), _classes(N, D)[:3]),
    World((N, C, ROWS, COLUMNS), {"weight": (F, C, 3, 3), "bias": (F,), "feature": (C,)}, words=_PICTURES),
    World((N, ROWS, COLUMNS, C), {"weight": (3, 3, C, F), "bias": (F,), "feature": (C,)}, words=_PICTURES),
    World((N, C, 4, 6), {"weight": (F, C, 2, 2), "bias": (F, 1), "feature": (1, C, 1, 1)}, words=_PICTURES),
    World((ROWS, COLUMNS), {"weight": (3, 3), "bias": ()}, words=_PICTURES),
    World((N, D), _STEP, words=_RECURRENT),
    World((N, D), _GATES, words=_RECURRENT),
    World((N, T, D), _STEP, (InputSpec((N, T), "int64", high=D),), _RECURRENT),
    World((N, T, D), {**_GATES, "feature": (D,)}, words=_RECURRENT),
    World((N, T, D), {"weight": (D, M), "bias": (M,), "feature": (D,)}, words=_RECURRENT),
    World((T, D), _VECTOR_STEP, words=_RECURRENT),
    World((D, 1), _COLUMN_STEP, words=_RECURRENT),
    World((N, T), {"weight": (7, D)}, (InputSpec((N, T), "int64", high=7),), "embed", high=7),
    World((D,), {"weight": (M, D), "bias": (M,), "theta": (D,)}, (InputSpec((D,)), _ONE_CLASS)),
    World((D,), {"weight": (D,), "bias": (), "theta": (D,)}, (InputSpec(()), InputSpec((), "int64"))),
    World((), dict.fromkeys(("weight", "bias", "feature", "theta"), ()), (InputSpec(()),)),
)
