"""Layers that slide a window over images: each is a function of its windows, and windows share pixels."""

from typing import Any

import numpy as np

from gradcli.arrays import Array
from gradcli.explain.derivation import Derivation, Edge, Node, Values

_SHARED = "windows that overlap share pixels, and a pixel collects from all that see it"


def _places(shape: tuple[int, ...], kernel: tuple[int, int], stride: int) -> Array:
    """Where the pixels of each window are in an image: (OH, OW, C, KH, KW) places in a flat (C, H, W)."""
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    windows = np.lib.stride_tricks.sliding_window_view(numbers, kernel, axis=(1, 2))
    return windows[:, ::stride, ::stride].transpose(1, 2, 0, 3, 4)


def _taken(images: Array, places: Array) -> Array:
    """The windows of every image: (N, OH, OW, C, KH, KW)."""
    return np.asarray(images.reshape(len(images), -1)[:, places])


def _put_back(windows: Array, shape: tuple[int, ...], places: Array) -> Array:
    """Images in which every pixel is the sum of what stands for it in the windows."""
    images = np.zeros((shape[0], int(np.prod(shape[1:]))))
    for image, own in zip(images, windows, strict=True):
        np.add.at(image, places.ravel(), own.ravel())
    return images.reshape(shape)


# --- convolution


def _framed(v: Values) -> Array:
    sides = (int(v["padding"]),) * 2
    return np.pad(v["x"], ((0, 0), (0, 0), sides, sides))


def _inside(v: Values, g: Array) -> Array:
    p, (height, width) = int(v["padding"]), v["x"].shape[2:]
    return g[:, :, p : p + height, p : p + width]


def _filter_places(v: Values) -> Array:
    return _places(v["framed"].shape[1:], v["W"].shape[2:], int(v["stride"]))


def _columns(v: Values) -> Array:
    return _taken(v["framed"], _filter_places(v)).reshape(-1, v["W"][0].size)


def _from_columns(v: Values, g: Array) -> Array:
    places = _filter_places(v)
    return _put_back(g.reshape(len(v["x"]), *places.shape), v["framed"].shape, places)


def _flat(v: Values) -> Array:
    return np.asarray(v["W"].reshape(len(v["W"]), -1))


def _as_images(v: Values) -> Array:
    height, width = _filter_places(v).shape[:2]
    return np.asarray(v["rows"].reshape(len(v["x"]), height, width, -1).transpose(0, 3, 1, 2))


CONV2D = Derivation(
    {"x": "x", "W": "W", "b": "b"},
    (
        Node(
            "framed",
            "x₀",
            "x in a frame of zeros, `padding` wide",
            _framed,
            (Edge("x", "· without the frame", _inside, "the frame is zero, whatever x is: no gradient"),),
        ),
        Node(
            "columns",
            "c",
            "the windows of x₀, one to a row",
            _columns,
            (Edge("framed", "Σ over the windows of a pixel", _from_columns, _SHARED),),
        ),
        Node(
            "rows",
            "r",
            "c Wᵀ + b, with a filter to a row of W",
            lambda v: v["columns"] @ _flat(v).T + v["b"],
            (
                Edge("columns", "· W", lambda v, g: g @ _flat(v)),
                Edge(
                    "W",
                    "·ᵀ c",
                    lambda v, g: (g.T @ v["columns"]).reshape(v["W"].shape),
                    "every window uses W, so the windows add up",
                ),
                Edge("b", "1, summed over windows", lambda v, g: g.sum(axis=0)),
            ),
        ),
        Node(
            "y",
            "y",
            "r, as images again",
            _as_images,
            (
                Edge(
                    "rows",
                    "1, back in rows",
                    lambda v, g: g.transpose(0, 2, 3, 1).reshape(-1, g.shape[1]),
                ),
            ),
        ),
    ),
    ("y",),
)


# --- pooling


def _pool_places(v: Values) -> Array:
    return _places(v["x"].shape[1:], (int(v["kernel"]),) * 2, int(v["stride"]))


def _candidates(v: Values) -> Array:
    """(N, C, OH, OW, kernel²)."""
    windows = _taken(v["x"], _pool_places(v)).transpose(0, 3, 1, 2, 4, 5)
    return np.asarray(windows.reshape(*windows.shape[:4], -1))


def _from_candidates(v: Values, g: Array) -> Array:
    places, side = _pool_places(v), int(v["kernel"])
    windows = g.reshape(*g.shape[:4], side, side).transpose(0, 2, 3, 1, 4, 5)
    return _put_back(windows, v["x"].shape, places)


def _first_largest(v: Values) -> Any:
    windows = v["windows"]
    return np.arange(windows.shape[-1]) == windows.argmax(axis=-1)[..., np.newaxis]


_WINDOWS = Node(
    "windows",
    "w",
    "the windows of x",
    _candidates,
    (Edge("x", "Σ over the windows of a pixel", _from_candidates, _SHARED),),
)
MAXPOOL2D = Derivation(
    {"x": "x"},
    (
        _WINDOWS,
        Node(
            "y",
            "y",
            "the largest of each w",
            lambda v: v["windows"].max(axis=-1),
            (
                Edge(
                    "windows",
                    "1 at the largest, else 0",
                    lambda v, g: g[..., np.newaxis] * _first_largest(v),
                    "zero at the others: a small change of them changes no maximum",
                ),
            ),
        ),
    ),
    ("y",),
)
AVGPOOL2D = Derivation(
    {"x": "x"},
    (
        _WINDOWS,
        Node(
            "y",
            "y",
            "the mean of each w",
            lambda v: v["windows"].mean(axis=-1),
            (
                Edge(
                    "windows",
                    "1 / kernel²",
                    lambda v, g: (
                        np.repeat(g[..., np.newaxis], v["windows"].shape[-1], -1) / int(v["kernel"]) ** 2
                    ),
                    "an equal share to every pixel of the window",
                ),
            ),
        ),
    ),
    ("y",),
)
