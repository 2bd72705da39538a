"""The JSON Schema of a config, for editors: derived from the tables that validation reads.

What a schema of draft 7 cannot say is left to `gradcli.config.load`: that files exist, that ids are unique,
that a key is not set twice, that dimensions fit together.
"""

from gradcli.config.checks import VERSION
from gradcli.config.grid import GRID_SETTINGS
from gradcli.config.schema_of_code import Schema, declarations, loading, spelled, spellings
from gradcli.config.settings import SETTINGS, Setting
from gradcli.config.values import INPUT_DTYPES, LARGEST_HIGH, LONGEST_TEXT, MOST_AXES
from gradcli.declarations import KEYS
from gradcli.layers import LAYERS, Dim, Layer, Option
from gradcli.spec import InputSpec
from gradcli.targets.notation import INTEGER_DTYPES, ONE_HOT, SIGN

_OWN = "your-own-code"
_NAME = r"[^\W\d]\w*"
_SUFFIX = "([pP][yY][wW]?|[iI][pP][yY][nN][bB])"
_DOTTED = rf"{_NAME}(\.{_NAME})*"


def schema() -> Schema:
    """The schema (draft-07) of a whole config; every object in it is closed."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "gradcli config",
        "description": "Which hand-written gradients to check, and how.",
        "type": "object",
        "required": ["version", "checks"],
        "additionalProperties": False,
        "properties": {
            "version": {"const": VERSION, "description": "version of this format"},
            "defaults": {
                "type": "object",
                "description": "settings of every check that does not set them itself",
                "additionalProperties": False,
                "properties": _settings(),
            },
            "checks": {
                "type": "array",
                "description": "what to check",
                "minItems": 1,
                "items": {"$ref": "#/definitions/check"},
            },
        },
        "definitions": {
            "target": _target(),
            "check": _check(),
            **{f"layer-{name}": _check_of(layer) for name, layer in LAYERS.items()},
            _OWN: _check_of(None),
            "inputs": _inputs(),
            "input": _input(),
            "shape": _shape(),
            "constants": _constants(),
            "constant": _constant(),
            **declarations(),
            **{f"setting-{name}": _setting(setting) for name, setting in SETTINGS.items()},
        },
        "examples": [
            {
                "version": VERSION,
                "defaults": {"seed": 0},
                "checks": [{"target": "batchnorm", "matrix": {"batch": [2, 8], "features": [3, 64]}}],
            }
        ],
    }


def _target() -> Schema:
    return {
        "description": "a built-in layer, or code of your own: layers.py, layers.py:name, module:name",
        "anyOf": [
            {"enum": list(LAYERS)},
            {
                "type": "string",
                "maxLength": LONGEST_TEXT,
                "pattern": rf"^.*\.{_SUFFIX}(:{_DOTTED})?$|^{_DOTTED}:{_DOTTED}$|^{_NAME}(\.{_NAME})+$",
                "not": {"pattern": r"\.[yY][aA]?[mM][lL]$"},
            },
        ],
        "examples": ["batchnorm", "layers.py:batchnorm"],
    }


def _check() -> Schema:
    """One definition for each layer, chosen by the target: an editor then offers that layer's own keys."""
    return {
        "type": "object",
        "required": ["target"],
        "properties": {"target": {"$ref": "#/definitions/target"}},
        "allOf": [
            {"if": _targets(rf"^(.*:)?{name}$"), "then": {"$ref": f"#/definitions/layer-{name}"}}
            for name in LAYERS
        ]
        + [
            {"if": _targets(f"^{name}$"), "then": {"properties": _built_in(layer)}}
            for name, layer in LAYERS.items()
        ]
        + [
            {
                "if": _targets(rf"^(.*:)?({'|'.join(LAYERS)})$"),
                "else": {"$ref": f"#/definitions/{_OWN}"},
            }
        ],
    }


def _targets(pattern: str) -> Schema:
    return {"properties": {"target": {"type": "string", "pattern": pattern}}, "required": ["target"]}


def _built_in(layer: Layer) -> Schema:
    """What holds for the layer itself, and not for code of the same name: its arguments are known."""
    names = {"propertyNames": {"enum": [item.name for item in layer.inputs]}}
    options = {option.name: _parameter(option) for option in layer.options}
    return {
        "stub": False,
        "order": False,
        "only_symbol": False,
        **dict.fromkeys((*spelled(), *spellings()), False),
        "inputs": {"anyOf": [{"type": "string"}, names]},
        "constants": {"additionalProperties": False, "properties": options},
    }


