"""The samples that calibrate and check a model: those of its data, or drawn ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import located
from pytest_tinyquant.models import labels
from pytest_tinyquant.models.model_search import settings_file
from pytest_tinyquant.models.samples import Samples
from pytest_tinyquant.models.samples import channels_last
from pytest_tinyquant.models.samples import check_budget
from pytest_tinyquant.models.samples import check_distinct
from pytest_tinyquant.models.samples import check_finite
from pytest_tinyquant.models.samples import read_all_samples
from pytest_tinyquant.models.samples import read_npz
from pytest_tinyquant.models.samples import take
from pytest_tinyquant.models.samples import uniform


if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_tinyquant.models.layers import Shape
    from pytest_tinyquant.models.task import TaskKind
    from pytest_tinyquant.models.tflite_metadata import Normalization

#: Samples drawn for the converter where a model has no data.
CALIBRATION_SAMPLES = 200
#: Samples on which outputs are compared where the data do not say.
DEFAULT_CHECK_SAMPLES = 16

#: Kinds whose images are [channels, height, width].
_CHANNELS_FIRST = ("onnx", "torch")


@dataclass(frozen=True)
class OwnSamples:
    """Where the samples of one model come from.

    :param path: the model's file.
    :param kind: what kind of file that is, as :class:`Model` says.
    :param data: the file of the samples; None if they are drawn.
    :param shape: shape of one sample, where the model's settings say it.
    :param check_samples: how many to check with, where the settings say it.
    :param task: what the labels are of, such as ``classification``.
    """

    path: Path
    kind: str
    data: Path | None
    shape: Shape | None
    check_samples: int | None
    task: TaskKind | None

    def calibration(self) -> Samples | list[Samples]:
        """Return the samples that :meth:`Model.calibration` describes."""
        if self.data is not None:
            parts = read_all_samples(self.data, "calibration", self._shapes())
            check_finite(parts, f"{self.data}: array 'calibration'")
        else:
            parts = self._drawn(CALIBRATION_SAMPLES)
        return _one_or_all(self._as_run(parts))

    def check(self) -> Samples | list[Samples]:
        """Return the samples that :meth:`Model.check` describes."""
        parts = self._as_run(self._check_parts())
        with located(self.path):
            check_distinct(parts)
        return _one_or_all(parts)

    def labels(self) -> labels.Labels | None:
        """Return the labels that :meth:`Model.labels` describes."""
        if self.data is None:
            return None
        arrays = read_npz(self.data)
        array, where = arrays.get(labels.ARRAY), f"{self.data}: array {labels.ARRAY!r}"
        beside = self.data.with_suffix(".labels.npy")
        if array is None and beside.is_file():
            array, where = labels.read_label_file(beside), str(beside)
        if array is None:
            return None
        samples = next(len(a) for name, a in arrays.items() if name in ("check", "check_0"))
        found = labels.labels_of(array, samples, self.task, where=where)
        return found if self.check_samples is None else found.first(self.check_samples)

    def _as_run(self, parts: list[Samples]) -> list[Samples]:
        """Return samples as the converted model takes them: images channels-last."""
        if self.kind not in _CHANNELS_FIRST:
            return parts
        if self.kind == "onnx":  # its sequences become images of height 1
            parts = [part[:, :, None] if part.ndim == 3 else part for part in parts]
        return [channels_last(part) for part in parts]

    def _check_parts(self) -> list[Samples]:
        """Return the check samples of every input."""
        if self.data is not None:
            parts = read_all_samples(self.data, "check", self._shapes(), self._normalizations())
            count = len(parts[0]) if self.check_samples is None else self.check_samples
            with located(self.path):
                return [take(part, count) for part in parts]
        count = DEFAULT_CHECK_SAMPLES if self.check_samples is None else self.check_samples
        if self.kind == "tflite":
            from pytest_tinyquant.models.tflite_file import check_of_tflite

            return check_of_tflite(self.path, count)
        # Draws that follow those of the calibration set.
        drawn = self._drawn(CALIBRATION_SAMPLES + count)
        return [part[CALIBRATION_SAMPLES:] for part in drawn]

    def _normalizations(self) -> Sequence[Normalization | None]:
        """Return how the model's own file says that each input is normalized, if it says so."""
        if self.kind != "tflite":
            return ()
        from pytest_tinyquant.models.tflite_file import metadata_of_tflite

        return metadata_of_tflite(self.path).normalizations

    def _drawn(self, count: int) -> list[Samples]:
        """Draw `count` samples for every input."""
        shapes = self._shapes()
        known = [shape for shape in shapes if shape is not None]
        if len(known) != len(shapes):
            raise ConfigurationError(
                f"{self.path}: the shape of its input is not known; write 'input_shape = [...]' "
                f"or 'data = \"samples.npz\"' into {settings_file(self.path)}"
            )
        if self.kind == "keras" and not self.path.is_dir():
            from pytest_tinyquant.models.keras_layers import integer_inputs

            if integers := integer_inputs(self.path):
                raise ConfigurationError(
                    f"{self.path}: input {integers[0]!r} takes integers, whose meaning and range "
                    f"only you know; write 'data = \"samples.npz\"' into {settings_file(self.path)}"
                )
        with located(self.path):
            check_budget(count, known)
        return [uniform(count, shape, index=index) for index, shape in enumerate(known)]

    def _shapes(self) -> list[Shape | None]:
        """Return the shape of one sample for every input; None where nothing says it."""
        if self.kind == "tflite":
            from pytest_tinyquant.models.tflite_file import sample_shapes

            return [*sample_shapes(self.path)]
        if self.kind == "onnx":
            from pytest_tinyquant.models import onnx_file

            return [*onnx_file.input_shapes(self.path)]
        if self.kind == "torch":
            from pytest_tinyquant.models import torch_file

            return [self.shape] if self.shape else [*torch_file.input_shapes(self.path)]
        if self.shape is None:
            from pytest_tinyquant.models import keras_file
            from pytest_tinyquant.models import saved_model

            reader = saved_model if self.path.is_dir() else keras_file
            return reader.input_shapes(self.path) or [None]
        return [self.shape]


def _one_or_all(parts: list[Samples]) -> Samples | list[Samples]:
    return parts[0] if len(parts) == 1 else parts
