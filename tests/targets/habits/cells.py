"""Cells of a course on sequences: samples in columns, parameters in a dictionary, and a prediction beside."""

import numpy as np


def softmax(z):
    e = np.exp(z - np.max(z, axis=0))
    return e / e.sum(axis=0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def rnn_cell_forward(xt, a_prev, parameters):
    Wax, Waa = parameters["Wax"], parameters["Waa"]
    ba, by = parameters["ba"], parameters["by"]
    a_next = np.tanh(Waa @ a_prev + Wax @ xt + ba)
    yt_pred = softmax(parameters["Wya"] @ a_next + by)
    cache = (a_next, a_prev, xt, parameters)
    return a_next, yt_pred, cache


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    dz = (1 - a_next**2) * da_next
    gradients = {"dxt": parameters["Wax"].T @ dz, "da_prev": parameters["Waa"].T @ dz}
    gradients["dWax"] = dz @ xt.T
    gradients["dWaa"] = dz @ a_prev.T
    gradients["dba"] = dz.sum(axis=1, keepdims=True)
    return gradients


def gru_cell_forward(xt, a_prev, parameters):
    joined = np.concatenate((a_prev, xt), axis=0)
    u = sigmoid(parameters["Wu"] @ joined + parameters["bu"])
    candidate = np.tanh(parameters["Wc"] @ joined + parameters["bc"])
    a_next = u * candidate + (1 - u) * a_prev
    y = parameters["Wy"] @ a_next + parameters["by"]
    return a_next, y, (joined, u, candidate, a_prev, parameters)


def gru_cell_backward(da_next, cache):
    joined, u, candidate, a_prev, parameters = cache
    dcandidate = da_next * u * (1 - candidate**2)
    du = da_next * (candidate - a_prev) * u * (1 - u)
    djoined = parameters["Wu"].T @ du + parameters["Wc"].T @ dcandidate
    n = len(a_prev)
    return {
        "dxt": djoined[n:],
        "da_prev": djoined[:n] + da_next * (1 - u),
        "dWu": du @ joined.T,
        "dbu": du.sum(axis=1, keepdims=True),
        "dWc": dcandidate @ joined.T,
        "dbc": dcandidate.sum(axis=1, keepdims=True),
    }


def rnn_forward(x, a0, parameters):
    steps, a_next = [], a0
    caches = []
    for t in range(x.shape[2]):
        a_next, _, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        steps.append(a_next)
        caches.append(cache)
    return np.stack(steps, axis=2), caches


def rnn_backward(da, caches):
    da_prev = 0.0
    dx, total = [], dict.fromkeys(("dWax", "dWaa", "dba"), 0.0)
    for t in reversed(range(da.shape[2])):
        step = rnn_cell_backward(da[:, :, t] + da_prev, caches[t])
        da_prev = step["da_prev"]
        dx.insert(0, step["dxt"])
        for name in total:
            total[name] = total[name] + step[name]
    return {"dx": np.stack(dx, axis=2), "da0": da_prev, **total}
