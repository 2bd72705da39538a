"""What the JSON Schema says of keys that are about code of the user's own."""

from typing import Any

from gradcli.config.values import LONGEST_TEXT

Schema = dict[str, Any]


def declarations() -> Schema:
    """What is on purpose, one definition for each key."""
    name: Schema = {"type": "string", "minLength": 1}
    names = {"anyOf": [name, {"type": "array", "minItems": 1, "items": name}]}
    reason: Schema = {"type": "string", "pattern": r"\S"}
    factor: Schema = {"type": ["number", "string"]}

    def by_gradient(value: Schema) -> list[Schema]:
        return [value, {"type": "object", "minProperties": 1, "additionalProperties": value}]

    def with_reason(other: str, value: Schema) -> list[Schema]:
        properties = {"reason": reason, other: value}
        return [
            reason,
            {
                "type": "object",
                "required": ["reason"],
                "additionalProperties": False,
                "properties": properties,
            },
        ]

    return {
        "scale": {
            "description": "declared: what the derivative is multiplied by, of all gradients or of each",
            "anyOf": by_gradient(factor),
            "examples": [{"W": "1/m"}, 0.25],
        },
        "sign": {
            "description": "declared: -1 where the negative gradient is returned",
            "anyOf": by_gradient({"enum": [-1, 1]}),
        },
        "stop_gradient": {
            "description": "declared: inputs that backward takes for constants, with no gradient or zeros",
            **names,
        },
        "nograd": {"description": "declared: arrays of floats that have no gradient", **names},
        "surrogate": {
            "description": "declared: gradients that differ from the derivative, and why",
            "anyOf": with_reason("gradients", names),
            "examples": [{"reason": "straight-through estimator", "gradients": ["x"]}],
        },
        "xfail": {
            "description": "declared: the check fails, why, and the last day on which that does not count",
            "anyOf": with_reason("until", {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}),
            "examples": [{"reason": "issue 12", "until": "2027-01-31"}],
        },
    }


def spelled() -> Schema:
    """Functions and methods by their role."""
    what = {
        "forward": "the function that is differentiated, where its name does not say so",
        "backward": "the function that takes cotangents back through forward",
        "vjp": "in place of backward: vjp(inputs, cotangents) beside forward(inputs), on dictionaries",
        "f": "the function whose gradient is checked, where its name does not say so",
        "grad": "the function that computes the gradient of f; f itself if it returns both",
    }
    return {key: {"description": text, "type": "string", "pattern": r"^\S+$"} for key, text in what.items()}


def spellings() -> Schema:
    """What is said of code that does not show it."""
    tape = {
        "wrap": ("an array x as a value of the engine", "Tensor(x)"),
        "run": ("backward from an output out, with the cotangent g or from one", "out.backward(g)"),
        "read": ("the gradient of a value x", "x.grad"),
        "unwrap": ("the numbers of an output out", "out.data"),
    }
    return {
        "tape": {
            "description": "how a tape engine is used, where that cannot be inferred; in Python",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                key: {"description": text, "type": "string", "pattern": r"\S", "examples": [sample]}
                for key, (text, sample) in tape.items()
            },
        },
        "constructor": {
            "description": "how an object of the class is made: arguments, or Python that makes it",
            "anyOf": [{"type": "string", "pattern": r"\S"}, {"$ref": "#/definitions/constants"}],
            "examples": [{"features": 3}, "Net([Affine(3, 2), Relu()])"],
        },
        **{
            key: {
                "description": text,
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"type": "string", "pattern": r"^[^\W\d]"},
                "examples": [{"W": sample}],
            }
            for key, text, sample in (
                ("parameters", "where the object keeps its parameters, by name", "layers[0].W"),
                ("gradients", "where backward leaves gradients of parameters and arguments", "layers[0].gW"),
            )
        },
    }


def loading() -> Schema:
    """How a file is loaded, and what of it is looked at."""
    name = {"type": "string", "pattern": r"\S", "maxLength": LONGEST_TEXT}
    return {
        "stub": {
            "description": "modules that the file imports and that are not needed: stand-ins are imported",
            "anyOf": [name, {"type": "array", "items": name}],
        },
        "order": {
            "description": "1: functions and their gradients alone; 2: gradients and their Hessians",
            "enum": [1, 2],
        },
        "only_symbol": {
            "description": "run only those definitions of the file that the target needs",
            "type": "boolean",
        },
    }
