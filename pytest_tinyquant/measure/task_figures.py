"""How well a model does its task: figures from its outputs and the labels of the check samples.

Formulas are scikit-learn's: ``accuracy_score``, ``top_k_accuracy_score``, ``recall_score`` per
class, ``confusion_matrix``, ``roc_auc_score``, ``mean_absolute_error``,
``root_mean_squared_error`` and ``r2_score`` (uniform average over outputs).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.models.labels import Labels


Array = NDArray[Any]


def task_figures(
    outputs: Array, reference: Array, inputs: Array, labels: Labels
) -> dict[str, Metric]:
    """Return the figures of a model's first output.

    :param outputs: real outputs ``[n, elements]`` of the model under test.
    :param reference: those of the float model, for the drop against it.
    :param inputs: its first input ``[n, elements]``, which an autoencoder is to give back.
    :raises ConfigurationError: the labels are not of this model.
    """
    if labels.kind == "classification":
        return _classification(outputs, reference, labels)
    if labels.kind == "anomaly":
        return _anomaly(outputs, reference, inputs, labels)
    return _regression(outputs, labels)


def confusion_matrix(outputs: Array, classes: Array) -> NDArray[np.int64]:
    """Return how often samples of each class (rows) were taken for each class (columns)."""
    count = _class_count(outputs)
    matrix = np.zeros((count, count), np.int64)
    np.add.at(matrix, (classes, predicted_classes(outputs)), 1)
    return matrix


def predicted_classes(outputs: Array) -> NDArray[np.int64]:
    """Return each sample's class: the largest element, or whether a single one is above 0.5."""
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > 0.5).astype(np.int64)
    return np.asarray(outputs.argmax(axis=1), np.int64)


def roc_auc(scores: Array, anomalous: Array) -> float:
    """Return the area under the ROC curve: how often an anomaly scores above a normal sample.

    Ties count one half, as in the Mann-Whitney U statistic.

    :param scores: ``[n]``, higher for anomalies.
    :param anomalous: 0 or 1 ``[n]``; both must occur.
    """
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    positive = anomalous == 1
    hits = int(positive.sum())
    misses = len(scores) - hits
    return float((ranks[positive].sum() - hits * (hits + 1) / 2.0) / (hits * misses))


def r2(predicted: Array, targets: Array) -> float:
    """Return the coefficient of determination, averaged over the outputs ``[n, k]``.

    An output whose targets are all the same counts 1 if it is met exactly, else 0.
    """
    residual = ((targets - predicted) ** 2).sum(axis=0)
    total = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
    constant = total == 0
    scores = np.where(constant, residual == 0, 1.0 - residual / np.where(constant, 1.0, total))
    return float(scores.mean())


def _classification(outputs: Array, reference: Array, labels: Labels) -> dict[str, Metric]:
    classes = labels.values
    count = _class_count(outputs)
    if classes.max() >= count:
        raise ConfigurationError(
            f"{labels.where}: the label of sample {int(classes.argmax())} is class "
            f"{int(classes.max())}, but the model tells only {count} classes apart"
        )
    accuracy = float((predicted_classes(outputs) == classes).mean())
    before = float((predicted_classes(reference) == classes).mean())
    figures = {"accuracy": _exact(accuracy), "accuracy_drop": _exact(before - accuracy)}
    if count > 5:
        # Of equal outputs those of the higher class count first, as in scikit-learn.
        best = np.argsort(outputs, axis=1, kind="mergesort")[:, ::-1][:, :5]
        figures["top5"] = _exact((best == classes[:, None]).any(axis=1).mean())
    matrix = confusion_matrix(outputs, classes)
    for index in range(count):
        members = matrix[index].sum()
        if members:
            figures[f"recall_{index}"] = _exact(matrix[index, index] / members)
    return figures


def _anomaly(outputs: Array, reference: Array, inputs: Array, labels: Labels) -> dict[str, Metric]:
    auc = roc_auc(_scores(outputs, inputs, labels), labels.values)
    before = roc_auc(_scores(reference, inputs, labels), labels.values)
    return {"auc": _exact(auc), "auc_drop": _exact(before - auc)}


def _scores(outputs: Array, inputs: Array, labels: Labels) -> Array:
    """Return how anomalous each sample is.

    An output of one element is the score; one as large as the input is an autoencoder's, whose
    score is the mean squared error of its reconstruction, as in MLPerf Tiny.
    """
    if outputs.shape[1] == 1:
        return outputs[:, 0]
    if outputs.shape == inputs.shape:
        return np.asarray(((outputs - inputs) ** 2).mean(axis=1))
    raise ConfigurationError(
        f"{labels.where}: an anomaly detection gives one score per sample or its input "
        f"again ({inputs.shape[1]} elements), this output has {outputs.shape[1]}; write a function "
        'of your own: metric = "module:function" in [task]'
    )


def _regression(outputs: Array, labels: Labels) -> dict[str, Metric]:
    if outputs.shape != labels.values.shape:
        raise ConfigurationError(
            f"{labels.where}: {labels.values.shape[1]} values per sample are to be "
            f"predicted, but the output has {outputs.shape[1]} elements"
        )
    difference = outputs - labels.values
    return {
        "target_mae": Metric(float(np.abs(difference).mean()), "output units", "exact"),
        "target_rmse": Metric(
            float(np.sqrt((difference**2).mean(axis=0)).mean()), "output units", "exact"
        ),
        "r2": _exact(r2(outputs, labels.values)),
    }


def _class_count(outputs: Array) -> int:
    return max(2, int(outputs.shape[1]))


def _exact(value: Any) -> Metric:
    return Metric(float(value), "1", "exact")
