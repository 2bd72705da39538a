"""What is no fault, but makes a passing check prove less than it seems to."""

from gradcli.explain.page import Page, program

PAGES = (
    Page(
        code="GC201",
        title="warning: a gradient is zero everywhere",
        meaning=(
            "Analytic and numeric gradient are both zero in every element. That may be right, but "
            "passing proves little: a backward that has forgotten this input passes just as well."
        ),
        example=program(
            """\
def forward(x):
    return np.maximum(x, 0), x

def backward(dout, x):
    return dout * (x > 0)
""",
            '"x": np.array([-0.5, -1.5, -2.0])',
        ),
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
        example=program(
            """\
def forward(x):
    return np.maximum(x, 0), x

def backward(dout, x):
    return dout * (x > 0)
""",
            '"x": np.array([-1.0, 0.0, 2.0])',
        ),
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
        example=program(
            """\
def forward(x, y):
    return np.concatenate([x, y]), len(x)

def backward(dout, n):
    return dout[:n].copy(), dout[n:].copy()
""",
            '"x": np.ones((2, 3)), "y": np.ones((0, 3))',
        ),
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
        example=program(
            """\
def forward(x, b):
    return x + b, None

def backward(dout, cache):
    return dout, dout.sum(axis=0)
""",
            '"x": np.ones((2, 3)), "b": np.array([0.5, -1.5, 2.0])',
        ),
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
