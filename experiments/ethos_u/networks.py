"""Networks with seeded weights, pruned and clustered, as int8 .tflite files.

What Vela says of a network depends on its shape and on how its weights compress, not on what they
know: random weights, half of them zero or of 16 values, compress as trained ones do.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final

import numpy as np
from numpy.typing import NDArray


Floats = NDArray[np.float32]

_SEED: Final = 3
_CALIBRATION_SAMPLES: Final = 4
#: Rounds after which the values of a layer move no more than in the last digit.
_ROUNDS: Final = 40


@dataclass(frozen=True)
class Variant:
    """What happens to the weights of a network before it is quantized.

    :param title: in words.
    :param zeros: the share of weights set to zero.
    :param values: different weights per layer, zero among them; 0 for any number.
    """

    title: str
    zeros: float = 0.0
    values: int = 0


VARIANTS: Final[Mapping[str, Variant]] = {
    "int8": Variant("int8"),
    "pruned": Variant("pruned, 50 %", zeros=0.5),
    "clustered": Variant("16 clusters", values=16),
    "both": Variant("pruned, then 16 clusters", zeros=0.5, values=16),
}


def ds_cnn_l() -> Any:
    """Return the large keyword-spotting network of Arm's model zoo: input 49 x 10, 12 words."""
    from keras import Input
    from keras import Model
    from keras import layers

    channels = 276
    source = Input((49, 10, 1), batch_size=1)
    x = layers.Conv2D(channels, (10, 4), strides=(2, 1), padding="same")(source)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for block in range(5):
        x = layers.DepthwiseConv2D(3, strides=1 if block else 2, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2D(channels, 1)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.AveragePooling2D((x.shape[1], x.shape[2]))(x)
    x = layers.Reshape((channels,))(x)
    return Model(source, layers.Dense(12, activation="softmax")(x))


def mobilenet_v2() -> Any:
    """Return MobileNetV2 for images of 224 x 224 and 1,000 classes."""
    from keras import Input
    from keras.applications import MobileNetV2

    return MobileNetV2(input_tensor=Input((224, 224, 3), batch_size=1), weights=None)


NETWORKS: Final[Mapping[str, Callable[[], Any]]] = {
    "DS-CNN-L": ds_cnn_l,
    "MobileNetV2": mobilenet_v2,
}


def tflite(network: str, variant: str) -> bytes:
    """Return a network as an int8 .tflite file, the same bytes each time on one machine."""
    import keras

    keras.utils.set_random_seed(0)
    model = NETWORKS[network]()
    _spread_channels(model)
    for layer in model.layers:
        if type(layer).__name__ in ("Conv2D", "Dense"):
            kernel, *rest = layer.get_weights()
            layer.set_weights([changed(kernel, VARIANTS[variant]), *rest])
    return _quantized(model)


def changed(kernel: Floats, variant: Variant) -> Floats:
    """Return a layer's weights pruned by magnitude, then clustered; zeros stay zero."""
    if variant.zeros:
        threshold = np.quantile(np.abs(kernel), variant.zeros)
        kernel = np.where(np.abs(kernel) <= threshold, np.float32(0), kernel)
    if not variant.values:
        return kernel
    if not variant.zeros:
        return _clustered(kernel, variant.values)
    kept = kernel != 0
    found = kernel.copy()
    found[kept] = _clustered(kernel[kept], variant.values - 1)
    return found


def _clustered(values: Floats, count: int) -> Floats:
    """Return every number as the mean of its cluster: k-means from `count` quantiles."""
    centres = np.unique(np.quantile(values, (np.arange(count) + 0.5) / count))
    for _ in range(_ROUNDS):
        nearest = np.searchsorted((centres[1:] + centres[:-1]) / 2, values.reshape(-1))
        sizes = np.bincount(nearest, minlength=len(centres))
        sums = np.bincount(nearest, values.reshape(-1), minlength=len(centres))
        centres = np.where(sizes > 0, sums / np.maximum(sizes, 1), centres)
    return centres[nearest].reshape(values.shape).astype(np.float32)


def _spread_channels(model: Any) -> None:
    """Give the channels of every normalization scales that differ, as training does."""
    random = np.random.default_rng(_SEED)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            gamma, beta, mean, variance = layer.get_weights()
            gamma = np.exp(random.normal(0, 0.4, gamma.shape))
            layer.set_weights([gamma, beta, mean, np.exp(random.normal(0, 0.4, variance.shape))])


def _quantized(model: Any) -> bytes:
    import tensorflow as tf

    random = np.random.default_rng(1)
    shape = (1, *model.input_shape[1:])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [random.normal(size=shape).astype(np.float32)] for _ in range(_CALIBRATION_SAMPLES)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())
