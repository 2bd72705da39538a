"""torch: autograd Functions, modules and functions of tensors, right and wrong."""

import textwrap
from pathlib import Path

import pytest

from gradcli import check_target
from gradcli.errors import TargetError, UsageError

pytest.importorskip("torch", reason="torch is an optional extra: pip install 'gradcli[torch]'")

SWISH = """
    class Swish(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, beta=1.5):
            s = torch.sigmoid(beta * x)
            ctx.save_for_backward(x, s)
            ctx.beta = beta
            return x * s

        @staticmethod
        def backward(ctx, grad_output):
            x, s = ctx.saved_tensors
            return grad_output * (s + ctx.beta * x * s * (1 - s)), None
"""
LINEAR = """
    class Linear(torch.autograd.Function):
        @staticmethod
        def forward(x, weight, bias):
            return x @ weight.t() + bias

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, weight, bias = inputs
            ctx.save_for_backward(x, weight)

        @staticmethod
        def backward(ctx, g):
            x, weight = ctx.saved_tensors
            return g @ weight, g.t() @ x, g.sum(0)
"""
EXP = """
    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return g * y
"""
SPARSE = """
    class Spread(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, dim):
            ctx.save_for_backward(x, dim)
            return x - x.mean(dim.item(), keepdim=True)

        @staticmethod
        def backward(ctx, g):
            x, dim = ctx.saved_tensors
            return g - g.mean(dim.item(), keepdim=True), None
"""
TOP = """
    class Top(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            values, indices = x.max(dim=1)
            ctx.mark_non_differentiable(indices)
            ctx.save_for_backward(indices)
            ctx.shape = x.shape
            return values, indices

        @staticmethod
        def backward(ctx, g, _):
            (indices,) = ctx.saved_tensors
            dx = torch.zeros(ctx.shape, dtype=g.dtype)
            return dx.scatter(1, indices[:, None], g[:, None])
"""
BN = """
    class BatchNorm(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, gamma, beta, eps: float = 1e-5):
            mu, var = x.mean(0), x.var(0, unbiased=False)
            inv = 1 / torch.sqrt(var + eps)
            xhat = (x - mu) * inv
            ctx.save_for_backward(xhat, gamma, inv)
            return gamma * xhat + beta

        @staticmethod
        def backward(ctx, g):
            xhat, gamma, inv = ctx.saved_tensors
            dxhat = g * gamma
            dx = inv * (dxhat - dxhat.mean(0) - xhat * (dxhat * xhat).mean(0))
            return dx, (g * xhat).sum(0), g.sum(0), None
"""
RIGHT = {
    "Swish": (SWISH, {"x": "4x3"}),
    "Linear": (LINEAR, {"x": "4x3", "weight": "2x3", "bias": "2"}),
    "Exp": (EXP, {"x": "5"}),
    "Top": (TOP, {"x": "4x3"}),
    "BatchNorm": (BN, {"x": "5x3", "gamma": "3", "beta": "3"}),
}
NONE = """
    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.scale = scale
            return x * scale

        @staticmethod
        def backward(ctx, g):
            return g * ctx.scale, None
"""
# what is replaced by what -> the gradient that must be called wrong
WRONG = [
    ("Swish", "ctx.beta * x", "x", "x"),
    ("Linear", "g.t() @ x", "1.001 * g.t() @ x", "weight"),
    ("Linear", "g @ weight,", "torch.zeros_like(x),", "x"),
    ("Exp", "g * y", "g * (y + 1e-5)", "x"),
    ("Top", "scatter(1, indices[:, None], g[:, None])", "scatter(1, indices[:, None], 1.0)", "x"),
    ("BatchNorm", "- xhat * (dxhat * xhat).mean(0)", "", "x"),
    ("BatchNorm", "(g * xhat).sum(0), g", "g.sum(0), g", "gamma"),
]

pytestmark = pytest.mark.usefixtures("folder")


def write(*parts):
    text = "import torch\n" + "".join(textwrap.dedent(part) for part in parts)
    with open("layers.py", "w") as file:  # noqa: PTH123
        file.write(text)


