"""Networks whose loss and gradients are methods, as in two courses."""

import numpy as np


class TwoLayerNet:
    def __init__(self, input_size, hidden_size, output_size, std=0.1):
        self.params = {
            "W1": std * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": std * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }

    def loss(self, X, y=None, reg=0.0):
        W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
        hidden = np.maximum(0, X @ W1 + b1)
        scores = hidden @ W2 + b2
        if y is None:
            return scores
        rows = np.arange(len(X))
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[rows, y]).mean() + 0.5 * reg * (np.sum(W1**2) + np.sum(W2**2))
        dscores = p.copy()
        dscores[rows, y] -= 1
        dscores /= len(X)
        grads = {"W2": hidden.T @ dscores + reg * W2, "b2": dscores.sum(axis=0)}
        dhidden = dscores @ W2.T
        dhidden[hidden <= 0] = 0
        grads["W1"] = X.T @ dhidden + reg * W1
        grads["b1"] = dhidden.sum(axis=0)
        return loss, grads


class LinearModel:
    def __init__(self, n_features):
        self.W = np.random.randn(n_features)

    def loss_and_grad(self, X, y):
        residual = X @ self.W - y
        return 0.5 * residual @ residual / len(X), X.T @ residual / len(X)


class SmallNetwork:
    def __init__(self, nn_input_dim, nn_hidden_dim, nn_output_dim, reg_lambda=0.01):
        self.reg_lambda = reg_lambda
        self.W1 = np.random.randn(nn_input_dim, nn_hidden_dim)
        self.b1 = np.zeros((1, nn_hidden_dim))
        self.W2 = np.random.randn(nn_hidden_dim, nn_output_dim)
        self.b2 = np.zeros((1, nn_output_dim))

    def feedforward(self, X):
        self.a1 = np.tanh(X @ self.W1 + self.b1)
        e = np.exp(self.a1 @ self.W2 + self.b2)
        self.probs = e / e.sum(axis=1, keepdims=True)

    def calculate_loss(self, X, y):
        self.feedforward(X)
        data_loss = -np.sum(np.log(self.probs[range(len(X)), y]))
        return (data_loss + self.reg_lambda / 2 * (np.sum(self.W1**2) + np.sum(self.W2**2))) / len(X)

    def backprop(self, X, y):
        delta = self.probs.copy()
        delta[range(len(X)), y] -= 1
        dW2 = (self.a1.T @ delta + self.reg_lambda * self.W2) / len(X)
        db2 = delta.sum(axis=0, keepdims=True) / len(X)
        delta = delta @ self.W2.T * (1 - self.a1**2)
        dW1 = (X.T @ delta + self.reg_lambda * self.W1) / len(X)
        db1 = delta.sum(axis=0, keepdims=True) / len(X)
        return dW1, dW2, db1, db2
