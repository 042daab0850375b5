"""Models: finding them, and the samples that calibrate and check them.

Finding reads file names and TOML only, so that collection stays fast: weights, data and
``.tflite`` files are opened when a test needs them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models import formats
from pytest_tinyquant.models.formats import Kind
from pytest_tinyquant.models.model_search import find_models
from pytest_tinyquant.models.model_search import model_name
from pytest_tinyquant.models.model_search import settings_file
from pytest_tinyquant.models.task import Task
from pytest_tinyquant.models.tflite_file import scheme_of_tflite
from pytest_tinyquant.system.natural_order import natural_order
from pytest_tinyquant.system.regular_file import open_regular


if TYPE_CHECKING:
    import keras

    from pytest_tinyquant.metrics.limits import Limit
    from pytest_tinyquant.models.labels import Labels
    from pytest_tinyquant.models.layers import Shape
    from pytest_tinyquant.models.model_file import ModelSettings
    from pytest_tinyquant.models.model_file import Sidecar
    from pytest_tinyquant.models.model_file import ZooFile
    from pytest_tinyquant.models.samples import Samples

__all__ = ["Model", "discover_models", "load_keras", "load_model", "scheme_of_tflite"]

CALIBRATION_SAMPLES = 200

#: Samples on which outputs are compared where the data do not say.
DEFAULT_CHECK_SAMPLES = 16


@dataclass(frozen=True)
class Model:
    """A model to test, by the file that defines it.

    :param name: lower case, as in test ids; with the folder if it lies in one.
    :param path: the ``.toml`` of the zoo, the model's file or the SavedModel folder.
    :param kind: ``zoo`` (built and loaded with weights), ``keras`` (converted as it is),
        ``onnx`` (imported) or ``tflite`` (taken as it is).
    :param schemes: scheme names; None for all, and for a ``tflite`` the one that
        :func:`scheme_of_tflite` finds.
    :param schemes_from: file and table that name them, for messages.
    """

    name: str
    path: Path
    kind: Kind
    schemes: tuple[str, ...] | None = None
    schemes_from: str = field(default="", repr=False, hash=False, compare=False)
    tolerance: Mapping[str, Any] = field(default_factory=dict, hash=False)
    dense_per_channel: bool = False
    check_samples: int | None = None
    limits: tuple[Limit, ...] = field(default=(), repr=False, hash=False, compare=False)
    task: Task = field(default_factory=Task, repr=False, hash=False, compare=False)
    zoo: ZooFile | None = field(default=None, repr=False, hash=False, compare=False)
    sidecar: Sidecar | None = field(default=None, repr=False, hash=False, compare=False)

    @property
    def family(self) -> str:
        """What the model belongs to: the zoo's family, a folder, or the name's first word."""
        if self.zoo is not None:
            return self.zoo.family
        return re.split(r"[/_]", self.name)[0]

    @cached_property
    def source_sha256(self) -> str:
        """Hash of what the results depend on: architecture and settings, weights, samples.

        Descriptions, tolerances and training settings are left out: changing one of those does
        not change a result.
        """
        digest = hashlib.sha256(json.dumps(self._identity(), sort_keys=True).encode())
        for file in self._files():
            try:
                _update(digest, file)
            except OSError as error:
                raise ModelError(
                    f"{self.path}: {file} cannot be read: {error.strerror}; put a readable file "
                    "there"
                ) from error
        return digest.hexdigest()

    def calibration(self) -> Samples | list[Samples]:
        """Return float32 [n, *input_shape] from the training part, for the converter.

        A Keras model without data of its own gets values drawn uniformly from [0, 1). A model
        with several inputs gets a list with the samples of each.
        """
        from pytest_tinyquant.models.samples import read_all_samples

        if self._data is not None:
            parts = read_all_samples(self._data, "calibration", self._input_shapes)
            return _one_or_all(self._as_run(parts))
        return _one_or_all(self._as_run(self._drawn(CALIBRATION_SAMPLES)))

    def check(self) -> Samples | list[Samples]:
        """Return float32 [check_samples, *input_shape] that no training and calibration saw.

        A model with several inputs gets a list with the samples of each.
        """
        from pytest_tinyquant.models.samples import check_distinct

        parts = self._as_run(self._check_parts())
        check_distinct(parts, where=str(self.path))
        return _one_or_all(parts)

    def _as_run(self, parts: list[Samples]) -> list[Samples]:
        """Return samples as the converted model takes them: those of ONNX channels-last."""
        if self.kind != "onnx":
            return parts
        from pytest_tinyquant.models.onnx_file import channels_last

        return [channels_last(part) for part in parts]

    def _check_parts(self) -> list[Samples]:
        """Return the check samples of every input."""
        from pytest_tinyquant.models.samples import read_all_samples
        from pytest_tinyquant.models.samples import take
        from pytest_tinyquant.models.tflite_file import check_of_tflite

        if self._data is not None:
            parts = read_all_samples(self._data, "check", self._input_shapes)
            count = len(parts[0]) if self.check_samples is None else self.check_samples
            return [take(part, count, where=str(self.path)) for part in parts]
        count = DEFAULT_CHECK_SAMPLES if self.check_samples is None else self.check_samples
        if self.kind == "tflite":
            return check_of_tflite(self.path, count)
        # Draws that follow those of the calibration set.
        drawn = self._drawn(CALIBRATION_SAMPLES + count)
        return [part[CALIBRATION_SAMPLES:] for part in drawn]

    def labels(self) -> Labels | None:
        """Return the labels of the samples of :meth:`check`; None if there are none.

        They are the array ``labels`` beside ``check``, or for the zoo the file
        ``data/NAME.labels.npy``.

        :raises ConfigurationError: they are not labels of these samples.
        """
        from pytest_tinyquant.models import labels
        from pytest_tinyquant.models.samples import read_npz

        if self._data is None:
            return None
        arrays = read_npz(self._data)
        array, where = arrays.get(labels.ARRAY), f"{self._data}: array {labels.ARRAY!r}"
        beside = self._data.with_suffix(".labels.npy")
        if array is None and beside.is_file():
            array, where = labels.read_label_file(beside), str(beside)
        if array is None:
            return None
        samples = next(len(a) for name, a in arrays.items() if name in ("check", "check_0"))
        found = labels.labels_of(array, samples, self.task.kind, where=where)
        return found if self.check_samples is None else found.first(self.check_samples)

    @property
    def has_drawn_data(self) -> bool:
        """Whether its samples are drawn at random, so that no figure says how good it is."""
        return self._data is None

    @property
    def weights(self) -> Path:
        """The file of a zoo model's weights."""
        return self.path.parent / "weights" / f"{self.path.stem}.npz"

    @property
    def _data(self) -> Path | None:
        if self.zoo is not None:
            return self.path.parent / "data" / f"{self.zoo.dataset}.npz"
        return self.sidecar.data if self.sidecar is not None else None

    @property
    def _counted_samples(self) -> int | str:
        """What the hash of the source says of the number of samples."""
        if self.check_samples is not None:
            return self.check_samples
        return DEFAULT_CHECK_SAMPLES if self._data is None else "all"

    @property
    def _input_shapes(self) -> list[Shape | None]:
        if self.zoo is not None:
            return [self.zoo.architecture.input_shape]
        if self.kind == "tflite":
            from pytest_tinyquant.models.tflite_file import sample_shapes

            return [*sample_shapes(self.path)]
        if self.kind == "onnx":
            from pytest_tinyquant.models import onnx_file

            return [*onnx_file.input_shapes(self.path)]
        stated = self.sidecar.input_shape if self.sidecar is not None else None
        if stated is None:
            from pytest_tinyquant.models import keras_file
            from pytest_tinyquant.models import saved_model

            reader = saved_model if self.path.is_dir() else keras_file
            return reader.input_shapes(self.path) or [None]
        return [stated]

    def _drawn(self, count: int) -> list[Samples]:
        """Draw `count` samples for every input."""
        from pytest_tinyquant.models.samples import check_budget
        from pytest_tinyquant.models.samples import uniform

        shapes = self._input_shapes
        known = [shape for shape in shapes if shape is not None]
        if len(known) != len(shapes):
            raise ConfigurationError(
                f"{self.path}: the shape of its input is not known; write 'input_shape = [...]' "
                f"or 'data = \"samples.npz\"' into {settings_file(self.path)}"
            )
        check_budget(count, known, where=str(self.path))
        return [uniform(count, shape, index=index) for index, shape in enumerate(known)]

    def _identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = {
            "kind": self.kind,
            "dense_per_channel": self.dense_per_channel,
            "check_samples": self._counted_samples,
        }
        if self.zoo is not None:
            architecture = self.zoo.architecture
            identity["input_shape"] = architecture.input_shape
            identity["layers"] = [
                {"kind": layer.kind, **asdict(layer)} for layer in architecture.layers
            ]
        elif self.sidecar is not None:
            identity["input_shape"] = self.sidecar.input_shape
        return identity

    def _files(self) -> list[Path]:
        files = [self.weights if self.kind == "zoo" else self.path]
        if self.path.is_dir():
            files = sorted(file for file in self.path.rglob("*") if file.is_file())
        return files if self._data is None else [*files, self._data]