def codes(result):
    return {violation.code for violation in result.violations if not violation.is_warning}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_function_passes(name, dtype):
    source, inputs = RIGHT[name]
    write(source)
    result = check_target(f"layers.py:{name}", inputs=inputs, dtype=dtype)
    assert (result.verdict, codes(result)) == ("pass", set())


@pytest.mark.parametrize(("name", "right", "wrong", "gradient"), WRONG)
def test_a_planted_bug_fails_and_names_its_input(name, right, wrong, gradient):
    source, inputs = RIGHT[name]
    assert right in source
    write(source.replace(right, wrong))
    result = check_target(f"layers.py:{name}", inputs=inputs, blame=False)
    assert [n for n, g in result.gradients.items() if g.verdict == "fail"] == [gradient]


@pytest.mark.parametrize(("change", "verdict"), [("", "pass"), ("2 * ", "fail")])
def test_an_axis_that_is_saved_is_a_whole_number(change, verdict):
    write(SPARSE.replace("return g -", f"return {change}g -"))
    result = check_target("layers.py")
    assert (result.verdict, result.arrays["in/dim"].dtype.kind) == (verdict, "i")


@pytest.mark.parametrize(("slip", "verdict"), [("", "pass"), (" * 1.01", "fail")])
def test_a_function_that_is_known_by_its_apply_alone_is_checked(slip, verdict):
    made = textwrap.dedent(EXP.replace("g * y", f"g * y{slip}")).replace("\n", "\n    ")
    text = f"import torch\ndef make():{made}\n    return Exp.apply\nexp = make()\n"
    Path("made.py").write_text(text, encoding="utf-8")
    assert check_target("made.py").verdict == verdict


def test_a_file_alone_is_all_of_its_functions():
    write(EXP, TOP)
    with pytest.raises(UsageError, match=r"name one: layers\.py:Exp, layers\.py:Top"):
        check_target("layers.py", inputs={"x": "4x3"})


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ("g.mul_(y)", "GC107", "backward changed the cotangent in place"),
        ("y.mul_(g)", "GC107", "backward changed the cache"),
        ("g.float() * y.float()", "GC104", "drops digits"),
        ("g, y", "GC108", "incorrect number of gradients"),
        ("g.sum()", "GC108", "invalid gradient"),
        ("torch.rand_like(g)", "GC106", "not deterministic"),
        ("torch.ones_like(g) * y", "GC109", "cotangent"),
        ("g.flatten().as_strided(g.shape, g.stride()) * y", "GC110", ""),
    ],
)
def test_promises_are_those_of_any_backward(change, code, says):
    if "as_strided" in change:
        change = "torch.as_strided(g, g.shape, (1,)) * y"
    write(EXP.replace("g * y", change))
    result = check_target("layers.py:Exp", inputs={"x": "5"})
    assert result.verdict == "fail"
    assert code in codes(result) or "GC101" in codes(result)
    messages = [v.message for v in result.violations if v.code == code]
    assert not messages or any(says in message for message in messages)


def test_random_code_that_a_seed_cures_is_impure_only():
    write(EXP.replace("y = x.exp()", "y = x.exp() * (1 + 0 * torch.rand(1).double())"))
    assert check_target("layers.py:Exp", inputs={"x": "5"}).passed


def test_a_module_is_checked_with_its_parameters():
    module = """
        class Layer(torch.nn.Module):
            def __init__(self, n_in, n_out):
                super().__init__()
                self.weight = torch.nn.Parameter(torch.randn(n_out, n_in))
                self.bias = torch.nn.Parameter(torch.randn(n_out))

            def forward(self, x):
                return Linear.apply(x, self.weight, self.bias)
    """
    sizes = {"constants": {"n_in": 3, "n_out": 2}, "inputs": {"x": "4x3"}}
    write(LINEAR, module)
    result = check_target("layers.py:Layer", **sizes)
    assert (result.verdict, set(result.gradients)) == ("pass", {"x", "weight", "bias"})
    write(LINEAR.replace("g.sum(0)", "g.mean(0)"), module)
    result = check_target("layers.py:Layer", **sizes, blame=False)
    assert [n for n, g in result.gradients.items() if g.verdict == "fail"] == ["bias"]
    remarks = check_target("layers.py:Layer", inputs={"x": "4x3"}).remarks
    assert remarks[0] == "made with n_in=3, n_out=2"


