"""One function for both: a flag asks for the derivative."""

import numpy as np


def logistic(z, derivative=False):
    s = 1 / (1 + np.exp(-np.clip(z, -500, 500)))
    if derivative:
        return s * (1 - s)
    return s


def bump(x, deriv):
    if deriv == True:  # noqa: E712
        return -x * np.exp(-(x**2))  # planted: 2 is missing
    return np.exp(-(x**2))


def pseudo_huber(guess, target, return_grad=False):
    r = guess - target
    value = np.sum(np.sqrt(1 + r**2) - 1)
    if not return_grad:
        return value
    return value, r / (1 + r**2)  # planted: the root


def two_classes_cost(outputs, targets, derivative=False, epsilon=1e-11):
    outputs = np.clip(outputs, epsilon, 1 - epsilon)
    if derivative:
        return (outputs - targets) / (outputs * (1 - outputs)) / len(outputs)
    return -np.mean(np.sum(targets * np.log(outputs) + (1 - targets) * np.log(1 - outputs), axis=1))


the_same_cost = two_classes_cost  # an alias is no second check


class Swish:
    def __init__(self, beta=1.5):
        self.beta = beta

    def __call__(self, x, prime=False):
        gate = 1 / (1 + np.exp(-self.beta * x))
        return gate + self.beta * x * gate * (1 - gate) if prime else x * gate
