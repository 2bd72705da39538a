"""What constructors choose between, optimisers that are passed in, and cotangents that come last."""

import numpy as np


class Bend:
    def __init__(self, kind="logistic"):
        self.kind = kind

    def forward_pass(self, a):
        self.a = a
        if self.kind == "logistic":
            return 1 / (1 + np.exp(-a))
        if self.kind == "tanh":
            return np.tanh(a)
        raise NotImplementedError(self.kind)

    def backward_pass(self, delta):
        out = self.forward_pass(self.a)
        if self.kind == "logistic":
            return delta * out * (1 - out)
        return delta * (1 - out)  # planted: the square


class Updated:
    def __init__(self, n_units, optimizer, input_shape=None):
        self.optimizer = optimizer
        self.W = np.random.randn(input_shape[0], n_units)

    def forward_pass(self, X):
        self.X = X
        return X @ self.W

    def backward_pass(self, accum_grad):
        before = self.W
        self.W = self.optimizer.update(self.W, self.X.T @ accum_grad)
        return accum_grad @ before.T


class Posterior:
    """Of data, with a spread that is a number whatever it is called."""

    def __init__(self, y, X, prior_var):
        self._y, self._X, self._prior_var = y, X, prior_var

    def log_posterior(self, w):
        return np.sum(-np.log1p(np.exp(-self._y * (self._X @ w)))) + self.log_prior(w)

    def log_posterior_grad(self, w):
        a = self._y / (1 + np.exp(self._y * (self._X @ w)))
        return self._X.T @ a + self.log_prior_grad(w)

    def log_prior(self, w):
        return -0.5 * np.sum(w**2) / self._prior_var

    def log_prior_grad(self, w):
        return -2 * w / self._prior_var  # planted: 2


def correlate_forward(X, K, stride=1):
    n, h, w = X.shape
    rows, columns = (h - len(K)) // stride + 1, (w - K.shape[1]) // stride + 1
    out = np.zeros((n, rows, columns))
    for r in range(rows):
        for c in range(columns):
            i, j = r * stride, c * stride
            out[:, r, c] = np.sum(X[:, i : i + len(K), j : j + K.shape[1]] * K, axis=(1, 2))
    return out


def correlate_backward(Xp, K, grad, stride=1):
    dXp, dK = np.zeros_like(Xp), np.zeros_like(K)
    for r in range(grad.shape[1]):
        for c in range(grad.shape[2]):
            i, j = r * stride, c * stride
            g = grad[:, r, c][:, None, None]
            dK += (g * Xp[:, i : i + len(K), j : j + K.shape[1]]).sum(axis=0)
            dXp[:, i : i + len(K), j : j + K.shape[1]] += g * K
    return dXp, dK


def block_max_forward(x, pool_size):
    n, h, w, c = x.shape
    ph, pw = pool_size
    return x.reshape(n, h // ph, ph, w // pw, pw, c).max(axis=(2, 4))


def block_max_backward(dout, original, pool_size):
    ph, pw = pool_size
    out = block_max_forward(original, pool_size)
    wide = [one.repeat(ph, axis=1).repeat(pw, axis=2) for one in (out, dout)]
    return (original == wide[0]) * wide[1]


CENTRE = np.linspace(-1, 1, 6)


def log_density(beta, sigma):
    return -6 * np.log(sigma) - np.sum((beta - CENTRE) ** 2) / (2 * sigma**2)


def log_density_grad(beta, sigma):
    d = beta - CENTRE
    return -d / sigma**2, -6 / sigma + np.sum(d**2) / sigma**3


def valley_f(x, params):
    y = x.copy()
    y[0], y[1] = params[0] * (1 - x[0]), params[1] * (x[1] - x[0] * x[0])
    return y


def valley_df(x, params):
    return np.array([[-params[0], 0.0], [-2 * params[1] * x[0], params[1]]])


def valley_fdf(x, params):
    f = valley_f(x, params)
    df = valley_df(x, params)
    return f, df


def hole(x: float, rhs: float) -> tuple[float, float]:
    e = np.exp(-x)
    f = x * e - rhs
    df = (1 + x) * e  # planted: -
    return f, df
