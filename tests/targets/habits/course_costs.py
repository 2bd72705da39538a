"""Costs of courses whose arguments hang together: flat parameters beside sizes, word vectors."""

import numpy as np


def softmaxCostAndGradient(predicted, target, outputVectors, dataset):
    scores = outputVectors @ predicted
    probs = np.exp(scores - scores.max())
    probs /= probs.sum()
    cost = -np.log(probs[target])
    delta = probs.copy()
    delta[target] -= 1
    return cost, outputVectors.T @ delta, np.outer(delta, predicted)


def cofiCostFunc(params, Y, R, num_users, num_movies, num_features, lambda_):
    X = params[: num_movies * num_features].reshape(num_movies, num_features)
    Theta = params[num_movies * num_features :].reshape(num_users, num_features)
    errors = (X @ Theta.T - Y) * R
    J = np.sum(errors**2) / 2 + lambda_ / 2 * np.sum(params**2)
    grad = np.concatenate([(errors @ Theta).ravel(), (errors.T @ X).ravel()]) + lambda_ * params
    return J, grad


def sparseAutoencoderCost(theta, visibleSize, hiddenSize, lambda_, sparsityParam, beta, data):
    ends = np.cumsum([hiddenSize * visibleSize, hiddenSize * visibleSize, hiddenSize])
    W1, W2, b1, b2 = np.split(theta, ends)
    W1, W2 = W1.reshape(hiddenSize, visibleSize), W2.reshape(visibleSize, hiddenSize)
    m = data.shape[1]
    a2 = 1 / (1 + np.exp(-(W1 @ data + b1[:, None])))
    a3 = 1 / (1 + np.exp(-(W2 @ a2 + b2[:, None])))
    rho, mean = sparsityParam, a2.mean(axis=1, keepdims=True)
    divergence = rho * np.log(rho / mean) + (1 - rho) * np.log((1 - rho) / (1 - mean))
    decay = lambda_ / 2 * (np.sum(W1**2) + np.sum(W2**2))
    cost = np.sum((a3 - data) ** 2) / (2 * m) + decay + beta * divergence.sum()
    delta3 = (a3 - data) * a3 * (1 - a3) / m
    sparsity = beta * ((1 - rho) / (1 - mean) - rho / mean) / m
    delta2 = (W2.T @ delta3 + sparsity) * a2 * (1 - a2)
    dW1, dW2 = delta2 @ data.T + lambda_ * W1, delta3 @ a2.T + lambda_ * W2
    grad = np.concatenate([dW1.ravel(), dW2.ravel(), delta2.sum(axis=1), delta3.sum(axis=1)])
    return cost, grad
