"""Every promise: the bug that breaks it is found by its code, and correct code is never accused."""

import warnings

import numpy as np
import pytest

import gradcli
from gradcli.result import CheckResult, Violation
from tests.numeric.closed_forms import codes

X = np.random.default_rng(3).standard_normal((3, 4))


def square(x):
    return x * x, x


def square_backward(dout, x):
    return 2 * dout * x


def check_backward(backward, forward=square, **inputs) -> CheckResult:
    return gradcli.check(forward, backward, inputs or {"x": X}, blame=False)  # no line is asked for here


def found(result: CheckResult, code: str) -> Violation:
    (violation,) = [v for v in result.violations if v.code == code]
    return violation


def test_correct_code_breaks_no_promise():
    assert check_backward(square_backward).violations == ()


# --- GC101 to GC105: what backward returns


def test_gc101_a_wrong_value():
    result = check_backward(lambda d, x: 3 * d * x)
    message = found(result, "GC101").message
    assert message.startswith("the gradient of x is wrong in 12 of 12 elements, worst at (")
    assert found(result, "GC101").gradient == "x"


def test_gc102_a_missing_gradient():
    result = check_backward(lambda d, x: None)
    assert (result.verdict, codes(result)) == ("fail", ["GC102"])
    assert found(result, "GC102").message == "backward returned no gradient for x"
    assert result.gradients["x"].note == "missing"


def test_gc102_leaves_the_other_gradients_to_be_judged():
    def forward(x, w):
        return x * w, (x, w)

    result = check_backward(lambda d, c: (None, 1.01 * d * c[0]), forward, x=X, w=X + 1)
    assert codes(result) == ["GC102", "GC101"]
    assert found(result, "GC101").gradient == "w"


@pytest.mark.parametrize(
    "squeeze",
    [
        lambda g: g.sum(axis=0),
        lambda g: g[:1],
        lambda g: g.T,
        lambda g: g[None],
        lambda g: g.sum(),
        lambda g: g.ravel(),
    ],
)
def test_gc103_a_shape_that_numpy_would_have_broadcast_or_not(squeeze):
    result = check_backward(lambda d, x: squeeze(2 * d * x))
    shape = squeeze(X).shape
    assert (result.verdict, codes(result)) == ("fail", ["GC103"])
    assert found(result, "GC103").message == f"the gradient of x has shape {shape}, x has (3, 4)"


def test_gc104_a_gradient_of_integers():
    result = check_backward(lambda d, x: np.rint(2 * d * x).astype(int))
    assert found(result, "GC104").message == "the gradient of x is int64, x is float64"
    assert "GC101" in codes(result)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_gc105_a_gradient_that_is_not_finite(bad):
    result = check_backward(lambda d, x: np.where(np.arange(4) == 2, bad, 2 * d * x))
    assert result.verdict == "fail"
    assert found(result, "GC105").message == "3 of 12 elements of the gradient of x are not finite"
    failing = result.gradients["x"].failing
    assert failing is not None
    assert failing[:, 2].all()
    assert failing.sum() == 3


def test_gc105_an_output_that_is_not_finite():
    result = check_backward(square_backward, lambda x: (np.where(np.arange(4) == 1, np.nan, x * x), x))
    assert result.verdict == "fail"
    assert found(result, "GC105").message == "forward: 3 of 12 elements of out are not finite"


# --- GC106: determinism


def dropout(x):
    mask = np.random.rand(*x.shape) < 0.5  # noqa: NPY002
    return x * mask, mask


def test_gc106_a_forward_that_draws_is_named_and_still_judged():
    right = check_backward(lambda d, mask: d * mask, dropout)
    assert (right.verdict, codes(right)) == ("fail", ["GC106"])
    assert found(right, "GC106").message == (
        "forward is not deterministic: two calls differ (it draws from the global random generator)"
    )
    assert right.gradients["x"].verdict == "pass"
    wrong = check_backward(lambda d, mask: 1.001 * d * mask, dropout)
    assert codes(wrong) == ["GC106", "GC101"]


