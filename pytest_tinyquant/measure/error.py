"""How far a device's outputs are from the reference, and whether they can be judged at all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.measure.own_figure import own_figure
from pytest_tinyquant.measure.task_figures import confusion_matrix
from pytest_tinyquant.measure.task_figures import task_figures
from pytest_tinyquant.metrics.built_in import ERROR
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.models.quantize import bytes_per_sample
from pytest_tinyquant.models.quantize import decode
from pytest_tinyquant.models.quantize import step


if TYPE_CHECKING:
    from pytest_tinyquant.measure.observation import Observation
    from pytest_tinyquant.models.graph import Tensor


#: Fewer check samples say too little: a constant output is only seen across samples.
MINIMUM_SAMPLES: Final = 4


def measure(observation: Observation) -> dict[str, Metric]:
    """Return how far the outputs are from the reference, and how well they do the model's task.

    See :func:`measure_error` and :mod:`~pytest_tinyquant.measure.task_figures`.
    """
    parts = measure_error(
        observation.record.outputs,
        observation.expected,
        observation.outputs,
    )
    parts.update(_of_the_task(observation))
    missing = [part for part in observation.task.gating if part not in parts]
    if missing:
        raise ConfigurationError(
            f"{observation.task.where}: gate = {missing[0]!r}, but there is no such figure; "
            f"there are {', '.join(parts)}. Give the check samples labels: an array 'labels' "
            "beside 'check'"
        )
    return parts


def confusion(observation: Observation) -> tuple[tuple[int, ...], ...]:
    """Return the confusion matrix of a classification with labels; empty for anything else."""
    labels = observation.labels
    if labels is None or labels.kind != "classification":
        return ()
    outputs = _real(observation)[0]
    return tuple(tuple(map(int, row)) for row in confusion_matrix(outputs, labels.values))


def _of_the_task(observation: Observation) -> dict[str, Metric]:
    """Return the figures that labels and the user's own function give."""
    task, labels = observation.task, observation.labels
    if labels is None and not task.metric:
        return {}
    outputs = _real(observation)
    figures = {}
    if labels is not None:
        first = observation.expected[0]
        figures = task_figures(
            outputs[0],
            first.reshape(len(first), -1).astype(np.float64),
            observation.inputs[0].reshape(len(first), -1).astype(np.float64),
            labels,
        )
    if task.metric:
        shaped = [
            output.reshape(expected.shape)
            for output, expected in zip(outputs, observation.expected, strict=True)
        ]
        figures[task.part] = own_figure(
            task, observation.root, outputs=shaped, inputs=observation.inputs, labels=labels
        )
    return figures


def _real(observation: Observation) -> list[NDArray[np.float64]]:
    return real_outputs(observation.record.outputs, observation.outputs)


def measure_error(
    raw: Sequence[bytes], expected: Sequence[NDArray[Any]], tensors: Sequence[Tensor]
) -> dict[str, Metric]:
    """Compare the raw outputs of all check samples with the reference.

    Of a model with several outputs, every figure is that of the output where it is worst: outputs
    have ranges and units of their own, and a good one must not hide a bad one.

    :param raw: output bytes of each check sample as the device gave them, all outputs in a row.
    :param expected: reference outputs, one float ``[n, *shape]`` per output.
    :param tensors: the model's output tensors, which say how to read ``raw``.
    :raises InvalidOutputError: if the outputs cannot be judged.
    """
    if len(expected) != len(tensors):
        raise InvalidOutputError(
            f"the model has {len(tensors)} outputs, the reference {len(expected)}; the "
            "converted model is not the model that gave the reference"
        )
    parts = _by_output(raw, tensors)
    found = [
        _measure_output(part, values, tensor)
        for part, values, tensor in zip(parts, expected, tensors, strict=True)
    ]
    names = [name for name in found[0] if all(name in metrics for metrics in found)]
    return {name: _worst(name, [metrics[name] for metrics in found]) for name in names}


def real_outputs(raw: Sequence[bytes], tensors: Sequence[Tensor]) -> list[NDArray[np.float64]]:
    """Return raw output bytes of all check samples as real values, one array per output."""
    parts = zip(_by_output(raw, tensors), tensors, strict=True)
    return [decode(part, tensor) for part, tensor in parts]


def _by_output(raw: Sequence[bytes], tensors: Sequence[Tensor]) -> list[Sequence[bytes]]:
    """Take every sample's bytes apart; the last output gets what is left."""
    parts, start = [], 0
    for tensor in tensors[:-1]:
        end = start + bytes_per_sample(tensor)
        parts.append([sample[start:end] for sample in raw])
        start = end
    return [*parts, [sample[start:] for sample in raw]]


def _measure_output(
    raw: Sequence[bytes], expected: NDArray[Any], tensor: Tensor
) -> dict[str, Metric]:
    _check_size(raw, expected, tensor)
    reference = expected.reshape(len(expected), -1).astype(np.float64)
    predicted = decode(raw, tensor)
    _check_values(predicted, reference, step(tensor))
    return error_metrics(reference, predicted)


def _worst(name: str, metrics: Sequence[Metric]) -> Metric:
    order = min if ERROR.higher_is_better(name) else max
    return order(metrics, key=lambda metric: metric.value)


