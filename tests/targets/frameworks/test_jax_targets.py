"""JAX: custom_vjp and custom_jvp, right and wrong, in both modes."""

import textwrap

import pytest

from gradcli import check_target
from gradcli.checker import run
from gradcli.spec import CheckSpec, InputSpec, Loading, Settings
from gradcli.targets import open_target, resolve

pytest.importorskip("jax", reason="JAX is an optional extra: pip install 'gradcli[jax]'")

VJP = """
    @jax.custom_vjp
    def logcosh(x, a):
        return a * jnp.log(jnp.cosh(x))

    def forward_rule(x, a):
        return logcosh(x, a), (x, a)

    def backward_rule(residuals, g):
        x, a = residuals
        return g * a * jnp.tanh(x), jnp.sum(g * jnp.log(jnp.cosh(x)))

    logcosh.defvjp(forward_rule, backward_rule)
"""
JVP = """
    @jax.custom_jvp
    def cube(x):
        return x**3

    @cube.defjvp
    def cube_rule(primals, tangents):
        (x,), (t,) = primals, tangents
        return cube(x), 3 * x**2 * t
"""
STATIC = """
    @functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
    def power(x, n):
        return x**n

    def forward_rule(x, n):
        return power(x, n), x

    def backward_rule(n, x, g):
        return (g * n * x ** (n - 1),)

    power.defvjp(forward_rule, backward_rule)
"""
CASES = {  # few numbers: JAX traces the rule again for each call of it
    "logcosh": (VJP, {"x": "2x2", "a": "scalar"}, {}),
    "cube": (JVP, {"x": "2"}, {}),
    "power": (STATIC, {"x": "2"}, {"n": 3}),
}
WRONG = [
    ("logcosh", "a * jnp.tanh(x)", "jnp.tanh(x)", "x"),
    ("logcosh", "jnp.sum(g * jnp", "jnp.mean(g * jnp", "a"),
    ("cube", "3 * x**2", "3.0001 * x**2", "x"),
    ("power", "(n - 1)", "n", "x"),
]

pytestmark = pytest.mark.usefixtures("folder")


def write(folder, source):
    head = "import functools\nimport jax\nimport jax.numpy as jnp\n"
    (folder / "rules.py").write_text(head + textwrap.dedent(source))


@pytest.mark.parametrize("name", CASES)
def test_a_right_rule_passes(folder, name):
    source, inputs, constants = CASES[name]
    write(folder, source)
    assert check_target(f"rules.py:{name}", inputs=inputs, constants=constants).passed


@pytest.mark.parametrize(("name", "right", "wrong", "gradient"), WRONG)
def test_a_planted_bug_fails_and_names_its_input(folder, name, right, wrong, gradient):
    source, inputs, constants = CASES[name]
    assert right in source
    write(folder, source.replace(right, wrong))
    result = check_target(f"rules.py:{name}", inputs=inputs, constants=constants, blame=False)
    assert [n for n, g in result.gradients.items() if g.verdict == "fail"] == [gradient]


def test_a_rule_whose_forward_computes_something_else_is_told(folder):
    write(folder, VJP.replace("return logcosh(x, a), (x, a)", "return 2 * logcosh(x, a), (x, a)"))
    result = check_target("rules.py:logcosh", inputs={"x": "4", "a": "scalar"})
    assert [v.message for v in result.violations] == [
        "the forward of the custom rule gives other outputs than the function itself"
    ]


def test_a_function_that_uses_a_rule_is_checked_if_it_is_asked_for(folder):
    write(folder, JVP + "\n    def loss(x):\n        return jnp.sum(cube(x))\n")
    assert check_target("rules.py:loss", inputs={"x": "2"}).passed
    write(folder, JVP.replace("3 * x", "2 * x") + "\n    def loss(x):\n        return jnp.sum(cube(x))\n")
    assert check_target("rules.py:loss", inputs={"x": "2"}, blame=False).verdict == "fail"


def test_a_rule_named_like_a_pair_is_one_check(folder):
    source = VJP.replace("forward_rule", "logcosh_fwd").replace("backward_rule", "logcosh_bwd")
    write(folder, source)
    assert [opened.id for opened in open_target(CheckSpec("rules.py"))] == ["rules.py:logcosh"]
    write(folder, source.replace("g * a * jnp.tanh(x)", "a * jnp.tanh(x)"))
    result = check_target("rules.py", inputs={"x": "2", "a": "scalar"}, blame=False)
    assert [n for n, g in result.gradients.items() if g.verdict == "fail"] == ["x"]


def test_what_a_framework_differentiates_is_not_hand_written(folder):
    write(folder, JVP + "\n    grad = jax.grad(cube)\n    cube_grad = jax.grad(cube)\n")
    assert [opened.id for opened in open_target(CheckSpec("rules.py"))] == ["rules.py:cube"]


