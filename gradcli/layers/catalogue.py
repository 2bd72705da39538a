"""The built-in layers, readable in one place."""

from gradcli.layers.declaration import Dim, Input, Layer, Option

_BATCH = Dim("batch", 2, "rows in the batch")
_FEATURES = Dim("features", 3, "features per row")
_EPS = Option("eps", 1e-5, "added to the variance before the square root", minimum=0.0)

_ALL = (
    Layer(
        name="affine",
        summary="affine (fully connected) layer",
        formula="out = x W + b",
        source="Stanford CS231n, Backpropagation, Intuitions",
        dims=(
            _BATCH,
            Dim("in_features", 3, "features per input row"),
            Dim("out_features", 2, "features per output row"),
        ),
        inputs=(
            Input("x", ("batch", "in_features")),
            Input("W", ("in_features", "out_features")),
            Input("b", ("out_features",)),
        ),
        output="(batch, out_features)",
    ),
    Layer(
        name="batchnorm",
        summary="batch normalisation over the batch axis, training mode, biased variance",
        formula="y = gamma * x_hat + beta,  x_hat = (x - mu) / sqrt(var + eps)",
        source="Ioffe and Szegedy (2015), arXiv:1502.03167, Algorithm 1",
        dims=(_BATCH, _FEATURES),
        inputs=(
            Input("x", ("batch", "features")),
            Input("gamma", ("features",), offset=1.0),
            Input("beta", ("features",)),
        ),
        output="(batch, features)",
        options=(_EPS,),
        intermediates=(
            ("mu", "mean of each column, (features,)"),
            ("var", "biased variance of each column, (features,)"),
            ("x_hat", "x with zero mean and unit variance in each column, (batch, features)"),
        ),
    ),
)

LAYERS: dict[str, Layer] = {layer.name: layer for layer in _ALL}
