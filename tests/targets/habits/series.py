"""A filter, a likelihood of a series, eigenvalues, transport: names that say little."""

import numpy as np


def fftfilter_forward(x, w):
    X = np.fft.rfft(x)
    return np.fft.irfft(X * w, n=x.shape[-1]), (X, w, x.shape[-1])


def fftfilter_backward(dout, cache):
    X, w, n = cache
    G = np.fft.rfft(dout)
    dx = np.fft.irfft(G * w, n=n)
    scale = np.full(len(w), 2.0 / n)
    scale[0] = 1.0 / n
    if n % 2 == 0:
        scale[-1] = 1.0 / n
    dw = scale * np.real(np.conj(G) * X)
    return dx, dw


def kalman_forward(y, a, q, r):
    m, P, ll = 0.0, 1.0, 0.0
    st = []
    for t in range(len(y)):
        mp, Pp = a * m, a * a * P + q**2
        S = Pp + r**2
        v = y[t] - mp
        ll += -0.5 * (np.log(2 * np.pi * S) + v * v / S)
        K = Pp / S
        st.append((m, P, mp, Pp, S, v, K))
        m, P = mp + K * v, (1 - K) * Pp
    return ll, (y, a, q, r, st)


def kalman_backward(dout, cache):
    y, a, q, r, st = cache
    dy = np.zeros_like(y)
    da = dq = dr = 0.0
    dm = dP = 0.0
    for t in range(len(y) - 1, -1, -1):
        m, P, mp, Pp, S, v, K = st[t]
        dmp = dm
        dK = dm * v - dP * Pp
        dv = dm * K
        dPp = dP * (1 - K)
        dPp += dK / S
        dS = -dK * Pp / S**2
        dS += dout * -0.5 * (1 / S - v * v / S**2)
        dv += dout * -v / S
        dy[t] += dv
        dmp = dmp - dv
        dPp += dS
        dr += dS * 2 * r
        da += dPp * 2 * a * P + dmp * m
        dq += dPp * 2 * q
        dP = dPp * a * a
        dm = dmp * a
    return dy, da, dq, dr


def eig_forward(S):
    w, V = np.linalg.eigh((S + S.T) / 2)
    return w, V


def eig_backward(dout, V):
    return V @ np.diag(dout) @ V.T


def lse(a, axis):
    m = a.max(axis, keepdims=True)
    return (m + np.log(np.exp(a - m).sum(axis, keepdims=True))).squeeze(axis)


def sinkhorn_forward(C, eps=0.5, n=15):
    K = -C / eps
    f = np.zeros(C.shape[0])
    g = np.zeros(C.shape[1])
    hist = []
    for _ in range(n):
        f = -lse(K + g[None], 1)
        g1 = -lse(K + f[:, None], 0)
        hist.append((f, g, g1))
        g = g1
    return np.exp(K + f[:, None] + g[None]), (K, f, g, hist, eps)


def sinkhorn_backward(dout, cache):
    K, f, g, hist, eps = cache
    P = np.exp(K + f[:, None] + g[None])
    dM = dout * P
    dK = dM.copy()
    df = dM.sum(1)
    dg = dM.sum(0)
    for f, g0, g1 in reversed(hist):
        S = np.exp(K + f[:, None] + g1[None])
        t = -S * dg[None]
        dK += t
        df = df + t.sum(1)
        R = np.exp(K + g0[None] + f[:, None])
        t = -R * df[:, None]
        dK += t
        dg = t.sum(0)
        df = np.zeros_like(df)
    return -dK / eps
