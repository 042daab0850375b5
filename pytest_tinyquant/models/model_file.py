"""The TOML files of ``models/``: an architecture of the zoo, or settings beside a model file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import located
from pytest_tinyquant.models.architecture import Architecture
from pytest_tinyquant.models.architecture import read_architecture
from pytest_tinyquant.models.custom_objects import CustomModule
from pytest_tinyquant.models.custom_objects import read_custom_objects
from pytest_tinyquant.models.layers import Shape
from pytest_tinyquant.models.task import Task
from pytest_tinyquant.models.task import read_task
from pytest_tinyquant.models.torch_file import FACTORY_KEY
from pytest_tinyquant.models.torch_file import TorchSource
from pytest_tinyquant.models.torch_file import check_shape
from pytest_tinyquant.models.torch_file import read_factory
from pytest_tinyquant.system.toml_table import Table


if TYPE_CHECKING:
    from pytest_tinyquant.metrics.limits import Limit

MOST_CHECK_SAMPLES = 100_000

#: Keys that steer a conversion.
_OF_CONVERSION = ("schemes", "dense_per_channel", "input_shape", "custom_objects")


@dataclass(frozen=True)
class Training:
    """How ``models/train.py`` trains a model: with Adam, from weights drawn from `seed`."""

    seed: int
    epochs: int
    batch_size: int
    learning_rate: float


@dataclass(frozen=True)
class ModelSettings:
    """What every kind of model can be told.

    :param schemes: names of the schemes it is tested with, unchecked; None for all.
    :param schemes_from: file and table that name them, for messages.
    :param tolerance: slack by metric, as :mod:`pytest_tinyquant.metrics.tolerance` reads it.
    :param dense_per_channel: whether dense weights have one scale per output; False gives one
        scale per tensor, as the converter did when the study was made.
    :param check_samples: number of samples on which outputs are compared; None for all that the
        data holds, or a few without data.
    :param task: what the model is for.
    :param limits: what its metrics may be at most, or must be at least.
    :param sequence: check samples that a model with state is given in a row before it forgets; 0
        for all of them.
    """

    schemes: tuple[str, ...] | None = None
    schemes_from: str = ""
    tolerance: Mapping[str, Any] | None = None
    dense_per_channel: bool = False
    check_samples: int | None = None
    task: Task = field(default_factory=Task)
    limits: tuple[Limit, ...] = ()
    sequence: int = 1


@dataclass(frozen=True)
class ZooFile:
    """A model that the project trains itself."""

    description: str
    family: str
    architecture: Architecture
    dataset: str
    settings: ModelSettings
    training: Training


@dataclass(frozen=True)
class Sidecar:
    """Settings of the model file of the same name beside it.

    :param data: npz file with the float32 arrays ``check`` and, for a model that is converted,
        ``calibration``.
    :param input_shape: shape of one sample, for a model whose file does not tell.
    :param custom_objects: modules with layers of the model's own.
    :param torch: what makes the module, for a model of PyTorch that is no file.
    """

    settings: ModelSettings = field(default_factory=ModelSettings)
    data: Path | None = None
    input_shape: Shape | None = None
    custom_objects: tuple[CustomModule, ...] = ()
    torch: TorchSource | None = None


def read_zoo_file(file: Path) -> ZooFile:
    """Read the model that `file` describes; raises ConfigurationError for anything unknown."""
    top = Table.read(file)
    top.allow(["model", "data", "conversion", "tolerance", "training", "task", "limit"])
    model, data, conversion, training = (
        top.table(key) for key in ("model", "data", "conversion", "training")
    )
    model.allow(["description", "family", "input_shape", "layers"])
    data.allow(["dataset", "check_samples"])
    conversion.allow(["schemes", "dense_per_channel"])
    training.allow(["seed", "epochs", "batch_size", "learning_rate"])
    return ZooFile(
        description=model.get("description", str),
        family=model.get("family", str),
        architecture=read_architecture(model),
        dataset=data.get("dataset", str),
        settings=_settings(conversion, data, top),
        training=Training(
            seed=training.get("seed", int),
            epochs=training.positive("epochs"),
            batch_size=training.positive("batch_size"),
            learning_rate=training.get("learning_rate", float),
        ),
    )


def sidecar_keys(*, convertible: bool, factory: bool) -> list[str]:
    """Return the keys that :func:`read_sidecar` knows."""
    known = ["check_samples", "data", "tolerance", "task", "limit", "sequence"]
    known += _OF_CONVERSION if convertible else []
    return [*known, FACTORY_KEY, "files"] if factory else known


def read_sidecar(
    file: Path, *, convertible: bool, factory: bool = False, keras: bool = False
) -> Sidecar:
    """Read the settings in `file`, the defaults when there is none.

    :param convertible: whether the model is converted; a ``.tflite`` is taken as it is, so the
        keys that steer a conversion are unknown there.
    :param factory: whether the file itself says where the model comes from.
    :param keras: whether Keras loads the model, which may then have layers of its own.
    """
    top = Table.find(file)
    if top is None:
        return Sidecar()
    if convertible and "sequence" in top.values:
        raise top.error(
            "key 'sequence' is for models that come as .tflite: a conversion freezes what a model "
            "remembers. Convert it with its variables kept, and give the .tflite"
        )
    top.allow(sidecar_keys(convertible=convertible, factory=factory))
    if not keras and "custom_objects" in top.values:
        raise top.error(
            "key 'custom_objects' is for models that Keras loads, and this is none, so nothing "
            "would read it; remove it. A factory of PyTorch imports what it needs itself: name "
            "those files in 'files'"
        )
    name = top.get_optional("data", str)
    data = None if name is None else file.parent / name
    if data is not None and not data.is_file():
        raise top.error(f"data {name!r} does not exist ({data}); correct the name or add the file")
    shape = top.array("input_shape", int) if "input_shape" in top.values else None
    if shape is not None and (not shape or min(shape) < 1):
        raise top.error(f"key 'input_shape' must hold sizes of at least 1, not {list(shape)}")
    source = read_factory(top) if factory else None
    if source is not None:
        check_shape(shape, file)
    return Sidecar(_settings(top, top, top), data, shape, read_custom_objects(top), source)


def _settings(conversion: Table, data: Table, top: Table) -> ModelSettings:
    schemes = None
    if "schemes" in conversion.values:
        schemes = conversion.array("schemes", str)
        if not schemes:
            raise conversion.error("key 'schemes' is empty; name a scheme or remove it for all")
    tolerance = top.table("tolerance")
    if tolerance.values:
        from pytest_tinyquant.metrics.tolerances import parse_mapping

        with located(f"{top.file}: {tolerance.label}"):
            parse_mapping(tolerance.values)
    limit = top.table("limit")
    limits: tuple[Limit, ...] = ()
    if limit.values:
        from pytest_tinyquant.metrics.limits import parse_limits

        limits = parse_limits(limit.values, source=f"{top.file.name}: {limit.label}")
    return ModelSettings(
        schemes,
        f"{conversion.file}: {conversion.label}" if schemes else "",
        dict(tolerance.values),
        conversion.get("dense_per_channel", bool, False),
        data.positive("check_samples", most=MOST_CHECK_SAMPLES)
        if "check_samples" in data.values
        else None,
        read_task(top.table("task")),
        limits,
        _sequence(top),
    )


def _sequence(table: Table) -> int:
    """Return how many check samples make a sequence: 1 unless the file says otherwise."""
    value = table.values.get("sequence", False)
    if isinstance(value, bool):
        return 0 if value else 1
    return table.positive("sequence", most=MOST_CHECK_SAMPLES)


def require(file: Path, what: str, *, needed_by: Path, remedy: str) -> Path:
    """Return `file` if it exists; raises ConfigurationError saying what is missing otherwise."""
    if file.is_file():
        return file
    raise ConfigurationError(f"{needed_by}: its {what} are missing ({file}); {remedy}")
