"""Functions of one array that use about everything that Python has."""
# ruff: noqa
# fmt: off

from __future__ import annotations
import functools, contextlib
import numpy as np

SCALE = 2.0
COUNT = [0]

def walrus(x):
    if (n := x.sum()) > -1e9 and (m := n * 2):
        y = [w := x * 2, w + 1][1]
    return y * m + n

def matching(x, kind="a"):
    match (x.ndim, kind):
        case (1, "b"):
            y = x
        case (2, str() as k) if (z := x.mean()) < 1e9:
            y = x * z
        case _:
            y = -x
    return y

def match_seq(x):
    match [x * 2, x * 3]:
        case [a, *rest]:
            return a + rest[0]

def match_map(x):
    match {"a": x, "b": x * 2}:
        case {"a": a, **others}:
            return a * others["b"]

def tryfinally(x):
    try:
        y = x * 2
        raise ValueError("a")
    except (ValueError, TypeError) as e:
        y = x * 3
    else:
        y = x
    finally:
        z = y + 1
    return z

def trystar(x):
    try:
        return x * 2
    finally:
        COUNT[0] += 1

def withs(x):
    with np.errstate(all="ignore") as a, contextlib.nullcontext(x * 2) as b:
        y = b + 1
    return y

def withparts(x):
    out = [None, None]
    with contextlib.nullcontext((x, x * 2)) as (out[0], out[1]):
        return out[0] + out[1]

def globals_(x):
    global LAST
    LAST = x * 2
    return LAST + SCALE

def nonlocals(x):
    total = 0.0
    def add(v):
        nonlocal total
        total = total + v
        return total
    add(x); add(x * 2)
    return total * 1.0

def gens(x):
    def rows(a):
        for r in a:
            got = yield r * 2
            if got is not None:
                yield got
    return np.stack(list(rows(x)))

def genexp(x):
    return sum(r * r for r in x if (s := r.sum()) > -1e9) + s

def yieldfrom(x):
    def inner(a):
        yield from (v * 2 for v in a)
    return np.stack([*inner(x)])

def stars(x):
    first, *mid, last = x
    *a, b = [x, x * 2, x * 3]
    (c, (d, *e)), f = (x, (x, x, x)), x
    return np.stack([first, last, *mid][:x.shape[0]]) + b + a[0] + e[0]

def starcall(x):
    args = (x, x * 2)
    kw = {"out": None}
    return np.add(*args, **kw)

def classbody(x):
    class Inner:
        w = x * 2
        __slots__ = ("v",)
        def __init__(self, v):
            self.v = v
        @property
        def twice(self):
            return self.v * 2
        @twice.setter
        def twice(self, v):
            self.v = v / 2
        @staticmethod
        def sq(a):
            return a * a
        @classmethod
        def make(cls, a):
            return cls(a)
    i = Inner.make(x)
    i.twice = x * 4
    i.v += 1
    return i.twice + Inner.w + Inner.sq(x)

def dels(x):
    y = x * 2
    z = y + 1
    del y
    d = {"a": z, "b": x}
    del d["b"]
    t = z.copy()
    for k in range(2):
        t = t + 1
    del t, z
    return d["a"]

def loopdel(x):
    acc = x * 0
    for r in range(3):
        tmp = x * r
        acc += tmp
        del tmp
    return acc

def augs(x):
    y = np.zeros((x.shape[0] + 1, x.shape[1]))
    y[1:] += x
    y[:-1] -= x * 2
    y[..., 0] *= 2
    y[[0, 0]] += 1
    l = [0.0, 1.0]
    l[0] += x.sum()
    l += [3.0]
    d = {}
    d.setdefault("k", []).append(x)
    return y[1:] + l[0] + len(l)

def chained(x):
    a = b = c = x * 2
    a += 1
    d, e = f = (x, b)
    z = w = np.zeros(x.shape)
    w[0] = z[1] = x[0]
    return a + b + c + d + e + f[0] + z

def annotated(x: np.ndarray, k: "int" = 3) -> "np.ndarray":
    y: np.ndarray
    y = x * 2
    z: np.ndarray = y + k
    q: list[int] = []
    (w): float = 3.0
    return z + w

def unicode_(x):
    μ = x.mean()
    σ2 = ((x - μ) ** 2).mean()
    ﬁ = 2.0
    return (x - μ) / np.sqrt(σ2) * fi

def defaults(x, *, a=SCALE, b=[1, 2], **kw):
    b = list(b)
    return x * a + b[0] + len(kw)

def posonly(x, /, y=2.0, *args, z=3.0):
    return x * y * z

def closure(k):
    cell = [k]
    def f(x):
        return x * k + cell[0]
    return f
closed = closure(3.0)
del closure

def cellmade(x):
    y = x * 2
    g = lambda a, b=y: a + y + b
    h = [lambda v=v: v * x for v in range(3)]
    return g(x) + h[1]()

def recursive(x, n=3):
    return x if n == 0 else recursive(x * 1.5, n - 1) + x

def inner_recursive(x):
    def go(v, n):
        return v if n == 0 else go(v * 2, n - 1)
    return go(x, 3)

def mutual_a(x, n=2):
    return mutual_b(x * 2, n)
def mutual_b(x, n):
    return x if n == 0 else mutual_a(x, n - 1)