def error_metrics(expected: NDArray[Any], predicted: NDArray[Any]) -> dict[str, Metric]:
    """Return the error figures of finite real outputs ``[n, elements]``.

    ``mae`` is mean |e - p| / (max e - min e), the range taken over all elements of all samples;
    ``rmse`` is divided by the same range; ``max_abs`` is in the output's own units; ``cosine``
    is the similarity of all outputs as one vector; ``top1`` is the share of samples whose
    largest element is the same, given only where the reference is a probability distribution.

    :raises InvalidOutputError: if the reference has no range.
    """
    span = float(expected.max() - expected.min())
    if span == 0.0:
        raise InvalidOutputError(
            f"the reference output is {float(expected.flat[0]):g} for every element of "
            "every check sample; its range is 0, so no error can be given. Choose check samples "
            "that the model tells apart"
        )
    difference = np.abs(expected - predicted)
    metrics = {
        "mae": _exact(difference.mean() / span, "of range"),
        "rmse": _exact(np.sqrt(np.mean(difference**2)) / span, "of range"),
        "max_abs": _exact(difference.max(), "output units"),
        "cosine": _exact(_cosine(expected, predicted), "1"),
        **_of_validation(expected, predicted),
    }
    if _is_distribution(expected):
        same = expected.argmax(axis=1) == predicted.argmax(axis=1)
        metrics["top1"] = _exact(same.mean(), "1")
    return metrics


def _of_validation(expected: NDArray[Any], predicted: NDArray[Any]) -> dict[str, Metric]:
    """Return what ST Edge AI's ``validate`` reports besides, by its names and formulas.

    ``l2r`` is |e - p| / |e| over all outputs as one vector, ``mean`` and ``std`` are those of the
    difference e - p, ``nse`` is the Nash-Sutcliffe efficiency
    1 - sum (e - p)^2 / sum (e - mean e)^2.
    """
    difference = expected - predicted
    norm = float(np.linalg.norm(expected))
    spread = float(((expected - expected.mean()) ** 2).sum())
    return {
        **({"l2r": _exact(np.linalg.norm(difference) / norm, "1")} if norm else {}),
        "mean": _exact(difference.mean(), "output units"),
        "std": _exact(difference.std(), "output units"),
        "nse": _exact(1.0 - (difference**2).sum() / spread, "1"),
    }


def output_sha256(raw: Sequence[bytes]) -> str:
    """Return the SHA-256 of all samples' raw output bytes in order."""
    return hashlib.sha256(b"".join(raw)).hexdigest()


def _exact(value: Any, unit: str) -> Metric:
    return Metric(float(value), unit, "exact")


def _cosine(expected: NDArray[Any], predicted: NDArray[Any]) -> float:
    norms = float(np.linalg.norm(expected) * np.linalg.norm(predicted))
    return float(np.vdot(expected, predicted)) / norms if norms else 0.0


def _is_distribution(expected: NDArray[Any]) -> bool:
    if expected.shape[1] < 2:
        return False
    return bool((expected >= 0).all() and (np.abs(expected.sum(axis=1) - 1) < 1e-3).all())


def _check_size(raw: Sequence[bytes], expected: NDArray[Any], tensor: Tensor) -> None:
    if len(expected) < MINIMUM_SAMPLES:
        raise InvalidOutputError(
            f"{len(expected)} check samples are too few to judge an output; the minimum "
            f"is {MINIMUM_SAMPLES}. Raise check_samples of the model"
        )
    if len(raw) != len(expected):
        raise InvalidOutputError(
            f"the device gave outputs for {len(raw)} of {len(expected)} check samples; run again, "
            "and read its log for what it said after the last of them"
        )
    size = bytes_per_sample(tensor)
    for index, sample in enumerate(raw):
        if len(sample) != size:
            raise InvalidOutputError(
                f"output '{tensor.name}' of check sample {index} has {len(sample)} "
                f"bytes, expected {size} ({tensor.dtype} {tensor.shape}); the device runs another "
                "model than it was given"
            )
    elements = expected[0].size
    if int(np.prod(tensor.shape, dtype=np.int64)) != elements:
        raise InvalidOutputError(
            f"output '{tensor.name}' has shape {tensor.shape} but the reference has "
            f"{elements} elements per sample {expected.shape[1:]}; the converted model is not "
            "the model that gave the reference"
        )


def _check_values(predicted: NDArray[Any], reference: NDArray[Any], resolution: float) -> None:
    for name, values in (("reference", reference), ("device's output", predicted)):
        wrong = np.argwhere(~np.isfinite(values))
        if len(wrong):
            sample, element = (int(i) for i in wrong[0])
            raise InvalidOutputError(
                f"the {name} is {values[sample, element]} at check sample {sample}, "
                f"element {element} ({len(wrong)} of {values.size} values are not finite)"
            )
    varies = float(np.ptp(reference, axis=0).max())
    # An output that moves by less than one quantization step may rightly look constant.
    if varies > resolution and not np.ptp(predicted, axis=0).any():
        raise InvalidOutputError(
            f"the device's output is the same for all {len(predicted)} check samples "
            f"while the reference varies by {varies:g}; its input does not reach its output"
        )
