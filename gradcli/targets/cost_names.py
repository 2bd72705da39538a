"""Which functions are a cost with its gradient, from their names and from the names of what they return."""

import re
from collections.abc import Collection, Iterator, Sequence

_COST = re.compile(
    r"(\w*_)?(loss|cost|objective|obj|nll|energy|neg_log\w*|log_?(likelihood|posterior|density))(_\w+)?|\w*(Loss|Cost|Objective)\w*"
    r"|cost_?function\w*|\w*(value|func|fun|f|loss|cost)_?(and|n)?_?(grad\w*|jac\w*)",
    re.IGNORECASE,
)
_LIKELIHOOD = re.compile(r"\w*log_?lik", re.IGNORECASE)
_VALUE = re.compile(
    r"log_?(z|p|prob|lik|likelihood|partition|evidence|marginal)\w*|elbo|j\w?|\w*(loss|cost|objective|obj|nll|energy|potential|value|val|error|err|ll)|f|fx|fval|total|l|\w*_(loss|cost)|(loss|cost)_\w+|e",
    re.IGNORECASE,
)
_GRADIENT = re.compile(r"d_?[A-Za-z]\w*|g|\w*grad\w*|(nabla|delta|jac)\w*|gs", re.IGNORECASE)
_FORCE = re.compile(r"(\w+_)?forces(_\w+)?|(total_|net_)?force", re.IGNORECASE)
_FUNCTIONS = ("f", "fx", "E", "V", "U", "phi", "psi")  # with df, dE, …
# Beyond doubt, whatever it returns.
_SAYS_BOTH = re.compile(r"\w*(loss|cost|value|objective|nll|energy)_?and_?(grad\w*|jac\w*)", re.IGNORECASE)
# Beyond doubt, whatever the function is called.
_PLAIN_VALUE = re.compile(
    r"J|\w*(loss|cost|objective|nll|energy|elbo)|(\w+_)?(ll|log_?(z|lik|likelihood|partition|evidence|marginal))",
    re.IGNORECASE,
)
_PLAIN_GRADIENT = re.compile(
    r"\w*grad\w*|d_\w+|d_?[A-Z]\w*|d[wbx]\d?|d_?(theta|weights?|scores|logits|pred\w*|probs?|inputs?|z\d?|y_?hat|emb\w*)"
)
# What f's name and its derivative's have in common; `{}` is the name.
_DERIVATIVES = (
    "{}_grad",
    "{}_gradient",
    "{}_gradients",
    "{}_prime",
    "{}prime",
    "{}_derivative",
    "{}_deriv",
    "{}_der",
    "{}_jac",
    "{}_jacobian",
    "{}_dx",
    "{}_bw",
    "{}_bwd",
    "{}Grad",
    "{}Gradient",
    "{}Prime",
    "{}Derivative",
    "grad_{}",
    "gradient_{}",
    "gradient_of_{}",
    "derivative_{}",
    "deriv_{}",
    "d_{}",
    "d{}",
    "D{}",
    "jac_{}",
    "J{}",
    "jac{}",
    "{}Jac",
    "{}Jacobian",
    "jacobian_{}",
    "nabla_{}",
    "grad{}",
    "gra_{}",
)
_VALUE_WORDS = r"cost|loss|objective|energy|value|func|function|score|fun|f"
_GRADIENT_WORDS = ("gradient", "grad", "gradients", "derivative", "jac", "jacobian")
_OF_VALUES = re.compile(r"cost|loss|obj(ective)?|energy|nll|neg|negative|log|ll|likelihood|value|f|j")
_OF_GRADIENTS = re.compile(r"grad(ient)?s?|derivatives?|deriv|prime|der|jac(obian)?")
_IDLE = re.compile(r"compute|calc(ulate)?|eval(uate)?|get|func(tion)?|fun|fn|of")
_SECOND = (
    (r"_der$", "_hess"),
    (r"_(grad|gradient)$", "_hess"),
    (r"_(grad|gradient)$", "_hessian"),
    (r"^grad(ient)?_", "hess_"),
    (r"^grad(ient)?_", "hessian_"),
    (r"^(grad|gradient|score)$", "hess"),
    (r"^(grad|gradient|score)$", "hessian"),
    (r"_jac$", "_hess"),
    (r"_jac$", "_hessian"),
    (r"_(grad|gradient|score)$", "_hess_fn"),
    (r"^grad(ient)?_", "hess_of_"),
    (r"^(jac|jacobian|fprime|der|gradient|grad|score)$", "hess"),
    (r"^(jac|jacobian|fprime|der|gradient|grad|score)$", "hessian"),
    (r"^(jac|jacobian|fprime|der|gradient|grad|score)$", "fhess"),
    (r"prime$", "prime2"),
    (r"^d(?=[a-z])", "d2"),
    (r"^d(?=[a-z])", "dd"),
)
# A Hessian times a vector, as a function of the point and the vector.
_PRODUCT = r"(hess(ian)?_?(p|prod(uct)?|vec(tor)?(_?prod(uct)?)?)|hvp|fhess_p)"
_OF_PRODUCT = re.compile(rf"(?P<before>\w*?)_?{_PRODUCT}(_(?P<after>\w+))?", re.IGNORECASE)
_ENDS_LIKE_A_GRADIENT = re.compile(r"(?P<before>\w*?)_?(der|grad(ient)?|jac(obian)?|prime|score)$")
_STARTS_LIKE_A_GRADIENT = re.compile(r"(grad(ient)?|jac(obian)?|d|score)_(?P<after>\w+)")