def test_a_module_of_sizes_is_made_with_different_ones():
    write(
        LINEAR,
        """
        class Layer(torch.nn.Module):
            def __init__(self, in_features, d_hidden, out_features):
                super().__init__()
                self.w = torch.nn.Parameter(torch.randn(d_hidden, in_features))
                self.v = torch.nn.Parameter(torch.randn(out_features, d_hidden))
                self.b = torch.nn.Parameter(torch.randn(d_hidden))
            def forward(self, x):
                return torch.tanh(Linear.apply(x, self.w, self.b)) @ self.v.T
        """,
    )
    result = check_target("layers.py:Layer", blame=False)
    assert result.verdict == "pass"
    assert [g.analytic.shape for g in result.gradients.values()] == [(4, 3), (6, 3), (2, 6), (6,)]


def test_a_function_of_tensors_is_checked_if_it_is_asked_for():
    write(EXP, "def loss(x):\n    return Exp.apply(x).sum()\n\ndef plain(x):\n    return x\n")
    assert check_target("layers.py:loss", inputs={"x": "5"}).passed
    write(EXP.replace("g * y", "g"), "def loss(x):\n    return Exp.apply(x).sum()\n")
    assert check_target("layers.py:loss", inputs={"x": "5"}).verdict == "fail"
    write(EXP, "def plain(x):\n    return x\n")
    with pytest.raises(TargetError, match="plain is nothing that gradcli can check"):
        check_target("layers.py:plain", inputs={"x": "5"})


def test_what_is_cut_off_from_the_graph_is_no_gradient_at_all():
    write("def cut(x: torch.Tensor):\n    return x.detach() * 2\n")
    result = check_target("layers.py:cut", inputs={"x": "5"})
    assert codes(result) == {"GC102"}
    assert "not" not in result.violations[0].message[:3]
    assert "connected to its inputs" in result.violations[0].message


def test_a_gradient_too_few_is_told_of_backward_whatever_the_shapes():
    write("""
        class Scale(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, w):
                ctx.save_for_backward(w)
                return x * w

            @staticmethod
            def backward(ctx, g):
                (w,) = ctx.saved_tensors
                return g * w
    """)
    result = check_target("layers.py:Scale")
    (violation,) = result.violations
    assert (violation.code, violation.file, violation.line) == ("GC108", str(Path("layers.py").resolve()), 9)
    assert "incorrect number of gradients (expected 2, got 1)" in violation.message


def test_what_has_no_gradient_is_a_number_unless_it_is_saved_as_a_tensor():
    write(NONE)
    result = check_target("layers.py:Scaled", blame=False)
    assert (result.verdict, [*result.gradients]) == ("pass", ["x"])
    saved = NONE.replace("ctx.scale = scale", "ctx.save_for_backward(scale)")
    write(saved.replace("ctx.scale, None", "ctx.saved_tensors[0], None"))
    result = check_target("layers.py:Scaled", blame=False)
    assert [n for n, g in result.gradients.items() if g.verdict == "fail"] == ["scale"]


@pytest.mark.parametrize(
    ("name", "slip", "failing"),
    [("target", "", []), ("target", "-", ["x"]), ("scale", "", ["scale"]), ("y", "", ["y"])],
)
def test_no_gradient_of_a_saved_tensor_is_meant_of_a_label_alone(name, slip, failing):
    write(f"""
        class Overlap(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, {name}):
                ctx.save_for_backward(x, {name})
                return (x * {name}).sum()

            @staticmethod
            def backward(ctx, g):
                x, {name} = ctx.saved_tensors
                gx = g_other = None
                if ctx.needs_input_grad[0]:
                    gx = {slip}g * {name}
                return gx, g_other
    """)
    result = check_target("layers.py:Overlap", inputs={"x": "4x3", name: "4x3"}, blame=False)
    assert [n for n, g in result.gradients.items() if g.verdict == "fail"] == failing
    assert any("is not checked" in remark for remark in result.remarks) == (name == "target")


