"""How good a scheme would be that no board here can run: a known gap has no measurement.

TensorFlow Lite's interpreter runs the same file on this computer. What it answers says what the
scheme does to the model, and nothing of any board, so nothing is ever judged by it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.measure.error import error_metrics
from pytest_tinyquant.measure.task_figures import task_figures
from pytest_tinyquant.metrics.built_in import ERROR
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.convert import ConvertedModel
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.convert import interpreter_outputs
from pytest_tinyquant.schemes.convert import read_arrays
from pytest_tinyquant.stages.steps import Steps
from pytest_tinyquant.support.check import check_not_vacuous
from pytest_tinyquant.system.cache import Cache


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.project import Project
    from pytest_tinyquant.schemes.scheme import Scheme

#: What tells how good a scheme of a model is, by the names of both.
GapFigures = Callable[[str, str], Mapping[str, Metric]]


def gap_figures(project: Project) -> GapFigures:
    """Return a function that gives the figures of a model under a scheme, asked once for each.

    It gives none where the model was not converted yet, the interpreter cannot run it either, or
    the scheme changes nothing: a report must not convert models, nor fail.
    """
    steps, known = Steps(project), {}

    def figures(model: str, scheme: str) -> Mapping[str, Metric]:
        pair = (model, scheme)
        if pair not in known:
            known[pair] = _figures(steps, *pair)
        return known[pair]

    return figures


def _figures(steps: Steps, model: str, scheme: str) -> Mapping[str, Metric]:
    project = steps.project
    if model not in project.models or scheme not in project.schemes:
        return {}
    try:
        return interpreter_figures(steps, project.models[model], project.schemes[scheme])
    except TinyQuantError:
        return {}


def interpreter_figures(steps: Steps, model: Model, scheme: Scheme) -> dict[str, Metric]:
    """Return how good a converted model is by TensorFlow Lite's reference kernels.

    :returns: those of :data:`~pytest_tinyquant.metrics.built_in.ERROR`'s `quality` that there are.
    :raises TinyQuantError: the model was not converted, or cannot be run.
    """
    converted = _converted(model, scheme, steps.cache)
    check_not_vacuous(read_graph(converted.read(), where=f"{model.name}-{scheme.name}"), scheme)
    file = interpreter_outputs(model, converted, steps.cache, kernels="reference")
    outputs = [_flat(array) for array in read_arrays(file, "outputs")]
    if not all(np.isfinite(output).all() for output in outputs):
        return {}
    expected = [_flat(array) for array in steps.reference(model, "outputs")]
    errors = [error_metrics(*pair) for pair in zip(expected, outputs, strict=True)]
    figures = {"mae": max((each["mae"] for each in errors), key=lambda mae: mae.value)}
    if (labels := model.labels()) is not None:
        inputs = _flat(steps.reference(model, "inputs")[0])
        figures |= task_figures(outputs[0], expected[0], inputs, labels)
    return {name: figures[name] for name in ERROR.quality if name in figures}


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1).astype(np.float64)


class _Finished(Cache):
    """A cache in which nothing new is built."""

    def entry(
        self, kind: str, key: str, build: Callable[[Path], None], *, lock_timeout: float = 900
    ) -> Path:
        if (path := self.find(kind, key)) is None:
            raise TinyQuantError(f"no {kind} {key} in {self.root}")
        return path


def _converted(model: Model, scheme: Scheme, cache: Cache) -> ConvertedModel:
    """Return a model that was converted before.

    :raises TinyQuantError: it was not.
    """
    return convert(model, scheme, _Finished(cache.root))