def test_gc106_leaves_the_global_generator_as_it_was():
    np.random.seed(7)  # noqa: NPY002
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    check_backward(square_backward)
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_gc106_a_forward_that_no_seed_cures_cannot_be_judged():
    own = np.random.default_rng()

    def forward(x):
        mask = own.random(x.shape) < 0.5
        return x * mask, mask

    result = check_backward(lambda d, mask: d * mask, forward)
    assert result.verdict == "fail"
    assert "even with fixed random seeds" in found(result, "GC106").message
    assert (result.gradients["x"].verdict, result.gradients["x"].note) == (
        "inconclusive",
        "not deterministic",
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gc106_random_ties_that_fall_alike_in_some_calls_are_no_stale_state(dtype):
    """Only the place of one tie is drawn: by luck the first calls agree."""

    def found(alike):
        calls = 0

        def forward(x):
            nonlocal calls
            calls += 1
            first = calls <= alike or np.random.rand() < 0.5  # noqa: NPY002
            return np.maximum(x, 0), np.where(x == 0, 1.0 * first, x > 0).astype(dtype)

        np.random.seed(1)  # noqa: NPY002
        x = np.array([0.0, 1.0, -2.0, 0.5], dtype=dtype)
        return codes(check_backward(lambda d, mask: d * mask, forward, x=x))

    everywhere = [found(alike) for alike in range(1, 9)]
    assert all("GC106" in one for one in everywhere)
    assert not any({"GC109", "GC110", "GC111"} & set(one) for one in everywhere)


def test_gc111_a_mean_that_is_kept_is_stale_state_and_no_random_code():
    """Equal calls in a row differ, for each draws the mean nearer to this point."""
    means = []

    def forward(x):
        means.append(x.mean())
        return np.sin(x - sum(means) / len(means)), x

    def backward(dout, x):
        c = dout * np.cos(x - x.mean())
        return c - c.mean()

    found = codes(check_backward(backward, forward, x=np.array([0.1, 1.0, -2.0, 0.5])))
    assert "GC111" in found
    assert "GC106" not in found


def test_gc106_a_backward_that_draws_is_told_from_a_forward_that_does():
    def backward(dout, x):
        return 2 * dout * x * (1 + 0.1 * np.random.rand())  # noqa: NPY002

    result = check_backward(backward)
    assert codes(result) == ["GC106", "GC101"]
    assert found(result, "GC106").message == (
        "backward is not deterministic: two calls differ (it draws from the global random generator)"
    )


# --- GC107: arguments changed in place


def test_gc107_an_input_changed_by_forward_and_gradients_still_judged_right():
    def forward(x):
        x += 1
        return x * x, x.copy()

    right = check_backward(square_backward, forward)
    assert (right.verdict, codes(right)) == ("fail", ["GC107"])
    assert found(right, "GC107").message == "forward changed its input x in place"
    assert right.gradients["x"].verdict == "pass"
    assert codes(check_backward(lambda d, x: 3 * d * x, forward)) == ["GC107", "GC101"]

    def counting(x, n):
        n += 1
        return x * n, n.copy()

    right = check_backward(lambda d, n: d * n, counting, x=np.array([0.5, -2.0]), n=np.array([1, 2]))
    assert (codes(right), right.gradients["x"].verdict) == (["GC107"], "pass")


def test_gc107_an_input_changed_by_backward():
    def backward(dout, x):
        x *= 2
        return dout * x

    result = check_backward(backward)
    assert codes(result) == ["GC107"]
    assert found(result, "GC107").message == "backward changed the input x in place"


def test_gc107_the_cotangent_changed():
    def backward(dout, x):
        dout *= 2
        return dout * x

    result = check_backward(backward)
    assert codes(result) == ["GC107"]
    assert found(result, "GC107").message == "backward changed the cotangent in place"


@pytest.mark.parametrize("keep", [lambda x: {"x": x.copy()}, lambda x: [x.copy()]], ids=["dict", "list"])
def test_gc107_the_cache_changed(keep):
    def backward(dout, cache):
        x = cache["x"] if isinstance(cache, dict) else cache[0]
        x *= 2
        return dout * x

    result = check_backward(backward, lambda x: (x * x, keep(x)))
    assert codes(result) == ["GC107"]
    assert found(result, "GC107").message == (
        "backward changed the cache: a second backward would see other values"
    )


def test_gc107_a_cache_that_is_used_up():
    result = check_backward(lambda d, cache: 2 * d * cache.pop(), lambda x: (x * x, [x.copy()]))
    assert codes(result) == ["GC107"]


def test_the_callers_arrays_stay_as_they_are():
    x = X.copy()

    def forward(x):
        x[:] = 0
        return x * x, x.copy()

    gradcli.check(forward, square_backward, {"x": x})
    assert np.array_equal(x, X)


# --- GC108: exceptions


def line_of(function, offset=1):
    return function.__code__.co_firstlineno + offset


def raising_forward(x):
    raise RuntimeError("no such thing")


def raising_backward(dout, x):
    return np.linalg.inv(np.zeros((2, 2)))


def exiting(*arguments):
    raise SystemExit(3)


def test_gc108_a_forward_that_raises_at_its_own_line():
    result = check_backward(square_backward, raising_forward)
    (violation,) = result.violations
    assert (result.verdict, violation.code) == ("fail", "GC108")
    assert violation.message == "forward raised RuntimeError: no such thing"
    assert (violation.file, violation.line) == (__file__, line_of(raising_forward))
    assert result.gradients == {}


def test_gc108_a_backward_that_raises_inside_a_library_is_placed_at_the_call():
    (violation,) = check_backward(raising_backward).violations
    assert violation.code == "GC108"
    assert violation.message == "backward raised LinAlgError: Singular matrix"
    assert (violation.file, violation.line) == (__file__, line_of(raising_backward))


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_gc108_sys_exit_does_not_end_the_check(where):
    result = check_backward(
        exiting if where == "backward" else square_backward, exiting if where == "forward" else square
    )
    (violation,) = result.violations
    assert (violation.code, violation.message) == ("GC108", f"{where} raised SystemExit: 3")


def test_gc108_a_gradient_that_is_not_an_array_of_real_numbers():
    result = check_backward(lambda d, x: 2 * d * x + 0j)
    assert codes(result) == ["GC108"]
    assert (
        found(result, "GC108").message
        == "the gradient of x is a complex128 array, not an array of real numbers"
    )


def test_gc108_a_backward_that_raises_for_another_cotangent():
    def backward(dout, x):
        if not dout.any():
            raise ValueError("zero")
        return 2 * dout * x

    result = check_backward(backward)
    assert codes(result) == ["GC108"]
    assert found(result, "GC108").message == "for another cotangent, backward raised ValueError: zero"
    assert result.gradients["x"].verdict == "pass"


def test_a_forward_that_raises_beside_the_point_only_is_not_wrong():
    def forward(x):
        if np.iscomplexobj(x) or np.any(np.abs(x) > 1):
            raise ValueError("outside")
        return np.arcsin(x), x

    x = np.array([0.999999, 0.5, -0.3])
    result = gradcli.check(forward, lambda d, x: d / np.sqrt(1 - x * x), {"x": x})
    assert codes(result) == []
    assert result.verdict != "fail"


# --- GC109: linear in the cotangent

NOT_LINEAR = {
    "ignores the cotangent": (lambda d, x: 2 * x, "ignores the cotangent: times 0, it stays the same"),
    "an offset": (
        lambda d, x: 2 * d * x + 1e-9,
        "is not zero for a zero cotangent: it is not linear in the cotangent",
    ),
    "|dout|": (lambda d, x: 2 * np.abs(d) * x, "ignores the cotangent: times -1, it stays the same"),
    "clipped": (
        lambda d, x: np.clip(2 * d * x, -50, 50),
        "is clipped to 50: times 2^20, it does not scale; within that it is as it was",
    ),
    "normalised": (
        lambda d, x: 2 * d * x / np.maximum(1, np.linalg.norm(d)),
        "ignores the cotangent: times 2^20, it stays the same",
    ),
    "floored": (
        lambda d, x: np.where(np.abs(d) > 1e-3, 2 * d * x, 0),
        "is not linear in the cotangent: times 2^-20, it does not scale",
    ),
    "floored far below": (
        lambda d, x: np.where(np.abs(d) > 1e-5, 2 * d * x, 0),
        "is not linear in the cotangent: times 2^-20, it does not scale",
    ),
    "clipped far above": (
        lambda d, x: 2 * np.clip(d, -1e5, 1e5) * x,
        "is not linear in the cotangent: times 2^20, it does not scale",
    ),
    "the largest only": (
        lambda d, x: 2 * d * x * (np.abs(d) == np.abs(d).max(axis=1, keepdims=True)),
        "is not additive in the cotangent: backward(a) + backward(b) differs from backward(a + b) by ",
    ),
}


@pytest.mark.parametrize(("backward", "message"), NOT_LINEAR.values(), ids=NOT_LINEAR.keys())
def test_gc109_a_gradient_that_is_not_linear_in_the_cotangent(backward, message):
    result = check_backward(backward)
    assert result.verdict == "fail"
    assert found(result, "GC109").message.startswith(f"the gradient of x {message}")


@pytest.mark.parametrize(("factor", "expected"), [(1.0, []), (1.0 + 1e-9, ["GC109"])])
def test_gc109_sums_may_be_added_up_in_another_order(factor, expected):
    """A tape that walks a set of its values does so; what is off by more is no rounding."""
    calls = []

    def backward(d, x):
        calls.append(d)
        parts = [0.1 * d * x, 0.7 * d * x, 1.2 * d * x]
        total = sum(parts if len(calls) % 2 else parts[::-1])
        return total * (factor if np.abs(d).max() > 2**10 else 1.0)

    assert codes(check_backward(backward)) == expected


def test_gc109_a_scalar_loss_that_forgets_its_cotangent():
    def loss(x):
        return np.sum(x * x), x

    assert codes(check_backward(lambda d, x: 2 * x, loss)) == ["GC109", "GC101"]
    assert codes(check_backward(lambda d, x: 2 * d * x, loss)) == []


@pytest.mark.parametrize("bend", [1e-3, 1e-5])
def test_gc109_a_bend_next_to_zero_is_seen_whatever_cotangent_is_drawn(bend):
    for seed in range(5):
        result = gradcli.check(
            lambda x: (np.sin(x), x),
            lambda d, x: np.where(np.abs(d) < bend, 0, d) * np.cos(x),
            {"x": np.array(0.3)},
            seed=seed,
            blame=False,
        )
        assert "GC109" in codes(result), seed


def test_gc109_is_not_seen_in_a_gradient_that_is_only_wrong():
    assert codes(check_backward(lambda d, x: 3 * d * x)) == ["GC101"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gc109_what_is_left_of_a_mean_taken_off_is_no_violation(dtype):
    def backward(dout, _):
        dx = np.full(3, dout, dtype)
        return dx - dx.mean()

    for seed in range(8):
        x = np.random.default_rng(seed).standard_normal(3).astype(dtype)
        result = gradcli.check(
            lambda x: (np.sum(np.abs(x) - np.abs(x).mean()), None), backward, {"x": x}, seed=seed, blame=False
        )
        assert (result.verdict, "GC109" in codes(result)) == ("pass", False)


def normalised_rows(x):
    c = x - x.mean(axis=1, keepdims=True)
    s = 1 / np.sqrt((c * c).mean(axis=1, keepdims=True) + 1e-5)
    return (c * s).sum(axis=1), (c * s, s)


def normalised_rows_backward(dout, cache, left_over=0.0):
    y, s = cache
    g = np.repeat(dout[:, None], y.shape[1], axis=1)
    dx = s * (g - g.mean(axis=1, keepdims=True) - y * (g * y).mean(axis=1, keepdims=True))
    return dx + left_over * np.median(dout) * s  # homogeneous, and not additive


def test_gc109_what_cancels_and_is_then_multiplied_is_off_by_the_last_digits_of_the_cotangent():
    for seed in range(4):
        x = {"x": 1e-3 * np.random.default_rng(seed).standard_normal((3, 5))}
        right = gradcli.check(normalised_rows, normalised_rows_backward, x, seed=seed, blame=False)
        assert right.verdict != "fail", seed
        wrong = gradcli.check(
            normalised_rows,
            lambda d, c: normalised_rows_backward(d, c, left_over=1e-10),
            x,
            seed=seed,
            blame=False,
        )
        assert "GC109" in codes(wrong), seed


def test_gc109_rounding_of_tiny_and_huge_gradients_is_no_violation():
    for size in (1e-300, 1e-150, 1e150, 1e300):
        result = check_backward(lambda d, x, size=size: d * size, lambda x, size=size: (x * size, None))
        assert "GC109" not in codes(result)


# --- GC110: memory layout of the cotangent


def assumes_contiguous(dout, x):
    flat = np.lib.stride_tricks.as_strided(dout, (dout.size,), (dout.itemsize,))
    return 2 * flat.reshape(dout.shape) * x


def writes_through_ravel(dout, x):
    grad = np.array(dout, order="K")
    flat = grad.ravel(order="K").reshape(dout.shape)
    return 2 * flat * x


def test_gc110_a_backward_that_assumes_a_contiguous_cotangent():
    result = check_backward(assumes_contiguous)
    assert (result.verdict, codes(result)) == ("fail", ["GC110"])
    assert found(result, "GC110").message == (
        "the gradient of x is wrong for a non-contiguous cotangent: backward assumes a layout"
    )


def test_gc110_a_backward_that_reads_memory_in_its_own_order():
    result = check_backward(writes_through_ravel)
    assert codes(result) == ["GC110"]
    assert "Fortran-ordered" in found(result, "GC110").message


def test_gc110_a_backward_that_writes_into_a_broadcast_cotangent():
    def backward(dout, x):
        # A copy only where it thinks that it needs one.
        grad = dout if not dout.flags.writeable else dout.copy()
        grad *= 2
        return grad * x

    result = check_backward(backward)
    assert codes(result) == ["GC110"]
    assert found(result, "GC110").message.startswith(
        "backward fails for a broadcast cotangent: backward raised ValueError: "
    )
    assert found(result, "GC110").file == __file__


# --- GC111: calls that influence each other


def test_gc111_gradients_that_pile_up():
    total = np.zeros_like(X)

    def backward(dout, x):
        nonlocal total
        total = total + 2 * dout * x
        return total

    result = check_backward(backward)
    assert (result.verdict, result.gradients["x"].verdict) == ("fail", "inconclusive")
    assert found(result, "GC111").message == (
        "gradients pile up from call to call: a buffer is added to and never zeroed"
    )


def test_gc111_a_memoised_cache():
    memo = {}

    def forward(x):
        memo.setdefault("x", x.copy())
        return x * x, None

    result = check_backward(lambda d, _: 2 * d * memo["x"], forward)
    assert codes(result) == ["GC111"]
    assert found(result, "GC111").message == (
        "at another point backward still gives the gradient of the first one: "
        "something is kept from an earlier call"
    )


def test_gc111_a_memoised_output():
    memo = {}

    def forward(x):
        # The key leaves out all but the first element.
        key = float(np.real(x).flat[0])
        if key not in memo:
            memo[key] = x * x
        return memo[key], x

    result = check_backward(square_backward, forward)
    assert result.verdict != "pass"


def test_gc111_state_of_the_last_forward_outside_the_cache():
    last = {}

    def forward(x):
        last["x"] = x.copy()
        return x * x, None

    result = check_backward(lambda d, _: 2 * d * last["x"], forward)
    assert codes(result) == ["GC111"]
    assert found(result, "GC111").message == (
        "backward gives other numbers once forward has run at another point: "
        "it reads state that forward left outside the cache"
    )


@pytest.mark.parametrize(("seed", "scale"), [(1, 1e-3), (5, 1e-3), (4, 1e-2), (2, 1e-4)])
def test_gc111_what_stands_still_on_a_stair_of_rounding_keeps_nothing(seed, scale):
    c = (np.random.default_rng(seed).standard_normal(5) * scale).astype(np.float32)
    three = np.float32(3)
    pairs = [
        (lambda c: ((c + three) - three, None), lambda d, _: (d.copy(),)),
        (lambda c: (((2 * c + three) - three).sum(keepdims=True), None), lambda d, _: (np.repeat(2 * d, 5),)),
    ]
    for forward, backward in pairs:
        result = gradcli.check(forward, backward, inputs={"c": c}, seed=seed, blame=False)
        assert (result.verdict, codes(result)) == ("pass", [])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bend", [1.0, 1e-2])
def test_gc111_a_slope_that_is_kept_is_told_where_it_hardly_changes(bend, seed):
    kept = {}

    def forward(x):
        return x + bend * x**2, kept.setdefault("slope", 1 + 2 * bend * x)

    x = np.random.default_rng(seed).standard_normal((4, 3))
    result = gradcli.check(forward, lambda dout, _: kept["slope"] * dout, {"x": x}, seed=seed, blame=False)
    assert "GC111" in codes(result)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gc111_places_of_maxima_that_are_kept(dtype):
    kept = {}

    def forward(x):
        return x.max(axis=1), kept.setdefault("places", x.argmax(axis=1))

    def backward(dout, _):
        dx = np.zeros((64, 6), dtype)
        dx[np.arange(64), kept["places"]] = dout
        return (dx,)

    x = np.random.default_rng(0).standard_normal((64, 6)).astype(dtype)
    result = check_backward(backward, forward, x=x)
    assert found(result, "GC111").message.startswith("at another point backward still gives")


def test_no_gc111_where_the_other_point_is_the_same():
    """Zeros stay where they are, and kinks nearer than a step that tells are no sign of another gradient."""
    rng = np.random.default_rng(0)
    scales = 1e-4 * rng.standard_normal(5)
    shifts = rng.standard_normal(5) * 10 ** rng.uniform(-4, 0, 5)

    def forward(w):
        held = np.maximum(scales * (w + shifts), 0)
        gate = 1 / (1 + np.exp(-0.3 * held))
        return scales * gate, (held, gate)

    def backward(dout, cache):
        held, gate = cache
        return (np.sum(dout * scales * gate * (1 - gate) * 0.3 * (held > 0) * scales, keepdims=True),)

    assert gradcli.check(forward, backward, {"w": np.zeros(1)}, blame=False).verdict == "pass"


def test_gc111_an_output_buffer_that_forward_reuses_is_no_lie_about_numbers():
    buffer = np.zeros_like(X)

    def forward(x):
        if np.iscomplexobj(x):
            return x * x, x
        np.multiply(x, x, out=buffer)
        return buffer, x

    assert check_backward(square_backward, forward).gradients["x"].verdict == "pass"


# --- warnings


def test_gc201_a_gradient_that_is_zero_everywhere():
    def softmax_total(x):
        e = np.exp(x)
        return (e / e.sum(axis=1, keepdims=True)).sum(axis=1), x

    for forward in (lambda x: (np.ones(3), x), softmax_total):
        right = check_backward(lambda d, x: np.zeros_like(x), forward)
        assert (right.verdict, codes(right)) == ("pass", ["GC201"])
        assert found(right, "GC201").message == "the gradient of x is zero everywhere: passing proves little"
        wrong = check_backward(lambda d, x: 1e-6 * d.sum() * np.ones_like(x), forward)
        assert (wrong.verdict, codes(wrong)) == ("fail", ["GC101"])


def test_gc203_an_input_without_elements():
    both = check_backward(
        lambda d, c: (np.zeros((0, 3)), 2 * d), lambda x, y: (2 * y, x), x=np.zeros((0, 3)), y=X
    )
    assert (both.verdict, codes(both)) == ("pass", ["GC203"])
    assert found(both, "GC203").message == "x is empty: nothing was compared"
    alone = check_backward(square_backward, x=np.zeros((0, 3)))
    assert (alone.verdict, codes(alone)) == ("inconclusive", ["GC203"])


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (lambda x: (x * 1, x), lambda d, x: d),
        (lambda x: (x.ravel() * 1, x), lambda d, x: d.reshape(x.shape)),
        (lambda x: (x.T * 1, x), lambda d, x: d.T),
    ],
    ids=["itself", "reshaped", "transposed"],
)
def test_gc204_a_gradient_that_is_a_view_of_the_cotangent(forward, backward):
    result = check_backward(backward, forward)
    assert (result.verdict, codes(result)) == ("pass", ["GC204"])
    assert found(result, "GC204").message == "the gradient of x is a view of the cotangent: copy it"
    assert codes(check_backward(lambda d, x: backward(d, x).copy(), forward)) == []


