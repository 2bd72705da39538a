"""In the style of popular projects: nnfs, ML-From-Scratch, numpy-ml, a small network that trains itself."""

import copy
import math

import numpy as np


class Layer_Dense:
    """nnfs: results and gradients are attributes, the methods return nothing."""

    def __init__(self, n_inputs, n_neurons):
        self.weights = 0.01 * np.random.randn(n_inputs, n_neurons)
        self.biases = np.zeros((1, n_neurons))

    def forward(self, inputs, training):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        self.dinputs = np.dot(dvalues, self.weights.T)


class Loss_MeanSquaredError:
    """nnfs: losses of each sample, and a backward that wants the predictions once more."""

    def forward(self, y_pred, y_true):
        return np.mean((y_true - y_pred) ** 2, axis=-1)

    def backward(self, dvalues, y_true):
        samples = len(dvalues)
        outputs = len(dvalues[0])
        self.dinputs = -2 * (y_true - dvalues) / outputs
        self.dinputs = self.dinputs / samples


class Layer:
    def set_input_shape(self, shape):
        self.input_shape = shape

    def forward_pass(self, X, training):
        raise NotImplementedError()

    def backward_pass(self, accum_grad):
        raise NotImplementedError()


class Dense(Layer):
    """ML-From-Scratch: backward updates the weights through an optimiser, and keeps no gradient."""

    def __init__(self, n_units, input_shape=None):
        self.layer_input = None
        self.input_shape = input_shape
        self.n_units = n_units
        self.trainable = True
        self.W = None
        self.w0 = None

    def initialize(self, optimizer):
        limit = 1 / math.sqrt(self.input_shape[0])
        self.W = np.random.uniform(-limit, limit, (self.input_shape[0], self.n_units))
        self.w0 = np.zeros((1, self.n_units))
        self.W_opt = copy.copy(optimizer)
        self.w0_opt = copy.copy(optimizer)

    def forward_pass(self, X, training=True):
        self.layer_input = X
        return X.dot(self.W) + self.w0

    def backward_pass(self, accum_grad):
        W = self.W
        if self.trainable:
            grad_w = self.layer_input.T.dot(accum_grad)
            grad_w0 = np.sum(accum_grad, axis=0, keepdims=True)
            self.W = self.W_opt.update(self.W, grad_w)
            self.w0 = self.w0_opt.update(self.w0, grad_w0)
        return accum_grad.dot(W.T)


class FullyConnected:
    """numpy-ml: parameters are made by the first forward, gradients pile up in a dict."""

    def __init__(self, n_out, act_fn=None):
        self.X = []
        self.gradients = {}
        self.parameters = {"W": None, "b": None}
        self.derived_variables = {"Z": []}
        self.n_in = None
        self.n_out = n_out
        self.is_initialized = False

    def _init_params(self):
        W = np.random.randn(self.n_in, self.n_out)
        b = np.zeros((1, self.n_out))
        self.parameters = {"W": W, "b": b}
        self.gradients = {"W": np.zeros_like(W), "b": np.zeros_like(b)}
        self.is_initialized = True

    def forward(self, X, retain_derived=True):
        if not self.is_initialized:
            self.n_in = X.shape[1]
            self._init_params()
        Z = X @ self.parameters["W"] + self.parameters["b"]
        if retain_derived:
            self.X.append(X)
            self.derived_variables["Z"].append(Z)
        return np.tanh(Z)

    def backward(self, dLdy, retain_grads=True):
        dX = []
        for dy, x, z in zip([dLdy], self.X, self.derived_variables["Z"]):
            dZ = dy * (1 - np.tanh(z) ** 2)
            dX.append(dZ @ self.parameters["W"].T)
            if retain_grads:
                self.gradients["W"] += x.T @ dZ
                self.gradients["b"] += dZ.sum(axis=0, keepdims=True)
        return dX[0] if len(self.X) == 1 else dX


class FCLayer:
    """The blog post's layer: backward takes the learning rate and steps."""

    def __init__(self, input_size, output_size):
        self.weights = np.random.rand(input_size, output_size) - 0.5
        self.bias = np.random.rand(1, output_size) - 0.5

    def forward_propagation(self, input_data):
        self.input = input_data
        return np.dot(self.input, self.weights) + self.bias

    def backward_propagation(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        weights_error = np.dot(self.input.T, output_error)
        self.weights -= learning_rate * weights_error
        self.bias -= learning_rate * output_error.sum(axis=0)
        return input_error


class Conv1D:
    """Gradients under longer names, an accumulating buffer beside a fresh one."""

    def __init__(self, in_channels, out_channels, kernel_size):
        self.weights = np.random.randn(out_channels, in_channels, kernel_size)
        self.bias = np.zeros(out_channels)
        self.weights_gradient = np.zeros_like(self.weights)
        self.bias_gradient = np.zeros_like(self.bias)

    def forward(self, x):
        self.x = x
        length = x.shape[2] - self.weights.shape[2] + 1
        out = np.zeros((x.shape[0], len(self.bias), length), dtype=np.result_type(x, self.weights))
        for t in range(length):
            patch = x[:, :, t : t + self.weights.shape[2]]
            out[:, :, t] = np.einsum("nck,ock->no", patch, self.weights) + self.bias
        return out

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        width = self.weights.shape[2]
        for t in range(dout.shape[2]):
            self.weights_gradient += np.einsum("no,nck->ock", dout[:, :, t], self.x[:, :, t : t + width])
            dx[:, :, t : t + width] += np.einsum("no,ock->nck", dout[:, :, t], self.weights)
        self.bias_gradient += dout.sum(axis=(0, 2))
        return dx


class LSTMCell:
    """One step of a gate: a cache is returned and handed to backward."""

    def __init__(self, input_dim, hidden_dim):
        self.params = {"Wx": np.random.randn(input_dim, hidden_dim), "b": np.zeros(hidden_dim)}
        self.grads = {}

    def forward(self, x):
        z = x @ self.params["Wx"] + self.params["b"]
        out = np.tanh(z)
        return out, (x, out)

    def backward(self, dout, cache):
        x, out = cache
        dz = dout * (1 - out**2)
        self.grads["dWx"] = x.T @ dz
        self.grads["db"] = dz.sum(axis=0)
        return dz @ self.params["Wx"].T
