"""Adjoints as scientists write them: scans, linear algebra, time stepping, quadrature, interpolation."""
# ruff: noqa
# fmt: off

import numpy as np


def cumsum_forward(x):
    return np.cumsum(x, axis=1), None


def cumsum_backward(dy, _):
    return np.cumsum(dy[:, ::-1], axis=1)[:, ::-1]


# --- prefix products of one row, O(n^2) so that a zero does no harm

def prefix_product_forward(x):
    return np.cumprod(x), x


def prefix_product_backward(dy, x):
    n = len(x)
    dx = np.zeros(n, dtype=dy.dtype)
    for i in range(n):
        for j in range(i, n):
            others = np.prod(x[:i]) * np.prod(x[i + 1:j + 1])
            dx[i] += dy[j] * others
    return dx


def inverse_forward(A):
    B = np.linalg.inv(A)
    return B, B


def inverse_backward(dB, B):
    return -B.T @ dB @ B.T


def solve_forward(A, b):
    x = np.linalg.solve(A, b)
    return x, (A, x)


def solve_backward(dx, cache):
    A, x = cache
    lam = np.linalg.solve(A.T, dx)
    dA = -np.outer(lam, x)
    return dA, lam


def logdet_forward(A):
    sign, value = np.linalg.slogdet(A)
    return value, A


def logdet_backward(dv, A):
    return dv * np.linalg.inv(A).T


def det_forward(A):
    return np.linalg.det(A), A


def det_backward(dd, A):
    return dd * np.linalg.det(A) * np.linalg.inv(A).T


# --- heat equation, explicit Euler, fixed ends; gradient to the initial state and to the conductivity

def heat_forward(u0, kappa, dt, steps):
    u = u0
    states = []
    for _ in range(steps):
        states.append(u)
        lap = np.zeros_like(u)
        lap[1:-1] = u[2:] - 2 * u[1:-1] + u[:-2]
        u = u + dt * kappa * lap
    return u, (states, kappa, dt)


def heat_backward(lam, cache):
    states, kappa, dt = cache
    lam = lam.copy()
    dkappa = np.zeros_like(kappa)
    for u in reversed(states):
        lap = np.zeros_like(u)
        lap[1:-1] = u[2:] - 2 * u[1:-1] + u[:-2]
        dkappa += dt * lam * lap
        w = dt * kappa * lam
        new = lam.copy()
        new[2:] += w[1:-1]
        new[1:-1] -= 2 * w[1:-1]
        new[:-2] += w[1:-1]
        lam = new
    return lam, dkappa


# --- Runge-Kutta 4 for the logistic equation y' = r y (1 - y), discrete adjoint

def logistic_rk4_forward(y, r, h, steps):
    f = lambda y: r * y * (1 - y)
    tape = []
    for _ in range(steps):
        k1 = f(y)
        k2 = f(y + h / 2 * k1)
        k3 = f(y + h / 2 * k2)
        k4 = f(y + h * k3)
        tape.append((y, k1, k2, k3, k4))
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y, (tape, r, h)


def logistic_rk4_backward(dy, cache):
    tape, r, h = cache
    dr = np.zeros_like(r)
    for y, k1, k2, k3, k4 in reversed(tape):
        y4, y3, y2 = y + h * k3, y + h / 2 * k2, y + h / 2 * k1
        dk4 = h / 6 * dy
        dy4 = dk4 * r * (1 - 2 * y4)
        dk3 = h / 3 * dy + h * dy4
        dy3 = dk3 * r * (1 - 2 * y3)
        dk2 = h / 3 * dy + h / 2 * dy3
        dy2 = dk2 * r * (1 - 2 * y2)
        dk1 = h / 6 * dy + h / 2 * dy2
        dy1 = dk1 * r * (1 - 2 * y)
        dr = dr + dk4 * y4 * (1 - y4) + dk3 * y3 * (1 - y3) + dk2 * y2 * (1 - y2) + dk1 * y * (1 - y)
        dy = dy + dy1 + dy2 + dy3 + dy4
    return dy, dr


# --- trapezoid rule on a grid that moves

