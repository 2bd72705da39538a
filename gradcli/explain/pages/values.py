"""What the numbers of a gradient must be: right, there, in shape, precise, finite."""

from gradcli.explain.page import Page, program

PAGES = (
    Page(
        code="GC101",
        title="a gradient has a wrong value",
        meaning=(
            "The gradient that backward returned differs from the numeric derivative of forward by more "
            "than rounding and truncation can explain. How large those are is measured, at this point "
            "and for each element, and an element that disagrees is measured a second time with care, "
            "one by one."
        ),
        example=program(
            """\
def forward(x):
    return x**2, x

def backward(dout, x):
    return dout * x
""",
            '"x": np.array([0.5, -1.5, 2.0])',
        ),
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
        example=program(
            """\
def forward(x, w):
    return x * w, (x, w)

def backward(dout, cache):
    x, w = cache
    return dout * w, None
""",
            '"x": np.array([0.5, -1.5]), "w": np.array([2.0, 3.0])',
        ),
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
        example=program(
            """\
def forward(x, b):
    return x + b, None

def backward(dout, cache):
    return dout.copy(), dout.copy()
""",
            '"x": np.ones((2, 3)), "b": np.array([0.5, -1.5, 2.0])',
        ),
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
        example=program(
            """\
def forward(x):
    y = np.tanh(x)
    return y, y

def backward(dout, y):
    return (dout * (1 - y**2)).astype(np.float32)
""",
            '"x": np.array([0.5, -1.5, 2.0])',
        ),
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
        example=program(
            """\
def forward(x):
    return np.log(1 + np.exp(x)), x

def backward(dout, x):
    return dout / (1 + np.exp(-x))
""",
            '"x": np.array([-1.0, 2.0, 1000.0])',
        ),
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
)
