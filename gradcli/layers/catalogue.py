"""The built-in layers, readable in one place."""

from gradcli.layers.declaration import Dim, Input, Layer, Option, Requirement

_BATCH = Dim("batch", 2, "rows in the batch")
_FEATURES = Dim("features", 3, "features per row")
_CLASSES = Dim("classes", 3, "classes to tell apart")
_EPS = Option("eps", 1e-5, "added to the variance before the square root", minimum=0.0)
_ROWS = ("batch", "features")

_CHANNELS = Dim("channels", 2, "channels per image")
_HEIGHT = Dim("height", 4, "rows of pixels")
_WIDTH = Dim("width", 5, "columns of pixels")
_IMAGES = ("batch", "channels", "height", "width")
_KERNEL = Option("kernel", 2, "side of the square window", minimum=1)
_STRIDE = Option("stride", 2, "steps from one window to the next", minimum=1)
_KERNEL_FITS = (
    Requirement("kernel <= height", "kernel {kernel} is larger than the image's height {height}"),
    Requirement("kernel <= width", "kernel {kernel} is larger than the image's width {width}"),
)
_POOLED = "(batch, channels, (height - kernel) // stride + 1, (width - kernel) // stride + 1)"

_HIDDEN = Dim("hidden", 2, "hidden units")

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
            Input("x", _ROWS),
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
        inputs=(Input("x", _ROWS),),
        output="(batch, features)",
    ),
    Layer(
        name="layernorm",
        summary="layer normalisation over the features of each row, biased variance",
        formula="out = gamma * x_hat + beta,  x_hat = (x - mu) / sqrt(var + eps)",
        source="Ba, Kiros and Hinton (2016), arXiv:1607.06450, equation 4",
        dims=(_BATCH, _FEATURES),
        inputs=(
            Input("x", _ROWS),
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
        dims=(_BATCH, _CLASSES),
        inputs=(
            Input("logits", ("batch", "classes")),
            Input("y", ("batch",), kind="integer", high="classes", help="the label of each row"),
        ),
        output="()",
        intermediates=(("log_probs", "logarithm of the softmax, (batch, classes)"),),
    ),
    Layer(
        name="leaky_relu",
        summary="leaky rectified linear unit",
        formula="out = x where x > 0, slope * x elsewhere",
        source="Maas, Hannun and Ng (2013), Rectifier nonlinearities improve neural network acoustic models",
        dims=(_BATCH, _FEATURES),
        inputs=(Input("x", _ROWS),),
        output="(batch, features)",
        options=(Option("slope", 0.01, "slope of the negative side"),),
    ),
    Layer(
        name="sigmoid",
        summary="logistic sigmoid",
        formula="out = 1 / (1 + exp(-x))",
        source="Bishop (2006), Pattern Recognition and Machine Learning, equations 4.59 and 4.88",
        dims=(_BATCH, _FEATURES),
        inputs=(Input("x", _ROWS),),
        output="(batch, features)",
        intermediates=(("z", "exp(-|x|), (batch, features)"),),
    ),
    Layer(
        name="tanh",
        summary="hyperbolic tangent",
        formula="out = tanh(x)",
        source="Abramowitz and Stegun (1964), Handbook of Mathematical Functions, section 4.5",
        dims=(_BATCH, _FEATURES),
        inputs=(Input("x", _ROWS),),
        output="(batch, features)",
    ),
    Layer(
        name="gelu",
        summary="Gaussian error linear unit, tanh form",
        formula="out = x / 2 * (1 + tanh(u)),  u = sqrt(2 / pi) * (x + 0.044715 x^3)",
        source="Hendrycks and Gimpel (2016), arXiv:1606.08415, section 2",
        dims=(_BATCH, _FEATURES),
        inputs=(Input("x", _ROWS),),
        output="(batch, features)",
        intermediates=(("t", "tanh(u), (batch, features)"),),
    ),
    Layer(
        name="silu",
        summary="sigmoid linear unit (swish)",
        formula="out = x * gate,  gate = 1 / (1 + exp(-x))",
        source="Elfwing, Uchibe and Doya (2017), arXiv:1702.03118",
        dims=(_BATCH, _FEATURES),
        inputs=(Input("x", _ROWS),),
        output="(batch, features)",
        intermediates=(("gate", "sigmoid of x, (batch, features)"),),
    ),
    Layer(
        name="softmax",
        summary="softmax over the last axis",
        formula="probs = exp(x) / sum(exp(x))",
        source="Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.4",
        dims=(_BATCH, _CLASSES),
        inputs=(Input("x", ("batch", "classes")),),
        output="(batch, classes)",
        intermediates=(("probs", "the output itself, (batch, classes)"),),
    ),
    Layer(
        name="mse",
        summary="mean squared error over all elements",
        formula="loss = mean(error^2),  error = prediction - target",
        source="Bishop (2006), Pattern Recognition and Machine Learning, section 1.1, as a mean",
        dims=(_BATCH, _FEATURES),
        inputs=(Input("prediction", _ROWS), Input("target", _ROWS)),
        output="()",
        intermediates=(("error", "prediction - target, (batch, features)"),),
    ),
    Layer(
        name="dropout",
        summary="inverted dropout with the mask as an input",
        formula="out = x * mask / (1 - p)",
        source="Srivastava et al. (2014), Dropout, JMLR 15, section 10",
        dims=(_BATCH, _FEATURES),
        inputs=(Input("x", _ROWS), Input("mask", _ROWS, kind="mask", help="true for what is kept")),
        output="(batch, features)",
        options=(Option("p", 0.5, "probability of being dropped", minimum=0.0, below=1.0),),
    ),
    Layer(
        name="embedding",
        summary="rows of a table, picked by index",
        formula="out[n] = table[indices[n]]",
        source="Bengio et al. (2003), A neural probabilistic language model, JMLR 3, section 2",
        # More picks than rows, so that the default check meets a row that is picked twice.
        dims=(
            Dim("batch", 4, "indices in the batch"),
            Dim("vocabulary", 3, "rows of the table"),
            Dim("features", 2, "features per row"),
        ),
        inputs=(
            Input("indices", ("batch",), kind="integer", high="vocabulary", help="the rows to pick"),
            Input("table", ("vocabulary", "features")),
        ),
        output="(batch, features)",
    ),
    Layer(
        name="conv2d",
        summary="two-dimensional convolution with stride and zero padding",
        formula="out[n, f, i, j] = b[f] + sum over c, u, v of "
        "W[f, c, u, v] * x[n, c, i*stride + u - padding, j*stride + v - padding]",
        source="Dumoulin and Visin (2016), arXiv:1603.07285",
        # Nothing square, so that the default check sees an exchange of rows and columns.
        dims=(
            _BATCH,
            Dim("in_channels", 2, "channels per input image"),
            Dim("out_channels", 3, "filters, channels per output image"),
            _HEIGHT,
            _WIDTH,
            Dim("kernel_height", 3, "rows of a filter"),
            Dim("kernel_width", 2, "columns of a filter"),
        ),
        inputs=(
            Input("x", ("batch", "in_channels", "height", "width")),
            Input(
                "W",
                ("out_channels", "in_channels", "kernel_height", "kernel_width"),
                kind="weight",
                fan_in="in_channels * kernel_height * kernel_width",
            ),
            Input("b", ("out_channels",)),
        ),
        output="(batch, out_channels, (height + 2 * padding - kernel_height) // stride + 1, "
        "(width + 2 * padding - kernel_width) // stride + 1)",
        options=(
            Option("stride", 1, "steps from one window to the next", minimum=1),
            Option("padding", 1, "zeros added on every side", minimum=0),
        ),
        intermediates=(
            (
                "columns",
                "the windows of the padded images, one per row, "
                "(windows, in_channels * kernel_height * kernel_width)",
            ),
        ),
        requirements=(
            Requirement(
                "kernel_height <= height + 2 * padding",
                "kernel_height {kernel_height} is larger than the padded image: height {height} + 2 * "
                "padding {padding}",
            ),
            Requirement(
                "kernel_width <= width + 2 * padding",
                "kernel_width {kernel_width} is larger than the padded image: width {width} + 2 * "
                "padding {padding}",
            ),
        ),
    ),
    Layer(
        name="maxpool2d",
        summary="two-dimensional max pooling; of equal maxima the first receives the gradient",
        formula="out[n, c, i, j] = max over u, v of x[n, c, i*stride + u, j*stride + v]",
        source="Boureau, Ponce and LeCun (2010), A theoretical analysis of feature pooling",
        dims=(_BATCH, _CHANNELS, _HEIGHT, _WIDTH),
        inputs=(Input("x", _IMAGES),),
        output=_POOLED,
        options=(_KERNEL, _STRIDE),
        intermediates=(
            ("winner", "place of each maximum in its window, integers, of the shape of the output"),
        ),
        requirements=_KERNEL_FITS,
    ),
    Layer(
        name="avgpool2d",
        summary="two-dimensional average pooling",
        formula="out[n, c, i, j] = mean over u, v of x[n, c, i*stride + u, j*stride + v]",
        source="LeCun et al. (1998), Gradient-based learning applied to document recognition, section II.B",
        dims=(_BATCH, _CHANNELS, _HEIGHT, _WIDTH),
        inputs=(Input("x", _IMAGES),),
        output=_POOLED,
        options=(_KERNEL, _STRIDE),
        requirements=_KERNEL_FITS,
    ),
    Layer(
        name="rmsnorm",
        summary="root-mean-square normalisation over the features of each row",
        formula="out = gamma * x_hat,  x_hat = x / sqrt(mean(x^2) + eps)",
        source="Zhang and Sennrich (2019), arXiv:1910.07467, equation 4",
        dims=(_BATCH, _FEATURES),
        inputs=(Input("x", _ROWS), Input("gamma", ("features",), offset=1.0)),
        output="(batch, features)",
        options=(Option("eps", 1e-5, "added to the mean square before the square root", minimum=0.0),),
        intermediates=(
            ("mean_square", "mean of the squares of each row, (batch, 1)"),
            ("x_hat", "x with unit mean square in each row, (batch, features)"),
        ),
    ),
    Layer(
        name="groupnorm",
        summary="group normalisation over the pixels of a group of channels",
        formula="out = gamma * x_hat + beta,  x_hat = (x - mu) / sqrt(var + eps)",
        source="Wu and He (2018), arXiv:1803.08494, section 3.1",
        dims=(
            _BATCH,
            Dim("channels", 4, "channels per image"),
            Dim("height", 2, "rows of pixels"),
            Dim("width", 3, "columns of pixels"),
        ),
        inputs=(
            Input("x", _IMAGES),
            Input("gamma", ("channels",), offset=1.0),
            Input("beta", ("channels",)),
        ),
        output="(batch, channels, height, width)",
        options=(Option("groups", 2, "groups of channels", minimum=1), _EPS),
        intermediates=(
            ("mu", "mean of each group, (batch, groups, 1)"),
            ("var", "biased variance of each group, (batch, groups, 1)"),
            ("x_hat", "x with zero mean and unit variance in each group, (batch, channels, height, width)"),
        ),
        requirements=(
            Requirement(
                "channels % groups == 0",
                "groups must divide channels, got groups {groups} and channels {channels}",
            ),
        ),
    ),
    Layer(
        name="scaled_dot_product_attention",
        summary="scaled dot-product attention, with an optional causal mask",
        formula="out = softmax(q k^T / sqrt(head_dim)) v",
        source="Vaswani et al. (2017), arXiv:1706.03762, equation 1",
        dims=(
            _BATCH,
            Dim("heads", 2, "attention heads"),
            Dim("time", 3, "positions in the sequence"),
            Dim("head_dim", 4, "features per head"),
        ),
        inputs=tuple(Input(name, ("batch", "heads", "time", "head_dim")) for name in ("q", "k", "v")),
        output="(batch, heads, time, head_dim)",
        options=(Option("causal", False, "no position sees a later one"),),
        intermediates=(
            ("scores", "q k^T / sqrt(head_dim) before the mask, (batch, heads, time, time)"),
            ("weights", "softmax of the scores over the last axis, (batch, heads, time, time)"),
        ),
    ),
    Layer(
        name="rnn_step",
        summary="one time step of a plain recurrent network",
        formula="h = tanh(x Wx + h_prev Wh + b)",
        source="Elman (1990), Finding structure in time, Cognitive Science 14",
        dims=(_BATCH, _FEATURES, _HIDDEN),
        inputs=(
            Input("x", _ROWS),
            Input("h_prev", ("batch", "hidden")),
            Input("Wx", ("features", "hidden"), kind="weight", fan_in="features"),
            Input("Wh", ("hidden", "hidden"), kind="weight", fan_in="hidden"),
            Input("b", ("hidden",)),
        ),
        output="(batch, hidden)",
        intermediates=(("h", "the output itself, (batch, hidden)"),),
        output_names=("h",),
    ),
    Layer(
        name="lstm_step",
        summary="one time step of a long short-term memory; outputs h and c",
        formula="c = f * c_prev + i * g,  h = o * tanh(c),  i, f, o = sigmoid, g = tanh of the blocks of "
        "x Wx + h_prev Wh + b",
        source="Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000)",
        dims=(_BATCH, _FEATURES, _HIDDEN),
        inputs=(
            Input("x", _ROWS),
            Input("h_prev", ("batch", "hidden")),
            Input("c_prev", ("batch", "hidden")),
            Input("Wx", ("features", "4 * hidden"), kind="weight", fan_in="features"),
            Input("Wh", ("hidden", "4 * hidden"), kind="weight", fan_in="hidden"),
            Input("b", ("4 * hidden",)),
        ),
        output="(batch, hidden), (batch, hidden)",
        intermediates=(
            ("i", "input gate, (batch, hidden)"),
            ("f", "forget gate, (batch, hidden)"),
            ("o", "output gate, (batch, hidden)"),
            ("g", "candidate, (batch, hidden)"),
            ("tanh_c", "tanh of the new cell state, (batch, hidden)"),
        ),
        output_names=("h", "c"),
    ),
)

LAYERS: dict[str, Layer] = {layer.name: layer for layer in _ALL}
