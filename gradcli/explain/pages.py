"""The pages, by code. An example is a program that prints what its page is about."""

from gradcli.explain.page import Page

_ALL = (
    Page(
        code="GC101",
        title="a gradient has a wrong value",
        meaning=(
            "The gradient that backward returned differs from the numeric derivative of forward by more "
            "than rounding and truncation can explain. How large those are is measured, at this point "
            "and for each element, and an element that disagrees is measured a second time with care, "
            "one by one."
        ),
        example="""\
import gradcli, numpy as np

def forward(x):
    return x**2, x

def backward(dout, x):
    return dout * x

inputs = {"x": np.array([0.5, -1.5, 2.0])}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause=(
            "A lost factor (2, 1/N, -1), a term or a whole path of the chain rule left out, a sum over "
            "the wrong axis, a transpose, the wrong cached array."
        ),
        fix=(
            "Divide analytic by numeric: a constant quotient is a lost factor. If only some rows or "
            "columns are wrong, look for a sum or an axis. If the numbers seem unrelated, count the "
            "paths on which the input reaches the output: each adds a term."
        ),
        wrong="    return dout * x\n",
        right="    return dout * 2 * x\n",
    ),
    Page(
        code="GC102",
        title="a gradient is missing, or cannot be told from the others",
        meaning=(
            "backward must return one gradient for every floating-point input: a tuple in the order of "
            "forward's inputs, a dict by input name, or a lone array if there is one input. Here one is "
            "absent or None, there are too many, or a name belongs to no input. Integer and boolean "
            "inputs have no gradient; None may stand in their place."
        ),
        example="""\
import gradcli, numpy as np

def forward(x, w):
    return x * w, (x, w)

def backward(dout, cache):
    x, w = cache
    return dout * w, None

inputs = {"x": np.array([0.5, -1.5]), "w": np.array([2.0, 3.0])}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause="An input that was added to forward later, or a constant that is passed as an array.",
        fix=(
            "Return the gradient. If the argument is no input but a constant, give it as one: --set "
            "NAME=VALUE, or constants= in Python."
        ),
        wrong="    return dout * w, None\n",
        right="    return dout * w, dout * x\n",
    ),
    Page(
        code="GC103",
        title="a gradient has another shape than its input",
        meaning=(
            "A gradient has exactly the shape of its input. NumPy would broadcast (2, 3) against (3,) "
            "without a word, so this is an error here even where the numbers look right."
        ),
        example="""\
import gradcli, numpy as np

def forward(x, b):
    return x + b, None

def backward(dout, cache):
    return dout.copy(), dout.copy()

inputs = {"x": np.ones((2, 3)), "b": np.array([0.5, -1.5, 2.0])}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause=(
            "forward broadcasts the input and backward does not sum over the axes along which it was "
            "repeated; or a sum keeps an axis, or drops one, that the input does not."
        ),
        fix=(
            "Sum over the axes that were broadcast; use keepdims=True where the input has an axis of "
            "length 1."
        ),
        wrong="    return dout.copy(), dout.copy()\n",
        right="    return dout.copy(), dout.sum(axis=0)\n",
    ),
    Page(
        code="GC104",
        title="digits are lost: a lower precision than that of the inputs",
        meaning=(
            "The inputs are float64, but an output, a gradient or something inside is computed in "
            "float32 (or in integers). The gradient is judged at the precision that is left, and "
            "mistakes that are smaller than that go unseen."
        ),
        example="""\
import gradcli, numpy as np

def forward(x):
    y = np.tanh(x)
    return y, y

def backward(dout, y):
    return (dout * (1 - y**2)).astype(np.float32)

inputs = {"x": np.array([0.5, -1.5, 2.0])}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause=(
            "An astype(np.float32), an array of zeros or a mask with a fixed dtype, a constant kept in "
            "float32."
        ),
        fix=(
            "Let the dtype follow the input: np.zeros_like(x), x.dtype. Code that is meant to run in "
            "float32 is checked with --dtype float32."
        ),
        wrong="    return (dout * (1 - y**2)).astype(np.float32)\n",
        right="    return dout * (1 - y**2)\n",
    ),
    Page(
        code="GC105",
        title="an output or a gradient is not finite",
        meaning=(
            "An output of forward or a gradient holds NaN or infinity. Nothing can be compared with that."
        ),
        example="""\
import gradcli, numpy as np

def forward(x):
    return np.log(1 + np.exp(x)), x

def backward(dout, x):
    return dout / (1 + np.exp(-x))

inputs = {"x": np.array([-1.0, 2.0, 1000.0])}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause=(
            "exp of a large number, a division by a norm or a variance of 0, log or sqrt at 0, 0 * inf "
            "behind a mask."
        ),
        fix=(
            "Use the stable form (logaddexp, subtract the maximum before exp, add eps under the root). "
            "If such inputs do not occur, check at points that do: --input, --inputs."
        ),
        wrong="    return np.log(1 + np.exp(x)), x\n",
        right="    return np.logaddexp(0, x), x\n",
    ),
    Page(
        code="GC106",
        title="two equal calls give different numbers",
        meaning=(
            "forward or backward, called twice with the same arguments, gives different results, so "
            "there is no derivative to speak of. If it draws from the global random generator, gradcli "
            "fixes the seed and judges the gradients all the same; the promise is still broken."
        ),
        example="""\
import gradcli, numpy as np

def forward(x):
    mask = np.random.random(x.shape) < 0.5
    return x * mask, mask

def backward(dout, mask):
    return dout * mask

inputs = {"x": np.linspace(0.5, 2.0, 32)}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause=(
            "Dropout or noise that is drawn inside, uninitialised memory (np.empty), the iteration "
            "order of a set, threads that add up in any order."
        ),
        fix="Pass the mask, the seed or the generator's state as an argument, and draw from that.",
        wrong="    mask = np.random.random(x.shape) < 0.5\n",
        right="    mask = np.random.default_rng(0).random(x.shape) < 0.5\n",
    ),
    Page(
        code="GC107",
        title="an argument or the cache is changed in place",
        meaning=(
            "forward or backward wrote into an input, into the cotangent or into the cache. The "
            "caller's arrays are then no longer what they were, and a second call sees other values."
        ),
        example="""\
import gradcli, numpy as np

def forward(x):
    x -= x.max()
    p = np.exp(x) / np.exp(x).sum()
    return p, p

def backward(dout, p):
    return p * (dout - (dout * p).sum())

inputs = {"x": np.array([0.5, -1.5, 2.0])}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause="x -= ..., dout *= ..., dout[mask] = 0, out=, np.add.at or sort on an array of the caller.",
        fix="Make a new array: x = x - ...; or take a copy before the first change.",
        wrong="    x -= x.max()\n",
        right="    x = x - x.max()\n",
    ),
    Page(
        code="GC108",
        title="the code raised, or returned something that is not an array",
        meaning=(
            "forward or backward raised an exception, or returned something (None, a list, text, an "
            "array of objects) in which no floating-point numbers can be compared. The message names "
            "the file and the line of your code, where they are known."
        ),
        example="""\
import gradcli, numpy as np

def forward(x, w):
    return x @ w, (x, w)

def backward(dout, cache):
    x, w = cache
    return dout @ w, x.T @ dout

inputs = {"x": np.ones((2, 3)), "w": np.ones((3, 4))}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause=(
            "A forgotten return, a missing transpose, shapes that only fit for square matrices or a "
            "batch of 1."
        ),
        fix="Run forward and backward by hand on the same shapes; the exception says the rest.",
        wrong="    return dout @ w, x.T @ dout\n",
        right="    return dout @ w.T, x.T @ dout\n",
    ),
    Page(
        code="GC109",
        title="backward is not linear in the cotangent",
        meaning=(
            "backward computes a product of the cotangent (the upstream gradient, dout) with a matrix, "
            "so it is linear: 1024 times the cotangent gives 1024 times the gradient, to the bit; no "
            "cotangent, no gradient; and sums add up to within rounding. Here that does not hold."
        ),
        example="""\
import gradcli, numpy as np

def forward(x):
    y = np.tanh(x)
    return y, y

def backward(dout, y):
    return np.clip(dout * (1 - y**2), -5, 5)

inputs = {"x": np.array([0.5, -1.5, 2.0])}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause=(
            "A loss whose backward assumes dout = 1 and never multiplies by it; clipping or normalising "
            "gradients inside backward; an eps added to the gradient."
        ),
        fix=(
            "Multiply by the cotangent, once. Clip gradients where they are used, not where they are "
            "computed."
        ),
        wrong="    return np.clip(dout * (1 - y**2), -5, 5)\n",
        right="    return dout * (1 - y**2)\n",
    ),
    Page(
        code="GC110",
        title="backward assumes a memory layout of the cotangent",
        meaning=(
            "The gradient is right for a contiguous cotangent, and wrong or an exception for the same "
            "numbers in another layout: every other column of a larger array, Fortran order, or one "
            "number broadcast to the whole shape. All of them occur: a transpose upstream, a slice, the "
            "gradient of a sum."
        ),
        example="""\
import gradcli, numpy as np

def forward(x):
    return x**2, x

def backward(dout, x):
    flat = dout.ravel(order="K")
    return flat.reshape(x.shape) * 2 * x

inputs = {"x": np.array([[0.5, -1.5], [2.0, 1.0]])}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause=(
            'ravel(order="K") or reshape(order="A"), strides or a pointer handed to compiled code, '
            "writing into a broadcast array."
        ),
        fix="Start backward with dout = np.ascontiguousarray(dout), or index without regard to memory.",
        wrong='    flat = dout.ravel(order="K")\n',
        right="    flat = dout.ravel()\n",
    ),
    Page(
        code="GC111",
        title="calls influence each other",
        meaning=(
            "A second backward from the same cache, a backward after forward has run elsewhere, or the "
            "same point after another one gives other numbers. Something is kept outside the cache, and "
            "a network that uses the layer twice would get wrong gradients."
        ),
        example="""\
import gradcli, numpy as np

last = {}

def forward(x):
    last["x"] = x.copy()
    return x**2, x.copy()

def backward(dout, cache):
    return dout * 2 * last["x"]

inputs = {"x": np.array([0.5, -1.5, 2.0])}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause=(
            "self.x or a global written by forward and read by backward, a buffer that is used again, "
            "gradients that are added to those of the last call, a cache that backward empties."
        ),
        fix="Let backward read nothing but its arguments, and put all it needs into the cache.",
        wrong='    return dout * 2 * last["x"]\n',
        right="    return dout * 2 * cache\n",
    ),
    Page(
        code="GC112",
        title="a declaration does not hold",
        meaning=(
            "The check declares something that is on purpose, and it is not so: an input that is declared "
            "stop_gradient is given a gradient, a gradient that is declared a surrogate is that of forward, "
            "or a check that is declared xfail passes. A declaration that nobody needs any more would hide "
            "the next mistake."
        ),
        example="""\
import gradcli, numpy as np

def forward(x, target):
    return (x - target)**2, (x, target)

def backward(dout, cache):
    x, target = cache
    return dout * 2 * (x - target), dout * 2 * (target - x)

inputs = {"x": np.array([0.5, -1.5]), "target": np.array([1.0, 2.0])}
result = gradcli.check(forward, backward, inputs, stop_gradient=["target"])
print(result.violations)
""",
        cause="The code was put right, or changed, after the declaration was written.",
        fix="Remove the declaration; where it says what the code should do, change the code.",
        wrong="    return dout * 2 * (x - target), dout * 2 * (target - x)\n",
        right="    return dout * 2 * (x - target), None\n",
    ),
    Page(
        code="GC201",
        title="warning: a gradient is zero everywhere",
        meaning=(
            "Analytic and numeric gradient are both zero in every element. That may be right, but "
            "passing proves little: a backward that has forgotten this input passes just as well."
        ),
        example="""\
import gradcli, numpy as np

def forward(x):
    return np.maximum(x, 0), x

def backward(dout, x):
    return dout * (x > 0)

inputs = {"x": np.array([-0.5, -1.5, -2.0])}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause=(
            "Inputs in a dead region (a relu of negative numbers, a saturated sigmoid), a bias right "
            "before a normalisation, a mask of zeros."
        ),
        fix="Check at a point where the input matters. If it never does, it needs no gradient.",
        wrong="[-0.5, -1.5, -2.0]",
        right="[-0.5, 1.5, 2.0]",
    ),
    Page(
        code="GC202",
        title="warning: elements are at a kink",
        meaning=(
            "At these elements the slopes on the two sides differ, so there is no derivative (relu at "
            "0, a tie in a maximum, a norm at 0). Any value between the two slopes is a valid "
            "subgradient and passes, unless backward is plainly wrong right beside the kink. Near a "
            "kink, gradcli shrinks the step below it instead."
        ),
        example="""\
import gradcli, numpy as np

def forward(x):
    return np.maximum(x, 0), x

def backward(dout, x):
    return dout * (x > 0)

inputs = {"x": np.array([-1.0, 0.0, 2.0])}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause="Inputs that are exactly 0, or equal to each other: integers, zeros, padding.",
        fix="If those elements matter, check again at a point away from the kink.",
        wrong="[-1.0, 0.0, 2.0]",
        right="[-1.0, 0.1, 2.0]",
    ),
    Page(
        code="GC203",
        title="warning: an input was never compared",
        meaning=(
            "An input has a gradient, but none of its elements was compared. Nothing is known about it."
        ),
        example="""\
import gradcli, numpy as np

def forward(x, y):
    return np.concatenate([x, y]), len(x)

def backward(dout, n):
    return dout[:n].copy(), dout[n:].copy()

inputs = {"x": np.ones((2, 3)), "y": np.ones((0, 3))}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause="A dimension of 0, code that is not deterministic (GC106), an interruption.",
        fix="Give the input some elements, or repair what kept it from being compared.",
        wrong="np.ones((0, 3))",
        right="np.ones((4, 3))",
    ),
    Page(
        code="GC204",
        title="warning: a gradient is a view of the cotangent",
        meaning=(
            "backward returned the cotangent itself, or a view of its memory. The numbers are right, "
            "but who adds to this gradient in place (dx += ...) also changes the upstream gradient, "
            "which others may still need."
        ),
        example="""\
import gradcli, numpy as np

def forward(x, b):
    return x + b, None

def backward(dout, cache):
    return dout, dout.sum(axis=0)

inputs = {"x": np.ones((2, 3)), "b": np.array([0.5, -1.5, 2.0])}
result = gradcli.check(forward, backward, inputs)
print(result.violations)
""",
        cause="An identity: a residual connection, a bias, a reshape, a transpose, a slice.",
        fix="Return a copy.",
        wrong="    return dout, dout.sum(axis=0)\n",
        right="    return dout.copy(), dout.sum(axis=0)\n",
    ),
    Page(
        code="GC205",
        title="warning: backward does more than give gradients",
        meaning=(
            "A method backward changed the object that it belongs to: it moved the parameters (an update of "
            "its own), or added to some gradients and replaced others. The gradients that it gave were read "
            "as if it had not; whoever calls it twice gets something else."
        ),
        example="""\
from pathlib import Path
import gradcli
Path("scale.py").write_text('''
class Scale:
    def __init__(self, w):
        self.w = w
    def forward(self, x):
        self.x = x
        return x * self.w
    def backward(self, dout, lr):
        self.dw, dx = (dout * self.x).sum(axis=0), dout * self.w
        self.w -= lr * self.dw
        return dx
''')
result = gradcli.check_target("scale.py", inputs={"w": "3", "x": "4x3"})
print(result.violations)
""",
        cause="Layers whose backward takes a learning rate; `+=` for one gradient and `=` for another.",
        fix="Leave the update to an optimiser, and treat all gradients of a layer alike.",
        wrong="self.w -= lr * self.dw",
        right="pass",
    ),
)

PAGES: dict[str, Page] = {page.code: page for page in _ALL}
