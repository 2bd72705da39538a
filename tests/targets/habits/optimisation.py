"""Test functions as optimisers take them: f(x, *args), its gradient, its Hessian."""

import numpy as np


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0)


def rosen_der(x):
    xm = x[1:-1]
    xm_m1 = x[:-2]
    xm_p1 = x[2:]
    der = np.zeros_like(x)
    der[1:-1] = 200 * (xm - xm_m1**2) - 400 * (xm_p1 - xm**2) * xm - 2 * (1 - xm)
    der[0] = -400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0])
    der[-1] = 200 * (x[-1] - x[-2] ** 2)
    return der


def rosen_hess(x):
    x = np.atleast_1d(x)
    H = np.diag(-400 * x[:-1], 1) - np.diag(400 * x[:-1], -1)
    diagonal = np.zeros(len(x), dtype=x.dtype)
    diagonal[0] = 1200 * x[0] ** 2 - 400 * x[1] + 2
    diagonal[-1] = 200
    diagonal[1:-1] = 202 + 1200 * x[1:-1] ** 2 - 400 * x[2:]
    return H + np.diag(diagonal)


def quadratic(x, A, b):
    return 0.5 * x @ A @ x - b @ x


def grad_quadratic(x, A, b):
    return A @ x + b  # planted: the sign


def residuals(x, t):
    return x[0] * np.exp(-x[1] * t) + x[2]


def residuals_jac(x, t):
    e = np.exp(-x[1] * t)
    return np.stack([e, -t * e * x[0], np.ones_like(t)], axis=1)


def ridge_objective(w, X, y, alpha):
    r = X @ w - y
    return r @ r + alpha * w @ w


def ridge_gradient(w, X, y, alpha):
    return 2 * X.T @ (X @ w - y) + 2 * alpha * w


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def himmelblau_grad(x):
    return np.array(
        [
            4 * x[0] * (x[0] ** 2 + x[1] - 11) + 2 * (x[0] + x[1] ** 2 - 7),
            2 * (x[0] ** 2 + x[1] - 11) + 2 * x[1] * (x[0] + x[1] ** 2 - 7),  # planted: 4 * x[1]
        ]
    )


def neg_log_likelihood(params, x, y):
    """Poisson regression.

    Parameters
    ----------
    params : array, shape (k,)
    x : array, shape (n, k)
    y : array, shape (n,)
    """
    eta = x @ params
    mu = np.exp(eta)
    nll = np.sum(mu - y * eta)
    grad = x.T @ (mu - y)
    return nll, grad


def styblinski(x):
    return 0.5 * np.sum(x**4 - 16 * x**2 + 5 * x)


def styb_grad(x):
    return 2 * x**3 - 16 * x + 5  # planted: not halved


def easomlike(x):
    return -np.exp(-np.sum((x - 1) ** 2))


def easom_grad(x):
    return 2 * (x - 1) * np.exp(-np.sum((x - 1) ** 2))
