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
            Input("W", ("in_features", "out_features"), kind="weight", fan_in="in_features"),
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
    Layer(
        name="relu",
        summary="rectified linear unit",
        formula="out = max(x, 0)",
        source="Nair and Hinton (2010), Rectified linear units improve restricted Boltzmann machines",
        dims=(_BATCH, _FEATURES),
        inputs=(Input("x", ("batch", "features")),),
        output="(batch, features)",
    ),
    Layer(
        name="layernorm",
        summary="layer normalisation over the features of each row, biased variance",
        formula="out = gamma * x_hat + beta,  x_hat = (x - mu) / sqrt(var + eps)",
        source="Ba, Kiros and Hinton (2016), arXiv:1607.06450, equation 4",
        dims=(_BATCH, _FEATURES),
        inputs=(
            Input("x", ("batch", "features")),
            Input("gamma", ("features",), offset=1.0),
            Input("beta", ("features",)),
        ),
        output="(batch, features)",
        options=(_EPS,),
        intermediates=(
            ("mu", "mean of each row, (batch, 1)"),
            ("var", "biased variance of each row, (batch, 1)"),
            ("x_hat", "x with zero mean and unit variance in each row, (batch, features)"),
        ),
    ),
    Layer(
        name="softmax_cross_entropy",
        summary="cross-entropy of a softmax with integer labels, averaged over the batch",
        formula="loss = -mean(log softmax(logits)[y])",
        source="Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.4",
        dims=(_BATCH, Dim("classes", 3, "classes to tell apart")),
        inputs=(
            Input("logits", ("batch", "classes")),
            Input("y", ("batch",), kind="integer", high="classes", help="the label of each row"),
        ),
        output="()",
        intermediates=(("log_probs", "logarithm of the softmax, (batch, classes)"),),
    ),
)

LAYERS: dict[str, Layer] = {layer.name: layer for layer in _ALL}
