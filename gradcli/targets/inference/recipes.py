"""Functions whose names tell what their arguments are: the habits of courses and of built-in layers."""

import re
from collections.abc import Sequence

from gradcli.targets.inference.guess import Fixed, Guess, drawn

_IMAGE = r"x|img|images?|inp\w*|a_?prev|data"
_CONV: tuple[object, ...] = ({"stride": 1, "pad": 1}, {"stride": 1, "padding": 1})
_POOL: tuple[object, ...] = ({"pool_height": 2, "pool_width": 2, "stride": 2}, {"f": 2, "stride": 2})
_LABELS = r"y|t|labels?|targets?|y_?true"
# A function's name -> the names of arguments -> shapes (see `guess.drawn`) or values, the likeliest first.
_Says = tuple[tuple[str, tuple[object, ...]], ...]
_RECIPES: tuple[tuple[str, _Says], ...] = (
    (  # a network of two layers and one output, samples in columns or in rows
        r"forward_?prop\w*|\w*model_?forward|feed_?forward|forward(_pass)?",
        (
            (r"x|inputs?|data|a_?0", ("D N", "N D")),
            (_LABELS, ("1 N|int|2", "N 1|int|2", "N M|onehot", "M N|onehot_columns")),
            (r"w1", ("H D|small", "D H|small")),
            (r"b1", ("H 1", "1 H", "H")),
            (r"w2", ("1 H|small", "H 1|small", "M H|small", "H M|small")),
            (r"b2", ("1 1", "1", "M 1", "1 M", "M")),
            (r"w3", ("1 M|small", "M 1|small")),
            (r"b3", ("1 1", "1")),
        ),
    ),
    (  # three axes, channels second or last
        r".*(conv\w*|pool\w*|norm\w*)_?1_?d.*",
        (
            (_IMAGE, ("B C 6", "B 6 C", "N T D")),
            (r"w|weights?|kernels?|filters?", ("F C P", "P C F")),
            (r"gamma", ("C|near1", "1 C 1|near1")),
            (r"b|bias|beta", ("F", "C")),
        ),
    ),
    (
        r".*norm\w*_?2_?d.*",
        (
            (_IMAGE, ("B C I J", "B I J C")),
            (r"gamma", ("C|near1", "1 C 1 1|near1")),
            (r"beta", ("C", "1 C 1 1")),
        ),
    ),
    (  # volumes
        r".*(conv\w*|pool\w*|norm\w*)_?3_?d.*",
        (
            (_IMAGE, ("B C 4 2 6", "B 4 2 6 C")),
            (r"w|weights?|kernels?|filters?", ("F C 2 2 3", "2 2 3 C F")),
            (r"gamma", ("C|near1",)),
            (r"b|bias|beta", ("F", "C")),
        ),
    ),
    (
        r".*conv.*",
        (
            (_IMAGE, ("B C I J", "B I J C", "C I J", "I J")),
            (r"w|weights?|kernels?|filters?", ("F C P Q", "P Q C F")),
            (r"b|bias", ("F", "1 1 1 F")),
            (r"\w*param\w*", _CONV),
        ),
    ),
    (r".*pool.*", ((_IMAGE, ("B C 6 4", "B 6 4 C", "6 4 C", "C 6 4", "6 4")), (r"\w*param\w*", _POOL))),
    (  # one slope for all, or for each feature or channel
        r".*(elu|swish).*",
        (
            (r"x|z|inp\w*", ("N D", "B C I J")),
            (r"a|alpha|beta|slope|weight|w", ("|near1", "D|near1", "C|near1")),
        ),
    ),
    (
        r".*spatial.*(norm|bn|gn)\w*",
        (
            (_IMAGE, ("B 4 I J",)),
            (r"gamma", ("4|near1", "1 4 1 1|near1")),
            (r"beta", ("4", "1 4 1 1")),
            (r"g", (2,)),
        ),
    ),
    (
        r".*group_?norm.*",
        (
            (_IMAGE, ("B 4 I J",)),
            (r"gamma", ("1 4 1 1|near1", "4|near1")),
            (r"beta", ("1 4 1 1", "4")),
            (r"g", (2,)),
        ),
    ),
    (
        r".*(layer|batch|instance|rms)_?norm.*",
        (
            (r"g|gamma|gain|scale|weight|w", ("D|near1", "1 D|near1", "D 1|near1")),
            (r"b|beta|bias|shift", ("D", "1 D", "D 1")),
        ),
    ),
    (
        r".*embed.*",
        ((r"x|idx|ids|tokens|indices", ("N T|int|V", "N|int|V")), (r"w\w*|embed\w*|table", ("V D",))),
    ),
    (r".*temporal_affine.*", ((r"x", ("N T D",)), (r"w", ("D M",)), (r"b", ("M",)))),
    (r".*temporal_softmax.*", ((r"x|scores", ("N T V",)), (r"y", ("N T|int|V",)), (r"mask", ("N T|bool",)))),
    (  # a cell with samples in columns
        r".*(lstm|gru)_?cell.*",
        (
            (r"x_?t?", ("D N", "N D", "D")),
            (r"[ahc]_?prev(_?t)?|prev_[ahc]", ("H N", "N H", "H")),
            (r"w_?[fuicogrz][ahx]?", ("H H+D|small",)),
            (r"w_?y|w_?ya", ("M H|small",)),
            (r"b_?[fuicogrz]", ("H 1",)),
            (r"b_?y", ("M 1",)),
            (r"w_?(x|ih)", ("D 4*H|small",)),
            (r"w_?(h|hh)", ("H 4*H|small",)),
            (r"b", ("4*H",)),
        ),
    ),
    (
        r".*gru.*",
        (
            (r"xs", ("N T D",)),
            (r"x|x_?t", ("N D", "N T D")),
            (r"prev_h|h_?prev|h", ("N H",)),
            (r"w_?(x|ih|x2h)", ("D 3*H|small",)),
            (r"w_?(h|hh|h2h)", ("H 3*H|small",)),
            (r"b(_?(x|h|ih|hh))?", ("3*H",)),
        ),
    ),
    (
        r".*rnn_?cell.*",
        (
            (r"x_?t?", ("D N", "N D")),
            (r"[ah]_?prev|prev_[ah]", ("H N", "N H")),
            (r"w_?a?x", ("H D|small", "D H|small")),
            (r"w_?a?a|w_?h?h", ("H H|small",)),
            (r"w_?xh", ("D H|small", "H D|small")),
            (r"w_?ya?|w_?hy", ("M H|small",)),
            (r"b_?[ah]|b", ("H 1", "H")),
            (r"b_?y", ("M 1",)),
        ),
    ),
    (
        r".*lstm(?!.*step).*",
        (
            (r"x|xs", ("N T D", "D N T")),
            (r"h0", ("N H",)),
            (r"a0|c0", ("H N",)),
            (r"w_?[fuico]", ("H H+D|small",)),
            (r"w_?y", ("M H|small",)),
            (r"b_?[fuico]", ("H 1",)),
            (r"b_?y", ("M 1",)),
            (r"w_?x", ("D 4*H|small",)),
            (r"w_?h", ("H 4*H|small",)),
            (r"b", ("4*H",)),
        ),
    ),
    (
        r".*lstm.*",
        (
            (r"x|x_?t", ("N D",)),
            (r"prev_[hc]|[hc]_?prev|[hc]", ("N H",)),
            (r"w_?x", ("D 4*H|small",)),
            (r"w_?h", ("H 4*H|small",)),
            (r"b", ("4*H",)),
        ),
    ),
    (
        r".*rnn(?!.*(step|cell)).*",
        (
            (r"x|xs", ("N T D", "N D", "D N T")),
            (r"h0", ("N H",)),
            (r"a0", ("H N",)),
            (r"w_?ax", ("H D|small",)),
            (r"w_?aa", ("H H|small",)),
            (r"w_?ya", ("M H|small",)),
            (r"b_?a", ("H 1",)),
            (r"b_?y", ("M 1",)),
            (r"w_?xh?", ("D H|small",)),
            (r"w_?hh?", ("H H|small",)),
            (r"b", ("H",)),
        ),
    ),
    (
        r".*rnn.*",
        (
            (r"x|x_?t", ("N D",)),
            (r"prev_h|h_?prev|h", ("N H",)),
            (r"w_?xh?", ("D H|small",)),
            (r"w_?hh?", ("H H|small",)),
            (r"b", ("H",)),
        ),
    ),
    (  # word vectors: one word's vector against those of all the words around
        r".*(softmax|sampling)_?(cost|loss)_?and_?gradient",
        (
            (r"predicted|center_?word_?vec|v_?c", ("D",)),
            (r"target|outside_?word_?idx|o", (2,)),
            (r"output_?vectors|outside_?vectors|u", ("V D",)),
            (r"dataset", (0,)),
        ),
    ),
    (  # ratings of films: 5 of them, by 4 users
        r"(co(fi|llab\w*)|[mc]f)_?cost\w*",
        (
            (r"params|theta", ("(5+4)*3",)),
            (r"y|ynorm", ("5 4",)),
            (r"r", ("5 4|int|2",)),
            (r"num_?users|nu", (4,)),
            (r"num_?(movies|items)|nm", (5,)),
            (r"num_?features|nf", (3,)),
        ),
    ),
    (
        r"sparse_?auto_?encoder_?(cost|loss)\w*",
        (
            (r"theta|params", ("2*2*3+2+3",)),
            (r"visible_?size", (3,)),
            (r"hidden_?size", (2,)),
            (r"data|x|patches", ("3 N|unit",)),
            (r"sparsity_?param|rho", (0.1,)),
            (r"beta", (3.0,)),
        ),
    ),
    (
        r"nn_?cost_?function\w*",
        (
            (r"nn_params|theta", ("6*(3+1)+5*(6+1)|small",)),
            (r"input_layer_size", (3,)),
            (r"(nn_)?layers?(_(sizes|dims|info))?|sizes|dims|architecture", ([3, 6, 5],)),
            (r"hidden_layer_size", (6,)),
            (r"num_labels", (5,)),
            (r"x", ("N 3",)),
            (_LABELS, ("N|int|5", "N 1|int|5")),
        ),
    ),
    (
        r".*(affine|linear|fc|dense|fully_connected).*",
        (
            (r"x|inp\w*", ("N D",)),
            (r"w|weights?", ("D M", "M D")),
            (r"b|bias", ("M", "1 M")),
            (r"gamma", ("M|near1",)),
            (r"beta", ("M",)),
        ),
    ),
    (
        r".*(svm|hinge|softmax|cross_?entropy).*",
        (
            (r"w", ("D M|small",)),
            (r"b", ("M",)),
            (r"theta", ("D M|small", "D|small")),
            (r"x|scores|logits|z", ("N D",)),
            (_LABELS, ("N|int|M", "N|int|D", "|int|N")),
        ),
    ),
    (
        r".*(logistic|log_?reg|binary|bce).*",
        (
            (r"x", ("N D",)),
            (r"theta|w", ("D", "D 1")),
            (r"b|bias", ("", "1")),
            (_LABELS, ("N|int|2", "N 1|int|2", "1 N|int|2")),
        ),
    ),
    (
        r".*(mse|square|linear_?reg|ridge|huber|mae|l[12]_loss).*",
        (
            (r"x|pred\w*|y_?(hat|pred)", ("N D", "N")),
            (r"theta|w", ("D", "D 1")),
            (_LABELS, ("N D", "N", "N 1")),
        ),
    ),
    (
        r".*cost_?func\w*|.*compute_?cost.*",
        (
            (r"x", ("N D", "D N")),
            (r"theta|w", ("D", "D 1", "M D|small", "1 D", "D M|small")),
            (_LABELS, ("N|int|2", "N", "N 1|int|2", "N 1")),
        ),
    ),
)


def by_function(function: str, argument: str) -> list[Guess]:
    """What a function of this name is known to take for this argument; nothing if it is not known."""
    for pattern, says in _RECIPES:
        if re.fullmatch(pattern, function.lower()):
            return next((_guesses(told) for names, told in says if re.fullmatch(names, argument.lower())), [])
    return []


def _guesses(told: Sequence[object]) -> list[Guess]:
    return [drawn(one) if isinstance(one, str) else Fixed(one) for one in told]
