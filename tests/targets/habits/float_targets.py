"""Losses whose targets are no classes; backward returns the gradient of the prediction alone."""


def mse_forward(pred, target):
    d = pred - target
    return (d**2).mean(), d


def mse_backward(dout, d):
    return dout * 2 * d / d.size


def dice_forward(pred, target, smooth=1.0):
    inter = (pred * target).sum(axis=(1, 2))
    total = pred.sum(axis=(1, 2)) + target.sum(axis=(1, 2))
    dice = (2 * inter + smooth) / (total + smooth)
    return 1 - dice.mean(), (pred, target, inter, total, smooth)


def dice_backward(dout, cache):
    pred, target, inter, total, smooth = cache
    n = pred.shape[0]
    num = (2 * inter + smooth)[:, None, None]
    den = (total + smooth)[:, None, None]
    dpred = -(2 * target * den - num) / den**2 / n
    return dout * dpred