def discover_models(models_dir: Path, extra: Sequence[Path] = ()) -> dict[str, Model]:
    """Return the models in `models_dir` and `extra` by name, sorted by family and number.

    `models_dir` may be missing. Each entry of `extra` is a folder, searched for files of models and
    SavedModel folders, or one such file. Raises ConfigurationError for the first
    model whose settings cannot be followed and for two models of one name.
    """
    found: dict[str, Model] = {}
    for name, path in find_models(models_dir, extra):
        if name in found:
            raise ConfigurationError(
                f"two models are named {name!r}: {found[name].path} and {path}; rename one"
            )
        found[name] = load_model(path, name=name)
    return {name: found[name] for name in sorted(found, key=natural_order)}


def load_model(path: Path, *, name: str | None = None) -> Model:
    """Return the model that `path` defines; its `name` is the file's unless given."""
    from pytest_tinyquant.models.model_file import read_sidecar
    from pytest_tinyquant.models.model_file import read_zoo_file
    from pytest_tinyquant.models.model_file import require

    name = model_name(path, path.parent) if name is None else name
    if formats.suffix_of(path) == ".toml":
        zoo = read_zoo_file(path)
        model = _model(name, path, "zoo", zoo.settings, zoo=zoo)
        remedy = f"run 'python models/train.py {path.stem}'"
        require(model.weights, "weights", needed_by=path, remedy=remedy)
        data = path.parent / "data" / f"{zoo.dataset}.npz"
        require(data, f"samples (dataset {zoo.dataset!r})", needed_by=path, remedy=remedy)
        return model
    if formats.suffix_of(path) in formats.PICKLES:
        raise ConfigurationError(
            f"{path}: a {path.suffix} file is a pickle, which runs code of its author when it is "
            "read, so it is never loaded. Export the model with torch.onnx.export and give the "
            ".onnx file"
        )
    kind = formats.kind_of(path) or ("keras" if formats.is_saved_model(path) else None)
    if kind is None:
        why = formats.why_no_model(path)
        raise ConfigurationError(
            f"{path}: not a model{why and ': '}{why}; models are .tflite, .keras, .h5 or .onnx "
            "files, C sources with the bytes of a .tflite, SavedModel folders or the zoo's .toml"
        )
    if not path.exists():
        raise ConfigurationError(f"{path}: no such model file; correct the path")
    sidecar = read_sidecar(settings_file(path), convertible=kind != "tflite")
    return _model(name, path, kind, sidecar.settings, sidecar=sidecar)