@pytest.mark.parametrize(("factor", "verdict"), [("2 * ", "pass"), ("", "fail")])
def test_no_gradient_of_a_label_that_is_not_saved_is_meant_either(factor, verdict):
    write(f"""
        class Squared(torch.autograd.Function):
            @staticmethod
            def forward(ctx, pred, target):
                d = pred - target
                ctx.save_for_backward(d)
                return (d**2).mean()

            @staticmethod
            def backward(ctx, g):
                (d,) = ctx.saved_tensors
                return {factor}g * d / d.numel(), None
    """)
    result = check_target("layers.py:Squared", inputs={"pred": "4x3", "target": "4x3"}, blame=False)
    assert (result.verdict, [*result.gradients]) == (verdict, ["pred"])


@pytest.mark.parametrize(("sign", "verdict"), [("", "pass"), ("-", "fail")])
def test_what_has_a_default_and_no_gradient_is_left_out_as_callers_do(sign, verdict):
    write(f"""
        class Scaled(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, factor=3.0, rate=0):
                ctx.factor = factor
                return x * factor

            @staticmethod
            def backward(ctx, g):
                return {sign}g * ctx.factor, None
    """)
    result = check_target("layers.py:Scaled", inputs={"x": "4x3"}, blame=False)
    assert result.gradients["x"].verdict == verdict


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@pytest.mark.parametrize(("slope", "verdict"), [("1 - t * t", "pass"), ("1 - t", "fail")])
def test_a_pair_that_torch_has_compiled_is_that_of_its_source(slope, verdict):
    write(f"""
        @torch.jit.script
        def bend_fwd(x):
            return torch.tanh(x)

        @torch.jit.script
        def bend_bwd(x, grad_output):
            t = torch.tanh(x)
            return grad_output * ({slope})
    """)
    assert check_target("layers.py:bend", blame=False).verdict == verdict


GROUPS = """
import torch


class SegmentSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, segment_ids, num_segments):
        ctx.save_for_backward(segment_ids)
        out = values.new_zeros((num_segments, *values.shape[1:]))
        return out.index_add_(0, segment_ids, values)

    @staticmethod
    def backward(ctx, g):
        (segment_ids,) = ctx.saved_tensors
        return g[segment_ids], None, None


class ScatterAdd(torch.autograd.Function):
    @staticmethod
    def forward(ctx, src, index, dim_size):
        ctx.save_for_backward(index)
        return src.new_zeros(src.shape[0], dim_size).scatter_add(1, index, src)

    @staticmethod
    def backward(ctx, g):
        (index,) = ctx.saved_tensors
        return g.gather(1, index), None, None


class PowNorm(torch.autograd.Function):
    @staticmethod
    def forward(x, p: float):
        return x.abs().pow(p).sum().pow(1.0 / p)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.p = inputs
        ctx.save_for_backward(x, output)

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * x.sign() * x.abs().pow(ctx.p - 1) * y.pow(1 - ctx.p), None
"""


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("SegmentSum", "g[segment_ids]", "g[segment_ids.sort()[0]]"),
        ("ScatterAdd", "g.gather(1, index)", "g.gather(1, index.flip(1))"),
        ("PowNorm", "y.pow(1 - ctx.p)", "y.pow(ctx.p - 1)"),
    ],
)
def test_indices_of_groups_and_numbers_without_a_gradient_are_guessed(
    name, right, wrong, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("groups.py").write_text(GROUPS)
    assert check_target(f"groups.py:{name}").verdict == "pass"
    assert right in GROUPS
    Path("groups.py").write_text(GROUPS.replace(right, wrong))
    assert check_target(f"groups.py:{name}").verdict == "fail"