def _check_of(layer: Layer | None) -> Schema:
    own = {parameter.name: _parameter(parameter) for parameter in layer.parameters} if layer else {}
    settings = _settings()
    return {
        "type": "object",
        "title": layer.name if layer else "your own code",
        "description": layer.summary if layer else "a pair of forward and backward in a file or a module",
        "additionalProperties": False,
        "properties": {
            "target": {"$ref": "#/definitions/target"},
            "id": {
                "type": "string",
                "description": "a name for the check, unique in its folder; derived if not given",
                "pattern": r"\S",
                "maxLength": LONGEST_TEXT,
            },
            **own,
            "matrix": {
                "type": "object",
                "description": "a grid: one check for every combination of these values",
                "minProperties": 1,
                "additionalProperties": False,
                "properties": {
                    name: {"type": "array", "minItems": 1, "uniqueItems": True, "items": items}
                    for name, items in {**own, **{name: settings[name] for name in GRID_SETTINGS}}.items()
                },
            },
            "inputs": {"$ref": "#/definitions/inputs"},
            "constants": {"$ref": "#/definitions/constants"},
            **loading(),
            **spelled(),
            **spellings(),
            **{key: {"$ref": f"#/definitions/{key}"} for key in KEYS},
            **settings,
        },
    }


def _settings() -> Schema:
    return {name: {"$ref": f"#/definitions/setting-{name}"} for name in SETTINGS}


def _setting(setting: Setting) -> Schema:
    described: Schema = {"description": setting.help}
    if setting.default is not None:
        described["default"] = setting.default
    integer = {"type": "integer"} | _present(minimum=setting.minimum)
    match setting.kind:
        case "flag":
            return described | {"type": "boolean"}
        case "choice":
            return described | {"enum": list(setting.choices)}
        case "elements":
            return described | {"anyOf": [{"enum": list(setting.choices)}, integer]}
        case "integer":
            return described | integer
        case "number":
            bounds = _present(minimum=setting.minimum, exclusiveMinimum=setting.above)
            return described | {"type": "number"} | bounds


def _parameter(parameter: Dim | Option) -> Schema:
    described: Schema = {"description": parameter.help, "default": parameter.default}
    if isinstance(parameter, Dim):
        return described | {"type": "integer", "minimum": parameter.minimum}
    if isinstance(parameter.default, bool):
        return described | {"type": "boolean"}
    kind = "integer" if isinstance(parameter.default, int) else "number"
    return (
        described
        | {"type": kind}
        | _present(
            minimum=parameter.minimum,
            maximum=parameter.maximum,
            exclusiveMinimum=parameter.above,
            exclusiveMaximum=parameter.below,
        )
    )


def _present(**bounds: float | None) -> Schema:
    return {name: bound for name, bound in bounds.items() if bound is not None}


def _inputs() -> Schema:
    return {
        "description": "the arrays that forward takes: a shape for each by name, or an .npz file with them",
        "anyOf": [
            {"type": "string", "pattern": r"\S", "maxLength": LONGEST_TEXT},
            _by_argument("#/definitions/input"),
        ],
        "examples": [{"x": [4, 3], "gamma": [3]}, "case.npz"],
    }


def _input() -> Schema:
    return {
        "description": "how it is drawn: scale * normal + offset, integers below high, booleans or classes",
        "anyOf": [
            {"$ref": "#/definitions/shape"},
            {
                "type": "object",
                "required": ["shape"],
                "additionalProperties": False,
                "properties": {
                    "shape": {"$ref": "#/definitions/shape"},
                    "dtype": {"enum": list(INPUT_DTYPES), "description": "if not that of the check"},
                    "scale": {
                        "type": "number",
                        "default": InputSpec.scale,
                        "description": "spread of floats",
                    },
                    "offset": {
                        "type": "number",
                        "default": InputSpec.offset,
                        "description": "mean of floats",
                    },
                    "high": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": LARGEST_HIGH,
                        "default": InputSpec.high,
                        "description": "integers are drawn below this",
                    },
                },
                "if": _has_dtype(*INTEGER_DTYPES, "int"),
                "then": {"properties": {"scale": False, "offset": False}},
                "else": {
                    "properties": {"high": False},
                    "if": _has_dtype("bool", SIGN, *ONE_HOT),
                    "then": {"properties": {"scale": False, "offset": False}},
                },
            },
        ],
    }


def _has_dtype(*names: str) -> Schema:
    return {"properties": {"dtype": {"enum": list(names)}}, "required": ["dtype"]}


def _shape() -> Schema:
    length = {"type": "integer", "minimum": 0}
    return {
        "description": "lengths of the axes; [] is a scalar",
        "anyOf": [
            {"type": "array", "items": length, "maxItems": MOST_AXES},
            length,
            {"type": "string", "pattern": r"^\(?[0-9]+([x,] ?[0-9]+)*,?\)?$|^scalar$|^\(\)$"},
        ],
        "examples": [[4, 3], "4x3"],
    }


def _constants() -> Schema:
    description = {"description": "keyword arguments of forward that are no arrays"}
    return description | _by_argument("#/definitions/constant") | {"examples": [{"eps": 1e-5}]}


def _constant() -> Schema:
    nested = {"$ref": "#/definitions/constant"}
    return {
        "anyOf": [
            {"type": ["number", "boolean", "string", "null"]},
            {"type": "array", "items": nested},
            {"type": "object", "additionalProperties": nested},
        ]
    }


def _by_argument(reference: str) -> Schema:
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": f"^{_NAME}$"},
        "additionalProperties": {"$ref": reference},
    }