def load_keras(path: Path) -> keras.Model:
    """Return the trained Keras model that the zoo file `path` describes."""
    from pytest_tinyquant.models.architecture import build_keras
    from pytest_tinyquant.models.architecture import load_weights

    model = load_model(path)
    if model.zoo is None:
        raise ConfigurationError(f"{path}: not a model of the zoo; those are .toml files")
    built = build_keras(model.zoo.architecture)
    load_weights(built, model.weights)
    return built


def _update(digest: hashlib._Hash, file: Path) -> None:
    """Add name, size and content of a file to a hash."""
    with open(open_regular(file), "rb") as stream:
        digest.update(f"\n{file.name} {os.fstat(stream.fileno()).st_size}\n".encode())
        while chunk := stream.read(1 << 20):
            digest.update(chunk)


def _one_or_all(parts: list[Samples]) -> Samples | list[Samples]:
    return parts[0] if len(parts) == 1 else parts


def _model(
    name: str,
    path: Path,
    kind: Kind,
    settings: ModelSettings,
    *,
    zoo: ZooFile | None = None,
    sidecar: Sidecar | None = None,
) -> Model:
    return Model(
        name,
        path,
        kind,
        settings.schemes,
        settings.schemes_from,
        settings.tolerance or {},
        settings.dense_per_channel,
        settings.check_samples,
        settings.limits,
        settings.task,
        zoo,
        sidecar,
    )