def is_cost(name: str, returned: Sequence[str]) -> bool:
    """Whether a function of this name that returns these looks like a cost with its gradient."""
    if len(returned) < 2 or all(map(is_gradient, returned)):
        return False
    if tuple(returned) in (
        ("f", "df"),
        ("fx", "dfx"),
        ("E", "dE"),
        ("V", "dV"),
        ("U", "dU"),
        ("phi", "dphi"),
    ):
        return True
    if any(map(is_force, returned)) and any(map(is_value, returned)):
        return True
    if name.startswith("_"):  # a part of something else, unless it is beyond doubt
        return is_value(returned[0]) and all(_PLAIN_GRADIENT.fullmatch(one) for one in returned[1:])
    if _SAYS_BOTH.fullmatch(name) is not None:
        return True
    if _COST.fullmatch(name) is not None:
        return any(map(is_gradient, returned)) or not any(returned[1:])
    if _LIKELIHOOD.fullmatch(name) is not None and is_value(returned[0]):
        return any(map(is_gradient, returned[1:]))
    plain = any(_PLAIN_VALUE.fullmatch(one) for one in returned)
    return plain and any(_PLAIN_GRADIENT.fullmatch(one) for one in returned)


def is_cost_name(name: str) -> bool:
    """Whether a function is called like a cost."""
    return not name.startswith("_") and _COST.fullmatch(name) is not None


def is_gradient(name: str) -> bool:
    """Whether something that is returned is called like a gradient."""
    return _GRADIENT.fullmatch(name) is not None


def is_force(name: str) -> bool:
    """Whether something is called the negative gradient of an energy."""
    return _FORCE.fullmatch(name) is not None


def is_bare_gradient(name: str) -> bool:
    """Whether a function is called a gradient, and not of what."""
    if name in _GRADIENT_WORDS or name in ("deriv", "df", "compute_gradient", "get_gradient"):
        return True
    *before, last = _words(name) or [""]
    return last in _GRADIENT_WORDS and all(map(_OF_VALUES.fullmatch, before))


def is_value(name: str) -> bool:
    """Whether something that is returned is called like a cost."""
    return _VALUE.fullmatch(name) is not None and not is_gradient(name)


def find_derivatives(names: Collection[str]) -> list[tuple[str, str]]:
    """(function, derivative) by name, in the order of the functions; every derivative once."""
    found: list[tuple[str, str]] = []
    taken: set[str] = set()
    for name in names:
        for derivative in (*_first_order(name), *_second_order(name)):
            if derivative in names and derivative != name and derivative not in taken:
                found.append((name, derivative))
                taken.add(derivative)
                break
    return found


def is_second_order(name: str, derivative: str) -> bool:
    """Whether these are a gradient and its Hessian."""
    return derivative in _second_order(name) or is_product(derivative)


def is_product(name: str) -> bool:
    """Whether a function is called like a Hessian times a vector: hessp, rosen_hess_prod, hvp."""
    return _OF_PRODUCT.fullmatch(name) is not None


def find_products(names: Collection[str]) -> Iterator[tuple[str, str]]:
    """(gradient, Hessian times a vector) by name, for every such product."""
    for product in names:
        match = _OF_PRODUCT.fullmatch(product)
        if match is None:
            continue
        of = match["before"] or match["after"] or ""
        for gradient in names:
            if gradient != product and _is_gradient_of(gradient, of):
                yield gradient, product
                break


def _is_gradient_of(name: str, of: str) -> bool:
    """`rosen_der` and `grad_rosen` of `rosen`; `grad`, `jac`, `score` of nothing that has a name."""
    ends, starts = _ENDS_LIKE_A_GRADIENT.fullmatch(name), _STARTS_LIKE_A_GRADIENT.fullmatch(name)
    return (ends is not None and ends["before"] == of) or (starts is not None and starts["after"] == of)


def is_derivative_of(name: str, other: str) -> bool:
    """Whether `other` is called the derivative of `name` in other words: costFunctionReg, gradientReg;
    or in short: rosenbrock, rosen_grad."""
    words, others = _words(name), _words(other)
    left = others[1:] if others[:1] == ["d"] else [w for w in others if not _OF_GRADIENTS.fullmatch(w)]
    plain = [word for word in words if not _OF_VALUES.fullmatch(word)]
    is_short = len(left) == len(plain) == 1 and len(left[0]) > 3 and plain[0].startswith(left[0])
    return name != other and len(left) < len(others) and (left in (words, plain) or is_short)


def _words(name: str) -> list[str]:
    """The words of a name but for those that every function may have: `compute_cost` is a cost."""
    found = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+", name)
    return [word.lower() for word in found if not _IDLE.fullmatch(word.lower())]


def _first_order(name: str) -> Iterator[str]:
    yield from (pattern.format(name) for pattern in _DERIVATIVES)
    if name.endswith("_f"):
        yield f"{name[:-1]}df"
    capital = name[:1].upper() + name[1:]
    yield from (f"{start}{capital}" for start in ("grad", "d", "gradient"))
    for match in re.finditer(rf"(?<![a-z])({_VALUE_WORDS})(?![a-z])|(Cost|Loss|Objective)(?![a-z])", name):
        for word in _GRADIENT_WORDS:
            other = word.capitalize() if match.group()[0].isupper() else word
            yield name[: match.start()] + other + name[match.end() :]
    for match in re.finditer(r"(?<![a-z])(potential|energy)(?![a-z])", name):
        yield from (name[: match.start()] + word + name[match.end() :] for word in ("force", "forces"))


def is_force_function(name: str) -> bool:
    """Whether a function is called like one that gives the force of a potential, `lj_force`."""
    return re.search(r"(?<![a-z])forces?(?![a-z])", name) is not None


def _second_order(name: str) -> Iterator[str]:
    for pattern, word in _SECOND:
        changed, count = re.subn(pattern, word, name)
        if count:
            yield changed
