"""What calls of forward and backward must keep to: the same again, no traces, linear in the cotangent."""

from gradcli.explain.page import Page, program

PAGES = (
    Page(
        code="GC106",
        title="two equal calls give different numbers",
        meaning=(
            "forward or backward, called twice with the same arguments, gives different results, so "
            "there is no derivative to speak of. If it draws from the global random generator, gradcli "
            "fixes the seed and judges the gradients all the same; the promise is still broken."
        ),
        example=program(
            """\
def forward(x):
    mask = np.random.random(x.shape) < 0.5
    return x * mask, mask

def backward(dout, mask):
    return dout * mask
""",
            '"x": np.linspace(0.5, 2.0, 32)',
        ),
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
        example=program(
            """\
def forward(x):
    x -= x.max()
    p = np.exp(x) / np.exp(x).sum()
    return p, p

def backward(dout, p):
    return p * (dout - (dout * p).sum())
""",
            '"x": np.array([0.5, -1.5, 2.0])',
        ),
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
        example=program(
            """\
def forward(x, w):
    return x @ w, (x, w)

def backward(dout, cache):
    x, w = cache
    return dout @ w, x.T @ dout
""",
            '"x": np.ones((2, 3)), "w": np.ones((3, 4))',
        ),
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
            "so it is linear: 2^20 times the cotangent gives 2^20 times the gradient, to the bit; no "
            "cotangent, no gradient; and sums add up to within rounding. Here that does not hold."
        ),
        example=program(
            """\
def forward(x):
    y = np.tanh(x)
    return y, y

def backward(dout, y):
    return np.clip(dout * (1 - y**2), -5, 5)
""",
            '"x": np.array([0.5, -1.5, 2.0])',
        ),
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
        example=program(
            """\
def forward(x):
    return x**2, x

def backward(dout, x):
    flat = dout.ravel(order="K")
    return flat.reshape(x.shape) * 2 * x
""",
            '"x": np.array([[0.5, -1.5], [2.0, 1.0]])',
        ),
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
        example=program(
            """\
last = {}

def forward(x):
    last["x"] = x.copy()
    return x**2, x.copy()

def backward(dout, cache):
    return dout * 2 * last["x"]
""",
            '"x": np.array([0.5, -1.5, 2.0])',
        ),
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
        example=program(
            """\
def forward(x, target):
    return (x - target)**2, (x, target)

def backward(dout, cache):
    x, target = cache
    return dout * 2 * (x - target), dout * 2 * (target - x)
""",
            '"x": np.array([0.5, -1.5]), "target": np.array([1.0, 2.0])',
            'stop_gradient=["target"]',
        ),
        cause="The code was put right, or changed, after the declaration was written.",
        fix="Remove the declaration; where it says what the code should do, change the code.",
        wrong="    return dout * 2 * (x - target), dout * 2 * (target - x)\n",
        right="    return dout * 2 * (x - target), None\n",
    ),
)
