"""A pose against points of a plane, and a map of neighbours."""

import numpy as np


def bundle_residual(cam, pts, obs):
    R = np.array([[np.cos(cam[0]), -np.sin(cam[0])], [np.sin(cam[0]), np.cos(cam[0])]])
    q = pts @ R.T + cam[1:3]
    return 0.5 * ((q - obs) ** 2).sum()


def bundle_residual_grad(cam, pts, obs):
    c, s = np.cos(cam[0]), np.sin(cam[0])
    R = np.array([[c, -s], [s, c]])
    dR = np.array([[-s, -c], [c, -s]])
    r = pts @ R.T + cam[1:3] - obs
    return np.concatenate([[(r * (pts @ dR.T)).sum()], r.sum(0)])


def tsne_kl(Y, P):
    D = ((Y[:, None] - Y[None]) ** 2).sum(-1)
    W = 1 / (1 + D)
    np.fill_diagonal(W, 0)
    Q = W / W.sum()
    Q = np.maximum(Q, 1e-12)
    return (P * np.log(np.maximum(P, 1e-12) / Q)).sum()


def tsne_kl_grad(Y, P):
    D = ((Y[:, None] - Y[None]) ** 2).sum(-1)
    W = 1 / (1 + D)
    np.fill_diagonal(W, 0)
    Q = W / W.sum()
    PQ = (P - Q) * W
    return 4 * (np.diag(PQ.sum(1)) - PQ) @ Y
