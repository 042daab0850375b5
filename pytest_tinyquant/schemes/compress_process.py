"""What runs in the compression's own process: Model Optimization on legacy Keras.

The model comes as the graph and weights that :mod:`pytest_tinyquant.schemes.keras_graph` writes;
it is trained for a while under each step and converted as the scheme says.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tensorflow_model_optimization.python.core.clustering.keras.experimental import (
    cluster as sparse_cluster,
)

from pytest_tinyquant.schemes.converter_settings import configure
from pytest_tinyquant.schemes.converter_settings import converted
from pytest_tinyquant.schemes.legacy_keras import build
from pytest_tinyquant.schemes.saved_arrays import load_arrays


SEED = 42
BATCH = 32
RATE = 1e-4
#: Pruning takes weights away, which the others have to learn to do without.
PRUNING_RATE = 1e-3

_START = {
    "kmeans": "KMEANS_PLUS_PLUS",
    "linear": "LINEAR",
    "density": "DENSITY_BASED",
    "random": "RANDOM",
}


def compress(request: dict[str, Any]) -> None:
    """Take a model through the steps of a scheme and convert it.

    :param request: ``graph`` (npz of the model); ``steps`` (fields of
        :class:`pytest_tinyquant.schemes.steps.Step`, each with its ``batches`` of training);
        ``calibration`` (npz) and ``training`` (npz of ``inputs`` and ``targets``, or empty for the
        float model's own answers to the calibration samples); ``scheme``, ``dense_per_channel`` and
        ``output`` as for the converter.
    """
    assert os.environ["TF_USE_LEGACY_KERAS"] == "1", "Model Optimization needs legacy Keras"
    configure()
    tf_keras.utils.set_random_seed(SEED)
    model = build(Path(request["graph"]))
    work = _Work(model, load_arrays(Path(request["calibration"])), request["training"])
    for step in request["steps"]:
        model = getattr(work, step["kind"])(model, step)
    Path(request["output"]).write_bytes(converted(_frozen(model), request))


class _Work:
    """The steps, with what they train on."""

    def __init__(self, model: Any, calibration: list[np.ndarray[Any, Any]], training: str) -> None:
        (self.calibration,) = calibration
        self.is_sparse = self.is_clustered = False
        if training:
            with np.load(training) as arrays:
                self.inputs, self.targets = arrays["inputs"], arrays["targets"]
        else:
            self.inputs = self.calibration
            self.targets = model.predict(self.inputs, batch_size=BATCH, verbose=0)
        self.loss = _loss(self.targets)

    def train(self, model: Any, batches: int, rate: float, callbacks: Any = ()) -> None:
        per_epoch = -(-len(self.inputs) // BATCH)
        model.compile(tf_keras.optimizers.Adam(rate), self.loss)
        model.fit(
            self.inputs,
            self.targets,
            batch_size=BATCH,
            epochs=-(-batches // per_epoch),
            verbose=0,
            callbacks=list(callbacks),
        )

    def prune(self, model: Any, step: dict[str, Any]) -> Any:
        """Take the smallest weights away, and let the others learn to do without."""
        api = tfmot.sparsity.keras
        # Masks are made anew every so many batches, also in a short training.
        frequency = max(1, min(10, step["batches"] // 4))
        constant = api.ConstantSparsity(step["sparsity"], 0, frequency=frequency)
        settings: dict[str, Any] = {"pruning_schedule": constant}
        if step["schedule"] == "polynomial":
            end = max(step["batches"] * 3 // 4, 1)
            settings["pruning_schedule"] = api.PolynomialDecay(
                0.0, step["sparsity"], 0, end, frequency=frequency
            )
        if step["pattern"][1]:
            settings["sparsity_m_by_n"] = tuple(step["pattern"])
        wrapped = api.prune_low_magnitude(model, **settings)
        self.train(wrapped, step["batches"], PRUNING_RATE, [api.UpdatePruningStep()])
        self.is_sparse = True
        return api.strip_pruning(wrapped)

    def cluster(self, model: Any, step: dict[str, Any]) -> Any:
        """Let weights share a few values; zeros of an earlier pruning stay."""
        api = tfmot.clustering.keras
        wrapped = sparse_cluster.cluster_weights(
            model,
            number_of_clusters=step["clusters"],
            cluster_centroids_init=api.CentroidInitialization[_START[step["start"]]],
            preserve_sparsity=self.is_sparse,
        )
        self.train(wrapped, step["batches"], RATE)
        self.is_clustered = True
        return api.strip_clustering(wrapped)

    def qat(self, model: Any, step: dict[str, Any]) -> Any:
        """Train with fake quantizers; zeros and clusters of earlier steps stay."""
        api, combine = tfmot.quantization.keras, tfmot.experimental.combine
        scheme = None
        if self.is_clustered:
            scheme = combine.Default8BitClusterPreserveQuantizeScheme(
                preserve_sparsity=self.is_sparse
            )
        elif self.is_sparse:
            scheme = combine.Default8BitPrunePreserveQuantizeScheme()
        annotated = api.quantize_annotate_model(model)
        wrapped = api.quantize_apply(annotated, scheme) if scheme else api.quantize_apply(annotated)
        _initialise_ranges(wrapped, self.calibration)
        self.train(wrapped, step["batches"], RATE)
        return tfmot.clustering.keras.strip_clustering(wrapped) if self.is_clustered else wrapped


def _loss(targets: np.ndarray[Any, Any]) -> str:
    """Return the loss that fits: labels, distributions, or numbers."""
    if np.issubdtype(targets.dtype, np.integer):
        return "sparse_categorical_crossentropy"
    rows = targets.reshape(len(targets), -1)
    is_distribution = rows.shape[1] > 1 and (rows >= 0).all()
    if is_distribution and (np.abs(rows.sum(axis=1) - 1) < 1e-3).all():
        return "kl_divergence"
    return "mse"


def _initialise_ranges(
    model: Any, samples: np.ndarray[Any, Any], decay: float = 0.999, rounds: int = 4
) -> None:
    """Give every fake quantizer of activations the range of the calibration samples.

    All start at -6 to 6. The input's only grows, so that inputs in 0 to 1 would have 21 levels; the
    others move by a thousandth a step, so that a short training would never get there. One step
    with all samples tells what they move towards. Ranges of weights are set in every step.
    """
    ranges = [
        variable
        for variable in model.variables
        if variable.name.endswith(("_min:0", "_max:0")) and "kernel" not in variable.name
    ]
    own = [variable for variable in ranges if variable.name.startswith("quantize_layer")]
    for variable in own:
        low = variable.name.endswith("_min:0")
        variable.assign(min(samples.min(), 0.0) if low else max(samples.max(), 0.0))
    moving = [variable for variable in ranges if not any(variable is other for other in own)]
    for _ in range(rounds):  # a layer's range depends on those before it
        before = [variable.numpy().astype(np.float64) for variable in moving]
        model(tf.constant(samples), training=True)
        for variable, old in zip(moving, before, strict=True):
            target = (variable.numpy().astype(np.float64) - decay * old) / (1.0 - decay)
            variable.assign(target)


def _frozen(model: Any) -> Any:
    """Return the model as a function of batch 1 with its weights as constants."""
    (source,) = model.inputs
    spec = tf.TensorSpec([1, *source.shape[1:]], tf.float32, name="input_0")
    call: Callable[[Any], Any] = lambda tensor: model(tensor, training=False)  # noqa: E731
    traced = tf.function(call, input_signature=[spec], autograph=False)
    return convert_variables_to_constants_v2(traced.get_concrete_function())