def _deco(f):
    @functools.wraps(f)
    def w(*a, **k):
        r = f(*a, **k)
        return r
    return w

@_deco
def decorated(x):
    y = x * 3
    return y

@_deco
@_deco
def twice_decorated(x):
    return x * 3 + 1

def inner_decorated(x):
    @functools.lru_cache(maxsize=None)
    def k(n):
        return n * 2.0
    @_deco
    def sc(a):
        return a * k(3)
    return sc(x)

@functools.lru_cache(maxsize=None)
def cachedconst(n):
    return n * 2.0
def uses_cached(x):
    return x * cachedconst(3)

def fstr(x):
    s = f"{x.sum():.3f} {(lambda: 1)()}"
    assert len(s) > 1, f"bad {s!r}"
    return x * float(len(s))

def while_else(x):
    n = 0
    while n < 3:
        x = x + 1
        n += 1
        if n > 5: break
    else:
        x = x * 2
    for i in ():
        pass
    else:
        x = x + 1
    return x

def for_targets(x):
    out = np.zeros(3)
    lst = [0, 0]
    for out[0], lst[1] in [(1.0, 2.0), (3.0, 4.0)]:
        pass
    for i, (a, *b) in enumerate([(1, 2, 3)]):
        pass
    return x * out[0] + lst[1] + a + b[0]

def loop_unbound(x):
    for i in range(2):
        if i:
            x = x + prev
        prev = x * 2
    return x

def locals_use(x):
    y = x * 2
    return locals()["y"] + len([k for k in locals() if not k.startswith("_")])

def comp_scope(x):
    y = 5.0
    z = [y for y in range(3)]
    w = {k: v for k, v in {"a": x}.items()}
    s = {q for q in (1, 2)}
    n = [[a * b for a in x] for b in x]
    return x * y + w["a"] + len(z) + n[0][0]

def identity_alias(x):
    a = x * 1
    b = a
    b[0] = 5.0
    c = a[1:]
    c += 1
    return a

def is_checks(x):
    a = x * 2
    b = a
    v = a.sum()
    u = v
    return a + 1.0 * (a is b) + 1.0 * (u is v)

def out_kw(x):
    y = np.empty_like(x)
    np.multiply(x, 2, out=y)
    np.add(y, 1, out=y, where=(x > -1e9))
    return y

def matrix_ops(x):
    y = x.copy()
    y @= np.eye(x.shape[1])
    y //= 1.0
    y **= 2
    y = +y
    return -y if not (y is None) else y

def cond_lambda(x):
    f = (lambda a: a * 2) if x.sum() > -1e9 else (lambda a: a)
    return f(x)

def supercls(x):
    class A:
        def f(self, v): return v * 2
    class B(A):
        def f(self, v):
            y = super().f(v)
            return y + 1
    return B().f(x)

async def coro(x):
    return x * 2

def asyncuse(x):
    c = coro(x)
    try:
        c.send(None)
    except StopIteration as e:
        y = e.value
    return y

def ellip(x):
    ...
    """doc"""
    pass
    y = x[..., None, :].sum(-2)
    return y

def nested_funcs(x):
    def a(v):
        def b(w):
            t = w * 2
            return t + v
        return b(v) + x
    return a(x)

def shadow(x):
    sum = x * 2
    np_ = np
    return np_.add(sum, 1)

def shadow_np(x):
    import numpy as np
    from math import sqrt as r
    y = np.exp(x) * r(4)
    return y

def try_import(x):
    try:
        import nothing_at_all as nn
    except ImportError:
        nn = None
    return x * (1 if nn is None else 2)

def int_index(x):
    i = np.float64(1.0)
    n = int(x.shape[0]); m = x.shape[1]
    return x[n - 1] * m + i

def list_aug(x):
    acc = []
    acc += [x]
    acc[-1] = acc[-1] * 2
    acc[0][0] += 1
    return acc[0]

def tuple_ret(x):
    return x, (x * 2, [x]), {"a": x}

def no_op_ret(x):
    if x is None:
        return
    return x

def star_ret(x):
    t = (x, x * 2)
    return *t, x

def cmpchain(x):
    a = 0 < x.sum() + 1e9 < 1e12
    return x * a

def type_alias(x):
    y = x.astype(np.float32).astype(float)
    return y * np.float32(2)

def bigloop(x):
    s = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            s += x[i, j] * i
            if j == 1: continue
    return s * x

def ex_name(x):
    e = x
    try:
        raise KeyError
    except KeyError as err:
        e = x * 2
    return e

def kw_mixed(x):
    def f(a, /, b, *c, d=1, **e):
        return a * b + d + len(c) + len(e)
    return f(x, 2, 3, *(4, 5), d=6, **{"z": 1})

def slice_obj(x):
    s = np.s_[1:, ::2]
    y = x.copy()
    y[s] = 0
    y[s] += 3
    return y

def dict_alias(x):
    g = {"w": x * 0}
    h = g
    h["w"] += x
    g["w"][0] += 1
    return g["w"]

def compound_cond(x):
    y = x if x.sum() > 1e9 else x * 2 if x.sum() > 1e8 else x * 3
    return y and None if False else y

def setslice(x):
    l = [1, 2, 3]
    l[1:] = [x, x]
    return l[1] + l[2]

def while_true(x):
    i = 0
    while True:
        x = x * 1.1
        i += 1
        if i == 3:
            break
    return x