def test_warnings_come_last():
    def forward(x, y):
        return x * 1 + 0 * y, None

    result = check_backward(lambda d, _: (d, 0.5 * d), forward, x=X, y=X)
    assert codes(result) == sorted(codes(result))
    assert codes(result)[0] == "GC101"


# --- what is no lie


def test_side_effects_that_change_no_number_are_allowed():
    seen = {"calls": 0, "running_mean": np.zeros(4)}

    def forward(x):
        seen["calls"] += 1
        seen["running_mean"] = 0.9 * seen["running_mean"] + 0.1 * np.real(x).mean(axis=0)
        return x * x, x

    result = check_backward(square_backward, forward)
    assert (result.verdict, codes(result)) == ("pass", [])
    assert seen["calls"] == result.evaluations


def test_outputs_that_are_views_of_the_input_are_allowed():
    for forward, backward in (
        (lambda x: (x, None), lambda d, _: d.copy()),
        (lambda x: (x.T, None), lambda d, _: d.T.copy()),
        (lambda x: (x[::2], None), lambda d, _: np.insert(d, 1, 0.0, axis=0)),
    ):
        result = check_backward(backward, forward)
        assert (result.verdict, codes(result)) == ("pass", [])


def test_code_that_prints_warns_and_divides_by_zero_is_allowed():
    def forward(x):
        warnings.warn("careful", UserWarning, stacklevel=1)
        np.ones(1) / np.zeros(1)
        return x * x, x

    result = check_backward(square_backward, forward)
    assert (result.verdict, codes(result)) == ("pass", [])