def trapezoid_forward(y, t):
    dt = np.diff(t)
    area = np.sum(0.5 * (y[:, 1:] + y[:, :-1]) * dt, axis=1)
    return area, (y, dt)


def trapezoid_backward(dout, cache):
    y, dt = cache
    dy = np.zeros_like(y)
    dy[:, :-1] += 0.5 * dt
    dy[:, 1:] += 0.5 * dt
    dy *= dout[:, None]
    per = (dout[:, None] * 0.5 * (y[:, 1:] + y[:, :-1])).sum(axis=0)
    dt_ = np.zeros(len(dt) + 1, dtype=dout.dtype)
    dt_[1:] += per
    dt_[:-1] -= per
    return dy, dt_


# --- linear interpolation at q in values v on the grid 0, 1, 2, …

def interpolate_forward(v, q):
    i = np.clip(np.floor(q).astype(int), 0, len(v) - 2)
    w = q - i
    return (1 - w) * v[i] + w * v[i + 1], (v, i, w)


def interpolate_backward(dout, cache):
    v, i, w = cache
    dv = np.zeros_like(v)
    np.add.at(dv, i, (1 - w) * dout)
    np.add.at(dv, i + 1, w * dout)
    dq = dout * (v[i + 1] - v[i])
    return dv, dq


# --- all distances between two sets of points

def pairwise_distance_forward(a, b):
    diff = a[:, None, :] - b[None, :, :]
    dist = np.sqrt((diff ** 2).sum(-1))
    return dist, (diff, dist)


def pairwise_distance_backward(dout, cache):
    diff, dist = cache
    unit = diff / dist[..., None]
    da = (dout[..., None] * unit).sum(axis=1)
    db = -(dout[..., None] * unit).sum(axis=0)
    return da, db


# --- a polynomial by Horner, coefficients from the highest

def horner_forward(x, c):
    acc = np.zeros_like(x)
    trail = []
    for ck in c:
        trail.append(acc)
        acc = acc * x + ck
    return acc, (x, c, trail)


def horner_backward(dy, cache):
    x, c, trail = cache
    dx = np.zeros_like(x)
    dc = np.zeros_like(c)
    g = dy
    for k in range(len(c) - 1, -1, -1):
        dc[k] = g.sum()
        dx = dx + g * trail[k]
        g = g * x
    return dx, dc


# --- leapfrog for a pendulum: position and momentum out

def pendulum_forward(q, p, h, steps):
    qs, ps = [], []
    for _ in range(steps):
        p = p - 0.5 * h * np.sin(q)
        qs.append(q)
        q = q + h * p
        p = p - 0.5 * h * np.sin(q)
        ps.append(q)
    return (q, p), (qs, ps, h)


def pendulum_backward(dout, cache):
    dq, dp = dout
    starts, ends, h = cache
    for q0, q1 in zip(reversed(starts), reversed(ends)):
        dq = dq - 0.5 * h * np.cos(q1) * dp
        dp = dp + h * dq
        dq = dq - 0.5 * h * np.cos(q0) * dp
    return dq, dp


# --- standard scores of a log-normal price: Black-Scholes-like, all scalars, python floats inside

def compound_forward(rate, years, principal):
    growth = (1.0 + rate) ** years
    return principal * growth, (float(rate), float(years), float(principal))


def compound_backward(dout, cache):
    rate, years, principal = cache
    growth = (1.0 + rate) ** years
    drate = dout * principal * years * growth / (1.0 + rate)
    dyears = dout * principal * growth * np.log1p(rate)
    dprincipal = dout * growth
    return drate, dyears, dprincipal


# --- Cholesky factor, Murray's blocked rule in its short form

def cholesky_forward(S):
    L = np.linalg.cholesky(0.5 * (S + S.T))
    return L, L


def cholesky_backward(dL, L):
    P = np.tril(L.T @ np.tril(dL))
    P[np.diag_indices_from(P)] *= 0.5
    Li = np.linalg.inv(L)
    G = Li.T @ P @ Li
    return 0.5 * (G + G.T)