def test_a_rule_is_needed_where_only_definitions_are_run(folder):
    write(folder, VJP + "\n    raise RuntimeError('training')\n")
    inputs = {"x": InputSpec((2,)), "a": InputSpec(())}
    (problem,) = resolve(CheckSpec("rules.py", inputs=inputs, loading=Loading(only_symbol=True)))
    assert (problem.id, run(problem, Settings(blame=False)).verdict) == ("rules.py:logcosh", "pass")


TAKE = """
    @jax.custom_vjp
    def take(x, idx):
        return x[idx] ** 2

    def forward_rule(x, idx):
        return take(x, idx), (x, idx)

    def backward_rule(saved, g):
        x, idx = saved
        return jnp.zeros_like(x).at[idx].add(2 * g * x[idx]), None

    take.defvjp(forward_rule, backward_rule)
"""


NORM = """
    @jax.custom_vjp
    def norm(x, eps):
        return jnp.sqrt(jnp.sum(x**2) + eps)

    def forward_rule(x, eps):
        return norm(x, eps), (x, norm(x, eps))

    def backward_rule(saved, g):
        x, n = saved
        return g * x / n, g * 0.5 / n

    norm.defvjp(forward_rule, backward_rule)
"""
STATIC_JVP = """
    @functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
    def scaled(k, x):
        return x**k

    @scaled.defjvp
    def rule(k, primals, tangents):
        (x,), (t,) = primals, tangents
        return x**k, k * x ** (k - 1) * t
"""
TREE = """
    @jax.custom_vjp
    def dense(params, x):
        return jnp.tanh(x @ params["in"]["w"] + params["b"])

    def forward_rule(params, x):
        y = dense(params, x)
        return y, (params, x, y)

    def backward_rule(saved, g):
        params, x, y = saved
        d = g * (1 - y**2)
        return {"in": {"w": x.T @ d}, "b": d.sum(axis=0)}, d @ params["in"]["w"].T

    dense.defvjp(forward_rule, backward_rule)
"""
TUPLE = """
    @jax.custom_vjp
    def affine(params, x):
        w, b = params
        return x @ w + b

    def forward_rule(params, x):
        return affine(params, x), (params[0], x)

    def backward_rule(saved, g):
        w, x = saved
        return (x.T @ g, g.sum(axis=0)), g @ w.T

    affine.defvjp(forward_rule, backward_rule)
"""


GIVEN = {
    "dense": {"in_w": "3x2", "b": "2", "x": "2x3"},
    "affine": {"w": "3x2", "b": "2", "x": "2x3"},
    "scaled": {"x": "3"},
}


@pytest.mark.parametrize(
    ("source", "name", "right", "wrong", "gradients"),
    [
        (TREE, "dense", "d @ params", "g @ params", ["in_w", "b", "x"]),
        (TUPLE, "affine", "g @ w.T", "2 * g @ w.T", ["w", "b", "x"]),
        (NORM, "norm", "0.5 / n", "2 / n", ["x", "eps"]),  # a hyperparameter with a gradient
        (STATIC_JVP, "scaled", "k * x ** (k - 1)", "x ** (k - 1)", ["x"]),
    ],
)
def test_the_rule_says_what_has_a_gradient(folder, source, name, right, wrong, gradients):
    write(folder, source)
    # Every guess that is tried is compiled, and for a tree there would be 200.
    result = check_target(f"rules.py:{name}", inputs=GIVEN.get(name), blame=False)
    assert (result.verdict, [*result.gradients]) == ("pass", gradients)
    write(folder, source.replace(right, wrong))
    shapes = {n: "x".join(map(str, g.shape)) or "scalar" for n, g in result.gradients.items()}
    result = check_target(f"rules.py:{name}", inputs=shapes, blame=False)
    assert result.gradients[gradients[-1]].verdict == "fail"


def test_indices_are_inferred_that_are_within_range(folder):
    """JAX raises for none: it reads the last element in the place of one that is not there."""
    write(folder, TAKE)
    (problem,) = resolve(CheckSpec("rules.py:take"))
    assert len(problem.inputs["x"]) > problem.inputs["idx"].max() > 0
    assert run(problem, Settings(blame=False)).verdict == "pass"


@pytest.mark.parametrize(("rule", "verdict"), [("2 * x * t", "pass"), ("x * t", "fail")])
def test_of_a_rule_over_another_the_outer_is_checked_alone(folder, rule, verdict):
    write(
        folder,
        f"""
        @jax.custom_jvp
        @jax.custom_vjp
        def square(x):
            return x * x

        @square.defjvp
        def square_jvp(primals, tangents):
            (x,), (t,) = primals, tangents
            return square(x), {rule}

        def square_fwd(x):
            return square(x), x

        def square_bwd(x, g):
            return (2 * x * g,)

        square.defvjp(square_fwd, square_bwd)
    """,
    )
    assert [opened.id for opened in open_target(CheckSpec("rules.py"))] == ["rules.py:square"]
    assert check_target("rules.py:square", inputs={"x": "2x3"}, blame=False).verdict == verdict
