"""What to add for arguments that got nothing: a line to paste, with shapes that may well be right."""

import re
from collections.abc import Mapping

from gradcli.shell import shell_line
from gradcli.spec import InputSpec
from gradcli.targets.notation import format_input, parse_constant

Shape = tuple[int, ...]

# Arguments that are numbers or settings rather than arrays, with a usual value.
_CONSTANTS = (
    (r"eps\w*|epsilon", "1e-5"),
    (r"momentum|decay|rho", "0.9"),
    (r"drop\w*_params?", "{'p': 0.5, 'mode': 'train', 'seed': 1}"),
    (r"p|rate|prob|slope|alpha|lr|learning_rate|temperature|keep_prob|drop\w*", "0.5"),
    (r"reg\w*|[Ll]am\w*|\w+_lambd?a?|lmbda\w*|l[12](_reg|_penalty)?|weight_decay|margin|delta|C", "0.5"),
    (r"input_layer_size|input_(dim|size)|n_in(puts?)?|in_(features|dim|channels)|num_features", "3"),
    (r"hidden_(layer_)?(size|dim|units)|n_hidden|num_hidden", "2"),
    (r"num_(labels|classes)|n_(classes|out(puts?)?)|output_(dim|size)|out_(features|dim|channels)", "3"),
    (r"(layers?_?)?(sizes|dims|dimensions|widths)", "[3, 2, 5]"),
    (r"ax(is|es)|pad(ding)?|seed", "0"),
    (r"stride|dilation|groups|num_\w+|n_\w+|n", "1"),
    (r"kernel_size|pool_size|size|window|kernel", "2"),
    (r"training|train|causal|is_\w+|use_\w+", "true"),
    (r"mode", "train"),
    (r"q_?min|quant_min", "-3"),
    (r"q_?max|quant_max", "4"),
    (r"(n|num)?_?bits|bit_?width", "3"),
    (r"threshold|thresh|v_?th", "0.5"),
    (r"lo|low|lower(_bound)?", "-1.0"),
    (r"hi|high|upper(_bound)?", "1.0"),
    (r"conv_params?", "{'stride': 1, 'pad': 0}"),
    (r"pool_params?", "{'pool_height': 2, 'pool_width': 2, 'stride': 2}"),
    (r"(bn|gn|ln|norm)_params?", "{'mode': 'train'}"),
    (r"(?!nn_|init|flat|all_|model_|net)\w+_params?|config|options", "{}"),
)
_LABELS = re.compile(r"y|t|targets?|labels?|idx|ind(ex|ices)|ids|tokens")
_MASK = re.compile(r"\w*mask")
_WEIGHT = re.compile(r"w\w{0,2}|weights?|kernels?|filters?", re.IGNORECASE)
_PER_FEATURE = re.compile(
    r"b\d?|bias(es)?|beta|gamma|scale|shift|g|mean|var|mu|sigma\w*|running_\w+", re.IGNORECASE
)


def advise_in_shell(missing: list[str], known: Mapping[str, Shape]) -> str:
    """`no shape for gamma, beta (and no default). Add: --input gamma=3 --input beta=3`."""
    inputs, constants = _guesses(missing, known)
    words = [word for name, spec in inputs.items() for word in ("--input", format_input(name, spec) or "")]
    words += [word for name, value in constants.items() for word in ("--set", f"{name}={value}")]
    return f"{_lacking(inputs, constants)}. Add: {shell_line(words)}"


def advise_in_yaml(missing: list[str], known: Mapping[str, Shape]) -> str:
    """`no shape for gamma (and no default). Add: inputs: {gamma: {shape: [3]}}`."""
    inputs, constants = _guesses(missing, known)
    parts = []
    if inputs:
        parts.append(f"inputs: {{{', '.join(f'{name}: {_in_yaml(spec)}' for name, spec in inputs.items())}}}")
    if constants:
        parts.append(f"constants: {{{', '.join(f'{name}: {value}' for name, value in constants.items())}}}")
    return f"{_lacking(inputs, constants)}. Add: {' and '.join(parts)}"


def usual_constant(name: str) -> object:
    """A usual value for an argument of this name; None if the name suggests an array."""
    text = _usual(name)
    return None if text is None else parse_constant(f"{name}={text}")[1]


def _usual(name: str) -> str | None:
    return next((value for pattern, value in _CONSTANTS if re.fullmatch(pattern, name)), None)


def _lacking(inputs: Mapping[str, InputSpec], constants: Mapping[str, str]) -> str:
    parts = [f"no shape for {', '.join(inputs)}"] if inputs else []
    parts += [f"no value for {', '.join(constants)}"] if constants else []
    return f"{' and '.join(parts)} (and no default)"


def _guesses(missing: list[str], known: Mapping[str, Shape]) -> tuple[dict[str, InputSpec], dict[str, str]]:
    inputs: dict[str, InputSpec] = {}
    constants: dict[str, str] = {}
    for name in missing:
        value = _usual(name)
        if value is not None and name not in known:
            constants[name] = value
        else:
            shapes = {**known, **{done: spec.shape for done, spec in inputs.items()}}
            inputs[name] = _guess(name, shapes)
    return inputs, constants


def _guess(name: str, known: Mapping[str, Shape]) -> InputSpec:
    if name in known and not _LABELS.fullmatch(name):
        return InputSpec(known[name])
    first = next((shape for shape in known.values() if shape), (4, 3))
    rows, features = first[0], first[-1]
    if _LABELS.fullmatch(name):
        return InputSpec((rows,), "int64", high=max(2, features))
    if _MASK.fullmatch(name):
        return InputSpec(first, "bool")
    if _WEIGHT.fullmatch(name):
        return InputSpec((features, 2))
    if _PER_FEATURE.fullmatch(name):
        weights = [shape for other, shape in known.items() if _WEIGHT.fullmatch(other) and len(shape) == 2]
        return InputSpec((weights[0][-1] if weights and name[0] in "bB" and name != "beta" else features,))
    return InputSpec(first)


def _in_yaml(spec: InputSpec) -> str:
    parts = [f"shape: [{', '.join(map(str, spec.shape))}]"]
    if spec.dtype is not None:
        parts.append(f"dtype: {spec.dtype}")
    if spec.dtype == "int64":
        parts.append(f"high: {spec.high}")
    return f"{{{', '.join(parts)}}}"
